"""Python packages that only some verbs need. The base install does not have them."""

from __future__ import annotations

from importlib.util import find_spec

from eigw_ns.errors import HostError

_SERVER = ("botocore", "uvicorn")
_METRICS = "prometheus_client"

SERVER_FIX = "pip install 'eigw-ns[server]'"
"""How to install what the EC2 endpoint needs."""


def lacking_for_server() -> tuple[str, ...]:
    """Return the packages of the extra `server` that this Python does not have. Imports none of them."""
    return tuple(name for name in _SERVER if find_spec(name) is None)


def require_server(what: str) -> None:
    """Raise HostError if a package that the EC2 endpoint needs is missing. `what` needs it."""
    missing = ", ".join(lacking_for_server())
    if missing:
        raise HostError(f"{what} needs {missing}, which this Python does not have", hint=SERVER_FIX)


def require_metrics(what: str) -> None:
    """Raise HostError if the package that writes Prometheus's format is missing. `what` needs it."""
    if find_spec(_METRICS) is None:
        name = _METRICS.replace("_", "-")
        hint = "pip install 'eigw-ns[metrics]', or choose -o json"
        raise HostError(f"{what} needs {name}, which this Python does not have", hint=hint)
