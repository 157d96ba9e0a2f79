"""Benchmark: memory and descriptors of the program while it builds a lab."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from scripts.benchmarks.benchmark import Benchmark, Job, program, timed
from scripts.benchmarks.labs import tree
from scripts.benchmarks.rows import Row, Target, compare

_PROBE = """
import json, os, sys
from pathlib import Path
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.folders import HOST_FOLDERS, LabFolders
from eigw_ns.lab.storage.storage import Storage
from eigw_ns.topology import load
text = Path(sys.argv[1]).read_bytes()
before = len(os.listdir("/proc/self/fd"))
most = 0
def progress(*_):
    global most
    most = max(most, len(os.listdir("/proc/self/fd")))
topology = load(text, file="bench", default_lab="bench")
storage = Storage.in_folders(LabFolders.chosen(os.environ, HOST_FOLDERS))
operations.apply(LinuxKernel(), storage, topology, progress=progress)
after = len(os.listdir("/proc/self/fd"))
# not getrusage(2): a process inherits its maximum from the process that started it
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
memory = int(peak.split()[1])
print(json.dumps({"memory": memory, "most": most - before, "left": after - before}))
"""


def _probed(job: Job, subnets: int) -> dict[str, int]:
    """Build a lab in one process. Returns its peak memory (KiB), its most open descriptors, and those left open."""
    lab = job.place.new_name()
    file = job.place.write(lab, tree(subnets))
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PROBE, file], env=job.place.environment, stdout=subprocess.PIPE, check=True
    )
    timed(program("destroy", "-q", "--lab", lab), job.place.environment)
    job.step()
    found: dict[str, int] = json.loads(done.stdout)
    return found


def _rows(job: Job) -> Iterator[Row]:
    sizes = sorted({1, *job.subnets})
    found = {size: _probed(job, size) for size in sizes}
    small, large = found[sizes[1]], found[sizes[-1]]
    first = found[1]["memory"]
    each = [[(probe["memory"] - first) / (size - 1)] for size, probe in found.items() if size > 1]
    detail = f"{large['memory'] / 1024:.0f} MiB at {sizes[-1]}, {first / 1024:.0f} MiB at 1"
    name, against = f"memory a subnet, {sizes[-1]}", f"{sizes[1]} subnets"
    yield compare(name, against, each[-1], each[0], Target("most", 1.1), detail)
    detail = f"{large['most']} : {small['most']} at most, {large['left']} left open"
    counts = [float(large["most"] + 1)], [float(small["most"] + 1)]
    yield compare(f"descriptors, {sizes[-1]}", f"{sizes[1]} subnets", *counts, Target("most", 1.1), detail)


BENCHMARK = Benchmark(
    summary="Measure memory and descriptors of the program while it builds a lab.",
    explain={
        "memory a subnet, N": "Peak resident memory above that of a lab of one subnet, per subnet: must not grow.",
        "descriptors, N": "Most open descriptors while the lab is built (plus one each, to avoid a division by 0).",
    },
    rows=_rows,
    steps=lambda job: len({1, *job.subnets}),
)
