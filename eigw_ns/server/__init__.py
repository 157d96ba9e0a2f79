"""The lab over HTTP: an endpoint that EC2's clients use unchanged.

Two processes. The web process (`web`, `guard`, `sigv4`, `endpoint`, `wire`) has no privilege: it checks requests, and
turns them into data and answers into XML. The worker (`worker`, `performer`) is the process that may change the lab: it
knows a fixed list of verbs. They speak over a pair of sockets (`channel`), and end together (`process`).
"""
