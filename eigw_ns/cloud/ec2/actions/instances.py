"""The actions on instances, key pairs and what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.ec2 import (
    instance_attributes,
    instance_launch,
    instance_states,
    instances,
    interface_addresses,
    key_pairs,
    machines,
)
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

_INSTANCE = string("InstanceId", "the ID of the instance", required=True)
_INSTANCES = strings("InstanceIds", "the IDs of the instances", required=True)
_INTERFACE = string("NetworkInterfaceId", "the ID of the interface of an instance", required=True)
_ADDRESSES = (
    integer("Ipv6AddressCount", "the number of free IPv6 addresses of the subnet to take"),
    structures(
        "Ipv6Addresses",
        "the IPv6 addresses",
        string("Ipv6Address", "an IPv6 address of the subnet"),
        boolean("IsPrimaryIpv6", _IGNORED),
    ),
    string("PrivateIpAddress", "the IPv4 address, which is recorded; default: the first free one"),
)
_KEY_NAME = string("KeyName", "the name of the key pair", required=True)
_METADATA_OPTIONS = (
    string("HttpTokens", "optional or required"),
    integer("HttpPutResponseHopLimit", "1 to 64"),
    string("HttpEndpoint", "enabled or disabled"),
    string("HttpProtocolIpv6", "enabled or disabled"),
    string("InstanceMetadataTags", "enabled or disabled"),
)
_PLACEMENT_WORDS = (
    *("AvailabilityZoneId", "Affinity", "GroupName", "HostId", "Tenancy", "SpreadDomain", "HostResourceGroupArn"),
    "GroupId",
)
_PLACEMENT = structure(
    "Placement",
    "the zone, for a subnet of the default VPC",
    string("AvailabilityZone", "the name of the zone"),
    integer("PartitionNumber", _IGNORED),
    *(string(name, _IGNORED) for name in _PLACEMENT_WORDS),
)
_NETWORK_INTERFACES = structures(
    "NetworkInterfaces",
    "the interface, in place of SubnetId, groups and addresses",
    integer("DeviceIndex", "always 0: an instance has one interface"),
    string("SubnetId", "the ID of the subnet"),
    strings("Groups", "the IDs of the security groups"),
    *_ADDRESSES,
    boolean("AssociatePublicIpAddress", f"{_IGNORED}: no IPv4 address is public"),
    boolean("DeleteOnTermination", f"{_IGNORED}: an interface goes with its instance"),
    string("NetworkInterfaceId", "always refused: each instance has an interface of its own"),
    string("Description", _IGNORED),
    boolean("PrimaryIpv6", _IGNORED),
)
_ACCEPTED = (
    structures("BlockDeviceMappings", f"the volumes; {_IGNORED}: a lab has none", string("DeviceName", _IGNORED),
               string("VirtualName", _IGNORED), string("NoDevice", _IGNORED),
               structure("Ebs", _IGNORED, boolean("DeleteOnTermination", _IGNORED), integer("Iops", _IGNORED),
                         string("SnapshotId", _IGNORED), integer("VolumeSize", _IGNORED),
                         string("VolumeType", _IGNORED), string("KmsKeyId", _IGNORED),
                         string("OutpostArn", _IGNORED), string("AvailabilityZone", _IGNORED),
                         string("AvailabilityZoneId", _IGNORED), integer("VolumeInitializationRate", _IGNORED),
                         integer("EbsCardIndex", _IGNORED),
                         integer("Throughput", _IGNORED), boolean("Encrypted", _IGNORED))),
    structure("IamInstanceProfile", _IGNORED, string("Arn", _IGNORED), string("Name", _IGNORED)),
    structure("CapacityReservationSpecification", _IGNORED, string("CapacityReservationPreference", _IGNORED)),
    structure("CpuOptions", _IGNORED, integer("CoreCount", _IGNORED), integer("ThreadsPerCore", _IGNORED)),
    structure("HibernationOptions", _IGNORED, boolean("Configured", _IGNORED)),
    structure("EnclaveOptions", _IGNORED, boolean("Enabled", _IGNORED)),
    structure("MaintenanceOptions", _IGNORED, string("AutoRecovery", _IGNORED)),
    structure("PrivateDnsNameOptions", f"{_IGNORED}: those of the subnet count", string("HostnameType", _IGNORED),
              boolean("EnableResourceNameDnsARecord", _IGNORED),
              boolean("EnableResourceNameDnsAAAARecord", _IGNORED)),
    boolean("EnablePrimaryIpv6", _IGNORED),
    structures("LicenseSpecifications", _IGNORED, string("LicenseConfigurationArn", _IGNORED)),
)  # fmt: skip
"""Parameters of RunInstances that move no packet, and that no answer repeats."""

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
        *_ADDRESSES,
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
        *_ACCEPTED,
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
    "ModifyNetworkInterfaceAttribute": _mutating(
        instance_attributes.modify_interface,
        "Change the security groups of the interface of an instance",
        _INTERFACE,
        strings("Groups", "the IDs of all security groups that the interface will have"),
        structure("SourceDestCheck", _BOOLEAN_VALUES[0][1], boolean("Value", "true or false")),
        DRY_RUN,
    ),
    "AssignIpv6Addresses": _mutating(
        interface_addresses.assign,
        "Give an instance further IPv6 addresses",
        _INTERFACE,
        integer("Ipv6AddressCount", "the number of free addresses of the subnet to take"),
        strings("Ipv6Addresses", "the addresses"),
    ),
    "UnassignIpv6Addresses": _mutating(
        interface_addresses.unassign,
        "Take IPv6 addresses from an instance; their flows end",
        _INTERFACE,
        strings("Ipv6Addresses", "the addresses", required=True),
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
        machines.describe_volumes, "Describe volumes: a lab has none", *describing("VolumeIds", "volumes")
    ),
    "DescribeIamInstanceProfileAssociations": reading(
        machines.describe_profiles,
        "Describe associations of instance profiles: a lab has none",
        strings("AssociationIds", "the IDs of the associations"),
        FILTERS,
        *PAGING,
    ),
}
"""Every action, by AWS's name for it."""
