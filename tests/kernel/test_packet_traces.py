"""What we read of traced packets is what nft's monitor prints; the table that marks them dies with its owner."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from eigw_ns.dataplane.state import ForeignObject
from eigw_ns.errors import EigwError
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink
from eigw_ns.kernel.netlink.trace_message import TraceMessage
from eigw_ns.kernel.nft import fingerprint, trace_table
from eigw_ns.kernel.nft.fingerprint import TRACE_TABLE
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.nft.trace_table import MarkedFlow, Selection, commands
from eigw_ns.kernel.reading import foreign
from eigw_ns.kernel.reading.foreign import FAMILIES
from eigw_ns.kernel.traffic import trace_socket
from tests.support.labs import until
from tests.support.small_states import namespace

pytestmark = pytest.mark.root

ROUTER = "subnet-00000000000000001"
RULES = """
table inet t {
    chain first {
        type filter hook prerouting priority -5; policy accept;
        udp dport 7 jump inner
    }
    chain inner {
        udp dport 7 counter packets 0 bytes 0 continue comment "a # handle 9"
        udp sport 1-65535 return
    }
    chain second {
        type filter hook prerouting priority 5; policy drop;
        udp dport 7 goto last
    }
    chain last {
        tcp dport 9 drop
        udp dport 8 accept
        udp dport 7 drop
    }
}
"""
LINE = re.compile(r"trace id \S+ (\w+) (\S+) (\S+) (?:rule (.+) \(verdict (\w+)(?: (\S+))?\)|policy (\w+))\s*")


@pytest.fixture
def router(lab_name: str) -> str:
    """Make a namespace, whose loopback is up, and return its name."""
    there = namespace(lab_name, ROUTER)
    LinuxKernel().create([there])
    return there.namespace


def selection(address: str = "::1") -> Selection:
    return Selection(address, address, "udp", 7, 4000)


def send(name: str, source_port: int = 4000) -> None:
    with netns.inside(name), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.bind(("::1", source_port))
        sender.sendto(b"x", ("::1", 7))


def heard(opened: socket.socket) -> list[TraceMessage]:
    found = [*trace_socket.messages(opened)]
    assert None not in found
    return [message for message in found if message is not None]


def test_our_reading_is_that_of_nft_monitor(router: str, tmp_path: Path) -> None:
    printed = tmp_path / "monitor"
    flow = MarkedFlow(selection())
    ours: list[TraceMessage] = []
    with trace_socket.open_trace(router) as opened, printed.open("w") as output:
        with netns.inside(router):
            Nft().run(RULES, "load rules")
            monitor = subprocess.Popen(["nft", "monitor", "trace"], stdout=output)
        flow.mark(router, "inet")
        texts = trace_table.rule_texts(router)

        def printed_whole() -> bool:
            """Send once more, until the monitor listens, too."""
            send(router)
            ours.extend(heard(opened))
            return "udp dport 7 drop (verdict drop)" in printed.read_text()

        try:
            until(printed_whole, "nft prints a packet")
        finally:
            monitor.kill()
            monitor.wait()
    flow.close()
    theirs = [_fields(found) for line in printed.read_text().splitlines() if (found := LINE.fullmatch(line))]
    end = theirs.index(EXPECTED[-1]) + 1
    assert theirs[end - len(EXPECTED) : end] == EXPECTED
    told = [_told(each, texts) for each in ours if each.table == "t" and (each.handle or each.kind == "policy")]
    assert told[: len(EXPECTED)] == EXPECTED


EXPECTED = [
    ("inet", "first", "jump", "udp dport 7 jump inner", "inner"),
    ("inet", "inner", "continue", 'udp dport 7 counter continue comment "a # handle 9"', ""),
    ("inet", "inner", "return", "udp sport 1-65535 return", ""),
    ("inet", "first", "accept", "policy", ""),
    ("inet", "second", "goto", "udp dport 7 goto last", "last"),
    ("inet", "last", "drop", "udp dport 7 drop", ""),
]


def _fields(found: re.Match[str]) -> tuple[str, ...]:
    family, _, chain, rule, verdict, to, policy = found.groups()
    if policy:
        return family, chain, policy, "policy", ""
    return family, chain, verdict, re.sub(r" packets \d+ bytes \d+", "", rule), to or ""


def _told(message: TraceMessage, texts: trace_table.RuleTexts) -> tuple[str, ...]:
    rule = "policy" if message.handle is None else texts[message.family, message.table, message.handle]
    return FAMILIES[message.family], message.chain, message.verdict, rule, message.to or ""


def test_the_table_is_of_a_running_trace_only_while_its_owner_lives(router: str) -> None:
    flow = MarkedFlow(selection())
    flow.mark(router, "inet")
    with netns.inside(router), Netlink(NETFILTER) as netfilter:
        (ours,) = fingerprint.tables(netfilter)
        assert ours.traces
        assert foreign.table(ours, router) is None
        with pytest.raises(EigwError, match="another trace runs"):
            MarkedFlow(selection()).mark(router, "inet")
        flow.close()
        assert fingerprint.tables(netfilter) == []
        Nft().run(commands("inet", selection()).replace("flags owner;", ""), "leave a table without an owner")
        (left,) = fingerprint.tables(netfilter)
        assert foreign.table(left, router) == ForeignObject(router, f"table inet {TRACE_TABLE}")


@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmpv6"])
@pytest.mark.parametrize("family", ["inet", "bridge"])
def test_nft_takes_the_table_of_each_protocol_and_family(router: str, family: str, protocol: Any) -> None:
    flow = MarkedFlow(Selection("2001:db8::1", "2001:db8::2", protocol, None if protocol == "icmpv6" else 7, 4000))
    flow.mark(router, family)
    flow.close()


def test_a_full_buffer_is_told(router: str) -> None:
    flow = MarkedFlow(selection())
    flow.mark(router, "inet")
    with trace_socket.open_trace(router) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for _ in range(20):
            send(router)
        assert None in [*trace_socket.messages(opened)]
    flow.close()
