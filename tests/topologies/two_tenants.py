"""The lab of `egress.TREE` with a second instance, `mate`, in the same subnet."""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.topologies.egress import MATE, TREE


def _tree() -> str:
    tree: dict[str, Any] = copy.deepcopy(TREE)
    tree["vpcs"]["main"]["instances"]["mate"] = {
        "subnet": "a",
        "ipv6_address": MATE,
        "security_groups": ["open"],
    }
    return json.dumps(tree)


TEXT = _tree()
