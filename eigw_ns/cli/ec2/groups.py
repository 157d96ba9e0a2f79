"""The short flags of aws-cli for one rule of a security group: `--protocol tcp --port 22 --cidr 198.51.100.0/24`.

As in aws-cli, `--cidr` takes IPv4 blocks. An IPv6 rule needs `--ip-permissions`; the hint spells it out.
Source: https://docs.aws.amazon.com/cli/latest/reference/ec2/authorize-security-group-ingress.html
"""

from __future__ import annotations

from typing import Any

import click

from eigw_ns.errors import UsageError

_WORDS = ("tcp", "udp", "icmp", "icmpv6", "all")


def options() -> list[click.Parameter]:
    """Return the short flags."""
    return [
        click.Option(["--protocol"], help="Protocol of one rule: tcp, udp, icmp, icmpv6, all, or 0 to 255."),
        click.Option(["--port"], help="Ports of one rule: 22, 8000-8080 or all. For ICMP: type-code."),
        click.Option(["--cidr"], help="IPv4 block of one rule. For IPv6, use --ip-permissions."),
        click.Option(["--source-group"], help="Id or name of the security group at the other end of one rule."),
    ]


def permissions(given: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Remove the short flags from `given` and return them as `IpPermissions`, or None if all are unset.

    Raises UsageError if a value is not valid.
    """
    protocol, port, cidr, group = (given.pop(name) for name in ("protocol", "port", "cidr", "source_group"))
    if protocol is port is cidr is group is None:
        return None
    found: dict[str, Any] = {}
    if protocol is not None:
        found["IpProtocol"] = _protocol(protocol)
    if port is not None:
        found["FromPort"], found["ToPort"] = _ports(port)
    if cidr is not None:
        if ":" in cidr:
            raise UsageError(f"--cidr takes IPv4 blocks, not {cidr}", hint=f"write {_long_form(found, cidr)}")
        found["IpRanges"] = [{"CidrIp": cidr}]
    if group is not None:
        found["UserIdGroupPairs"] = [{"GroupId" if group.startswith("sg-") else "GroupName": group}]
    return [found]


def _protocol(text: str) -> str:
    if text.lower() in _WORDS:
        return "-1" if text.lower() == "all" else text.lower()
    if text == "-1" or (text.isdecimal() and int(text) <= 255):
        return text
    raise UsageError(f"{text} is not a valid protocol", hint=f"write {', '.join(_WORDS)}, or a number from 0 to 255")


def _ports(text: str) -> tuple[int, int]:
    """Return the first and last port, or the ICMP type and code. Return -1 and -1 for all."""
    if text in ("all", "-1"):
        return -1, -1
    first, dash, last = text.partition("-")
    try:
        return int(first), int(last if dash else first)
    except ValueError:
        raise UsageError(f"{text} is not a valid port", hint="write 22, 8000-8080 or all") from None


def _long_form(found: dict[str, Any], block: str) -> str:
    """Return `--ip-permissions` for `found` and an IPv6 block, as the user types it."""
    start = "".join(f"{name}={value}," for name, value in found.items())
    return f"--ip-permissions '{start}Ipv6Ranges=[{{CidrIpv6={block}}}]'"
