"""The volumes of an instance, which are recorded: a lab has no disks."""

from __future__ import annotations

from eigw_ns.cloud import ids
from eigw_ns.cloud.instance_records import Volume
from eigw_ns.cloud.model import Instance

ROOT_DEVICE = "/dev/xvda"
"""The root device of every image of a lab."""


def volumes_of(instance: Instance) -> tuple[Volume, ...]:
    """Return the volumes of an instance. One that has no root volume recorded has that of its image, as in AWS.

    Programs ask for the root volume before they stop an instance: without one, its root would be an instance store.
    """
    if any(each.device == ROOT_DEVICE for each in instance.volumes):
        return instance.volumes
    return (Volume(ids.make_id(ids.VOLUME, instance.id), ROOT_DEVICE, iops=3000, throughput=125), *instance.volumes)
