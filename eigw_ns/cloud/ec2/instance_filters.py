"""Filters of DescribeInstances: where a reservation has their values.

An instance of a lab has one network interface, so filters on the interface read members of the instance.
Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
"""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.ec2.filters import ABSENT

_INTERFACE = "network-interface"


def _absent(prefix: str, *names: str) -> dict[str, str]:
    """Return filters that match no instance, because a lab does not have what they ask for."""
    return {f"{prefix}.{name}" if prefix else name: ABSENT for name in names}


_MACHINE = _absent(
    "",
    *("affinity", "architecture", "availability-zone", "availability-zone-id", "boot-mode", "capacity-reservation-id"),
    *("client-token", "current-instance-boot-mode", "dns-name", "ebs-optimized", "ena-support", "host-id"),
    *("hypervisor", "image-id", "instance-lifecycle", "instance-type", "ip-address", "kernel-id", "key-name"),
    *("launch-index", "launch-time", "monitoring-state", "outpost-arn", "placement-group-name"),
    *("placement-partition-number", "platform", "platform-details", "private-dns-name", "private-ip-address"),
    *("product-code", "product-code.type", "ramdisk-id", "reason", "requester-id", "root-device-name"),
    *("root-device-type", "spot-instance-request-id", "state-reason-code", "state-reason-message", "tenancy"),
    *("tpm-support", "usage-operation", "usage-operation-update-time", "virtualization-type"),
)

_OPTIONS = {
    **_absent("block-device-mapping", "attach-time", "delete-on-termination", "device-name", "status", "volume-id"),
    **_absent(
        "capacity-reservation-specification",
        "capacity-reservation-preference",
        "capacity-reservation-target.capacity-reservation-id",
        "capacity-reservation-target.capacity-reservation-resource-group-arn",
    ),
    **_absent("enclave-options", "enabled"),
    **_absent("hibernation-options", "configured"),
    **_absent("iam-instance-profile", "arn", "id"),
    **_absent("maintenance-options", "auto-recovery"),
    **_absent(
        "metadata-options",
        *("http-endpoint", "http-protocol-ipv4", "http-protocol-ipv6", "http-put-response-hop-limit", "http-tokens"),
        *("instance-metadata-tags", "state"),
    ),
    **_absent("network-performance-options", "bandwidth-weighting"),
    **_absent("operator", "managed", "principal"),
    **_absent(
        "private-dns-name-options",
        *("enable-resource-name-dns-a-record", "enable-resource-name-dns-aaaa-record", "hostname-type"),
    ),
}

_ASSOCIATION = (
    "allocation-id", "association-id", "carrier-ip", "customer-owned-ip", "ip-owner-id", "public-dns-name", "public-ip"
)  # fmt: skip
"""The association of an IPv4 address with an Elastic IP address."""

_OF_INTERFACE = {
    **_absent(f"{_INTERFACE}.addresses.association", *_ASSOCIATION),
    **_absent(f"{_INTERFACE}.addresses", "primary", "private-dns-name", "private-ip-address"),
    **_absent(f"{_INTERFACE}.association", *_ASSOCIATION),
    **_absent(
        f"{_INTERFACE}.attachment",
        *("attach-time", "attachment-id", "delete-on-termination", "device-index", "network-card-index", "status"),
    ),
    **_absent(
        _INTERFACE,
        *("availability-zone", "deny-all-igw-traffic", "description", "ipv4-prefixes.ipv4-prefix"),
        *("ipv6-addresses.is-primary-ipv6", "ipv6-native", "ipv6-prefixes.ipv6-prefix", "mac-address"),
        *("network-interface-id", "operator.managed", "operator.principal", "outpost-arn", "private-dns-name"),
        *("private-ip-address", "public-dns-name", "requester-id", "requester-managed", "status", "tag-key"),
        "tag-value",
    ),
    f"{_INTERFACE}.attachment.instance-id": "Instances.InstanceId",
    f"{_INTERFACE}.attachment.instance-owner-id": "OwnerId",
    f"{_INTERFACE}.group-id": "Instances.SecurityGroups.GroupId",
    f"{_INTERFACE}.group-name": "Instances.SecurityGroups.GroupName",
    f"{_INTERFACE}.ipv6-address": "Instances.Ipv6Address",
    f"{_INTERFACE}.ipv6-addresses.ipv6-address": "Instances.Ipv6Address",
    f"{_INTERFACE}.owner-id": "OwnerId",
    f"{_INTERFACE}.source-dest-check": "Instances.SourceDestCheck",
    f"{_INTERFACE}.subnet-id": "Instances.SubnetId",
    f"{_INTERFACE}.vpc-id": "Instances.VpcId",
}

INSTANCE_FILTERS: Mapping[str, str] = {
    **_MACHINE,
    **_OPTIONS,
    **_OF_INTERFACE,
    "instance-id": "Instances.InstanceId",
    "instance-state-code": "Instances.State.Code",
    "instance-state-name": "Instances.State.Name",
    "instance.group-id": "Instances.SecurityGroups.GroupId",
    "instance.group-name": "Instances.SecurityGroups.GroupName",
    "ipv6-address": "Instances.Ipv6Address",
    "owner-id": "OwnerId",
    "reservation-id": "ReservationId",
    "source-dest-check": "Instances.SourceDestCheck",
    "subnet-id": "Instances.SubnetId",
    "tag-key": "Instances.Tags.Key",
    "tag-value": "Instances.Tags.Value",
    "vpc-id": "Instances.VpcId",
}
