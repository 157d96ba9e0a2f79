"""Attributes of instances: ModifyInstanceAttribute, DescribeInstanceAttribute, metadata options, credits, monitoring.

Only security groups decide about packets. All others are recorded.
Source: AWS, API_ModifyInstanceAttribute, API_DescribeInstanceAttribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from eigw_ns.cloud.ec2 import instance_shapes, interface_shapes
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import KnownFilters
from eigw_ns.cloud.ec2.instance_values import changed, is_burstable, with_metadata_options
from eigw_ns.cloud.ec2.interface_groups import requested_groups
from eigw_ns.cloud.ec2.resources import INSTANCE
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.instance_records import InstanceAttributes
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.cloud.volumes import ROOT_DEVICE
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_FIELDS: Mapping[str, str] = {
    "SourceDestCheck": "source_dest_check",
    "DisableApiTermination": "disable_api_termination",
    "DisableApiStop": "disable_api_stop",
    "EbsOptimized": "ebs_optimized",
    "InstanceType": "instance_type",
    "UserData": "user_data",
    "InstanceInitiatedShutdownBehavior": "instance_initiated_shutdown_behavior",
}
"""The attributes that hold one value, by the member that has it."""

_TRUTH = {"true": True, "false": False}
_ONLY_STOPPED = frozenset({"InstanceType", "UserData", "EbsOptimized"})

_CONSTANT: Mapping[str, Shape] = {
    "kernel": {"KernelId": {}},
    "ramdisk": {"RamdiskId": {}},
    "rootDeviceName": {"RootDeviceName": {"Value": ROOT_DEVICE}},
    "productCodes": {"ProductCodes": []},
    "sriovNetSupport": {"SriovNetSupport": {}},
    "enaSupport": {"EnaSupport": {"Value": True}},
}
"""The answers for attributes that no instance of a lab can change."""

_CREDITS = Listing(
    "InstanceCreditSpecifications", lambda shape: str(shape["InstanceId"]), KnownFilters({"instance-id": "InstanceId"})
)


def modify(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Change one attribute of an instance. A change of its security groups decides about packets at once."""
    instance = INSTANCE.find(cloud, request["InstanceId"])
    name, value = _change(request)
    if name in _ONLY_STOPPED and instance.state != "stopped":
        raise CloudError("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    if name == "Groups":
        return _kept(cloud, instance, with_groups(cloud, instance, value, settings))
    return _kept(cloud, instance, _with(instance, {_FIELDS[name]: value}))


def describe(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Describe one attribute of an instance."""
    instance, wanted = INSTANCE.find(cloud, request["InstanceId"]), request["Attribute"]
    members = {_first_lower(name): name for name in _FIELDS}
    found: Shape
    if wanted == "groupSet":
        found = {"Groups": interface_shapes.group_identifiers(cloud, instance.security_group_ids)}
    elif wanted in members:
        value = getattr(instance.attributes, _FIELDS[members[wanted]])
        found = {members[wanted]: {} if value is None else {"Value": value}}
    elif wanted == "blockDeviceMapping":
        found = {"BlockDeviceMappings": instance_shapes.block_device_mappings(instance)}
    elif wanted == "enclaveOptions":
        found = {"EnclaveOptions": {"Enabled": instance.attributes.enclave}}
    elif wanted in _CONSTANT:
        found = dict(_CONSTANT[wanted])
    else:
        raise invalid(f"Value ({shorten(wanted)}) for parameter attribute is invalid. Unknown attribute.")
    return Reply(cloud, {"InstanceId": instance.id, **found})


def modify_metadata_options(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Record options of the metadata service, which a lab does not have."""
    instance = INSTANCE.find(cloud, request["InstanceId"])
    known = with_metadata_options(instance.attributes, request)
    answer = {"InstanceId": instance.id, "InstanceMetadataOptions": instance_shapes.metadata_options(known)}
    return replace(_kept(cloud, instance, replace(instance, attributes=known)), answer=answer)


def monitor(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Record detailed monitoring, which moves no packet."""
    return _monitored(cloud, request["InstanceIds"], enabled=True)


def unmonitor(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Record that detailed monitoring is off."""
    return _monitored(cloud, request["InstanceIds"], enabled=False)


def describe_credits(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe the credit option of instances of burstable types."""
    found = INSTANCE.select(cloud, request.get("InstanceIds", []))
    for each in found if request.get("InstanceIds") else ():
        if not is_burstable(each.attributes.instance_type):
            message = f"The instance type of '{each.id}' does not support CPU credits."
            raise CloudError("InstanceCreditSpecification.NotSupported", message)
    shapes = (
        {"InstanceId": each.id, "CpuCredits": _credits(each)}
        for each in found
        if is_burstable(each.attributes.instance_type)
    )
    return _CREDITS.reply(cloud, shapes, request, settings)


def modify_credits(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Record the credit option of instances."""
    done = []
    for each in request["InstanceCreditSpecifications"]:
        instance = INSTANCE.find(cloud, each.get("InstanceId", ""))
        cloud = INSTANCE.put(cloud, _with(instance, {"cpu_credits": each.get("CpuCredits", "")}))
        done.append({"InstanceId": instance.id})
    answer = {"SuccessfulInstanceCreditSpecifications": done, "UnsuccessfulInstanceCreditSpecifications": []}
    return Reply(cloud, answer)


def with_groups(cloud: Cloud, instance: Instance, given: Iterable[str], settings: Settings) -> Instance:
    """Return the instance with the given security groups. Raises CloudError if it cannot have them."""
    group_ids = requested_groups(cloud, cloud.subnets[instance.subnet_id], given, settings)
    return replace(instance, security_group_ids=group_ids)


def _change(request: Request) -> tuple[str, Any]:
    """Return the member that names the one attribute of the request, and its new value."""
    given = {name: request[name].get("Value") for name in _FIELDS if name in request}
    if request.get("Groups"):
        given["Groups"] = request["Groups"]
    if "Attribute" in request:
        given |= _short(request["Attribute"], request.get("Value"))
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        raise CloudError("InvalidParameterCombination", "No attributes specified.")
    if len(given) > 1:
        message = f"Fields for multiple attribute types specified: {', '.join(map(_first_lower, given))}"
        raise CloudError("InvalidParameterCombination", message)
    return next(iter(given.items()))


def _short(attribute: str, text: str | None) -> Shape:
    """Return the change that the parameters Attribute and Value describe."""
    name = {_first_lower(each): each for each in _FIELDS}.get(attribute)
    if name is None:
        raise invalid(f"Value ({shorten(attribute)}) for parameter attribute is invalid. Unknown attribute.")
    if not isinstance(getattr(InstanceAttributes(), _FIELDS[name]), bool):
        return {name: text}
    if text not in _TRUTH:
        raise invalid(f"Value ({shorten(str(text))}) for parameter value is invalid. It must be true or false.")
    return {name: _TRUTH[text]}


def _with(instance: Instance, values: Mapping[str, Any]) -> Instance:
    return replace(instance, attributes=changed(instance.attributes, values))


def _kept(cloud: Cloud, before: Instance, after: Instance) -> Reply:
    return Reply(cloud if after == before else INSTANCE.put(cloud, after), {})


def _monitored(cloud: Cloud, wanted: list[str], *, enabled: bool) -> Reply:
    found = INSTANCE.select(cloud, wanted)
    after = INSTANCE.put(cloud, *(_with(each, {"monitoring": enabled}) for each in found))
    word = "enabled" if enabled else "disabled"
    answer = [{"InstanceId": each.id, "Monitoring": {"State": word}} for each in found]
    return Reply(after, {"InstanceMonitorings": answer})


def _credits(instance: Instance) -> str:
    """Return the credit option. By default AWS gives T2 standard credits, and newer types unlimited ones."""
    known = instance.attributes
    return known.cpu_credits or ("standard" if known.instance_type.startswith("t2.") else "unlimited")


def _first_lower(name: str) -> str:
    return name[:1].lower() + name[1:]
