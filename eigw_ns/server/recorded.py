"""What a served lab records and moves no packet for. The server's log says each such thing once."""

from __future__ import annotations

from eigw_ns.cloud import families
from eigw_ns.cloud.model import Cloud
from eigw_ns.server.boundary import Log


class RecordedNotes:
    """The notes of one lab."""

    def __init__(self, log: Log, lab: str) -> None:
        self._log, self._lab = log, lab
        self._said: set[str] = set()

    def note(self, cloud: Cloud) -> None:
        """Log what the cloud records only, unless it was said before."""
        if new := [words for words in families.recorded(cloud) if words not in self._said]:
            self._said.update(new)
            self._log(f"the lab {self._lab}: {families.recorded_note(new)}")
