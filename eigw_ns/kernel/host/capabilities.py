"""Check the capabilities of this process (capabilities(7)), and give the fix for missing ones.

The flags are podman's and Docker's. Which of them suffice was tested with each (`scripts/ci-container --matrix`).
"""

from __future__ import annotations

from pathlib import Path

NEEDED = {
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_ADMIN": 21,
}
"""Name and bit (linux/capability.h) of each capability a lab needs; the first is for probes of ports below 1024."""

SYSCTL_FIX = "in a container: --security-opt unmask=/proc/sys (Docker: systempaths=unconfined), or --privileged"
SECCOMP_FIX = "in a container: --security-opt seccomp=unconfined, or --privileged"
MOUNT_FIX = "in a container: --security-opt apparmor=unconfined (or label=disable, for SELinux), or --privileged"
RUN_FIX = "make /run writable; in a container: --tmpfs /run"


def lacking() -> tuple[str, ...]:
    """Return the needed capabilities that this process does not have (CapEff, proc(5))."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    mask = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)
    return tuple(name for name, bit in NEEDED.items() if not mask >> bit & 1)


def fix() -> str:
    """Return the instruction that gives this process all that it lacks."""
    flags = " ".join(f"--cap-add {name.removeprefix('CAP_')}" for name in lacking())
    return f"run it as root (sudo); in a container: {flags}, or --privileged"
