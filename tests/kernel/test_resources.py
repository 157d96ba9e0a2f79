"""Descriptors and memory of the controller, in separate processes, with many namespaces.

The limits would be exceeded if a descriptor or much memory were kept for each namespace.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.command import SECONDS

pytestmark = pytest.mark.root

DESCRIPTORS = 240  # needs 32 nftables sockets of two kinds, then the ends of 100 veth pairs, for 1,002 namespaces
FEW, MANY = 20, 500  # subnets
KILOBYTES_A_SUBNET = 120  # objects of its two namespaces, desired and actual; measured: 43
TOPOLOGY = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0::/48
    subnets: {{{subnets}}}
    instances: {{{instances}}}
"""
PROGRAM = """
import json, os, resource, sys
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NOTHING
from eigw_ns.lab.lifecycle.execute import execute
from eigw_ns.topology import load

def opened(): return len(os.listdir("/proc/self/fd"))

lab, text, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
kernel, before = LinuxKernel(), opened()
try:
    for _ in range(2):
        desired = compile_cloud(load(text.encode(), file="x", default_lab=lab).cloud)
        execute(kernel, make_plan(desired, kernel.observe(lab, desired)))
    count = len(list(desired.namespaces()))
    assert kernel.observe(lab, desired) == desired == kernel.observe(lab)
finally:
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    execute(kernel, make_plan(NOTHING, kernel.outline(lab)))
# not getrusage(2): a process inherits the maximum of the process that started it, and pytest's is larger
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({"namespaces": count, "kept": opened() - before, "peak": int(peak.split()[1])}))
"""


def built(lab: str, subnets: int) -> dict[str, int]:
    """Build, observe and destroy a lab. Returns its namespaces, the descriptors left open, and the peak memory (KB)."""
    text = TOPOLOGY.format(
        subnets=", ".join(f"s{n}: {{}}" for n in range(subnets)),
        instances=", ".join(f"i{n}: {{subnet: s{n}}}" for n in range(subnets)),
    )
    command = [sys.executable, "-c", PROGRAM, lab, text, str(DESCRIPTORS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


def test_descriptors_and_memory_do_not_grow_with_namespaces(lab_name: str) -> None:
    some, many = built(lab_name, FEW), built(lab_name, MANY)
    assert many["namespaces"] > DESCRIPTORS
    assert (some["kept"], many["kept"]) == (0, 0)
    assert many["peak"] - some["peak"] < (MANY - FEW) * KILOBYTES_A_SUBNET
