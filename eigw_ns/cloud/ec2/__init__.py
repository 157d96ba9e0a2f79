"""AWS EC2's control plane for the parts that this lab has, as pure functions: `(cloud, request) -> (cloud, answer)`.

`api.call` is the one entry; `api.ACTIONS` says which actions there are and what they take. Action names, members of
requests and answers, and error codes are those of the EC2 API, version 2016-11-15.
"""
