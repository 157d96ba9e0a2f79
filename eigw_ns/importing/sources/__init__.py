"""Readers of designs: each takes the bytes of one form and returns a `design.Design`.

A source says what it cannot know: it adds a message of level `refuse`, and gives a route the kind `unknown`. What is
known and not modelled is the same for all sources, so `resolve` says it: routes to a transit gateway and the like,
NAT64, destinations inside a VPC, several blocks, resources without IPv6, and all that is `Outside` the design, such as
the route table of another file or the prefix list of a rule.
"""
