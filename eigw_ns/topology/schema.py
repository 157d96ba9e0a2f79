"""The structure of a topology file: which keys there are and what type each value has. Editors read it as JSON Schema.

Whether a value means something (a block, a name, a target) is for `rules`: that way one wrong value keeps no other
from being looked at.
"""

from __future__ import annotations

from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict, JsonValue
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from eigw_ns.cloud.defaults import DEFAULT_ACL, open_egress
from eigw_ns.cloud.ec2.settings import Quotas
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.model import ConnectionTracking
from eigw_ns.topology.model import Protocol, Result
from eigw_ns.topology.tree import Path

PROTOCOLS: tuple[str, ...] = get_args(Protocol)
RESULTS: tuple[str, ...] = get_args(Result)
ACTIONS = ("allow", "deny")
MAX_RULE_NUMBER = 32766  # AWS numbers its own last entries above

_TRACKING = ConnectionTracking()
_QUOTAS = Quotas()
_NAMES: JsonDict = {"propertyNames": {"pattern": r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": 40}}
_BLOCK = "2600:1f16:aa0:5500::/56"
_OPEN: JsonValue = [{"protocol": "all", "cidr": str(rule.peer)} for rule in open_egress("")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Tagged(_Strict):
    """What AWS lets users tag."""

    tags: dict[str, str] = Field({}, description=f"AWS tags: {_QUOTAS.tags_per_resource} at most")


class InternetGatewayFile(Tagged):
    """Passes IPv6 both ways."""


class ConnectionTrackingFile(_Strict):
    """How long an egress-only gateway remembers a flow without packets (seconds), and how many it holds."""

    tcp_established_timeout: int = Field(_TRACKING.tcp_established_timeout, description="Seconds")
    udp_timeout: int = Field(_TRACKING.udp_timeout, description="Seconds, until the flow was answered twice")
    udp_stream_timeout: int = Field(_TRACKING.udp_stream_timeout, description="Seconds, from then on")
    max_connections: int = Field(_TRACKING.max_connections, description="Of all instances together")
    max_connections_per_source: int = Field(_TRACKING.max_connections_per_source, description="Of one instance")


class EgressOnlyInternetGatewayFile(Tagged):
    """Passes IPv6 that an instance began, and its answers."""

    replicas: int = Field(1, description="How many namespaces share the work, 1 to 8", examples=[2])
    connection_tracking: ConnectionTrackingFile = ConnectionTrackingFile()


class RouteFile(_Strict):
    destination: str = Field(description="An IPv6 prefix", examples=["::/0"])
    target: str = Field(
        description="The name of a gateway of this VPC, its id, or blackhole", examples=["outbound", "blackhole"]
    )


class RouteTableFile(Tagged):
    main: bool = Field(False, description="Whether subnets that name no route table use this one")
    routes: list[RouteFile] = []


def _text(value: object) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise PydanticCustomError("number_or_word", "neither a whole number nor text")


NumberOrWord = Annotated[
    str, BeforeValidator(_text), WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}]})
]
"""What may be written as a number or as text: rules see the text."""


class TrafficFile(_Strict):
    """What a rule of a filter is about."""

    protocol: NumberOrWord = Field(
        description="tcp, udp, icmpv6, all, or an IANA protocol number", examples=["tcp", "all", 50]
    )
    ports: NumberOrWord | None = Field(
        None, description="Destination ports; needed for TCP and UDP", examples=[443, "1024-65535", "all"]
    )
    type: NumberOrWord | None = Field(None, description="ICMPv6 type; default: all", examples=[128])
    code: NumberOrWord | None = Field(None, description="ICMPv6 code; default: all", examples=[0])


class NetworkAclEntryFile(TrafficFile):
    """The entry with the lowest number that matches a packet decides about it."""

    rule: int = Field(
        description="Its number", examples=[100], json_schema_extra={"minimum": 1, "maximum": MAX_RULE_NUMBER}
    )
    cidr: str = Field(description="The source of ingress, the destination of egress", examples=["::/0"])
    action: str = Field(json_schema_extra={"enum": [*ACTIONS]}, examples=["allow"])


class NetworkAclFile(Tagged):
    """Stateless, at the edge of a subnet; what no entry matches is denied."""

    ingress: list[NetworkAclEntryFile] = []
    egress: list[NetworkAclEntryFile] = []


class SecurityGroupRuleFile(TrafficFile):
    """Allows traffic from or to a block, or the instances of a group: exactly one of both."""

    cidr: str | None = Field(None, description="The source of ingress, the destination of egress", examples=["::/0"])
    group: str | None = Field(None, description="The name of a group of this VPC", examples=["default"])
    description: str = ""
    id: str | None = Field(None, description="Default: follows from the rule", examples=["sgr-0123456789abcdef0"])


