"""The actions on instances, key pairs and what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.ec2 import (
    instance_attributes,
    instance_launch,
    instance_profiles,
    instance_states,
    instances,
    key_pairs,
    machines,
    volumes,
)
from eigw_ns.cloud.ec2.actions.interfaces import ADDRESSES, IPV6_ADDRESSES
from eigw_ns.cloud.ec2.instance_values import NO_PLACEMENT
from eigw_ns.cloud.ec2.schema import (
    CLIENT_TOKEN,
    DRY_RUN,
    FILTERS,
    LISTING,
    PAGING,
    TAG_SPECIFICATIONS,
    Action,
    Function,
    Parameter,
    blob,
    boolean,
    describing,
    integer,
    reading,
    string,
    strings,
    structure,
    structures,
)

_RECORDED = "recorded"
_IGNORED = "ignored"
_REFUSED = "always refused: a volume of a lab has no such attribute"

_INSTANCE = string("InstanceId", "the ID of the instance", required=True)
_INSTANCES = strings("InstanceIds", "the IDs of the instances", required=True)
_KEY_NAME = string("KeyName", "the name of the key pair", required=True)
_METADATA_OPTIONS = (
    string("HttpTokens", "optional or required"),
    integer("HttpPutResponseHopLimit", "1 to 64"),
    string("HttpEndpoint", "enabled or disabled"),
    string("HttpProtocolIpv6", "enabled or disabled"),
    string("InstanceMetadataTags", "enabled or disabled"),
)
_PLACEMENT = structure(
    "Placement",
    "the zone, for a subnet of the default VPC",
    string("AvailabilityZone", "the name of the zone"),
    string("Tenancy", "default or dedicated; recorded"),
    string("GroupName", "the name of a placement group; recorded"),
    integer("PartitionNumber", "1 to 7; recorded"),
    string("AvailabilityZoneId", "instead of AvailabilityZone: the ID of the zone"),
    *(string(name, "always refused: a lab has no hosts") for name in NO_PLACEMENT),
)
_NETWORK_INTERFACES = structures(
    "NetworkInterfaces",
    "the interfaces, in place of SubnetId, groups and addresses",
    integer("DeviceIndex", "0 for the interface that moves packets; those with 1 or more are recorded"),
    integer("NetworkCardIndex", _IGNORED),
    string("SubnetId", "the ID of the subnet"),
    strings("Groups", "the IDs of the security groups"),
    *ADDRESSES,
    boolean("AssociatePublicIpAddress", "true records a public IPv4 address"),
    boolean("DeleteOnTermination", "false keeps the interface and its addresses after termination"),
    string("NetworkInterfaceId", "the ID of an interface that exists, in place of the other members"),
    string("Description", "a description, at most 255 characters"),
    string("InterfaceType", "the type: always interface"),
    boolean("PrimaryIpv6", "whether the first IPv6 address is the primary one; recorded"),
)
_EBS = (
    boolean("DeleteOnTermination", "always true: a volume goes with its instance"),
    integer("Iops", _RECORDED),
    string("SnapshotId", "always refused: a lab has no snapshots"),
    integer("VolumeSize", "in GiB; recorded"),
    string("VolumeType", "gp2, gp3, io1, io2, sc1, st1 or standard; recorded"),
    string("KmsKeyId", _RECORDED),
    integer("Throughput", "in MiB/s; recorded"),
    boolean("Encrypted", _RECORDED),
    *(string(name, _REFUSED) for name in ("OutpostArn", "AvailabilityZone", "AvailabilityZoneId")),
    *(integer(name, _REFUSED) for name in ("VolumeInitializationRate", "EbsCardIndex")),
)
_OPTIONS = (
    structures(
        "BlockDeviceMappings",
        "the volumes, which are recorded: a lab has no disks",
        string("DeviceName", "the name of the device"),
        string("VirtualName", f"{_IGNORED}: no type has instance store volumes"),
        string("NoDevice", f"{_IGNORED}: the image has no volumes to omit"),
        structure("Ebs", "the volume", *_EBS),
    ),
    structure("IamInstanceProfile", _RECORDED, string("Arn", "its ARN"), string("Name", "instead: its name")),
    structure("CapacityReservationSpecification", _RECORDED, string("CapacityReservationPreference", "open or none")),
    structure("CpuOptions", _RECORDED, integer("CoreCount", "1 to 512"), integer("ThreadsPerCore", "1 or 2")),
    structure("HibernationOptions", _RECORDED, boolean("Configured", "true or false")),
    structure("EnclaveOptions", _RECORDED, boolean("Enabled", "true or false")),
    structure("MaintenanceOptions", _RECORDED, string("AutoRecovery", "default or disabled")),
    structure(
        "PrivateDnsNameOptions",
        "recorded; default: those of the subnet",
        string("HostnameType", "ip-name or resource-name"),
        boolean("EnableResourceNameDnsARecord", "true or false"),
        boolean("EnableResourceNameDnsAAAARecord", "true or false"),
    ),
)
"""Parameters of RunInstances that move no packet, and that answers repeat."""

_BOOLEAN_VALUES = (
    ("SourceDestCheck", "recorded; the lab checks the sources of every instance"),
    ("DisableApiTermination", "true refuses to terminate the instance"),
    ("DisableApiStop", "true refuses to stop the instance"),
    ("EbsOptimized", "recorded, of a stopped instance"),
)
_STRING_VALUES = (
    ("InstanceType", "the type, recorded, of a stopped instance"),
    ("InstanceInitiatedShutdownBehavior", "stop or terminate; recorded"),
)


def _mutating(function: Function, text: str, *parameters: Parameter) -> Action:
    return Action(function, text, parameters, mutates=True, echoes_token=False)


ACTIONS: Mapping[str, Action] = {
    "RunInstances": _mutating(
        instance_launch.run,
        "Create and start instances",
        string("ImageId", "the ID of the image, recorded; any ID does", required=True),
        integer("MinCount", "the least number of instances to create", required=True),
        integer("MaxCount", "the number of instances to create", required=True),
        string("SubnetId", "the ID of the subnet; default: one of the default VPC"),
        strings("SecurityGroupIds", "the IDs of the security groups; default: the default group"),
        strings("SecurityGroups", "the names of security groups of the default VPC"),
        integer("Ipv6AddressCount", "the number of free IPv6 addresses of the subnet to take"),
        IPV6_ADDRESSES,
        string("PrivateIpAddress", "the IPv4 address, which is recorded; default: the first free one"),
        boolean("EnablePrimaryIpv6", "whether the first IPv6 address is the primary one; recorded"),
        _NETWORK_INTERFACES,
        _PLACEMENT,
        string("InstanceType", "the type, recorded; any name does"),
        string("KeyName", "the name of a key pair, recorded"),
        string("UserData", "base64, recorded; no machine runs it"),
        boolean("DisableApiTermination", "refuse to terminate the instances"),
        boolean("DisableApiStop", "refuse to stop the instances"),
        string("InstanceInitiatedShutdownBehavior", "stop or terminate; recorded"),
        boolean("EbsOptimized", _RECORDED),
        structure("Monitoring", _RECORDED, boolean("Enabled", "detailed monitoring")),
        structure("CreditSpecification", _RECORDED, string("CpuCredits", "standard or unlimited")),
        structure("MetadataOptions", _RECORDED, *_METADATA_OPTIONS),
        *_OPTIONS,
        CLIENT_TOKEN,
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "DescribeInstances": reading(
        instances.describe,
        "Describe instances, also those terminated within the last hour",
        *describing("InstanceIds", "instances"),
    ),
    "DescribeInstanceStatus": reading(
        instances.describe_status,
        "Describe the status of running instances",
        strings("InstanceIds", "the IDs of the instances; default: all"),
        boolean("IncludeAllInstances", "describe stopped instances too"),
        *LISTING,
    ),
    "StartInstances": _mutating(
        instance_states.start,
        "Start stopped instances; each has its link and its addresses again",
        _INSTANCES,
        string("AdditionalInfo", _IGNORED),
        DRY_RUN,
    ),
    "StopInstances": _mutating(
        instance_states.stop,
        "Stop instances; each loses its link and its flows, and keeps its addresses",
        _INSTANCES,
        boolean("Force", _IGNORED),
        boolean("Hibernate", _IGNORED),
        boolean("SkipOsShutdown", _IGNORED),
        DRY_RUN,
    ),
    "RebootInstances": _mutating(instance_states.reboot, "Accept a reboot, which changes nothing", _INSTANCES, DRY_RUN),
    "TerminateInstances": _mutating(
        instance_states.terminate,
        "Delete instances with their namespaces and flows",
        _INSTANCES,
        boolean("Force", _IGNORED),
        boolean("SkipOsShutdown", _IGNORED),
        DRY_RUN,
    ),
    "MonitorInstances": _mutating(instance_attributes.monitor, "Record detailed monitoring", _INSTANCES, DRY_RUN),
    "UnmonitorInstances": _mutating(
        instance_attributes.unmonitor, "Record that detailed monitoring is off", _INSTANCES, DRY_RUN
    ),
    "DescribeInstanceAttribute": reading(
        instance_attributes.describe,
        "Describe one attribute of an instance",
        _INSTANCE,
        string("Attribute", "the attribute, such as disableApiTermination", required=True),
        DRY_RUN,
    ),
    "ModifyInstanceAttribute": _mutating(
        instance_attributes.modify,
        "Change one attribute of an instance; its security groups decide about packets",
        _INSTANCE,
        strings("Groups", "the IDs of all security groups that the instance will have"),
        *(structure(name, text, boolean("Value", "true or false")) for name, text in _BOOLEAN_VALUES),
        *(structure(name, text, string("Value", "the value")) for name, text in _STRING_VALUES),
        structure("UserData", "recorded, of a stopped instance", blob("Value", "base64")),
        string("Attribute", "instead: the name of the attribute, such as instanceType"),
        string("Value", "the value of Attribute"),
        DRY_RUN,
    ),
    "ModifyInstanceMetadataOptions": _mutating(
        instance_attributes.modify_metadata_options,
        "Record options of the metadata service, which a lab does not have",
        _INSTANCE,
        *_METADATA_OPTIONS,
        DRY_RUN,
    ),
    "DescribeInstanceCreditSpecifications": reading(
        instance_attributes.describe_credits,
        "Describe the credit option of burstable instances",
        *describing("InstanceIds", "instances"),
    ),
    "ModifyInstanceCreditSpecification": _mutating(
        instance_attributes.modify_credits,
        "Record the credit option of instances",
        structures(
            "InstanceCreditSpecifications",
            "the credit options",
            string("InstanceId", "the ID of the instance"),
            string("CpuCredits", "standard or unlimited"),
            required=True,
        ),
        CLIENT_TOKEN,
        DRY_RUN,
    ),
    "CreateKeyPair": _mutating(
        key_pairs.create,
        "Record a key pair; its private key is a placeholder",
        _KEY_NAME,
        string("KeyType", "rsa or ed25519"),
        string("KeyFormat", "pem or ppk; ignored"),
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "ImportKeyPair": _mutating(
        key_pairs.import_key,
        "Record the public key of a key pair",
        _KEY_NAME,
        blob("PublicKeyMaterial", "the key in OpenSSH's form, or base64 of it", required=True),
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "DescribeKeyPairs": reading(
        key_pairs.describe,
        "Describe key pairs",
        strings("KeyNames", "the names of the key pairs; default: all"),
        strings("KeyPairIds", "the IDs of the key pairs; default: all"),
        boolean("IncludePublicKey", "answer with the public keys too"),
        FILTERS,
        DRY_RUN,
    ),
    "DeleteKeyPair": _mutating(
        key_pairs.delete,
        "Delete a key pair",
        string("KeyName", "the name of the key pair"),
        string("KeyPairId", "instead of KeyName: the ID of the key pair"),
        DRY_RUN,
    ),
    "DescribeImages": reading(
        machines.describe_images,
        "Describe the one image of a lab, whatever is asked for",
        strings("ImageIds", "the IDs of the images; each is described"),
        strings("Owners", _IGNORED),
        strings("ExecutableUsers", _IGNORED),
        boolean("IncludeDeprecated", _IGNORED),
        boolean("IncludeDisabled", _IGNORED),
        *LISTING,
    ),
    "DescribeInstanceTypes": reading(
        machines.describe_types,
        "Describe instance types; all are alike in a lab",
        strings("InstanceTypes", "the types; default: a few"),
        *LISTING,
    ),
    "DescribeVolumes": reading(
        volumes.describe, "Describe the recorded volumes of instances", *describing("VolumeIds", "volumes")
    ),
    "DescribeIamInstanceProfileAssociations": reading(
        instance_profiles.describe,
        "Describe the recorded instance profiles of instances",
        strings("AssociationIds", "the IDs of the associations"),
        FILTERS,
        *PAGING,
    ),
}
"""Every action, by AWS's name for it."""
