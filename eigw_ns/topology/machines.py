"""What is recorded of instances, key pairs, and terminated instances, to and from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.instance_records import InstanceAttributes, KeyPair, TerminatedInstance
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.topology.blocks import attributes, changed
from eigw_ns.topology.data import Data, body_of, named, tags_of


def instance_data(instance: Instance) -> Data:
    """Return the state, the IPv4 address and the recorded attributes of an instance."""
    address = instance.private_ip_address
    return body_of(
        state=instance.state if instance.state != "running" else None,
        private_ip_address=str(address) if address else None,
    ) | changed(instance.attributes, InstanceAttributes())


def key_pairs(data: Mapping[str, Any], lab: str) -> dict[str, KeyPair]:
    """Return the key pairs of a lab. The key of each is its name."""
    return {
        key_id: KeyPair(
            key_id,
            name,
            body.get("fingerprint", ""),
            key_type=body.get("key_type", "rsa"),
            public_key=body.get("public_key"),
            created=body.get("created"),
            tags=tags_of(body),
        )
        for key_id, name, body in named(data, "key_pairs", ids.KEY_PAIR, (lab,))
    }


def key_pairs_data(cloud: Cloud) -> Data:
    """Return the key pairs of a lab by name."""
    return {
        each.name: body_of(
            fingerprint=each.fingerprint or None,
            key_type=each.key_type if each.key_type != "rsa" else None,
            public_key=each.public_key,
            created=each.created,
            tags=dict(each.tags),
        )
        for each in sorted(cloud.key_pairs.values(), key=lambda key: key.name)
    }


def terminated_instances(data: Mapping[str, Any]) -> dict[str, TerminatedInstance]:
    """Return the terminated instances that the lab remembers."""
    return {
        instance_id: TerminatedInstance(
            instance_id,
            body["terminated_at"],
            tags_of(body),
            body.get("availability_zone"),
            InstanceAttributes(**attributes(InstanceAttributes, body)),
        )
        for instance_id, body in data.get("terminated_instances", {}).items()
    }


def terminated_instances_data(cloud: Cloud) -> Data:
    """Return the terminated instances that the lab remembers, oldest first."""
    return {
        each.id: body_of(
            terminated_at=each.terminated_at, availability_zone=each.availability_zone, tags=dict(each.tags)
        )
        | changed(each.attributes, InstanceAttributes())
        for each in cloud.terminated_instances.values()
    }
