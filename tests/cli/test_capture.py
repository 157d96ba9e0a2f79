"""`eigw-ns capture`: what is refused before a socket is opened, with the words to type instead."""

from __future__ import annotations

import pytest

from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from tests.support.command import FAKE_LAB, Cli


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "eigw-ns capture app"),
        (("app", "web"), "eigw-ns capture --path app web"),
        (("app", "tcp prt 4"), "pcap-filter(7)"),
        (("app", "host", "@nobody"), "nobody"),
        (("app", "host", "@outbound"), "an instance or an internet host"),
        (("nobody",), "nobody"),
        (("app", "--interface", "eth9"), "did you mean eth0?"),
        (("--path", "app", "web", "--interface", "eth0"), "omit --interface"),
        (("--path", "app", "nobody"), "nobody"),
        (("app", "--ring", "3"), "add -w FILE"),
        (("app", "--ring", "3", "-w", "-"), "add -w FILE"),
        (("app", "-c", "0"), "-c"),
        (("app", "--seconds", "nan"), "nan"),
    ],
)
def test_wrong_questions_are_refused(cli: Cli, applied: FakeKernel, arguments: tuple[str, ...], words: str) -> None:
    done = cli("capture", *arguments, *(("--lab", FAKE_LAB) if arguments else ()))
    assert done.code == 2
    assert words in done.err
    assert not done.out