class SecurityGroupFile(Tagged):
    """Stateful, at an instance's port; what no rule of its groups allows is dropped."""

    group_name: str | None = Field(None, description="Default: the key", examples=["Web servers"])
    description: str = ""
    ingress: list[SecurityGroupRuleFile] = []
    egress: list[SecurityGroupRuleFile] = Field(
        default_factory=list, description="Default: everything, to everywhere", json_schema_extra={"default": _OPEN}
    )


class SubnetFile(Tagged):
    ipv6_cidr_block: str | None = Field(
        None, description="/44 to /64 in steps of 4; default: the next free /64", examples=["2600:1f16:aa0:5501::/64"]
    )
    route_table: str | None = Field(None, description="Default: the main one")
    network_acl: str = DEFAULT_ACL


class InstanceFile(Tagged):
    subnet: str = Field(examples=["private-a"])
    ipv6_address: str | None = Field(None, description="Default: the subnet's first free one")
    security_groups: list[str] = [DEFAULT_GROUP]


class VpcFile(Tagged):
    ipv6_cidr_block: str = Field(description="/44 to /60 in steps of 4", examples=[_BLOCK])
    egress_only_internet_gateways: dict[str, EgressOnlyInternetGatewayFile] = Field({}, json_schema_extra=_NAMES)
    internet_gateways: dict[str, InternetGatewayFile] = Field({}, json_schema_extra=_NAMES)
    route_tables: dict[str, RouteTableFile] = Field({}, json_schema_extra=_NAMES)
    network_acls: dict[str, NetworkAclFile] = Field({}, json_schema_extra=_NAMES)
    security_groups: dict[str, SecurityGroupFile] = Field({}, json_schema_extra=_NAMES)
    subnets: dict[str, SubnetFile] = Field({}, json_schema_extra=_NAMES)
    instances: dict[str, InstanceFile] = Field({}, json_schema_extra=_NAMES)


class HostFile(_Strict):
    ipv6_address: str = Field(description="A global unicast address", examples=["2001:db8:80::1"])


class InternetFile(_Strict):
    hosts: dict[str, HostFile] = Field({}, json_schema_extra=_NAMES)


class ExpectationFile(_Strict):
    source: str = Field(alias="from", description="An instance or internet host", examples=["app"])
    to: str = Field(description="An instance or internet host", examples=["web"])
    protocol: str = Field("tcp", json_schema_extra={"enum": [*PROTOCOLS]})
    port: int | None = Field(None, ge=1, le=65535, description="The destination port of TCP and UDP", examples=[443])
    result: str = Field(json_schema_extra={"enum": [*RESULTS]}, examples=["blocked"])


class QuotasFile(_Strict):
    """Those of AWS's quotas that a file can be over, where this one is: `ec2 … --quota` may have made it so."""

    egress_only_internet_gateways_per_vpc: int = _QUOTAS.egress_only_internet_gateways_per_vpc
    entries_per_network_acl: int = Field(
        _QUOTAS.entries_per_network_acl, description="A direction and IP version; AWS's last entry counts"
    )
    rules_per_security_group: int = Field(
        _QUOTAS.rules_per_security_group, description="A direction and IP version; a rule about a group counts for both"
    )
    security_groups_per_interface: int = Field(_QUOTAS.security_groups_per_interface, description="Of one instance")
    tags_per_resource: int = _QUOTAS.tags_per_resource


class LabFile(_Strict):
    """A lab of eigw-ns."""

    lab: str | None = Field(None, description="The lab's name; default: the file's name without its suffix")
    quotas: QuotasFile = QuotasFile()
    vpcs: dict[str, VpcFile] = Field({}, json_schema_extra=_NAMES)
    internet_gateways: dict[str, InternetGatewayFile] = Field(
        {}, description="Gateways that are attached to no VPC", json_schema_extra=_NAMES
    )
    internet: InternetFile = InternetFile()
    expect: list[ExpectationFile] = Field([], description="What `eigw-ns verify` proves with packets")


def json_schema() -> dict[str, Any]:
    """See `eigw_ns.topology.json_schema`."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "eigw-ns topology"}
    return {**LabFile.model_json_schema(), **dialect}


def keys_at(path: Path) -> dict[str, list[Any]]:
    """The keys that may stand in the mapping at `path`, each with its examples."""
    return {key: field.examples or [] for key, field in _fields_at(path).items()}


def type_at(path: Path) -> Any:
    """The type of the value that belongs at `path`, which leads to a key."""
    return _fields_at(path[:-1])[str(path[-1])].annotation


def _fields_at(path: Path) -> dict[str, FieldInfo]:
    model: Any = LabFile
    for step in path:
        within = get_origin(model) in (dict, list)
        model = get_args(model)[-1] if within else _fields(model)[str(step)].annotation
    return _fields(model)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}
