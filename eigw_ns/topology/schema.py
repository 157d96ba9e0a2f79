"""The structure of a topology file: the keys, and the type of each value. Editors read it as JSON Schema.

Package `rules` checks what a value means (a block, a name, a target). The separation allows it to check all other
values even if one is wrong.
"""

from __future__ import annotations

from typing import Any, get_args, get_origin

from pydantic import BaseModel, Field
from pydantic.config import JsonDict, JsonValue
from pydantic.fields import FieldInfo

from eigw_ns.cloud.defaults import DEFAULT_ACL, open_egress
from eigw_ns.cloud.ec2.settings import Quotas
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.instance_records import InstanceAttributes
from eigw_ns.cloud.instance_words import ATTRIBUTE_WORDS, INSTANCE_STATES
from eigw_ns.cloud.model import INTERNET_MTU, MOST_MTU
from eigw_ns.topology.forms import MAX_NAME
from eigw_ns.topology.model import Protocol, Result
from eigw_ns.topology.schema_base import NumberOrWord, Strict, Tagged
from eigw_ns.topology.schema_flow_logs import FlowLogFile
from eigw_ns.topology.schema_gateways import EgressOnlyInternetGatewayFile, InternetGatewayFile
from eigw_ns.topology.schema_interfaces import NetworkInterfaceFile, PrimaryInterfaceFile, VolumeFile
from eigw_ns.topology.schema_prefix_lists import PrefixListFile
from eigw_ns.topology.schema_recorded import DhcpOptionsFile, ElasticIpFile, KeyPairFile, NatGatewayFile
from eigw_ns.topology.tree import Path

PROTOCOLS: tuple[str, ...] = get_args(Protocol)
RESULTS: tuple[str, ...] = get_args(Result)
ACTIONS = ("allow", "deny")
HOSTNAME_TYPES: tuple[str, ...] = ("ip-name", "resource-name")
TENANCIES: tuple[str, ...] = ("default", "dedicated")
MAX_RULE_NUMBER = 32766  # AWS's own last entries have higher numbers

