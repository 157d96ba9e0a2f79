"""Rules that also log what they refuse, for flow logs.

Each `counter name "drop_…" drop` becomes a jump to a chain of that reason. The chain sends the headers of the packet
to the NFLOG group and drops the packet. Packets beyond the limit are dropped too, and counted as `unlogged`: a flood
of refused packets must not cost more than the limit. If no process listens to the group, the kernel makes no message.
"""

from __future__ import annotations

import re
from dataclasses import replace

from eigw_ns.dataplane.state import NftChain, Ruleset

LOG_GROUP = 86
"""The NFLOG group (nfnetlink_log) of each namespace. Groups of namespaces are separate."""

UNLOGGED = "unlogged"
"""The counter of refused packets beyond the limit."""

_SNAP_LENGTH = 96  # IPv6 header, an extension header or two, and the header of TCP
_PER_SECOND = 1000
_REFUSAL = re.compile(r'counter name "(drop_\w+)" drop$')
_NOT_LOGGED = frozenset({"drop_heartbeat", "drop_ipv4", "drop_link_local"})
"""What no instance sends or gets as IPv6 beyond its link: routers' own chatter, and IPv4."""


def logged(rules: Ruleset) -> Ruleset:
    """Return the rules with a log of what they refuse."""
    chains = tuple(replace(chain, rules=tuple(map(_logging, chain.rules))) for chain in rules.chains)
    reasons = {found[1] for chain in rules.chains for rule in chain.rules if (found := _refusal(rule))}
    more = (_chain(reason) for reason in reasons)
    return replace(
        rules,
        counters=tuple(sorted({*rules.counters, *((UNLOGGED,) if reasons else ())})),
        chains=tuple(sorted((*chains, *more), key=lambda chain: chain.name)),
    )


def _refusal(rule: str) -> re.Match[str] | None:
    found = _REFUSAL.search(rule)
    return None if found is None or found[1] in _NOT_LOGGED else found


def _logging(rule: str) -> str:
    found = _refusal(rule)
    return rule if found is None else f"{rule.removesuffix('drop')}goto {_name(found[1])}"


def _name(reason: str) -> str:
    return f"logged_{reason}"


def _chain(reason: str) -> NftChain:
    limit = f"limit rate {_PER_SECOND}/second burst {_PER_SECOND} packets"
    log = f'log prefix "{reason}" group {LOG_GROUP} snaplen {_SNAP_LENGTH}'
    return NftChain(_name(reason), rules=(f"{limit} {log} drop", f'counter name "{UNLOGGED}" drop'))
