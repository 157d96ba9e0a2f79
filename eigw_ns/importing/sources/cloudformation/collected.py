"""What the builders have found so far: the parts of a `Design`, and how its resources use each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from eigw_ns.cloud.model import Block
from eigw_ns.importing.design import (
    Design,
    DesignAcl,
    DesignAclEntry,
    DesignAssociation,
    DesignGateway,
    DesignGroup,
    DesignGroupRule,
    DesignRoute,
    DesignRouteTable,
    DesignSubnet,
    DesignVpc,
    DesignWorkload,
    Link,
)
from eigw_ns.importing.messages import Message
from eigw_ns.importing.sources.cloudformation.blocks import Blocks


@dataclass
class Collected:
    """Lists to which the builders append, in the order of the source.

    `vpc_keys` are those of all VPCs, `gateway_vpcs` the keys of the VPCs of gateways. `used` are the logical ids of
    the resources whose properties are made from a resource, by its key. `attachments` are the VPCs of internet
    gateways; `ipv4_blocks` and `subnet_blocks` what associations give to VPCs and subnets. `prefix_lists` are the
    entries of prefix lists whose entries are all known, `expanded` how many of them were used. `defaults` are the
    keys of default groups and ACLs that were added.
    """

    blocks: Blocks
    vpc_keys: tuple[str, ...]
    messages: list[Message] = field(default_factory=list)
    vpcs: list[DesignVpc] = field(default_factory=list)
    subnets: list[DesignSubnet] = field(default_factory=list)
    gateways: list[DesignGateway] = field(default_factory=list)
    route_tables: list[DesignRouteTable] = field(default_factory=list)
    routes: list[DesignRoute] = field(default_factory=list)
    table_associations: list[DesignAssociation] = field(default_factory=list)
    acls: list[DesignAcl] = field(default_factory=list)
    acl_entries: list[DesignAclEntry] = field(default_factory=list)
    acl_associations: list[DesignAssociation] = field(default_factory=list)
    groups: list[DesignGroup] = field(default_factory=list)
    group_rules: list[DesignGroupRule] = field(default_factory=list)
    workloads: list[DesignWorkload] = field(default_factory=list)
    gateway_vpcs: dict[str, str] = field(default_factory=dict)
    used: dict[str, list[str]] = field(default_factory=dict)
    attachments: dict[str, Link] = field(default_factory=dict)
    ipv4_blocks: dict[str, list[IPv4Network]] = field(default_factory=dict)
    subnet_blocks: dict[str, list[IPv6Network]] = field(default_factory=dict)
    prefix_lists: dict[str, tuple[Block, ...]] = field(default_factory=dict)
    expanded: int = 0
    defaults: set[str] = field(default_factory=set)

    def design(self, kind: str, name: str) -> Design:
        """Return everything as a design."""
        return Design(
            kind, name, tuple(self.messages), tuple(self.vpcs), tuple(self.subnets), tuple(self.gateways),
            tuple(self.route_tables), tuple(self.routes), tuple(self.table_associations), tuple(self.acls),
            tuple(self.acl_entries), tuple(self.acl_associations), tuple(self.groups), tuple(self.group_rules),
            tuple(self.workloads),
        )  # fmt: skip
