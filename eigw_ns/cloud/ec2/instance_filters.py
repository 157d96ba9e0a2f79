"""Filters of DescribeInstances: where a reservation has their values.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
"""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.ec2.filters import ABSENT

_INTERFACE = "network-interface"
_OF_INSTANCE = "Instances"
_OF_INTERFACE = f"{_OF_INSTANCE}.NetworkInterfaces"


def _member(name: str) -> str:
    """Return AWS's member for the words of a filter: `ImageId` for `image-id`, `AttachTime` for `attach-time`."""
    return "".join(part.capitalize() for part in name.split("-"))


def _members(prefix: str, path: str, *names: str) -> dict[str, str]:
    """Return filters whose value is the member of the same name at `path`."""
    return {f"{prefix}.{name}" if prefix else name: f"{path}.{_member(name)}" for name in names}


def _absent(prefix: str, *names: str) -> dict[str, str]:
    """Return filters that match no instance, because a lab does not have what they ask for."""
    return {f"{prefix}.{name}" if prefix else name: ABSENT for name in names}


_MACHINE = {
    **_members(
        "",
        _OF_INSTANCE,
        *("architecture", "boot-mode", "current-instance-boot-mode", "ebs-optimized", "ena-support", "hypervisor"),
        *("image-id", "instance-id", "instance-type", "ipv6-address", "key-name", "launch-time", "platform-details"),
        *("private-dns-name", "private-ip-address", "root-device-name", "root-device-type", "source-dest-check"),
        *("subnet-id", "usage-operation", "virtualization-type", "vpc-id"),
    ),
    **_members("", f"{_OF_INSTANCE}.Placement", "availability-zone", "availability-zone-id", "tenancy"),
    **_absent(
        "",
        *("affinity", "capacity-reservation-id", "client-token", "dns-name", "host-id", "instance-lifecycle"),
        *("ip-address", "kernel-id", "outpost-arn", "placement-group-name", "placement-partition-number", "platform"),
        *("product-code", "product-code.type", "ramdisk-id", "requester-id", "spot-instance-request-id"),
        *("tpm-support", "usage-operation-update-time"),
    ),
    "instance-state-code": "Instances.State.Code",
    "instance-state-name": "Instances.State.Name",
    "instance.group-id": "Instances.SecurityGroups.GroupId",
    "instance.group-name": "Instances.SecurityGroups.GroupName",
    "launch-index": "Instances.AmiLaunchIndex",
    "monitoring-state": "Instances.Monitoring.State",
    "owner-id": "OwnerId",
    "reason": "Instances.StateTransitionReason",
    "reservation-id": "ReservationId",
    "state-reason-code": "Instances.StateReason.Code",
    "state-reason-message": "Instances.StateReason.Message",
    "tag-key": "Instances.Tags.Key",
    "tag-value": "Instances.Tags.Value",
}

_OPTIONS = {
    **_absent("block-device-mapping", "attach-time", "delete-on-termination", "device-name", "status", "volume-id"),
    **_absent(
        "capacity-reservation-specification.capacity-reservation-target",
        *("capacity-reservation-id", "capacity-reservation-resource-group-arn"),
    ),
    **_members(
        "capacity-reservation-specification",
        f"{_OF_INSTANCE}.CapacityReservationSpecification",
        "capacity-reservation-preference",
    ),
    **_members("enclave-options", f"{_OF_INSTANCE}.EnclaveOptions", "enabled"),
    **_members("hibernation-options", f"{_OF_INSTANCE}.HibernationOptions", "configured"),
    **_absent("iam-instance-profile", "arn", "id"),
    **_members("maintenance-options", f"{_OF_INSTANCE}.MaintenanceOptions", "auto-recovery"),
    **_members(
        "metadata-options",
        f"{_OF_INSTANCE}.MetadataOptions",
        *("http-endpoint", "http-protocol-ipv6", "http-put-response-hop-limit", "http-tokens"),
        *("instance-metadata-tags", "state"),
    ),
    **_absent("metadata-options", "http-protocol-ipv4"),
    **_members("network-performance-options", f"{_OF_INSTANCE}.NetworkPerformanceOptions", "bandwidth-weighting"),
    **_members("operator", f"{_OF_INSTANCE}.Operator", "managed"),
    **_absent("operator", "principal"),
    "private-dns-name-options.hostname-type": "Instances.PrivateDnsNameOptions.HostnameType",
    "private-dns-name-options.enable-resource-name-dns-a-record": (
        "Instances.PrivateDnsNameOptions.EnableResourceNameDnsARecord"
    ),
    "private-dns-name-options.enable-resource-name-dns-aaaa-record": (
        "Instances.PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord"
    ),
}

_ASSOCIATION = (
    "allocation-id", "association-id", "carrier-ip", "customer-owned-ip", "ip-owner-id", "public-dns-name", "public-ip"
)  # fmt: skip
"""The association of an IPv4 address with an Elastic IP address."""

_OF_INTERFACES = {
    **_members(
        _INTERFACE,
        _OF_INTERFACE,
        *("description", "mac-address", "network-interface-id", "owner-id", "private-dns-name", "private-ip-address"),
        *("source-dest-check", "status", "subnet-id", "vpc-id"),
    ),
    **_members(f"{_INTERFACE}.ipv6-addresses", f"{_OF_INTERFACE}.Ipv6Addresses", "ipv6-address", "is-primary-ipv6"),
    **_members(
        f"{_INTERFACE}.addresses",
        f"{_OF_INTERFACE}.PrivateIpAddresses",
        *("primary", "private-dns-name", "private-ip-address"),
    ),
    **_members(
        f"{_INTERFACE}.attachment",
        f"{_OF_INTERFACE}.Attachment",
        *("attach-time", "attachment-id", "delete-on-termination", "device-index", "network-card-index", "status"),
    ),
    **_members(f"{_INTERFACE}.operator", f"{_OF_INTERFACE}.Operator", "managed"),
    **_absent(f"{_INTERFACE}.operator", "principal"),
    **_absent(f"{_INTERFACE}.addresses.association", *_ASSOCIATION),
    **_absent(f"{_INTERFACE}.association", *_ASSOCIATION),
    **_absent(
        _INTERFACE,
        *("deny-all-igw-traffic", "ipv4-prefixes.ipv4-prefix", "ipv6-native", "ipv6-prefixes.ipv6-prefix"),
        *("outpost-arn", "public-dns-name", "requester-id", "requester-managed", "tag-key", "tag-value"),
    ),
    f"{_INTERFACE}.attachment.instance-id": "Instances.InstanceId",
    f"{_INTERFACE}.attachment.instance-owner-id": "OwnerId",
    f"{_INTERFACE}.availability-zone": "Instances.Placement.AvailabilityZone",
    f"{_INTERFACE}.group-id": f"{_OF_INTERFACE}.Groups.GroupId",
    f"{_INTERFACE}.group-name": f"{_OF_INTERFACE}.Groups.GroupName",
    f"{_INTERFACE}.ipv6-address": f"{_OF_INTERFACE}.Ipv6Addresses.Ipv6Address",
}

INSTANCE_FILTERS: Mapping[str, str] = {**_MACHINE, **_OPTIONS, **_OF_INTERFACES}
