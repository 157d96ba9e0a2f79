"""Record the nftables batches of rulesets, as libnftables sends them, with strace. `floor` replays them."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from eigw_ns.dataplane.state import Ruleset
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.nft.loader import replace_table

_BATCH_BEGIN = b"\x10\x00"  # NFNL_MSG_BATCH_BEGIN, linux/netfilter/nfnetlink.h
_DUMPED = re.compile(r" \| [0-9a-f]+  ([0-9a-f ]{49}) ")


def batches(rulesets: Sequence[Ruleset]) -> list[bytes]:
    """Return, for each ruleset, the batch that creates its table."""
    with tempfile.TemporaryDirectory(prefix="eigw-ns-bench-") as folder:
        (Path(folder) / "rulesets").write_bytes(pickle.dumps(list(rulesets)))
        trace = Path(folder) / "trace"
        program = [sys.executable, "-m", "scripts.benchmarks.recorded", folder]
        subprocess.run(["strace", "-qq", "-e", "trace=sendmsg", "-e", "write=all", "-o", trace, *program], check=True)
        return [sent for sent in _sent(trace) if sent[4:6] == _BATCH_BEGIN]


def _sent(trace: Path) -> Iterator[bytes]:
    """Yield the bytes that each sendmsg(2) sent, from strace's output."""
    octets: list[str] = []
    with trace.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("sendmsg(") and octets:
                yield bytes.fromhex("".join(octets))
                octets = []
            elif found := _DUMPED.match(line):
                octets.append(found.group(1))
    if octets:
        yield bytes.fromhex("".join(octets))


def _load(folder: Path) -> None:
    """Load each ruleset in a new namespace without a name. Runs under strace."""
    for ruleset in pickle.loads((folder / "rulesets").read_bytes()):
        with netns.nameless():
            replace_table(Nft(), ruleset, None)


if __name__ == "__main__":
    _load(Path(sys.argv[1]))
