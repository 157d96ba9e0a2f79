"""The kinds of resources: find a resource by id, with AWS's error codes, and store it in a cloud.

AWS spells its error codes inconsistently (`ID` in some, `Id` in others):
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar, cast

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.instance_records import KeyPair, Volume
from eigw_ns.cloud.interface_records import NetworkInterface
from eigw_ns.cloud.interfaces import interfaces, is_primary, with_primary
from eigw_ns.cloud.model import (
    Cloud,
    EgressOnlyInternetGateway,
    Instance,
    InternetGateway,
    NetworkAcl,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Tags,
    Vpc,
)
from eigw_ns.cloud.prefix_lists import PrefixList
from eigw_ns.cloud.recorded import DhcpOptions, ElasticIp, NatGateway
from eigw_ns.cloud.volumes import volumes_of
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen


class Resource(Protocol):
    """The common attributes of all resources."""

    @property
    def id(self) -> str: ...
    @property
    def tags(self) -> Tags: ...


R = TypeVar("R", bound=Resource)


@frozen
class Kind(Generic[R]):
    """A kind of resource: the prefix of its ids, its field in Cloud, AWS's resource type, error codes and noun."""

    prefix: str
    field: str
    resource_type: str
    not_found: str
    malformed: str
    noun: str

    def all(self, cloud: Cloud) -> Mapping[str, R]:
        """Return every resource of this kind, by id."""
        return cast("Mapping[str, R]", getattr(cloud, self.field))

    def check_form(self, text: str) -> None:
        """Raise CloudError if `text` is not an id of this kind."""
        if ids.kind_of(text) != self.prefix:
            raise CloudError(self.malformed, f'Invalid id: "{text}" (expecting "{self.prefix}-...")')

    def absent(self, resource_id: str) -> CloudError:
        """Return the error for a well-formed id that no resource has."""
        return CloudError(self.not_found, f"The {self.noun} '{resource_id}' does not exist")

    def find(self, cloud: Cloud, resource_id: str) -> R:
        """Return the resource with that id. Raises CloudError if the id is malformed or unknown."""
        return self.select(cloud, [resource_id])[0]

    def select(self, cloud: Cloud, wanted: Sequence[str], *, absent_is_empty: bool = False) -> list[R]:
        """Return the resources with the `wanted` ids, or all resources if `wanted` is empty.

        Raises CloudError as `find` does, with all absent ids in one message. `absent_is_empty` ignores absent ids.
        """
        for resource_id in wanted:
            self.check_form(resource_id)
        found = self.all(cloud)
        absent = [resource_id for resource_id in dict.fromkeys(wanted) if resource_id not in found]
        if len(absent) > 1 and not absent_is_empty:
            raise CloudError(self.not_found, f"The {self.noun}s '{', '.join(absent)}' do not exist")
        if absent and not absent_is_empty:
            raise self.absent(absent[0])
        return [each for each in found.values() if not wanted or each.id in wanted]

    def put(self, cloud: Cloud, *resources: R) -> Cloud:
        """Return `cloud` with these resources added. A resource with the same id is replaced."""
        return self._with(cloud, {**self.all(cloud), **{resource.id: resource for resource in resources}})

    def without(self, cloud: Cloud, resource_id: str) -> Cloud:
        """Return `cloud` without the resource with that id."""
        return self._with(cloud, {key: value for key, value in self.all(cloud).items() if key != resource_id})

    def new_id(self, cloud: Cloud, settings: Settings) -> str:
        """Return an id that is not in use."""
        while (found := f"{self.prefix}-{settings.new_id()}") in self.all(cloud):
            pass
        return found

    def _with(self, cloud: Cloud, resources: Mapping[str, R]) -> Cloud:
        changed: dict[str, Any] = {self.field: resources}
        return replace(cloud, **changed)


VPC: Kind[Vpc] = Kind(ids.VPC, "vpcs", "vpc", "InvalidVpcID.NotFound", "InvalidVpcID.Malformed", "vpc ID")
SUBNET: Kind[Subnet] = Kind(
    ids.SUBNET, "subnets", "subnet", "InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed", "subnet ID"
)
ROUTE_TABLE: Kind[RouteTable] = Kind(
    ids.ROUTE_TABLE,
    "route_tables",
    "route-table",
    "InvalidRouteTableID.NotFound",
    "InvalidRouteTableId.Malformed",
    "routeTable ID",
)
EGRESS_ONLY_INTERNET_GATEWAY: Kind[EgressOnlyInternetGateway] = Kind(
    ids.EGRESS_ONLY_INTERNET_GATEWAY,
    "egress_only_internet_gateways",
    "egress-only-internet-gateway",
    "InvalidGatewayID.NotFound",
    "InvalidEgressOnlyInternetGatewayId.Malformed",
    "eigw ID",
)
INTERNET_GATEWAY: Kind[InternetGateway] = Kind(
    ids.INTERNET_GATEWAY,
    "internet_gateways",
    "internet-gateway",
    "InvalidInternetGatewayID.NotFound",
    "InvalidInternetGatewayId.Malformed",
    "internetGateway ID",
)
NETWORK_ACL: Kind[NetworkAcl] = Kind(
    ids.NETWORK_ACL,
    "network_acls",
    "network-acl",
    "InvalidNetworkAclID.NotFound",
    "InvalidNetworkAclId.Malformed",
    "networkAcl ID",
)
SECURITY_GROUP: Kind[SecurityGroup] = Kind(
    ids.SECURITY_GROUP,
    "security_groups",
    "security-group",
    "InvalidGroup.NotFound",
    "InvalidGroupId.Malformed",
    "security group",
)


