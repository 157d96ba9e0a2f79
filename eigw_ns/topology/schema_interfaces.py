"""The structure of network interfaces and volumes in a topology file."""

from __future__ import annotations

from pydantic import Field

from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.instance_words import VOLUME_SIZES
from eigw_ns.topology.schema_base import Tagged

_RECORDED = "AWS's attribute; recorded"
_TIME = "2026-12-01T00:00:00.000Z"


class PrimaryInterfaceFile(Tagged):
    """What is recorded of the network interface of an instance."""

    id: str | None = Field(None, description="Its id; default: computed", examples=["eni-0123456789abcdef0"])
    description: str = Field("", description=_RECORDED)
    delete_on_termination: bool = Field(True, description="False keeps it, with its addresses, after termination")
    primary_ipv6: bool = Field(False, description=_RECORDED)
    private_ip_addresses: list[str] = Field(
        [], description="Secondary IPv4 addresses of the subnet; recorded", examples=[["10.0.1.20"]]
    )
    public_ip_address: str | None = Field(
        None, description="A public IPv4 address that is not an elastic one; recorded", examples=["203.0.113.9"]
    )


class NetworkInterfaceFile(Tagged):
    """A network interface that is not the primary one of an instance. It is recorded, and holds its addresses."""

    subnet: str = Field(description="The name of a subnet of this VPC", examples=["private-a"])
    security_groups: list[str] = Field(
        [DEFAULT_GROUP], description=f"Names of groups of this VPC; default: {DEFAULT_GROUP} alone"
    )
    private_ip_address: str | None = Field(
        None, description="An IPv4 address of the subnet, recorded; default: the first free one", examples=["10.0.1.9"]
    )
    private_ip_addresses: list[str] = Field(
        [], description="Secondary IPv4 addresses of the subnet; recorded", examples=[["10.0.1.21"]]
    )
    ipv6_addresses: list[str] = Field([], description="Addresses of the subnet", examples=[["2600:1f16:aa0:5501::30"]])
    ipv6_prefixes: list[str] = Field(
        [], description="/80 blocks of the subnet", examples=[["2600:1f16:aa0:5501:2::/80"]]
    )
    description: str = Field("", description=_RECORDED)
    source_dest_check: bool = Field(True, description=_RECORDED)
    primary_ipv6: bool = Field(False, description=_RECORDED)
    instance: str | None = Field(None, description="The instance of this VPC that it is attached to", examples=["app"])
    device_index: int = Field(1, description="Its number on the instance, 1 or more")
    delete_on_termination: bool = Field(False, description="True deletes it with the instance")
    attachment_id: str | None = Field(
        None, description="AWS's id of the attachment; default: computed", examples=["eni-attach-0123456789abcdef0"]
    )
    attach_time: str | None = Field(None, description=_RECORDED, examples=[_TIME])


class VolumeFile(Tagged):
    """A volume of an instance, which is recorded: a lab has no disks."""

    device: str = Field(description="The name of the device", examples=["/dev/xvda"])
    size: int = Field(8, description="In GiB; recorded")
    type: str = Field("gp3", description=_RECORDED, json_schema_extra={"enum": [*VOLUME_SIZES]})
    iops: int | None = Field(None, description=_RECORDED, examples=[3000])
    throughput: int | None = Field(None, description="In MiB/s; recorded", examples=[125])
    encrypted: bool = Field(False, description=_RECORDED)
    kms_key_id: str | None = Field(None, description=_RECORDED, examples=["alias/aws/ebs"])
