"""CreateNetworkAclEntry, ReplaceNetworkAclEntry, DeleteNetworkAclEntry.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv6Network

from eigw_ns.cloud.ec2.blocks import ipv4_block, ipv6_block
from eigw_ns.cloud.ec2.checks import invalid, missing, one_of
from eigw_ns.cloud.ec2.protocols import icmp_type_code, port_range, protocol_number
from eigw_ns.cloud.ec2.resources import NETWORK_ACL
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.filtering import ICMP, ICMPV6, TCP, UDP
from eigw_ns.cloud.model import Block, Cloud, NetworkAcl, NetworkAclEntry
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_HIGHEST = 32766
_ALL_ICMP = (-1, -1)


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Add an entry to a network ACL. Its number must not be in use in its direction."""
    acl, entry = _asked(cloud, request)
    if _find(acl, entry.rule_number, egress=entry.egress) is not None:
        message = f"The network acl entry identified by {entry.rule_number} already exists."
        raise CloudError("NetworkAclEntryAlreadyExists", message)
    return Reply(_with(cloud, acl, (*acl.entries, entry), entry, settings), {})


def replace_entry(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Replace the entry that has the number and direction of the request."""
    acl, entry = _asked(cloud, request)
    existing = _existing(acl, entry.rule_number, egress=entry.egress)
    if existing == entry:
        return Reply(cloud, {})
    return Reply(_with(cloud, acl, (*_others(acl, existing), entry), entry, settings), {})


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete an entry of a network ACL. The implicit last entries cannot be deleted."""
    acl = NETWORK_ACL.find(cloud, request["NetworkAclId"])
    existing = _existing(acl, _rule_number(request), egress=request["Egress"])
    return Reply(NETWORK_ACL.put(cloud, replace(acl, entries=tuple(_others(acl, existing)))), {})


def _asked(cloud: Cloud, request: Request) -> tuple[NetworkAcl, NetworkAclEntry]:
    """Return the ACL and the entry that the request gives. Raises CloudError if AWS would refuse the entry."""
    acl = NETWORK_ACL.find(cloud, request["NetworkAclId"])
    number = _rule_number(request)
    protocol = protocol_number(request["Protocol"], "Protocol")
    name = one_of(request, "Ipv6CidrBlock", "CidrBlock")
    block: Block = ipv6_block(request[name], name) if name == "Ipv6CidrBlock" else ipv4_block(request[name], name)
    action = request["RuleAction"]
    if action not in ("allow", "deny"):
        raise invalid(f"Value ({shorten(action)}) for parameter RuleAction is invalid. It is allow or deny.")
    ports = _ports(request) if protocol in (TCP, UDP) else None
    icmp = _icmp(request, protocol, block) if protocol in (ICMP, ICMPV6) else None
    return acl, NetworkAclEntry(number, request["Egress"], protocol, action, block, ports=ports, icmp=icmp)


def _rule_number(request: Request) -> int:
    number: int = request["RuleNumber"]
    if not 1 <= number <= _HIGHEST:
        raise invalid(f"Value ({number}) for parameter RuleNumber is invalid. It is 1 to {_HIGHEST}.")
    return number


def _ports(request: Request) -> tuple[int, int]:
    given = request.get("PortRange", {})
    for name in ("From", "To"):
        if name not in given:
            raise missing(f"PortRange.{name}")
    return port_range(given["From"], given["To"])


def _icmp(request: Request, protocol: int, block: Block) -> tuple[int, int]:
    """Return the ICMP type and code of the request.

    They are required if the protocol and the block belong to the same IP version. Otherwise they are ignored.
    """
    if (protocol == ICMPV6) != isinstance(block, IPv6Network):
        return _ALL_ICMP
    given = request.get("IcmpTypeCode", {})
    for name in ("Type", "Code"):
        if name not in given:
            raise missing(f"IcmpTypeCode.{name}")
    return icmp_type_code(given["Type"], given["Code"])


def _find(acl: NetworkAcl, number: int, *, egress: bool) -> NetworkAclEntry | None:
    return next((each for each in acl.entries if (each.rule_number, each.egress) == (number, egress)), None)


def _existing(acl: NetworkAcl, number: int, *, egress: bool) -> NetworkAclEntry:
    found = _find(acl, number, egress=egress)
    if found is None:
        message = f"The {'egress' if egress else 'ingress'} entry {number} does not exist in network ACL {acl.id}"
        raise CloudError("InvalidNetworkAclEntry.NotFound", message)
    return found


def _others(acl: NetworkAcl, entry: NetworkAclEntry) -> Iterable[NetworkAclEntry]:
    return (other for other in acl.entries if other != entry)


def _with(
    cloud: Cloud, acl: NetworkAcl, entries: Iterable[NetworkAclEntry], new: NetworkAclEntry, settings: Settings
) -> Cloud:
    """Return the cloud with these entries in the ACL.

    Raises NetworkAclEntryLimitExceeded. The implicit last entry counts too.
    """
    ordered = tuple(sorted(entries, key=lambda entry: (entry.egress, entry.rule_number)))
    alike = sum((each.egress, each.cidr_block.version) == (new.egress, new.cidr_block.version) for each in ordered)
    quota = settings.quotas.entries_per_network_acl
    if alike + 1 > quota:
        message = f"The maximum number of network ACL entries has been reached ({quota} a direction and IP version)."
        raise CloudError("NetworkAclEntryLimitExceeded", message)
    return NETWORK_ACL.put(cloud, replace(acl, entries=ordered))
