"""Instances in the shapes of DescribeInstances, RunInstances and DescribeInstanceStatus.

Source: AWS, API_Instance, API_InstanceState, API_InstanceStatus.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import interface_shapes, zones
from eigw_ns.cloud.ec2.instance_profiles import profile
from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION
from eigw_ns.cloud.ec2.shapes import private_dns_name_options, tag_list
from eigw_ns.cloud.instance_records import InstanceAttributes, TerminatedInstance
from eigw_ns.cloud.model import Cloud, Instance, Subnet
from eigw_ns.cloud.volumes import ROOT_DEVICE, volumes_of

State = Literal["pending", "running", "stopping", "stopped", "shutting-down", "terminated"]

_CODES: Mapping[State, int] = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}

IMAGE = ids.make_id(ids.IMAGE, REGION)
"""The image of an instance that the topology file made."""


_STOPPED: Shape = {
    "Code": "Client.UserInitiatedShutdown",
    "Message": "Client.UserInitiatedShutdown: User initiated shutdown",
}


def state(name: State) -> Shape:
    """Return a state with AWS's code."""
    return {"Code": _CODES[name], "Name": name}


def state_of(instance: Instance | TerminatedInstance) -> State:
    """Return the name of the state of an instance."""
    return "terminated" if isinstance(instance, TerminatedInstance) else instance.state


def reservation(cloud: Cloud, instance: Instance | TerminatedInstance) -> Shape:
    """Return the reservation of an instance as in DescribeInstances. Each instance has one to itself."""
    known = instance.attributes.reservation_id or ids.make_id(ids.RESERVATION, instance.id)
    found = terminated(instance) if isinstance(instance, TerminatedInstance) else running(cloud, instance)
    return {"ReservationId": known, "OwnerId": ACCOUNT_ID, "Groups": [], "Instances": [found]}


def running(cloud: Cloud, instance: Instance) -> Shape:
    """Return an instance that is running or stopped. It keeps its addresses and its interface while it is stopped."""
    subnet = cloud.subnets[instance.subnet_id]
    tenancy = cloud.vpcs[subnet.vpc_id].attributes.instance_tenancy
    return {
        **_machine(instance, zones.of_subnet(subnet), tenancy),
        "BlockDeviceMappings": block_device_mappings(instance),
        "PrivateDnsName": interface_shapes.private_dns_name(subnet, instance),
        "VpcId": subnet.vpc_id,
        "SubnetId": subnet.id,
        **interface_shapes.private_ipv4(instance),
        **interface_shapes.ipv6_address(instance),
        "SecurityGroups": interface_shapes.group_identifiers(cloud, instance.security_group_ids),
        "NetworkInterfaces": interface_shapes.instance_interfaces(cloud, instance),
        **interface_shapes.public_ip(cloud, instance),
        "SourceDestCheck": instance.attributes.source_dest_check,
        "PrivateDnsNameOptions": _private_dns_name_options(subnet, instance.attributes),
    }


def block_device_mappings(instance: Instance) -> list[Shape]:
    """Return the volumes as DescribeInstances and DescribeInstanceAttribute have them."""
    launched = instance.attributes.launch_time
    attached = {"Status": "attached", "DeleteOnTermination": True, **({"AttachTime": launched} if launched else {})}
    return [{"DeviceName": each.device, "Ebs": {"VolumeId": each.id, **attached}} for each in volumes_of(instance)]


def _private_dns_name_options(subnet: Subnet, known: InstanceAttributes) -> Shape:
    """Return those of the launch, or else those of the subnet."""
    own = {
        "HostnameType": known.hostname_type,
        "EnableResourceNameDnsARecord": known.resource_name_dns_a_record,
        "EnableResourceNameDnsAAAARecord": known.resource_name_dns_aaaa_record,
    }
    return private_dns_name_options(subnet) | {name: value for name, value in own.items() if value is not None}


def terminated(instance: TerminatedInstance) -> Shape:
    """Return an instance that was terminated. It has no interface, and belongs to no subnet and no group."""
    zone = instance.availability_zone or f"{REGION}{zones.LETTERS[0]}"
    return {**_machine(instance, zone, "default"), "PrivateDnsName": "", "SecurityGroups": [], "NetworkInterfaces": []}


def _machine(instance: Instance | TerminatedInstance, zone: str, tenancy: str) -> Shape:
    """Return the members that an instance has in every state."""
    known = instance.attributes
    stopped = {} if state_of(instance) == "running" else {"StateReason": dict(_STOPPED)}
    return {
        "InstanceId": instance.id,
        "ImageId": known.image_id or IMAGE,
        "State": state(state_of(instance)),
        "StateTransitionReason": "User initiated" if stopped else "",
        **stopped,
        "PublicDnsName": "",
        **({} if known.key_name is None else {"KeyName": known.key_name}),
        "AmiLaunchIndex": known.launch_index,
        "ProductCodes": [],
        "InstanceType": known.instance_type,
        **({} if known.launch_time is None else {"LaunchTime": known.launch_time}),
        "Placement": {
            "AvailabilityZone": zone,
            "AvailabilityZoneId": zones.zone_id(zone),
            "GroupName": known.placement_group,
            "Tenancy": known.tenancy or tenancy,
            **({} if known.partition_number is None else {"PartitionNumber": known.partition_number}),
        },
        "Monitoring": {"State": "enabled" if known.monitoring else "disabled"},
        "Architecture": "x86_64",
        "BlockDeviceMappings": [],
        "EbsOptimized": known.ebs_optimized,
        "EnaSupport": True,
        "Hypervisor": "xen",
        "RootDeviceName": ROOT_DEVICE,
        "RootDeviceType": "ebs",
        "VirtualizationType": "hvm",
        "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances",
        "BootMode": "uefi-preferred",
        "CurrentInstanceBootMode": "uefi",
        "CpuOptions": {"CoreCount": known.core_count or 1, "ThreadsPerCore": known.threads_per_core or 2},
        "CapacityReservationSpecification": {"CapacityReservationPreference": known.capacity_reservation_preference},
        "HibernationOptions": {"Configured": known.hibernation},
        "EnclaveOptions": {"Enabled": known.enclave},
        "MaintenanceOptions": {"AutoRecovery": known.auto_recovery},
        **profile(known),
        "MetadataOptions": metadata_options(known),
        "NetworkPerformanceOptions": {"BandwidthWeighting": "default"},
        "Operator": {"Managed": False},
        "Tags": tag_list(instance.tags),
    }


def metadata_options(known: InstanceAttributes) -> Shape:
    """Return what AWS records of the instance's metadata service. A lab has no such service."""
    return {
        "State": "applied",
        "HttpTokens": known.http_tokens,
        "HttpPutResponseHopLimit": known.http_put_response_hop_limit,
        "HttpEndpoint": known.http_endpoint,
        "HttpProtocolIpv6": known.http_protocol_ipv6,
        "InstanceMetadataTags": known.instance_metadata_tags,
    }


def status(cloud: Cloud, instance: Instance) -> Shape:
    """Return an instance as in DescribeInstanceStatus. One that is stopped has no status."""
    zone = zones.of_subnet(cloud.subnets[instance.subnet_id])
    word = "ok" if instance.state == "running" else "not-applicable"
    passed = {"Details": [{"Name": "reachability", "Status": "passed"}]} if word == "ok" else {}
    return {
        "InstanceId": instance.id,
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zones.zone_id(zone),
        "InstanceState": state(instance.state),
        "InstanceStatus": {"Status": word, **passed},
        "SystemStatus": {"Status": word, **passed},
        "Events": [],
        "Operator": {"Managed": False},
    }