class _RuleKind(Kind[SecurityGroupRule]):
    """The rules of security groups. They have no field in Cloud: each group holds its own."""

    def all(self, cloud: Cloud) -> Mapping[str, SecurityGroupRule]:
        return {rule.id: rule for group in cloud.security_groups.values() for rule in group.rules}

    def _with(self, cloud: Cloud, resources: Mapping[str, SecurityGroupRule]) -> Cloud:
        groups = {
            group.id: replace(group, rules=tuple(resources[rule.id] for rule in group.rules if rule.id in resources))
            for group in cloud.security_groups.values()
        }
        return replace(cloud, security_groups=groups)


SECURITY_GROUP_RULE = _RuleKind(
    ids.SECURITY_GROUP_RULE,
    "security_groups",
    "security-group-rule",
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidSecurityGroupRuleId.Malformed",
    "security group rule ID",
)
INSTANCE: Kind[Instance] = Kind(
    ids.INSTANCE,
    "instances",
    "instance",
    "InvalidInstanceID.NotFound",
    "InvalidInstanceID.Malformed",
    "instance ID",
)


class _InterfaceKind(Kind[NetworkInterface]):
    """The network interfaces. An instance holds its primary one, the cloud holds all others."""

    def all(self, cloud: Cloud) -> Mapping[str, NetworkInterface]:
        return interfaces(cloud)

    def put(self, cloud: Cloud, *resources: NetworkInterface) -> Cloud:
        for each in resources:
            if each.attachment is not None and is_primary(each):
                cloud = INSTANCE.put(cloud, with_primary(cloud.instances[each.attachment.instance_id], each))
            else:
                cloud = replace(cloud, network_interfaces={**cloud.network_interfaces, each.id: each})
        return cloud

    def without(self, cloud: Cloud, resource_id: str) -> Cloud:
        kept = {key: each for key, each in cloud.network_interfaces.items() if key != resource_id}
        return replace(cloud, network_interfaces=kept)


NETWORK_INTERFACE = _InterfaceKind(
    ids.NETWORK_INTERFACE,
    "network_interfaces",
    "network-interface",
    "InvalidNetworkInterfaceID.NotFound",
    "InvalidNetworkInterfaceId.Malformed",
    "networkInterface ID",
)


class _VolumeKind(Kind[Volume]):
    """The volumes that are recorded. They have no field in Cloud: each instance holds its own."""

    def all(self, cloud: Cloud) -> Mapping[str, Volume]:
        return {volume.id: volume for instance in cloud.instances.values() for volume in volumes_of(instance)}

    def put(self, cloud: Cloud, *resources: Volume) -> Cloud:
        new = {each.id: each for each in resources}
        owners = (each for each in cloud.instances.values() if any(volume.id in new for volume in volumes_of(each)))
        changed = (replace(each, volumes=tuple(new.get(one.id, one) for one in volumes_of(each))) for each in owners)
        return INSTANCE.put(cloud, *changed)


VOLUME = _VolumeKind(ids.VOLUME, "instances", "volume", "InvalidVolume.NotFound", "InvalidVolumeID.Malformed", "volume")

NAT_GATEWAY: Kind[NatGateway] = Kind(
    ids.NAT_GATEWAY, "nat_gateways", "natgateway", "NatGatewayNotFound", "NatGatewayMalformed", "NAT gateway"
)
ELASTIC_IP: Kind[ElasticIp] = Kind(
    ids.ELASTIC_IP,
    "elastic_ips",
    "elastic-ip",
    "InvalidAllocationID.NotFound",
    "InvalidAllocationID.Malformed",
    "allocation ID",
)
DHCP_OPTIONS: Kind[DhcpOptions] = Kind(
    ids.DHCP_OPTIONS,
    "dhcp_options",
    "dhcp-options",
    "InvalidDhcpOptionID.NotFound",
    "InvalidDhcpOptionsId.Malformed",
    "dhcpOption ID",
)
KEY_PAIR: Kind[KeyPair] = Kind(
    ids.KEY_PAIR, "key_pairs", "key-pair", "InvalidKeyPair.NotFound", "InvalidKeyPairId.Malformed", "key pair"
)
PREFIX_LIST: Kind[PrefixList] = Kind(
    ids.PREFIX_LIST,
    "prefix_lists",
    "prefix-list",
    "InvalidPrefixListID.NotFound",
    "InvalidPrefixListId.Malformed",
    "prefix list ID",
)

KINDS: tuple[Kind[Any], ...] = (
    VPC,
    SUBNET,
    ROUTE_TABLE,
    EGRESS_ONLY_INTERNET_GATEWAY,
    INTERNET_GATEWAY,
    NETWORK_ACL,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    INSTANCE,
    NETWORK_INTERFACE,
    VOLUME,
    NAT_GATEWAY,
    ELASTIC_IP,
    DHCP_OPTIONS,
    KEY_PAIR,
    PREFIX_LIST,
)
"""Every kind of resource that can have tags."""
