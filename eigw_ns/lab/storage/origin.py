"""The origin of a lab: from which file it was applied, by which user, and when.

It is stored beside the topology. Labs that older versions stored have none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from eigw_ns.frozen import frozen


@frozen
class Origin:
    """Where a lab comes from. `file` is an absolute path or `stdin`; `uid` is that of the user who ran `sudo`."""

    file: str
    uid: int
    user: str
    time: str

    def is_same(self, other: Origin) -> bool:
        """Return whether both are the same file and the same user."""
        return (self.file, self.uid) == (other.file, other.uid)

    def __str__(self) -> str:
        return f"{self.file}, applied by {self.user} (uid {self.uid}) on {self.time}"


def now(file: str, environment: Mapping[str, str]) -> Origin:
    """Return the origin of a lab that this user applies now from `file`. sudo(8) tells who ran it by SUDO_UID."""
    sudo = environment.get("SUDO_UID", "")
    uid = int(sudo) if sudo.isdecimal() and os.geteuid() == 0 else os.getuid()
    return Origin(file, uid, _name(uid), datetime.now().astimezone().isoformat(" ", "seconds"))


def encode(origin: Origin) -> str:
    """Return the text of the origin's file."""
    return json.dumps(asdict(origin)) + "\n"


def decode(data: bytes) -> Origin | None:
    """Return the origin in the bytes of its file; None if they are damaged."""
    try:
        found = Origin(**json.loads(data))
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (found.file, found.user, found.time)
    return found if all(isinstance(text, str) for text in texts) and isinstance(found.uid, int) else None


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
