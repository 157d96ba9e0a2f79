"""Flows: the connection tables of gateways and subnets."""
