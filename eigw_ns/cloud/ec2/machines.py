"""What AWS has beside instances and a lab does not: images and types.

Programs ask for them before they launch an instance, and when they read it. A lab runs every image and every type as a
network namespace, so it has one image, whatever is asked for, and answers for every name that has the form of a type.
Source: AWS, API_DescribeImages, API_DescribeInstanceTypes.
"""

from __future__ import annotations

from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, KnownFilters, filters
from eigw_ns.cloud.ec2.instance_shapes import IMAGE
from eigw_ns.cloud.ec2.instance_values import is_burstable
from eigw_ns.cloud.ec2.interface_addresses import MOST_ADDRESSES
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ids import IMAGE as IMAGE_KIND
from eigw_ns.cloud.ids import kind_of
from eigw_ns.cloud.instance_words import is_type
from eigw_ns.cloud.interfaces import MOST_INTERFACES
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.volumes import ROOT_DEVICE
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_CREATED = "2026-01-01T00:00:00.000Z"
_OWNER = "137112412989"
"""The account of Amazon Linux."""

_TYPES = ("m5.large", "t2.micro", "t3.large", "t3.medium", "t3.micro", "t3.nano", "t3.small", "t4g.micro")
"""The types in a list of all."""


def _absent(words: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), ABSENT)


_OF_IMAGES = KnownFilters(
    _absent(
        "architecture block-device-mapping.delete-on-termination block-device-mapping.device-name"
        " block-device-mapping.encrypted block-device-mapping.snapshot-id block-device-mapping.volume-size"
        " block-device-mapping.volume-type boot-mode creation-date description ena-support free-tier-eligible"
        " hypervisor image-allowed image-id image-type"
        " image-watermark.source-image-creation-time image-watermark.source-image-id"
        " image-watermark.source-image-region image-watermark.watermark-creation-time image-watermark.watermark-key"
        " instance-type-specification.supported-instance-type"
        " instance-type-specification.unsupported-instance-type"
        " is-public kernel-id manifest-location name owner-alias owner-id platform"
        " product-code product-code.type public-ssm-parameter-name ramdisk-id root-device-name root-device-type"
        " scan-result.critical-fix-available-since scan-result.finding-scan-date"
        " scan-result.high-fix-available-since scan-result.highest-finding-severity-label"
        " scan-result.informational-fix-available-since scan-result.low-fix-available-since"
        " scan-result.medium-fix-available-since source-image-id"
        " source-image-region source-instance-id state state-reason-code state-reason-message sriov-net-support"
        " tag-key tag-value virtualization-type"
    )
)
_OF_TYPES = Listing(
    "InstanceTypes",
    lambda shape: str(shape["InstanceType"]),
    KnownFilters(
        {
            **_absent(
                "dedicated-hosts-supported ebs-info.attachment-limit-type"
                " ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps ebs-info.ebs-optimized-info.baseline-iops"
                " ebs-info.ebs-optimized-info.baseline-throughput-in-mbps"
                " ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps ebs-info.ebs-optimized-info.maximum-iops"
                " ebs-info.ebs-optimized-info.maximum-throughput-in-mbps ebs-info.encryption-support"
                " ebs-info.maximum-ebs-attachments ebs-info.nvme-support instance-storage-info.disk.count"
                " instance-storage-info.disk.size-in-gb instance-storage-info.disk.type"
                " instance-storage-info.encryption-support instance-storage-info.nvme-support"
                " instance-storage-info.total-size-in-gb network-info.bandwidth-weightings"
                " network-info.efa-info.maximum-efa-interfaces network-info.flexible-ena-queues-support"
                " nitro-tpm-info.supported-versions processor-info.supported-features"
                " processor-info.sustained-clock-speed-in-ghz reboot-migration-support vcpu-info.valid-cores"
                " vcpu-info.valid-threads-per-core"
            ),
            "auto-recovery-supported": "AutoRecoverySupported",
            "bare-metal": "BareMetal",
            "burstable-performance-supported": "BurstablePerformanceSupported",
            "current-generation": "CurrentGeneration",
            "ebs-info.ebs-optimized-support": "EbsInfo.EbsOptimizedSupport",
            "free-tier-eligible": "FreeTierEligible",
            "hibernation-supported": "HibernationSupported",
            "hypervisor": "Hypervisor",
            "instance-storage-supported": "InstanceStorageSupported",
            "instance-type": "InstanceType",
            "memory-info.size-in-mib": "MemoryInfo.SizeInMiB",
            "network-info.efa-supported": "NetworkInfo.EfaSupported",
            "network-info.ena-support": "NetworkInfo.EnaSupport",
            "network-info.encryption-in-transit-supported": "NetworkInfo.EncryptionInTransitSupported",
            "network-info.ipv4-addresses-per-interface": "NetworkInfo.Ipv4AddressesPerInterface",
            "network-info.ipv6-addresses-per-interface": "NetworkInfo.Ipv6AddressesPerInterface",
            "network-info.ipv6-supported": "NetworkInfo.Ipv6Supported",
            "network-info.maximum-network-cards": "NetworkInfo.MaximumNetworkCards",
            "network-info.maximum-network-interfaces": "NetworkInfo.MaximumNetworkInterfaces",
            "network-info.network-performance": "NetworkInfo.NetworkPerformance",
            "nitro-enclaves-support": "NitroEnclavesSupport",
            "nitro-tpm-support": "NitroTpmSupport",
            "processor-info.supported-architecture": "ProcessorInfo.SupportedArchitectures",
            "supported-boot-mode": "SupportedBootModes",
            "supported-root-device-type": "SupportedRootDeviceTypes",
            "supported-usage-class": "SupportedUsageClasses",
            "supported-virtualization-type": "SupportedVirtualizationTypes",
            "vcpu-info.default-cores": "VCpuInfo.DefaultCores",
            "vcpu-info.default-threads-per-core": "VCpuInfo.DefaultThreadsPerCore",
            "vcpu-info.default-vcpus": "VCpuInfo.DefaultVCpus",
        }
    ),
)


