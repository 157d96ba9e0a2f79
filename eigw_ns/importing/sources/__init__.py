"""Readers of designs: each takes the bytes of one form and returns a `design.Design`."""
