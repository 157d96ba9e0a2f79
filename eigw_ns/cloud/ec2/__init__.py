"""AWS EC2's control plane for the resources of a lab, as pure functions: `(cloud, request) -> (cloud, answer)`.

`api.call` is the only entry point. `api.ACTIONS` lists the actions and their parameters. Action names, members of
requests and answers, and error codes are those of the EC2 API, version 2016-11-15.
"""
