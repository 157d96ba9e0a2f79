"""What a lab records of instances and their keys, and no packet shows."""

from __future__ import annotations

from typing import Literal

from eigw_ns.frozen import frozen

Tags = tuple[tuple[str, str], ...]


@frozen
class InstanceAttributes:
    """What AWS records of an instance and no packet shows. Source: AWS, API_RunInstances, API_Instance.

    `image_id`, `launch_time` (UTC, as in answers) and `reservation_id` are None if the topology file made the instance.
    `user_data` is base64. `cpu_credits`, `core_count` and `threads_per_core` None mean what AWS chooses by the type.
    `hostname_type` and the DNS records None mean those of the subnet. `iam_instance_profile` is a name or an ARN.
    """

    image_id: str | None = None
    instance_type: str = "t3.micro"
    key_name: str | None = None
    launch_time: str | None = None
    reservation_id: str | None = None
    launch_index: int = 0
    user_data: str | None = None
    source_dest_check: bool = True
    disable_api_termination: bool = False
    disable_api_stop: bool = False
    instance_initiated_shutdown_behavior: Literal["stop", "terminate"] = "stop"
    monitoring: bool = False
    ebs_optimized: bool = False
    cpu_credits: Literal["standard", "unlimited"] | None = None
    http_endpoint: Literal["enabled", "disabled"] = "enabled"
    http_tokens: Literal["optional", "required"] = "optional"
    http_put_response_hop_limit: int = 1
    http_protocol_ipv6: Literal["enabled", "disabled"] = "disabled"
    instance_metadata_tags: Literal["enabled", "disabled"] = "disabled"
    core_count: int | None = None
    threads_per_core: int | None = None
    auto_recovery: Literal["default", "disabled"] = "default"
    hibernation: bool = False
    enclave: bool = False
    capacity_reservation_preference: Literal["open", "none"] = "open"
    hostname_type: Literal["ip-name", "resource-name"] | None = None
    resource_name_dns_a_record: bool | None = None
    resource_name_dns_aaaa_record: bool | None = None
    iam_instance_profile: str | None = None
    tenancy: Literal["default", "dedicated"] | None = None
    placement_group: str = ""
    partition_number: int | None = None


@frozen
class Volume:
    """A volume of an instance, which is recorded: a lab has no disks. It is made and deleted with the instance.

    `size` is in GiB, `throughput` in MiB/s. `iops` and `throughput` None mean that the type has none.
    """

    id: str
    device: str
    size: int = 8
    type: str = "gp3"
    iops: int | None = None
    throughput: int | None = None
    encrypted: bool = False
    kms_key_id: str | None = None
    tags: Tags = ()


@frozen
class TerminatedInstance:
    """An instance that was terminated. AWS shows it for about an hour, without addresses.

    `terminated_at` is in seconds since 1970.
    """

    id: str
    terminated_at: int
    tags: Tags = ()
    availability_zone: str | None = None
    attributes: InstanceAttributes = InstanceAttributes()


@frozen
class KeyPair:
    """The public part of a key pair, which is recorded. `created` is the time (UTC) as in answers."""

    id: str
    name: str
    fingerprint: str
    key_type: Literal["rsa", "ed25519"] = "rsa"
    public_key: str | None = None
    created: str | None = None
    tags: Tags = ()