def describe_images(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe the images with the given ids, or else the lab's image. Filters must be AWS's, and select nothing."""
    for text in request.get("ImageIds", []):
        if kind_of(text) != IMAGE_KIND:
            raise CloudError("InvalidAMIID.Malformed", f'Invalid id: "{shorten(text)}" (expecting "ami-...")')
    filters(request, _OF_IMAGES, settings)
    return Reply(cloud, {"Images": [_image(each) for each in request.get("ImageIds") or [IMAGE]]})


def describe_types(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe the given types, or a few that AWS has. They differ only in their CPU credits and architecture."""
    wanted = request.get("InstanceTypes") or _TYPES
    wrong = [each for each in wanted if not is_type(each)]
    if wrong:
        listed = shorten(", ".join(wrong))
        raise CloudError("InvalidInstanceType", f"The following supplied instance types do not exist: [{listed}]")
    return _OF_TYPES.reply(cloud, map(_type, dict.fromkeys(wanted)), request, settings)


def _image(image_id: str) -> Shape:
    return {
        "ImageId": image_id,
        "Name": "eigw-ns",
        "Description": "A network namespace of this machine",
        "ImageLocation": "amazon/eigw-ns",
        "ImageOwnerAlias": "amazon",
        "OwnerId": _OWNER,
        "ImageType": "machine",
        "State": "available",
        "Public": True,
        "CreationDate": _CREATED,
        "Architecture": "x86_64",
        "Hypervisor": "xen",
        "VirtualizationType": "hvm",
        "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances",
        "RootDeviceName": ROOT_DEVICE,
        "RootDeviceType": "ebs",
        "BlockDeviceMappings": [],
        "EnaSupport": True,
        "BootMode": "uefi-preferred",
        "Tags": [],
    }


def _type(name: str) -> Shape:
    arm = name.partition(".")[0].endswith("g")
    return {
        "InstanceType": name,
        "CurrentGeneration": True,
        "FreeTierEligible": name.endswith(".micro"),
        "SupportedUsageClasses": ["on-demand"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "SupportedBootModes": ["uefi"],
        "BareMetal": False,
        "Hypervisor": "nitro",
        "ProcessorInfo": {"SupportedArchitectures": ["arm64" if arm else "x86_64"]},
        "VCpuInfo": {"DefaultVCpus": 2, "DefaultCores": 1, "DefaultThreadsPerCore": 2},
        "MemoryInfo": {"SizeInMiB": 1024},
        "InstanceStorageSupported": False,
        "EbsInfo": {"EbsOptimizedSupport": "default", "EncryptionSupport": "supported", "NvmeSupport": "required"},
        "NetworkInfo": {
            "NetworkPerformance": "Up to 5 Gigabit",
            "MaximumNetworkInterfaces": MOST_INTERFACES,
            "MaximumNetworkCards": 1,
            "DefaultNetworkCardIndex": 0,
            "Ipv4AddressesPerInterface": MOST_ADDRESSES,
            "Ipv6AddressesPerInterface": MOST_ADDRESSES,
            "Ipv6Supported": True,
            "EnaSupport": "required",
            "EfaSupported": False,
            "EncryptionInTransitSupported": False,
        },
        "PlacementGroupInfo": {"SupportedStrategies": []},
        "HibernationSupported": False,
        "BurstablePerformanceSupported": is_burstable(name),
        "DedicatedHostsSupported": False,
        "AutoRecoverySupported": True,
        "NitroEnclavesSupport": "unsupported",
        "NitroTpmSupport": "unsupported",
    }
