"""Work in a child with namespaces of its own: what it sees, what it tells, and that nothing is left however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eigw_ns.errors import EigwError, HostError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.processes.confined import FOLDER, Tell, confined
from tests.support.labs import until

pytestmark = pytest.mark.root

NAME = "eigw-confined"


def _with_namespace(tell: Tell) -> str:
    """Make a namespace and a file, tell who did, and what is visible."""
    (FOLDER / "note").write_text("here", encoding="utf-8")
    with netns.creating(NAME):
        pass
    tell((os.getpid(), netns.names()))
    return "done"


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_child_has_namespaces_that_nobody_else_sees() -> None:
    told = list(confined(_with_namespace))
    ((pid, seen), last) = told
    assert seen == (NAME,)
    assert last == "done"
    assert NAME not in netns.entries()
    assert not FOLDER.exists()
    assert _gone(pid)


def test_a_caller_that_goes_away_kills_the_child() -> None:
    def forever(tell: Tell) -> None:
        tell(os.getpid())
        signal.pause()

    telling = confined(forever)
    pid = next(telling)
    assert not _gone(pid)
    telling.close()
    assert _gone(pid)


def test_a_child_that_is_killed_is_an_error() -> None:
    def die(tell: Tell) -> None:
        tell("alive")
        os.kill(os.getpid(), signal.SIGKILL)

    telling = confined(die)
    assert next(telling) == "alive"
    with pytest.raises(EigwError, match="ended without an answer"):
        next(telling)


def test_an_error_of_the_child_keeps_its_kind_and_its_hint() -> None:
    def fail(_tell: Tell) -> None:
        raise HostError("no", hint="yes")

    with pytest.raises(HostError, match="no") as raised:
        list(confined(fail))
    assert raised.value.hint == "yes"


_PROGRAM = """
import os, signal
from eigw_ns.kernel.processes.confined import confined

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have passed it on as ignored

def forever(tell):
    tell(os.getpid())
    signal.pause()

for pid in confined(forever):
    print(pid, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_child_ends_with_its_parent_whatever_ends_that(number: signal.Signals) -> None:
    words = [sys.executable, "-c", _PROGRAM]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert not _gone(pid)
        parent.send_signal(number)
        parent.wait(30)
    until(lambda: _gone(pid), "the child ends")
