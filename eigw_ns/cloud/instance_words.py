"""The words that AWS has as values of attributes of instances and key pairs, and the forms of others."""

from __future__ import annotations

import re
from collections.abc import Mapping

INSTANCE_STATES = ("running", "stopped")
KEY_TYPES = ("rsa", "ed25519")

_SWITCH = ("enabled", "disabled")
ATTRIBUTE_WORDS: Mapping[str, tuple[str, ...]] = {
    "instance_initiated_shutdown_behavior": ("stop", "terminate"),
    "cpu_credits": ("standard", "unlimited"),
    "http_endpoint": _SWITCH,
    "http_tokens": ("optional", "required"),
    "http_protocol_ipv6": _SWITCH,
    "instance_metadata_tags": _SWITCH,
    "auto_recovery": ("default", "disabled"),
    "capacity_reservation_preference": ("open", "none"),
    "hostname_type": ("ip-name", "resource-name"),
    "tenancy": ("default", "dedicated"),
}
"""The values of each attribute that has few, by its field in `InstanceAttributes`."""

VOLUME_SIZES: Mapping[str, range] = {
    "gp2": range(1, 16_385),
    "gp3": range(1, 65_537),
    "io1": range(4, 16_385),
    "io2": range(4, 65_537),
    "st1": range(125, 16_385),
    "sc1": range(125, 16_385),
    "standard": range(1, 1_025),
}
"""The sizes (GiB) of each type of volume. Source: AWS, API_EbsBlockDevice."""

HOP_LIMITS = range(1, 65)
"""The values of HttpPutResponseHopLimit."""

_TYPE = re.compile(r"[a-z][a-z0-9-]{1,30}\.[a-z0-9-]{1,30}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def is_type(text: str) -> bool:
    """Return whether `text` has the form of an instance type. A lab has no list of them."""
    return _TYPE.fullmatch(text) is not None


def is_time(text: str) -> bool:
    """Return whether `text` has the form of a time in answers: `2026-12-01T00:00:00.000Z`."""
    return _TIME.fullmatch(text) is not None
