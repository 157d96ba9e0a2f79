"""What this process may do, in the words of capabilities(7)."""

from __future__ import annotations

from pathlib import Path

NEEDED = {
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_ADMIN": 21,
}
"""Name and bit (linux/capability.h) of each capability that a lab needs; the first is for probes of ports below 1024."""


def lacking() -> tuple[str, ...]:
    """Those of the capabilities needed that this process does not have (CapEff, proc(5))."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    mask = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)
    return tuple(name for name, bit in NEEDED.items() if not mask >> bit & 1)
