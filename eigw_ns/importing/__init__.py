"""Designs of other tools: templates, plans, states and descriptions become a `Cloud`, with a place for every message.

`sources` read one form each and return a `design.Design`. Everything after that is the same for all of them. This room
is pure: it takes bytes and returns values, and it starts no program. Source: the formats' own documentation, named in
each module.
"""
