"""What a template has besides the network: programs of the user, macros, and parts that are left out."""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.words import shorten
from eigw_ns.importing.messages import Message
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cloudformation.collected import Collected
from eigw_ns.importing.sources.cloudformation.item import Item
from eigw_ns.importing.sources.cloudformation.stack import Resource, Stack
from eigw_ns.importing.sources.cloudformation.values import Reference, references_in

LEFT_OUT: Mapping[str, str] = {
    "AWS::EC2::DHCPOptions": "DHCP options are left out: they change no packet",
    "AWS::EC2::FlowLog": "flow logs are left out: they change no packet",
    "AWS::EC2::GatewayRouteTableAssociation": "gateway route tables are left out: they only turn packets aside",
    "AWS::EC2::VPCDHCPOptionsAssociation": "DHCP options are left out: they change no packet",
    "AWS::EC2::VPCEndpoint": "VPC endpoints are left out: they reach services, not the internet",
    "AWS::EC2::VPNConnection": "VPN is left out: it carries no IPv6 to the internet",
    "AWS::EC2::VPNGateway": "VPN is left out: it carries no IPv6 to the internet",
    "AWS::EC2::VPNGatewayRoutePropagation": "VPN is left out: it carries no IPv6 to the internet",
}
"""Types that are left out, and why the check stays safe without them."""

DECIDING: Mapping[str, str] = {
    "AWS::EC2::RouteServerPropagation": "a route server adds routes that are not known",
    "AWS::EC2::VPCBlockPublicAccessOptions": "VPC Block Public Access decides what is reachable; it is not modelled",
}
"""Types that decide what is reachable, and that are refused."""

_HARMLESS = ("Custom::VpcRestrictDefaultSG",)
"""Custom resources of cdk that change nothing but the rules of default groups."""

_LIKE_CUSTOM = ("AWS::CloudFormation::StackSet", "AWS::ServiceCatalog::CloudFormationProvisionedProduct")
"""Types of AWS that make anything, as a custom resource does."""

_GIVEN = {
    "AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::InternetGateway", "AWS::EC2::NatGateway",
    "AWS::EC2::NetworkAcl", "AWS::EC2::RouteTable", "AWS::EC2::Subnet", "AWS::EC2::VPC",
}  # fmt: skip
"""The resources that a program which is given one may change the reachability of."""

_MODULE = "::MODULE"
_LANGUAGE = "AWS::LanguageExtensions"


def makes_anything(resource: Resource) -> bool:
    """Return whether nobody can say what a resource of this type does."""
    return resource.is_custom or resource.type in _LIKE_CUSTOM


def custom(item: Item) -> None:
    """Say what is not known of a custom resource. Call it last: it reads what uses the resource."""
    resource = item.resource
    if resource.type in _HARMLESS:
        return
    users = tuple(dict.fromkeys(item.collected.used.get(resource.key, ())))
    given = _given(item)
    what = f"custom resource {shorten(resource.type)}: what it does to the network is not known"
    if resource.type.endswith(_MODULE):
        item.say("refuse", f"the module {shorten(resource.type)} stands for resources that are not here", _PROCESSED)
    elif users:
        remedy = "write the resource that it makes, or its id, in a copy of the template"
        item.say("refuse", f"{what}; used by {_listed(users)}", remedy, touches=_touched(item, given))
    elif given:
        ids = tuple(dict.fromkeys(each.logical_id for each in given))
        remedy = f"if it changes no route and no ACL, give --ignore {shorten(resource.type)}"
        item.say("refuse", f"{what}; it is given {_listed(ids)}", remedy, touches=_touched(item, given))
    else:
        item.say("note", what)


def deciding(item: Item) -> None:
    """Refuse a resource that decides what is reachable in a way that is not modelled."""
    remedy = f"if it changes nothing for these subnets, give --ignore {item.resource.type}"
    given = _given(item)
    touched = _touched(item, given) if given else _all_vpcs(item.collected)
    item.say("refuse", DECIDING[item.resource.type], remedy, touches=touched)


def nested_elsewhere(item: Item) -> None:
    """Refuse a nested stack whose template is not here."""
    remedy = f"put its template beside the parent's, or, if it has no network, give --ignore {item.resource.logical_id}"
    touched = _touched(item, _given(item))
    item.say("refuse", "the template of this nested stack is not here", remedy, touches=touched)


def macros(stack: Stack, collected: Collected, options: Options) -> None:
    """Refuse macros, and functions that stand for resources: nobody but CloudFormation can run them."""
    for name, line in stack.transforms:
        if name != _LANGUAGE and name not in options.ignored:
            what = f"the macro {shorten(name)} can change every resource"
            remedy = f"{_PROCESSED}, or, if it changes no network, give --ignore {shorten(name)}"
            place = stack.place("Transform", line)
            collected.messages.append(Message("refuse", place, what, remedy, _all_vpcs(collected)))
    for name, line in stack.generators:
        if name not in options.ignored:
            what = f"{shorten(name)} stands for resources that are not here"
            place = stack.place(shorten(name), line)
            collected.messages.append(Message("refuse", place, what, _PROCESSED, _all_vpcs(collected)))


_PROCESSED = "give the template that `aws cloudformation get-template --template-stage Processed` prints"


def _given(item: Item) -> tuple[Reference, ...]:
    """Return the resources of the network that a resource is given, in any of its properties."""
    value = item.scope.value(item.resource.properties)
    return tuple(each for each in references_in(value) if each.type in _GIVEN)


def _touched(item: Item, given: tuple[Reference, ...]) -> frozenset[str]:
    """Return the keys of what is given. A gateway stands for its VPC."""
    keys = {each.key for each in given}
    return frozenset(keys | {item.collected.gateway_vpcs[key] for key in keys if key in item.collected.gateway_vpcs})


def _all_vpcs(collected: Collected) -> frozenset[str]:
    return frozenset(collected.vpc_keys)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(shorten(name) for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
