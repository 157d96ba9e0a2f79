"""How slow this machine is: what a test has patience for, and what time limits it has, grow with it."""

from __future__ import annotations

import os

SLOWNESS = float(os.environ.get("EIGW_NS_SLOWNESS", "1"))
"""How many times slower than usual: a VM whose processor is translated asks for 10."""
