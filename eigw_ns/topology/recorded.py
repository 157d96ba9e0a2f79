"""Elastic IP addresses, NAT gateways and DHCP options, to and from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.dhcp_rules import LISTS, OPTIONS
from eigw_ns.cloud.model import Cloud, Vpc
from eigw_ns.cloud.recorded import DeletedNatGateway, DhcpOptions, ElasticIp, ElasticIpAssociation, NatGateway
from eigw_ns.topology.data import Data, Scope, body_of, key_of, named, tags_of

_ADDRESSES, _GATEWAYS, _DHCP, _DELETED = "elastic_ips", "nat_gateways", "dhcp_options", "deleted_nat_gateways"


def elastic_ips(data: Mapping[str, Any], lab: str) -> dict[str, ElasticIp]:
    """Return the elastic IP addresses that `data` describes, by id."""
    return {
        address_id: ElasticIp(
            address_id, name, IPv4Address(body["public_ip"]), _association(address_id, body, lab), tags_of(body)
        )
        for address_id, name, body in named(data, _ADDRESSES, ids.ELASTIC_IP, (lab,))
    }


def _association(address_id: str, body: Mapping[str, Any], lab: str) -> ElasticIpAssociation | None:
    if "instance" not in body:
        return None
    vpc, _, instance = body["instance"].partition("/")
    instance_id = ids.make_id(ids.INSTANCE, lab, vpc, instance)
    return ElasticIpAssociation(body.get("association_id", _association_id(address_id, instance_id)), instance_id)


def _association_id(address_id: str, instance_id: str) -> str:
    return ids.make_id(ids.ELASTIC_IP_ASSOCIATION, address_id, instance_id)


def nat_gateways(data: Mapping[str, Any], scope: Scope, vpc_id: str) -> dict[str, NatGateway]:
    """Return the NAT gateways of a VPC, by id."""
    return {
        gateway_id: NatGateway(
            gateway_id,
            name,
            vpc_id,
            ids.make_id(ids.SUBNET, *scope, body["subnet"]),
            allocation_id=ids.make_id(ids.ELASTIC_IP, scope[0], body["elastic_ip"]) if "elastic_ip" in body else None,
            private_ip_address=IPv4Address(body["private_ip_address"]) if "private_ip_address" in body else None,
            created=body.get("create_time"),
            tags=tags_of(body),
        )
        for gateway_id, name, body in named(data, _GATEWAYS, ids.NAT_GATEWAY, scope)
    }


def dhcp_options(data: Mapping[str, Any], lab: str) -> dict[str, DhcpOptions]:
    """Return the sets of DHCP options that `data` describes, by id."""
    return {
        options_id: DhcpOptions(options_id, name, tuple(_options(body)), tags_of(body))
        for options_id, name, body in named(data, _DHCP, ids.DHCP_OPTIONS, (lab,))
    }


def _options(body: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    found = {option: body[key_of_option(option)] for option in OPTIONS if key_of_option(option) in body}
    return [(option, tuple(each) if isinstance(each, list) else (str(each),)) for option, each in found.items()]


def key_of_option(option: str) -> str:
    """Return the key of a DHCP option: `domain_name_servers` for `domain-name-servers`."""
    return option.replace("-", "_")


def dhcp_options_id(body: Mapping[str, Any], lab: str) -> str | None:
    """Return the id of the DHCP options of the VPC that `body` describes. None means the Region's default set."""
    return ids.make_id(ids.DHCP_OPTIONS, lab, body["dhcp_options"]) if "dhcp_options" in body else None


def deleted_nat_gateways(data: Mapping[str, Any]) -> dict[str, DeletedNatGateway]:
    """Return the deleted NAT gateways that a stored topology remembers, by id."""
    return {gateway_id: _deleted(gateway_id, body) for gateway_id, body in data.get(_DELETED, {}).items()}


def _deleted(gateway_id: str, body: Mapping[str, Any]) -> DeletedNatGateway:
    private = body.get("private_ip_address")
    gateway = NatGateway(
        gateway_id,
        body["name"],
        body["vpc_id"],
        body["subnet_id"],
        allocation_id=body.get("allocation_id"),
        private_ip_address=IPv4Address(private) if private else None,
        created=body.get("created"),
        tags=tags_of(body),
    )
    return DeletedNatGateway(gateway, body["deleted_at"])