_INSTANCE = InstanceAttributes()
_QUOTAS = Quotas()
_NAMES: JsonDict = {"propertyNames": {"pattern": r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": MAX_NAME}}
_BLOCK = "2600:1f16:aa0:5500::/56"
_OPEN: JsonValue = [{"protocol": "all", "cidr": str(rule.peer)} for rule in open_egress("")]


def _recorded(name: str) -> Any:
    """Return the field of an attribute of instances that has few values."""
    usual = getattr(_INSTANCE, name)
    return Field(usual, description="AWS's attribute; recorded", json_schema_extra={"enum": [*ATTRIBUTE_WORDS[name]]})


class RouteFile(Strict):
    """A route. Of the routes whose destination has the packet's, the longest prefix decides."""

    destination: str = Field(
        description="An IPv6 prefix; an IPv4 block, which is recorded; or the name of a prefix list",
        examples=["::/0", "0.0.0.0/0", "corporate"],
    )
    target: str = Field(
        description="The name or id of a gateway of this VPC, blackhole, or unknown; all but gateways drop packets",
        examples=["outbound", "blackhole"],
    )


class RouteTableFile(Tagged):
    """The routes of the subnets that use it. The VPC's own block needs no route."""

    main: bool = Field(False, description="True if subnets that name no route table use this one")
    routes: list[RouteFile] = Field([], description="Routes to gateways; without one, packets stay in the VPC")


class TrafficFile(Strict):
    """The traffic that an entry of a network ACL or a rule of a security group matches."""

    protocol: NumberOrWord = Field(
        description="tcp, udp, icmpv6, all, or an IANA protocol number", examples=["tcp", "all", 50]
    )
    ports: NumberOrWord | None = Field(
        None, description="Destination ports; required for TCP and UDP", examples=[443, "1024-65535", "all"]
    )
    type: NumberOrWord | None = Field(None, description="ICMPv6 type; default: all", examples=[128])
    code: NumberOrWord | None = Field(None, description="ICMPv6 code; default: all", examples=[0])


class NetworkAclEntryFile(TrafficFile):
    """An entry of a network ACL. The entry with the lowest number that matches a packet decides about it."""

    rule: int = Field(
        description="The number of the entry",
        examples=[100],
        json_schema_extra={"minimum": 1, "maximum": MAX_RULE_NUMBER},
    )
    cidr: str = Field(description="The source of ingress, the destination of egress", examples=["::/0"])
    action: str = Field(
        description="What becomes of a packet that matches", json_schema_extra={"enum": [*ACTIONS]}, examples=["allow"]
    )


class NetworkAclFile(Tagged):
    """A stateless filter of packets that enter or leave a subnet. A packet that matches no entry is denied."""

    ingress: list[NetworkAclEntryFile] = Field([], description="Entries for packets that enter the subnet")
    egress: list[NetworkAclEntryFile] = Field([], description="Entries for packets that leave the subnet")


class SecurityGroupRuleFile(Tagged, TrafficFile):
    """A rule that allows traffic from or to its peer: a block, the instances of a group, or a prefix list."""

    cidr: str | None = Field(
        None,
        description="The source of ingress, the destination of egress; either this, group or prefix_list",
        examples=["::/0"],
    )
    group: str | None = Field(None, description="The name of a group of this VPC, as the peer", examples=["default"])
    prefix_list: str | None = Field(None, description="The name of a prefix list, as the peer", examples=["corporate"])
    description: str = Field("", description="AWS's description of the rule")
    id: str | None = Field(None, description="Default: computed from the rule", examples=["sgr-0123456789abcdef0"])


class SecurityGroupFile(Tagged):
    """A stateful filter of an instance's traffic. Traffic that no rule of its groups allows is dropped."""

    group_name: str | None = Field(None, description="AWS's GroupName; default: the key", examples=["Web servers"])
    description: str = Field("", description="AWS's description of the group")
    ingress: list[SecurityGroupRuleFile] = Field([], description="Rules for flows that others begin")
    egress: list[SecurityGroupRuleFile] = Field(
        default_factory=list,
        description="Rules for flows that an instance begins; default: all are allowed",
        json_schema_extra={"default": _OPEN},
    )


class SubnetFile(Tagged):
    """A subnet of the VPC. Its route table decides which gateway its packets use."""

    ipv6_cidr_block: str | None = Field(
        None,
        description="A block of /44 to /64 in steps of 4, or none; default: the next free /64",
        examples=["2600:1f16:aa0:5501::/64"],
    )
    cidr_block: str | None = Field(
        None, description="An IPv4 block of the VPC; it is recorded, and carries no packet", examples=["10.0.1.0/24"]
    )
    association_id: str | None = Field(
        None,
        description="AWS's id of the IPv6 block; default: computed",
        examples=["subnet-cidr-assoc-0123456789abcdef0"],
    )
    availability_zone: str | None = Field(
        None, description="Default: the first zone of the Region", examples=["us-east-1a"]
    )
    assign_ipv6_address_on_creation: bool = Field(False, description="AWS's attribute; recorded")
    map_public_ip_on_launch: bool = Field(False, description="AWS's attribute; recorded")
    enable_dns64: bool = Field(False, description="AWS's attribute; recorded")
    hostname_type: str | None = Field(
        None, description="AWS's attribute; recorded", json_schema_extra={"enum": [*HOSTNAME_TYPES]}
    )
    resource_name_dns_a_record: bool = Field(False, description="AWS's attribute; recorded")
    resource_name_dns_aaaa_record: bool = Field(False, description="AWS's attribute; recorded")
    default_for_az: bool = Field(False, description="True for a subnet of a default VPC")
    route_table: str | None = Field(None, description="Default: the main route table of the VPC")
    network_acl: str = Field(DEFAULT_ACL, description="The name of a network ACL of this VPC")


class InstanceFile(Tagged):
    """An instance with one network interface: a network namespace in which commands run."""

    subnet: str = Field(description="The name of a subnet of this VPC", examples=["private-a"])
    ipv6_address: str | None = Field(None, description="An address of the subnet, or none; default: the first free one")
    ipv6_addresses: list[str] = Field(
        [], description="Further addresses of the subnet", examples=[["2600:1f16:aa0:5501::20"]]
    )
    ipv6_prefixes: list[str] = Field(
        [],
        description="/80 blocks of the subnet; users of the instance configure addresses of them",
        examples=[["2600:1f16:aa0:5501:1::/80"]],
    )
    security_groups: list[str] = Field(
        [DEFAULT_GROUP], description=f"Names of groups of this VPC; default: {DEFAULT_GROUP} alone"
    )
    mtu: int | None = Field(None, description="MTU of its interface, in bytes; default: the VPC's", examples=[1500])
    state: str = Field(
        "running", description="One that is stopped has no link", json_schema_extra={"enum": [*INSTANCE_STATES]}
    )
    private_ip_address: str | None = Field(
        None, description="An IPv4 address of the subnet, recorded; default: the first free one", examples=["10.0.1.4"]
    )
    image_id: str | None = Field(None, description="AWS's attribute; recorded", examples=["ami-0123456789abcdef0"])
    instance_type: str = Field(_INSTANCE.instance_type, description="AWS's attribute; recorded")
    key_name: str | None = Field(None, description="The name of a key pair; recorded", examples=["admin"])
    launch_time: str | None = Field(
        None, description="AWS's attribute; recorded", examples=["2026-12-01T00:00:00.000Z"]
    )
    reservation_id: str | None = Field(
        None, description="AWS's id of the launch; default: computed", examples=["r-0123456789abcdef0"]
    )
    launch_index: int = Field(0, description="AWS's attribute; recorded")
    user_data: str | None = Field(None, description="Base64; recorded, no machine runs it", examples=["bHMK"])
    source_dest_check: bool = Field(True, description="AWS's attribute; recorded, the lab always checks")
    disable_api_termination: bool = Field(False, description="True refuses TerminateInstances")
    disable_api_stop: bool = Field(False, description="True refuses StopInstances")
    instance_initiated_shutdown_behavior: str = _recorded("instance_initiated_shutdown_behavior")
    monitoring: bool = Field(False, description="AWS's attribute; recorded")
    ebs_optimized: bool = Field(False, description="AWS's attribute; recorded")
    cpu_credits: str | None = _recorded("cpu_credits")
    http_endpoint: str = _recorded("http_endpoint")
    http_tokens: str = _recorded("http_tokens")
    http_put_response_hop_limit: int = Field(1, description="AWS's attribute; recorded")
    http_protocol_ipv6: str = _recorded("http_protocol_ipv6")
    instance_metadata_tags: str = _recorded("instance_metadata_tags")
    core_count: int | None = Field(None, description="AWS's attribute; recorded", examples=[1])
    threads_per_core: int | None = Field(None, description="AWS's attribute; recorded", examples=[2])
    auto_recovery: str = _recorded("auto_recovery")
    hibernation: bool = Field(False, description="AWS's attribute; recorded")
    enclave: bool = Field(False, description="AWS's attribute; recorded")
    capacity_reservation_preference: str = _recorded("capacity_reservation_preference")
    hostname_type: str | None = _recorded("hostname_type")
    resource_name_dns_a_record: bool | None = Field(None, description="Default: that of the subnet; recorded")
    resource_name_dns_aaaa_record: bool | None = Field(None, description="Default: that of the subnet; recorded")
    iam_instance_profile: str | None = Field(None, description="A name or an ARN; recorded", examples=["web"])
    tenancy: str | None = _recorded("tenancy")
    placement_group: str = Field("", description="AWS's attribute; recorded")
    partition_number: int | None = Field(None, description="AWS's attribute; recorded", examples=[1])
    network_interface: PrimaryInterfaceFile = PrimaryInterfaceFile()
    volumes: dict[str, VolumeFile] = Field({}, description="Volumes by id; recorded")


class VpcFile(Tagged):
    """A VPC, and everything in it. It needs a block; only IPv6 carries packets."""

    ipv6_cidr_block: str | None = Field(None, description="A block of /44 to /60 in steps of 4", examples=[_BLOCK])
    ipv6_cidr_blocks: list[str] = Field(
        [], description="Further IPv6 blocks of /44 to /60", examples=[["2600:1f16:aa0:5600::/56"]]
    )
    cidr_block: str | None = Field(
        None, description="The primary IPv4 block; it is recorded, and carries no packet", examples=["10.0.0.0/16"]
    )
    cidr_blocks: list[str] = Field([], description="Further IPv4 blocks; recorded", examples=[["10.1.0.0/16"]])
    association_ids: dict[str, str] = Field(
        {},
        description="AWS's ids of blocks; default: computed",
        examples=[{_BLOCK: "vpc-cidr-assoc-0123456789abcdef0"}],
    )
    enable_dns_support: bool = Field(True, description="AWS's attribute; recorded")
    enable_dns_hostnames: bool = Field(False, description="AWS's attribute; recorded")
    enable_network_address_usage_metrics: bool = Field(False, description="AWS's attribute; recorded")
    instance_tenancy: str = Field(
        "default", description="AWS's attribute; recorded", json_schema_extra={"enum": [*TENANCIES]}
    )
    is_default: bool = Field(False, description="True for a default VPC")
    dhcp_options: str | None = Field(
        None, description="The name of a set of DHCP options; default: the Region's", examples=["corporate"]
    )
    mtu: int = Field(
        INTERNET_MTU, description="MTU of all links in the VPC, in bytes, up to AWS's 9001", examples=[MOST_MTU]
    )
    egress_only_internet_gateways: dict[str, EgressOnlyInternetGatewayFile] = Field({}, json_schema_extra=_NAMES)
    internet_gateways: dict[str, InternetGatewayFile] = Field({}, json_schema_extra=_NAMES)
    nat_gateways: dict[str, NatGatewayFile] = Field({}, json_schema_extra=_NAMES)
    route_tables: dict[str, RouteTableFile] = Field({}, json_schema_extra=_NAMES)
    network_acls: dict[str, NetworkAclFile] = Field({}, json_schema_extra=_NAMES)
    security_groups: dict[str, SecurityGroupFile] = Field({}, json_schema_extra=_NAMES)
    subnets: dict[str, SubnetFile] = Field({}, json_schema_extra=_NAMES)
    instances: dict[str, InstanceFile] = Field({}, json_schema_extra=_NAMES)
    network_interfaces: dict[str, NetworkInterfaceFile] = Field({}, json_schema_extra=_NAMES)
    flow_logs: dict[str, FlowLogFile] = Field({}, json_schema_extra=_NAMES)


class HostFile(Strict):
    """A host on the internet: a network namespace in which commands run."""

    ipv6_address: str = Field(description="A global unicast address", examples=["2001:db8:80::1"])


class InternetFile(Strict):
    """The internet of the lab: the other side of all its gateways."""

    hosts: dict[str, HostFile] = Field({}, json_schema_extra=_NAMES)


class ExpectationFile(Strict):
    """A flow, and what must become of it."""

    source: str = Field(alias="from", description="The instance or internet host that begins", examples=["app"])
    to: str = Field(description="The instance or internet host that is the destination", examples=["web"])
    protocol: str = Field(
        "tcp", description="The protocol; icmpv6 is an echo request", json_schema_extra={"enum": [*PROTOCOLS]}
    )
    port: int | None = Field(None, ge=1, le=65535, description="The destination port of TCP and UDP", examples=[443])
    result: str = Field(
        description="`refused`: the destination itself sends a reset or an error; `inconclusive`: nobody can tell",
        json_schema_extra={"enum": [*RESULTS]},
        examples=["blocked"],
    )


class QuotasFile(Strict):
    """Quotas that this file raises above AWS's. `eigw-ns export` writes those that `ec2 … --quota` exceeded."""

    egress_only_internet_gateways_per_vpc: int = Field(
        _QUOTAS.egress_only_internet_gateways_per_vpc, description="Maximum number of such gateways in a VPC"
    )
    entries_per_network_acl: int = Field(
        _QUOTAS.entries_per_network_acl, description="For each direction and IP version; AWS's last entry counts too"
    )
    rules_per_security_group: int = Field(
        _QUOTAS.rules_per_security_group,
        description="For each direction and IP version; a rule whose peer is a group counts for both versions",
    )
    security_groups_per_interface: int = Field(
        _QUOTAS.security_groups_per_interface, description="Maximum number of groups of one instance"
    )
    tags_per_resource: int = Field(_QUOTAS.tags_per_resource, description="Maximum number of tags of a resource")


class LabFile(Strict):
    """A lab of eigw-ns."""

    lab: str | None = Field(None, description="The lab's name; default: the file's name without its suffix")
    quotas: QuotasFile = QuotasFile()
    vpcs: dict[str, VpcFile] = Field({}, json_schema_extra=_NAMES)
    internet_gateways: dict[str, InternetGatewayFile] = Field(
        {}, description="Gateways that are not attached to a VPC", json_schema_extra=_NAMES
    )
    elastic_ips: dict[str, ElasticIpFile] = Field({}, json_schema_extra=_NAMES)
    dhcp_options: dict[str, DhcpOptionsFile] = Field({}, json_schema_extra=_NAMES)
    prefix_lists: dict[str, PrefixListFile] = Field({}, json_schema_extra=_NAMES)
    key_pairs: dict[str, KeyPairFile] = Field({}, description="Key pairs by name; recorded")
    internet: InternetFile = InternetFile()
    expect: list[ExpectationFile] = Field([], description="Results that `eigw-ns verify` checks with packets")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema, see `eigw_ns.topology.json_schema`."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "eigw-ns topology"}
    return {**LabFile.model_json_schema(), **dialect}


def keys_at(path: Path) -> dict[str, list[Any]]:
    """Return the keys that are valid in the mapping at `path`, each with its examples."""
    return {key: field.examples or [] for key, field in _fields_at(path).items()}


def type_at(path: Path) -> Any:
    """Return the type of the value at `path`. The last step of the path must be a key."""
    return _fields_at(path[:-1])[str(path[-1])].annotation


def _fields_at(path: Path) -> dict[str, FieldInfo]:
    model: Any = LabFile
    for step in path:
        within = get_origin(model) in (dict, list)
        model = get_args(model)[-1] if within else _fields(model)[str(step)].annotation
    return _fields(model)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}
