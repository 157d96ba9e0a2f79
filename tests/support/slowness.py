"""How slow this machine is: the waiting times and time limits of tests grow with it."""

from __future__ import annotations

import os

SLOWNESS = float(os.environ.get("EIGW_NS_SLOWNESS", "1"))
"""How many times slower than usual. A VM without hardware virtualisation sets 10."""
