"""A design by key: which VPC a resource is in, and what is associated with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from eigw_ns.importing.design import (
    Design,
    DesignAcl,
    DesignAssociation,
    DesignGateway,
    DesignGroup,
    DesignRouteTable,
    DesignSubnet,
    DesignVpc,
    Key,
    Label,
    Link,
)


class _Labelled(Protocol):
    @property
    def label(self) -> Label: ...


R = TypeVar("R", bound=_Labelled)


class Index:
    """The resources of a design by key. A link that leads out of the design finds nothing."""

    def __init__(self, design: Design) -> None:
        self.vpcs: Mapping[Key, DesignVpc] = _by_key(design.vpcs)
        self.subnets: Mapping[Key, DesignSubnet] = _by_key(design.subnets)
        self.gateways: Mapping[Key, DesignGateway] = _by_key(design.gateways)
        self.tables: Mapping[Key, DesignRouteTable] = _by_key(design.route_tables)
        self.acls: Mapping[Key, DesignAcl] = _by_key(design.acls)
        self.groups: Mapping[Key, DesignGroup] = _by_key(design.groups)
        self._tables_to = [(route.target, route.table) for route in design.routes]
        self.table_of = _associated(design.table_associations)
        self.acl_of = _associated(design.acl_associations)

    def vpc_of(self, key: Link | None) -> Key | None:
        """Return the VPC of a resource of the design, itself if it is one; None if it is in none."""
        if not isinstance(key, Key):
            return None
        if key in self.vpcs:
            return key
        gateway = self.gateways.get(key)
        if gateway is not None:
            return self.vpc_of(gateway.vpc or gateway.subnet)
        for kind in (self.subnets, self.tables, self.acls, self.groups):
            found = kind.get(key)
            if found is not None:
                return self.vpc_of(found.vpc)
        return None

    def subnets_touched(self, keys: Iterable[Key]) -> frozenset[Key]:
        """Return the subnets about which something unknown of these resources says something.

        If the design has none of them, it may be about any subnet.
        """
        known = [key for key in keys if self.vpc_of(key) is not None or key in self.gateways]
        if not known:
            return frozenset(self.subnets)
        return frozenset(subnet for key in known for subnet in self._touched(key))

    def _touched(self, key: Key) -> frozenset[Key]:
        """Return the subnet itself, those that use the route table, the ACL or the gateway, or all of the VPC."""
        if key in self.subnets:
            return frozenset((key,))
        if key in self.gateways:
            tables = {table for target, table in self._tables_to if target == key and isinstance(table, Key)}
            return frozenset(subnet for table in tables & set(self.tables) for subnet in self._touched(table))
        table = self.tables.get(key)
        if table is not None:
            return frozenset(each for each in self.subnets if self.uses(each, table))
        if key in self.acls:
            acl = self.acls[key]
            return frozenset(each for each in self._inside(acl.vpc) if self._has_acl(each, acl))
        return frozenset(self._inside(key)) if key in self.vpcs else frozenset()

    def uses(self, subnet: Key, table: DesignRouteTable) -> bool:
        """Return whether a subnet uses a route table: by its association, or because it is the main one."""
        associated = self.table_of.get(subnet)
        if associated is not None:
            return associated.to == table.label.key
        return table.main and self.subnets[subnet].vpc == table.vpc

    def _has_acl(self, subnet: Key, acl: DesignAcl) -> bool:
        associated = self.acl_of.get(subnet)
        return acl.default if associated is None else associated.to == acl.label.key

    def _inside(self, vpc: Link) -> Iterable[Key]:
        return (key for key, subnet in self.subnets.items() if subnet.vpc == vpc)


def _by_key(resources: Iterable[R]) -> dict[Key, R]:
    return {each.label.key: each for each in resources}


def _associated(associations: Iterable[DesignAssociation]) -> dict[Key, DesignAssociation]:
    """Return the association of each subnet of the design. The last one counts, as AWS replaces an association."""
    return {each.subnet: each for each in associations if isinstance(each.subnet, Key)}