def check_references(cloud: Cloud) -> None:
    """Raise ValueError if one of these resources refers to one that does not exist."""
    for gateway in cloud.nat_gateways.values():
        subnet = cloud.subnets.get(gateway.subnet_id)
        if subnet is None or subnet.vpc_id != gateway.vpc_id:
            raise ValueError(f"the NAT gateway {gateway.name} is in a subnet that does not exist")
        if gateway.allocation_id is not None and gateway.allocation_id not in cloud.elastic_ips:
            raise ValueError(f"the NAT gateway {gateway.name} has an elastic IP address that does not exist")
    for address in cloud.elastic_ips.values():
        if address.association is not None and address.association.instance_id not in cloud.instances:
            raise ValueError(f"the elastic IP address {address.name} belongs to an instance that does not exist")
    for vpc in cloud.vpcs.values():
        if vpc.attributes.dhcp_options_id not in (None, *cloud.dhcp_options):
            raise ValueError(f"the VPC {vpc.name} has DHCP options that do not exist")


def elastic_ips_data(cloud: Cloud, instance_keys: Mapping[str, str]) -> Data:
    """Return the elastic IP addresses as plain data. `instance_keys` has `VPC/INSTANCE` of each instance by id."""
    return dict(
        sorted((_address_key(cloud, each), _address(each, instance_keys)) for each in cloud.elastic_ips.values())
    )


def _address_key(cloud: Cloud, address: ElasticIp) -> str:
    return key_of(ids.ELASTIC_IP, (cloud.lab,), address.id, address.name)


def _address(address: ElasticIp, instance_keys: Mapping[str, str]) -> Data:
    made = address.association
    derived = made is not None and made.id == _association_id(address.id, made.instance_id)
    return body_of(
        public_ip=str(address.public_ip),
        instance=instance_keys[made.instance_id] if made else None,
        association_id=made.id if made and not derived else None,
        tags=dict(address.tags),
    )


def nat_gateways_data(cloud: Cloud, scope: Scope, vpc: Vpc, subnet_keys: Mapping[str, str]) -> Data:
    """Return the NAT gateways of a VPC as plain data. `subnet_keys` has the keys of its subnets by id."""
    return dict(
        sorted(
            (key_of(ids.NAT_GATEWAY, scope, each.id, each.name), _gateway(cloud, each, subnet_keys))
            for each in cloud.nat_gateways.values()
            if each.vpc_id == vpc.id
        )
    )


def _gateway(cloud: Cloud, gateway: NatGateway, subnet_keys: Mapping[str, str]) -> Data:
    address = cloud.elastic_ips.get(gateway.allocation_id or "")
    return body_of(
        subnet=subnet_keys[gateway.subnet_id],
        elastic_ip=_address_key(cloud, address) if address else None,
        private_ip_address=str(gateway.private_ip_address) if gateway.private_ip_address else None,
        create_time=gateway.created,
        tags=dict(gateway.tags),
    )


def dhcp_options_data(cloud: Cloud) -> Data:
    """Return the sets of DHCP options as plain data."""
    bodies = {_options_key(cloud, each): _options_data(each) for each in cloud.dhcp_options.values()}
    return dict(sorted(bodies.items()))


def _options_data(options: DhcpOptions) -> Data:
    values = {
        key_of_option(option): list(found) if option in LISTS else found[0] for option, found in options.configurations
    }
    return body_of(**values, tags=dict(options.tags))


def dhcp_options_key(cloud: Cloud, vpc: Vpc) -> str | None:
    """Return the key of the DHCP options of a VPC, or None for the Region's default set."""
    options = cloud.dhcp_options.get(vpc.attributes.dhcp_options_id or "")
    return None if options is None else _options_key(cloud, options)


def _options_key(cloud: Cloud, options: DhcpOptions) -> str:
    return key_of(ids.DHCP_OPTIONS, (cloud.lab,), options.id, options.name)


def deleted_nat_gateways_data(cloud: Cloud) -> Data:
    """Return the deleted NAT gateways as plain data."""
    return {
        gateway_id: _deleted_data(each.gateway) | {"deleted_at": each.deleted_at}
        for gateway_id, each in cloud.deleted_nat_gateways.items()
    }


def _deleted_data(gateway: NatGateway) -> Data:
    names = ("name", "vpc_id", "subnet_id", "allocation_id", "private_ip_address", "created")
    found = {name: getattr(gateway, name) for name in names}
    private = gateway.private_ip_address
    return body_of(**{**found, "private_ip_address": str(private) if private else None}, tags=dict(gateway.tags))
