"""eigw-ns: an IPv6 egress-only internet gateway made of network namespaces, routes and nftables rules."""

__version__ = "0.1.0"
