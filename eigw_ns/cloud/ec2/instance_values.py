"""What is recorded of an instance and no packet shows: the values of requests, checked as AWS checks them.

Source: AWS, API_RunInstances, API_ModifyInstanceAttribute, API_ModifyInstanceMetadataOptions.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eigw_ns.cloud.ec2 import instance_profiles
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.key_pairs import find_named
from eigw_ns.cloud.ec2.schema import Request
from eigw_ns.cloud.instance_records import InstanceAttributes
from eigw_ns.cloud.instance_words import ATTRIBUTE_WORDS, HOP_LIMITS, is_type
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_LARGEST_USER_DATA = 16_384  # bytes

_METADATA = {
    "HttpTokens": "http_tokens",
    "HttpPutResponseHopLimit": "http_put_response_hop_limit",
    "HttpEndpoint": "http_endpoint",
    "HttpProtocolIpv6": "http_protocol_ipv6",
    "InstanceMetadataTags": "instance_metadata_tags",
}
_AT_LAUNCH = {
    "InstanceType": "instance_type",
    "KeyName": "key_name",
    "UserData": "user_data",
    "EbsOptimized": "ebs_optimized",
    "DisableApiTermination": "disable_api_termination",
    "DisableApiStop": "disable_api_stop",
    "InstanceInitiatedShutdownBehavior": "instance_initiated_shutdown_behavior",
}
_IN_STRUCTURES = {
    ("Monitoring", "Enabled"): "monitoring",
    ("CreditSpecification", "CpuCredits"): "cpu_credits",
    ("CpuOptions", "CoreCount"): "core_count",
    ("CpuOptions", "ThreadsPerCore"): "threads_per_core",
    ("MaintenanceOptions", "AutoRecovery"): "auto_recovery",
    ("HibernationOptions", "Configured"): "hibernation",
    ("EnclaveOptions", "Enabled"): "enclave",
    ("CapacityReservationSpecification", "CapacityReservationPreference"): "capacity_reservation_preference",
    ("PrivateDnsNameOptions", "HostnameType"): "hostname_type",
    ("PrivateDnsNameOptions", "EnableResourceNameDnsARecord"): "resource_name_dns_a_record",
    ("PrivateDnsNameOptions", "EnableResourceNameDnsAAAARecord"): "resource_name_dns_aaaa_record",
    ("Placement", "Tenancy"): "tenancy",
    ("Placement", "GroupName"): "placement_group",
    ("Placement", "PartitionNumber"): "partition_number",
}
"""The fields of attributes that are members of structures in RunInstances."""

NO_PLACEMENT = ("Affinity", "GroupId", "HostId", "HostResourceGroupArn", "SpreadDomain")
"""Members of Placement that a lab cannot record."""

_NUMBERS = {"core_count": (1, 512), "threads_per_core": (1, 2), "partition_number": (1, 7)}
"""The least and the most of attributes that are numbers."""


def at_launch(cloud: Cloud, request: Request) -> InstanceAttributes:
    """Return what RunInstances records of each new instance. Raises CloudError if a value is not valid."""
    if request.get("KeyName"):
        find_named(cloud, request["KeyName"])
    for name in NO_PLACEMENT:
        if request.get("Placement", {}).get(name):
            raise CloudError("UnsupportedOperation", f"A lab has no dedicated hosts: Placement.{name} must be empty.")
    known = changed(InstanceAttributes(), {_AT_LAUNCH[name]: request[name] for name in _AT_LAUNCH if name in request})
    given = {
        field: request[name][member]
        for (name, member), field in _IN_STRUCTURES.items()
        if request.get(name, {}).get(member) not in (None, "")
    }
    known = replace(known, iam_instance_profile=instance_profiles.requested(request))
    return with_metadata_options(changed(known, given), request.get("MetadataOptions", {}))


def with_metadata_options(known: InstanceAttributes, given: Request) -> InstanceAttributes:
    """Return the attributes with the given metadata options, those of RunInstances or ModifyInstanceMetadataOptions."""
    return changed(known, {_METADATA[name]: value for name, value in given.items() if name in _METADATA})


def changed(known: InstanceAttributes, values: Mapping[str, Any]) -> InstanceAttributes:
    """Return the attributes with new values. Raises InvalidParameterValue if one is not valid."""
    for name, value in values.items():
        _check(name, value)
    return replace(known, **values)


def is_burstable(instance_type: str) -> bool:
    """Return whether the type has CPU credits: T2, T3, T3a, T4g."""
    return instance_type.startswith("t")


def _check(name: str, value: Any) -> None:
    if name == "instance_type" and not is_type(value):
        raise invalid(f"Invalid value '{shorten(value)}' for InstanceType.")
    if name == "user_data":
        _check_user_data(value)
    if name == "http_put_response_hop_limit" and value not in HOP_LIMITS:
        raise invalid(
            f"Value ({value}) for parameter HttpPutResponseHopLimit is invalid. It must be 1 to {HOP_LIMITS[-1]}."
        )
    if name in _NUMBERS and not _NUMBERS[name][0] <= value <= _NUMBERS[name][1]:
        least, most = _NUMBERS[name]
        raise invalid(f"Value ({value}) for parameter {name} is invalid. It must be {least} to {most}.")
    if name in ATTRIBUTE_WORDS and value not in ATTRIBUTE_WORDS[name]:
        words = " or ".join(ATTRIBUTE_WORDS[name])
        raise invalid(f"Value ({shorten(value)}) for parameter {name} is invalid. It must be {words}.")


def _check_user_data(text: str) -> None:
    try:
        size = len(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        raise CloudError("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None
    if size > _LARGEST_USER_DATA:
        raise invalid(f"User data is limited to {_LARGEST_USER_DATA} bytes")
