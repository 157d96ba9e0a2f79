"""Random EC2 calls that change who has which address, and which way packets go.

Most calls can be granted, because their ids exist in the cloud. Addresses come from few, so they change hands often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Network
from random import Random
from typing import Any

from eigw_ns.cloud import associations, interfaces
from eigw_ns.cloud.model import Cloud, Instance, RouteTable, Subnet

Call = tuple[str, dict[str, Any]]
IMAGE = "ami-0123456789abcdef0"
PORT = 47
"""The port that groups may allow."""

_TRAFFIC: tuple[dict[str, Any], ...] = (
    {"IpProtocol": "-1"},
    {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT},
    {"IpProtocol": "udp", "FromPort": PORT, "ToPort": PORT},
)
_SMALLEST = 2
"""Number of instances that `Calls` does not terminate."""


class Calls:
    """Draws calls of one cloud, which change only what is of one VPC, or of none. `blocks` are those of peers."""

    def __init__(self, random: Random, blocks: Sequence[str], vpc: str) -> None:
        self._random, self._blocks, self._vpc = random, blocks, vpc
        self._kinds: tuple[Callable[[Cloud], Call | None], ...] = (
            *[self._create_route, self._replace_route, self._delete_route] * 2,
            *[self._associate_table, self._disassociate_table, self._replace_table],
            *[self._run, self._run_prepared, self._stop, self._start, self._terminate] * 2,
            *[self._prepare, self._regroup],
            *[self._assign, self._unassign] * 2,
            *[self._allow, self._revoke, self._modify_list] * 2,
            *[self._create_egress_only, self._delete_egress_only, self._create_gateway, self._attach, self._detach],
            *[self._create_subnet, self._delete_subnet, self._give_block, self._take_block, self._extend, self._shrink],
            *[self._create_list, self._delete_list],
        )

    def draw(self, cloud: Cloud) -> Call:
        """Return a call: an action and its request."""
        while True:
            if (found := self._random.choice(self._kinds)(cloud)) is not None:
                return found

    def _one(self, content: Mapping[str, Any]) -> Any:
        """Return one of the resources that may change, or None."""
        free = [each for _, each in sorted(content.items()) if getattr(each, "vpc_id", None) in (None, self._vpc)]
        return self._random.choice(free) if free else None

    # ---- ways

    def _destination(self, cloud: Cloud) -> dict[str, Any]:
        if cloud.prefix_lists and self._random.random() < 0.3:
            return {"DestinationPrefixListId": self._one(cloud.prefix_lists).id}
        return {"DestinationIpv6CidrBlock": self._random.choice(self._blocks)}

    def _target(self, cloud: Cloud) -> dict[str, Any] | None:
        egress_only, other = self._one(cloud.egress_only_internet_gateways), self._one(cloud.internet_gateways)
        if egress_only and (not other or self._random.random() < 0.6):
            return {"EgressOnlyInternetGatewayId": egress_only.id}
        return {"GatewayId": other.id} if other else None

    def _create_route(self, cloud: Cloud) -> Call | None:
        table, target = self._one(cloud.route_tables), self._target(cloud)
        return ("CreateRoute", {"RouteTableId": table.id, **self._destination(cloud), **target}) if target else None

    def _existing(self, cloud: Cloud) -> dict[str, Any] | None:
        table: RouteTable = self._one(cloud.route_tables)
        known: list[dict[str, Any]] = [{"DestinationIpv6CidrBlock": str(each.destination)} for each in table.routes]
        known += [{"DestinationPrefixListId": each.prefix_list_id} for each in table.prefix_list_routes]
        return {"RouteTableId": table.id, **self._random.choice(known)} if known else None

    def _replace_route(self, cloud: Cloud) -> Call | None:
        route, target = self._existing(cloud), self._target(cloud)
        return ("ReplaceRoute", {**route, **target}) if route and target else None

    def _delete_route(self, cloud: Cloud) -> Call | None:
        route = self._existing(cloud)
        return ("DeleteRoute", route) if route and self._random.random() < 0.5 else None

    def _associate_table(self, cloud: Cloud) -> Call | None:
        subnet, table = self._one(cloud.subnets), self._one(cloud.route_tables)
        return ("AssociateRouteTable", {"SubnetId": subnet.id, "RouteTableId": table.id}) if subnet else None

    def _association(self, cloud: Cloud) -> str | None:
        joined = associations.route_table_associations(cloud)
        found = [each.id for each in joined if each.table.vpc_id == self._vpc]
        return self._random.choice(found) if found else None

    def _disassociate_table(self, cloud: Cloud) -> Call | None:
        found = self._association(cloud)
        return ("DisassociateRouteTable", {"AssociationId": found}) if found else None

    def _replace_table(self, cloud: Cloud) -> Call | None:
        found, table = self._association(cloud), self._one(cloud.route_tables)
        return ("ReplaceRouteTableAssociation", {"AssociationId": found, "RouteTableId": table.id}) if found else None

    # ---- instances

    def _groups(self, cloud: Cloud) -> list[str]:
        return [self._one(cloud.security_groups).id]

    def _free(self, cloud: Cloud, subnet: Subnet) -> list[str]:
        """Return the few addresses of the subnet that no instance and no interface has."""
        if subnet.ipv6_association is None:
            return []
        taken = {address for each in cloud.instances.values() for address in each.addresses}
        taken |= {address for each in cloud.network_interfaces.values() for address in each.ipv6_addresses}
        first = subnet.ipv6_cidr_block
        return [str(first[number]) for number in range(0x10, 0x13) if first[number] not in taken]

    def _run(self, cloud: Cloud) -> Call | None:
        subnet = self._one(cloud.subnets)
        free = self._free(cloud, subnet) if subnet else []
        if not free or len(cloud.instances) > 5:
            return None
        interface = {
            "DeviceIndex": 0,
            "SubnetId": subnet.id,
            "Groups": self._groups(cloud),
            "Ipv6Addresses": [{"Ipv6Address": self._random.choice(free)}],
            "DeleteOnTermination": self._random.random() < 0.5,
        }
        return "RunInstances", {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "NetworkInterfaces": [interface]}

    def _prepare(self, cloud: Cloud) -> Call | None:
        subnet = self._one(cloud.subnets)
        free = self._free(cloud, subnet) if subnet else []
        if not free:
            return None
        asked = {"SubnetId": subnet.id, "Groups": self._groups(cloud)}
        return "CreateNetworkInterface", {**asked, "Ipv6Addresses": [{"Ipv6Address": self._random.choice(free)}]}

    def _run_prepared(self, cloud: Cloud) -> Call | None:
        prepared = self._one(cloud.network_interfaces)
        if prepared is None or len(cloud.instances) > 5:
            return None
        interface = {"DeviceIndex": 0, "NetworkInterfaceId": prepared.id}
        return "RunInstances", {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "NetworkInterfaces": [interface]}

    def _instances(self, cloud: Cloud, state: str = "") -> dict[str, Instance]:
        found = {key: each for key, each in cloud.instances.items() if state in ("", each.state)}
        return {key: each for key, each in found.items() if cloud.subnets[each.subnet_id].vpc_id == self._vpc}

    def _instance(self, cloud: Cloud, action: str, state: str = "") -> Call | None:
        chosen = self._one(self._instances(cloud, state))
        return (action, {"InstanceIds": [chosen.id]}) if chosen else None

    def _stop(self, cloud: Cloud) -> Call | None:
        return self._instance(cloud, "StopInstances", "running")

    def _start(self, cloud: Cloud) -> Call | None:
        return self._instance(cloud, "StartInstances", "stopped")

    def _terminate(self, cloud: Cloud) -> Call | None:
        return self._instance(cloud, "TerminateInstances") if len(cloud.instances) > _SMALLEST else None

    def _interface(self, cloud: Cloud) -> tuple[Instance, dict[str, Any]] | None:
        chosen: Instance | None = self._one(self._instances(cloud))
        if chosen is None:
            return None
        return chosen, {"NetworkInterfaceId": chosen.interface.id or interfaces.interface_id(chosen.id)}

    def _regroup(self, cloud: Cloud) -> Call | None:
        found = self._interface(cloud)
        return ("ModifyNetworkInterfaceAttribute", {**found[1], "Groups": self._groups(cloud)}) if found else None

    def _assign(self, cloud: Cloud) -> Call | None:
        found = self._interface(cloud)
        subnet = cloud.subnets[found[0].subnet_id] if found else None
        if found is None or subnet is None or subnet.ipv6_association is None:
            return None
        if self._random.random() < 0.3:
            prefix = IPv6Network((int(subnet.ipv6_cidr_block[0]) + (self._random.choice((5, 6)) << 48), 80))
            return "AssignIpv6Addresses", {**found[1], "Ipv6Prefixes": [str(prefix)]}
        free = self._free(cloud, subnet)
        return ("AssignIpv6Addresses", {**found[1], "Ipv6Addresses": [self._random.choice(free)]}) if free else None

    def _unassign(self, cloud: Cloud) -> Call | None:
        found = self._interface(cloud)
        blocks = found[0].blocks if found else ()
        if found is None or not blocks:
            return None
        gone = self._random.choice(blocks)
        name = "Ipv6Prefixes" if isinstance(gone, IPv6Network) else "Ipv6Addresses"
        return "UnassignIpv6Addresses", {**found[1], name: [str(gone)]}

    # ---- groups and lists

    def _allow(self, cloud: Cloud) -> Call | None:
        group, direction = self._one(cloud.security_groups), self._random.choice(("Ingress", "Ingress", "Egress"))
        peer: dict[str, Any] = {"Ipv6Ranges": [{"CidrIpv6": self._random.choice(self._blocks)}]}
        if cloud.prefix_lists and self._random.random() < 0.4:
            peer = {"PrefixListIds": [{"PrefixListId": self._one(cloud.prefix_lists).id}]}
        permission = {**self._random.choice(_TRAFFIC), **peer}
        return f"AuthorizeSecurityGroup{direction}", {"GroupId": group.id, "IpPermissions": [permission]}

    def _revoke(self, cloud: Cloud) -> Call | None:
        group = self._one(cloud.security_groups)
        rule = self._random.choice(group.rules) if group.rules else None
        if rule is None or (rule.egress and self._random.random() < 0.7):
            return None
        direction = "Egress" if rule.egress else "Ingress"
        return f"RevokeSecurityGroup{direction}", {"GroupId": group.id, "SecurityGroupRuleIds": [rule.id]}

    def _modify_list(self, cloud: Cloud) -> Call | None:
        found = self._one(cloud.prefix_lists)
        if found is None:
            return None
        block = self._random.choice(self._blocks)
        there = block in [str(entry.cidr_block) for entry in found.entries]
        change = "RemoveEntries" if there else "AddEntries"
        asked = {"PrefixListId": found.id, "CurrentVersion": found.version}
        return "ModifyManagedPrefixList", {**asked, change: [{"Cidr": block}]}

    def _create_list(self, cloud: Cloud) -> Call | None:
        asked = {"PrefixListName": "more", "AddressFamily": "IPv6", "MaxEntries": 5}
        entries = [{"Cidr": self._random.choice(self._blocks)}]
        return ("CreateManagedPrefixList", {**asked, "Entries": entries}) if len(cloud.prefix_lists) < 2 else None

    def _delete_list(self, cloud: Cloud) -> Call | None:
        found = self._one(cloud.prefix_lists)
        return ("DeleteManagedPrefixList", {"PrefixListId": found.id}) if found else None

    # ---- gateways, subnets, blocks

    def _create_egress_only(self, cloud: Cloud) -> Call | None:
        return "CreateEgressOnlyInternetGateway", {"VpcId": self._vpc}

    def _delete_egress_only(self, cloud: Cloud) -> Call | None:
        found = self._one(cloud.egress_only_internet_gateways)
        return ("DeleteEgressOnlyInternetGateway", {"EgressOnlyInternetGatewayId": found.id}) if found else None

    def _create_gateway(self, cloud: Cloud) -> Call | None:
        return ("CreateInternetGateway", {}) if len(cloud.internet_gateways) < 2 else None

    def _attach(self, cloud: Cloud) -> Call | None:
        found = self._one(cloud.internet_gateways)
        return ("AttachInternetGateway", {"InternetGatewayId": found.id, "VpcId": self._vpc}) if found else None

    def _detach(self, cloud: Cloud) -> Call | None:
        found = self._one(cloud.internet_gateways)
        if found is None or found.vpc_id is None:
            return None
        return "DetachInternetGateway", {"InternetGatewayId": found.id, "VpcId": found.vpc_id}

    def _block(self, cloud: Cloud) -> str:
        """Return one of few blocks of the VPC, for a subnet."""
        vpc = cloud.vpcs[self._vpc]
        number = self._random.choice((1, 2, 3))
        return str(IPv6Network((int(vpc.ipv6_cidr_blocks[0][0]) + (number << 64), 64)))

    def _create_subnet(self, cloud: Cloud) -> Call | None:
        asked = {"VpcId": self._vpc, "Ipv6CidrBlock": self._block(cloud), "Ipv6Native": True}
        return ("CreateSubnet", asked) if len(cloud.subnets) < 5 else None

    def _delete_subnet(self, cloud: Cloud) -> Call | None:
        found = self._one(cloud.subnets)
        return ("DeleteSubnet", {"SubnetId": found.id}) if found else None

    def _give_block(self, cloud: Cloud) -> Call | None:
        found = self._one(cloud.subnets)
        if found is None or found.ipv6_association is not None:
            return None
        return "AssociateSubnetCidrBlock", {"SubnetId": found.id, "Ipv6CidrBlock": self._block(cloud)}

    def _take_block(self, cloud: Cloud) -> Call | None:
        found = self._one(cloud.subnets)
        if found is None or found.ipv6_association is None:
            return None
        return "DisassociateSubnetCidrBlock", {"AssociationId": found.ipv6_association.id}

    def _extend(self, cloud: Cloud) -> Call | None:
        asked = {"VpcId": self._vpc, "AmazonProvidedIpv6CidrBlock": True}
        return ("AssociateVpcCidrBlock", asked) if len(cloud.vpcs[self._vpc].ipv6_associations) < 3 else None

    def _shrink(self, cloud: Cloud) -> Call | None:
        further = cloud.vpcs[self._vpc].ipv6_associations[1:]
        return ("DisassociateVpcCidrBlock", {"AssociationId": self._random.choice(further).id}) if further else None
