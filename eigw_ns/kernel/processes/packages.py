"""Hints for a program that is not installed: the Debian package that has it."""

from __future__ import annotations

_PACKAGES = {
    "iproute2": ("ip", "ss", "bridge", "tc", "nstat"),
    "iputils-ping": ("ping", "ping6"),
    "iputils-tracepath": ("tracepath",),
    "tcpdump": ("tcpdump",),
    "tshark": ("tshark", "dumpcap"),
    "nftables": ("nft",),
    "conntrack": ("conntrack",),
    "curl": ("curl",),
    "netcat-openbsd": ("nc",),
    "socat": ("socat",),
    "traceroute": ("traceroute", "traceroute6"),
    "mtr-tiny": ("mtr",),
    "iperf3": ("iperf3",),
    "nmap": ("nmap",),
    "bind9-dnsutils": ("dig",),
}
"""Debian's package of each program that people run in nodes."""


def hint(program: str) -> str:
    """Return what to do if `program` was not found."""
    if " " in program:
        return "give the program and each argument as a word of its own, not all in one pair of quotes"
    found = [package for package, programs in _PACKAGES.items() if program in programs]
    return f"install it on this host: apt-get install {found[0]}" if found else _ANY


_ANY = "a node has the programs of this host: check the spelling and PATH, or install it here"
