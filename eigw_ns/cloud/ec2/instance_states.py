"""StartInstances, StopInstances, RebootInstances, TerminateInstances. Each change is complete when its action returns.

Source: AWS, "Amazon EC2 instance state changes".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from eigw_ns.cloud.ec2 import zones
from eigw_ns.cloud.ec2.elastic_ips import without_instance
from eigw_ns.cloud.ec2.instance_shapes import State, state, state_of
from eigw_ns.cloud.ec2.instances import remembered, select
from eigw_ns.cloud.ec2.interface_attachments import without_interfaces
from eigw_ns.cloud.ec2.resources import INSTANCE
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.times import timestamp
from eigw_ns.cloud.instance_records import TerminatedInstance
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.errors import CloudError

_REMEMBERED = 100
"""Maximum number of terminated instances that a lab stores; the oldest are deleted first."""


def start(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Start stopped instances: each has its link and its addresses again. One that runs stays as it is."""
    launched = timestamp(settings.now())

    def started(instance: Instance) -> Instance:
        return replace(instance, state="running", attributes=replace(instance.attributes, launch_time=launched))

    return _changed(cloud, request, settings, "running", "StartingInstances", "started", started)


def stop(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Stop running instances: each loses its link, and keeps its addresses. One that is stopped stays as it is."""
    for instance in select(cloud, request["InstanceIds"], settings)[0]:
        if instance.attributes.disable_api_stop:
            raise _protected(instance, "stopped", "disableApiStop")
    return _changed(
        cloud, request, settings, "stopped", "StoppingInstances", "stopped", lambda each: replace(each, state="stopped")
    )


def reboot(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Accept the request: nothing that a packet shows changes, and the programs of an instance go on."""
    living, gone = select(cloud, request["InstanceIds"], settings)
    wrong: list[Instance | TerminatedInstance] = [*gone, *(each for each in living if each.state == "stopped")]
    if wrong:
        raise _wrong_state(wrong[0], "rebooted")
    return Reply(cloud, {})


def terminate(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Delete instances: their namespaces and flows go. DescribeInstances shows them for an hour.

    Their interfaces and addresses go too, but for an interface that is not to be deleted with its instance.
    """
    living, gone = select(cloud, request["InstanceIds"], settings)
    for instance in living:
        if instance.attributes.disable_api_termination:
            raise _protected(instance, "terminated", "disableApiTermination")
    found: list[Instance | TerminatedInstance] = [*living, *gone]
    changes = [_change(each, "terminated") for each in found]
    return Reply(_without(cloud, living, settings) if living else cloud, {"TerminatingInstances": _sorted(changes)})


def _without(cloud: Cloud, instances: Sequence[Instance], settings: Settings) -> Cloud:
    zones_of = {each.id: zones.of_subnet(cloud.subnets[each.subnet_id]) for each in instances}
    graves = [
        TerminatedInstance(each.id, settings.now(), each.tags, zones_of[each.id], each.attributes) for each in instances
    ]
    for each in instances:
        cloud = without_interfaces(without_instance(cloud, each.id), each)
    kept = [*remembered(cloud, settings), *graves][-_REMEMBERED:]
    return replace(
        cloud,
        instances={key: each for key, each in cloud.instances.items() if key not in zones_of},
        terminated_instances={each.id: each for each in kept},
    )


def _changed(
    cloud: Cloud,
    request: Request,
    settings: Settings,
    wanted: State,
    member: str,
    word: str,
    change: Callable[[Instance], Instance],
) -> Reply:
    """Return the reply after `change` of each instance that is not in the `wanted` state yet."""
    living, gone = select(cloud, request["InstanceIds"], settings)
    for each in gone:
        raise _wrong_state(each, word)
    changed = [change(each) for each in living if each.state != wanted]
    answer = {member: _sorted(_change(each, wanted) for each in living)}
    return Reply(INSTANCE.put(cloud, *changed) if changed else cloud, answer)


def _change(instance: Instance | TerminatedInstance, now: State) -> Shape:
    """Return the change of one instance. Its new state is final: no change takes time."""
    return {"InstanceId": instance.id, "CurrentState": state(now), "PreviousState": state(state_of(instance))}


def _sorted(changes: Iterable[Shape]) -> list[Shape]:
    return sorted(changes, key=lambda change: str(change["InstanceId"]))


def _protected(instance: Instance, word: str, attribute: str) -> CloudError:
    message = (
        f"The instance '{instance.id}' may not be {word}. Modify its '{attribute}' instance attribute and try again."
    )
    return CloudError("OperationNotPermitted", message)


def _wrong_state(instance: Instance | TerminatedInstance, word: str) -> CloudError:
    message = f"The instance '{instance.id}' is not in a state from which it can be {word}."
    return CloudError("IncorrectInstanceState", message)
