"""Volumes of instances, which are recorded: BlockDeviceMappings of RunInstances, and DescribeVolumes.

A volume is made with its instance and deleted with it. The root volume is recorded if the request has its size, its
type or tags; otherwise `cloud.volumes` makes it. A lab has no snapshots.
Source: AWS, API_EbsBlockDevice, API_Volume, API_DescribeVolumes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import zones
from eigw_ns.cloud.ec2.checks import invalid, missing
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.resources import VOLUME
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.shapes import tag_list
from eigw_ns.cloud.instance_records import Volume
from eigw_ns.cloud.instance_words import VOLUME_SIZES
from eigw_ns.cloud.model import Cloud, Instance, Tags
from eigw_ns.cloud.volumes import ROOT_DEVICE, volumes_of
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_DEFAULT_TYPE = "gp3"
_USUAL: Mapping[str, tuple[int, int | None]] = {"gp3": (3000, 125)}
"""The IOPS and the throughput of types that have them without asking."""

_WITH_IOPS = frozenset({"gp3", "io1", "io2"})

_NOT_RECORDED = ("OutpostArn", "AvailabilityZone", "AvailabilityZoneId", "VolumeInitializationRate", "EbsCardIndex")

_LISTING = Listing(
    "Volumes",
    lambda shape: str(shape["VolumeId"]),
    KnownFilters(
        {
            **{
                f"attachment.{name}": f"Attachments.{member}"
                for name, member in (
                    ("attach-time", "AttachTime"),
                    ("delete-on-termination", "DeleteOnTermination"),
                    ("device", "Device"),
                    ("instance-id", "InstanceId"),
                    ("status", "State"),
                )
            },
            "availability-zone": "AvailabilityZone",
            "availability-zone-id": "AvailabilityZoneId",
            "create-time": "CreateTime",
            "encrypted": "Encrypted",
            "fast-restored": "FastRestored",
            "multi-attach-enabled": "MultiAttachEnabled",
            "operator.managed": "Operator.Managed",
            "operator.principal": ABSENT,
            "size": "Size",
            "snapshot-id": "SnapshotId",
            "status": "State",
            "volume-id": "VolumeId",
            "volume-type": "VolumeType",
            **TAG_FILTERS,
        }
    ),
)


def at_launch(request: Request, tagged: Tags, settings: Settings) -> tuple[Volume, ...]:
    """Return the volumes of one new instance. Raises CloudError if a lab cannot record one."""
    given = [each for each in request.get("BlockDeviceMappings", []) if each.get("Ebs")]
    made: dict[str, Volume] = {}
    for number, each in enumerate(given, start=1):
        device = each.get("DeviceName")
        if not device:
            raise missing(f"BlockDeviceMapping.{number}.DeviceName")
        if device in made:
            raise invalid(f"The device '{shorten(device)}' is used in more than one block-device mapping")
        made[device] = _volume(device, each["Ebs"], tagged, settings)
    if tagged and ROOT_DEVICE not in made:
        made[ROOT_DEVICE] = _volume(ROOT_DEVICE, {}, tagged, settings)
    return tuple(made.values())


def _volume(device: str, ebs: Request, tagged: Tags, settings: Settings) -> Volume:
    _check_recordable(ebs)
    kind = ebs.get("VolumeType") or _DEFAULT_TYPE
    if kind not in VOLUME_SIZES:
        raise invalid(f"Value ({shorten(kind)}) for parameter volumeType is invalid. Unknown volume type.")
    size = ebs.get("VolumeSize", max(8, VOLUME_SIZES[kind][0]))
    if size not in VOLUME_SIZES[kind]:
        limits = f"It must be {VOLUME_SIZES[kind][0]} to {VOLUME_SIZES[kind][-1]} GiB for {kind}."
        raise invalid(f"Value ({size}) for parameter volumeSize is invalid. {limits}")
    iops, throughput = _performance(kind, size, ebs)
    key = ebs.get("KmsKeyId") or None
    if key and not ebs.get("Encrypted"):
        message = "The parameter KmsKeyId requires the parameter Encrypted to be set."
        raise CloudError("InvalidParameterDependency", message)
    volume_id = f"{ids.VOLUME}-{settings.new_id()}"
    return Volume(volume_id, device, size, kind, iops, throughput, ebs.get("Encrypted", False), key, tagged)


def _check_recordable(ebs: Request) -> None:
    for name in _NOT_RECORDED:
        if ebs.get(name):
            raise CloudError("UnsupportedOperation", f"A lab does not record Ebs.{name} of a volume: leave it out.")
    if ebs.get("SnapshotId"):
        raise CloudError("InvalidSnapshot.NotFound", f"The snapshot '{shorten(ebs['SnapshotId'])}' does not exist.")
    if ebs.get("DeleteOnTermination") is False:
        message = "A lab deletes the volumes of an instance with it: DeleteOnTermination must be true."
        raise CloudError("UnsupportedOperation", message)


def _performance(kind: str, size: int, ebs: Request) -> tuple[int | None, int | None]:
    """Return the IOPS and the throughput of a volume. Raises CloudError if its type cannot have those of the request.

    AWS gives a gp2 volume three IOPS for each GiB, at least 100.
    """
    iops, throughput = ebs.get("Iops"), ebs.get("Throughput")
    for name, value, is_known in (("iops", iops, kind in _WITH_IOPS), ("throughput", throughput, kind == "gp3")):
        if value is not None and not is_known:
            message = f"The parameter {name} is not supported for {kind} volumes."
            raise CloudError("InvalidParameterCombination", message)
        if value is not None and value < 1:
            raise invalid(f"Value ({value}) for parameter {name} is invalid. It must be positive.")
    if kind in ("io1", "io2") and iops is None:
        raise CloudError("MissingParameter", f"The parameter iops must be specified for {kind} volumes.")
    if kind == "gp2":
        return min(max(100, 3 * size), 16_000), None
    usual = _USUAL.get(kind, (None, None))
    return iops or usual[0], throughput or usual[1]


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe volumes by id, or describe all."""
    wanted = {each.id for each in VOLUME.select(cloud, request.get("VolumeIds", []))}
    shown = (_shape(cloud, owner, each) for owner, each in _volumes(cloud) if each.id in wanted)
    return _LISTING.reply(cloud, shown, request, settings)


def _volumes(cloud: Cloud) -> Iterator[tuple[Instance, Volume]]:
    return ((instance, each) for instance in cloud.instances.values() for each in volumes_of(instance))


def _shape(cloud: Cloud, instance: Instance, volume: Volume) -> Shape:
    zone = zones.of_subnet(cloud.subnets[instance.subnet_id])
    launched = instance.attributes.launch_time
    return {
        "VolumeId": volume.id,
        "Attachments": [
            {
                "VolumeId": volume.id,
                "InstanceId": instance.id,
                "Device": volume.device,
                "State": "attached",
                "DeleteOnTermination": True,
                **({} if launched is None else {"AttachTime": launched}),
            }
        ],
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zones.zone_id(zone),
        **({} if launched is None else {"CreateTime": launched}),
        "Encrypted": volume.encrypted,
        **({} if volume.kms_key_id is None else {"KmsKeyId": volume.kms_key_id}),
        "FastRestored": False,
        **({} if volume.iops is None else {"Iops": volume.iops}),
        "MultiAttachEnabled": False,
        "Operator": {"Managed": False},
        "Size": volume.size,
        "SnapshotId": "",
        "State": "in-use",
        "Tags": tag_list(volume.tags),
        **({} if volume.throughput is None else {"Throughput": volume.throughput}),
        "VolumeType": volume.type,
    }
