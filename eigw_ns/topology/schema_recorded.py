"""The structure of elastic IP addresses, NAT gateways, DHCP options and key pairs in a topology file."""

from __future__ import annotations

from pydantic import Field

from eigw_ns.cloud.dhcp_rules import AMAZON_DNS
from eigw_ns.cloud.instance_words import KEY_TYPES
from eigw_ns.topology.schema_base import NumberOrWord, Tagged


class NatGatewayFile(Tagged):
    """A NAT gateway, which is recorded. Routes to it drop packets."""

    subnet: str = Field(description="The name of a subnet of this VPC", examples=["public-a"])
    elastic_ip: str | None = Field(
        None, description="The name of its elastic IP address; without one it is private", examples=["nat-address"]
    )
    private_ip_address: str | None = Field(
        None, description="An IPv4 address of the subnet; default: a free one", examples=["10.0.1.254"]
    )
    create_time: str | None = Field(
        None, description="When the EC2 API made it; default: not known", examples=["2026-12-01T00:00:00.000Z"]
    )


class ElasticIpFile(Tagged):
    """An elastic IP address, which is recorded."""

    public_ip: str | None = Field(None, description="The IPv4 address; default: a free one", examples=["203.0.113.1"])
    instance: str | None = Field(
        None, description="The instance that has it, with its VPC's name; default: none", examples=["main/app"]
    )
    association_id: str | None = Field(
        None,
        description="AWS's id of the association with the instance; default: computed",
        examples=["eipassoc-0123456789abcdef0"],
    )


class DhcpOptionsFile(Tagged):
    """A set of DHCP options, which is recorded."""

    domain_name: str | None = Field(None, description="The domain name of instances", examples=["example.org"])
    domain_name_servers: list[str] = Field(
        [], description=f"Addresses of DNS servers, or {AMAZON_DNS}", examples=[[AMAZON_DNS]]
    )
    ntp_servers: list[str] = Field([], description="Addresses of time servers", examples=[["fd00:ec2::123"]])
    netbios_name_servers: list[str] = Field([], description="Addresses of NetBIOS servers", examples=[["10.0.0.9"]])
    netbios_node_type: NumberOrWord | None = Field(
        None, description="Type of the NetBIOS node: 1, 2, 4 or 8", examples=[2]
    )
    ipv6_address_preferred_lease_time: NumberOrWord | None = Field(
        None, description="Time for which an address is preferred, in seconds", examples=[140]
    )


class KeyPairFile(Tagged):
    """A key pair of AWS. It is recorded: no instance has a login."""

    fingerprint: str = Field("", description="AWS's attribute; recorded")
    key_type: str = Field("rsa", description="AWS's attribute; recorded", json_schema_extra={"enum": [*KEY_TYPES]})
    public_key: str | None = Field(
        None, description="The key in OpenSSH's form; recorded", examples=["ssh-ed25519 AAA"]
    )
    created: str | None = Field(None, description="AWS's attribute; recorded", examples=["2026-12-01T00:00:00.000Z"])
