"""What a frame says, in a few fields: addresses, protocol, ports, flags. For lines on a terminal and JSON."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Any

from eigw_ns.cloud import protocols

_ETHERNET, _IPV6 = 14, 40
_TYPE_IPV6 = 0x86DD
_TCP, _UDP, _ICMPV6, _FRAGMENT = 6, 17, 58, 44
_FLAGS = "FSRPAUEC"
"""TCP's flags from the lowest bit (RFC 9293 section 3.1): FIN, SYN, RST, PSH, ACK, URG, ECE, CWR."""

_TYPES = {
    1: "destination unreachable",
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
    128: "echo request",
    129: "echo reply",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbor solicitation",
    136: "neighbor advertisement",
}


def summary(frame: bytes) -> dict[str, Any]:
    """Return the fields of an Ethernet frame that can be read. A frame that is not IPv6 has only its type."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind != _TYPE_IPV6 or len(frame) < _ETHERNET + _IPV6:
        return {"ethertype": f"0x{kind:04x}"}
    header = frame[_ETHERNET : _ETHERNET + _IPV6]
    protocol, payload = header[6], frame[_ETHERNET + _IPV6 :]
    fields: dict[str, Any] = {
        "source": str(IPv6Address(header[8:24])),
        "destination": str(IPv6Address(header[24:40])),
        "protocol": protocols.name(protocol),
    }
    if protocol in (_TCP, _UDP) and len(payload) >= 4:
        fields |= {"source_port": int.from_bytes(payload[:2], "big"), "port": int.from_bytes(payload[2:4], "big")}
    if protocol == _TCP and len(payload) > 13:
        fields["flags"] = "".join(letter for bit, letter in enumerate(_FLAGS) if payload[13] >> bit & 1)
    if protocol == _ICMPV6 and len(payload) >= 2:
        fields |= {"type": payload[0], "code": payload[1]}
    return fields


def line(fields: dict[str, Any], length: int) -> str:
    """Return the fields as a line: `2001:db8::1 443 > 2001:db8::2 41000 tcp SA, 80 bytes`."""
    if "ethertype" in fields:
        return f"ethertype {fields['ethertype']}, {length} bytes"
    ends = [fields["source"], fields["destination"]]
    if "port" in fields:
        ends = [f"{ends[0]} {fields['source_port']}", f"{ends[1]} {fields['port']}"]
    what = _TYPES.get(fields["type"], f"type {fields['type']}") if "type" in fields else fields.get("flags", "")
    return f"{ends[0]} > {ends[1]} {fields['protocol']}{what and f' {what}'}, {length} bytes"
