"""Fixtures and hooks for all tests: root for kernel tests, unique lab names, and the check that nothing is left."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from eigw_ns.dataplane.state import NetState
from eigw_ns.kernel.namespaces import netns

pytest.register_assert_rewrite("tests.support")  # assertions of helpers show their values; before the first import

from tests import core  # noqa: E402
from tests.support.slowness import SLOWNESS  # noqa: E402
from tests.support.turns import turn  # noqa: E402

# By default, Hypothesis fails an example that takes 0.2 s, whatever delays it, and then looks for a simpler one that is
# as slow: minutes, on a busy machine. The time limit of pytest holds. In CI, Hypothesis' own profile is the same.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
if SLOWNESS != 1:
    settings.register_profile("slow", suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("slow")

_DIGITS = string.digits + string.ascii_lowercase


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


_RUN = f"t{_base36(os.getpid())}x"
"""Prefix of all labs of this run. The `x` ends the process id, so that run `t1` never owns the labs of `t12`."""

_serial = itertools.count(1)


def _namespaces(prefix: str) -> set[str]:
    """Return the namespaces and stale namespace names with that prefix."""
    return {name for name in netns.names() if name.startswith(prefix)} | set(netns.stale_names(prefix))


def _processes(lab: str) -> dict[int, str]:
    """The agents of labs whose names begin so, with their command lines."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                words = os.fsdecode(Path(entry.path, "cmdline").read_bytes()).split("\0")
                parts = {part for word in words for part in word.split("/")}
                if "agent" in parts and any(part.startswith(lab) for part in parts):
                    found[int(entry.name)] = " ".join(words)
    return found


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m core`, import only files that the core has tests of: importing all takes most of that run's start."""
    if config.option.markexpr != "core":
        return None
    return None if core.concerns(collection_path.relative_to(config.rootpath).as_posix()) else True


@pytest.hookimpl(tryfirst=True)  # before `-m core` deselects all others
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out nightly tests unless `-m` names them, mark the core, and extend the time limits on a slow machine."""
    if "nightly" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("nightly") is not None]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if core.selected(item.nodeid):
            item.add_marker("core")
    items.sort(key=_turn(items))
    for item in items if SLOWNESS != 1 else ():
        own = item.get_closest_marker("timeout")
        seconds = float(own.args[0] if own is not None else config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(seconds * SLOWNESS), append=False)


def _turn(items: list[pytest.Item]) -> Callable[[pytest.Item], int]:
    """Return the order of files: first those with tests that run alone, then those of the clients, then the others.

    A test that runs alone waits for all others, so one that takes a minute must not run beside them.
    """
    alone = {item.path for item in items if item.get_closest_marker("alone") is not None}
    return lambda item: 0 if item.path in alone else 1 if item.path.parent.name == "clients" else 2


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip kernel tests without root. In CI, let them fail instead: a skipped test proves nothing."""
    if item.get_closest_marker("root") is None or os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        pytest.fail("this test needs root, and in CI it must not be skipped", pytrace=False)
    pytest.skip("needs root")


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """If two states differ, show what only one of them contains, not both in full."""
    if op != "==" or not isinstance(left, NetState) or not isinstance(right, NetState):
        return None
    here, there = set(left), set(right)
    return [
        "two states differ",
        *(f"only on the left:  {thing!r}" for thing in left if thing not in there),
        *(f"only on the right: {thing!r}" for thing in right if thing not in here),
    ]


@contextlib.contextmanager
def _fresh_name() -> Iterator[str]:
    name = f"{_RUN}{_base36(next(_serial))}"
    yield name
    for pid in _processes(name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for leftover in _namespaces(f"eigw-{name}-"):
        netns.remove(leftover)


@pytest.fixture
def lab_name() -> Iterator[str]:
    """Yield a short, unique lab name. The namespaces of the lab are always removed afterwards."""
    with _fresh_name() as name:
        yield name


@pytest.fixture(scope="module")
def module_lab_name() -> Iterator[str]:
    """Yield a unique lab name for a lab that all tests of a module share."""
    with _fresh_name() as name:
        yield name


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Check that no namespace and no process of this run's labs is left. Under xdist, each worker is a run."""
    yield
    left = sorted(_namespaces(f"eigw-{_RUN}"))
    assert not left, f"the tests left namespaces behind: {left}"
    running = sorted(_processes(_RUN).values())
    assert not running, f"the tests left processes behind: {running}"


_BEFORE = pytest.StashKey[set[str]]()


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure() -> None:
    """Heed the signals that programs under test must heed, also if a shell passed them on as ignored, as nohup does."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart(session: pytest.Session) -> None:
    """In CI, note all namespaces of ours on the machine, also those that programs under test will make."""
    if os.environ.get("CI") and not _is_worker(session.config):
        session.config.stash[_BEFORE] = _namespaces("eigw-")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that leaves any namespace of ours, including those of programs under test."""
    before = session.config.stash.get(_BEFORE, None)
    left = sorted(_namespaces("eigw-") - before) if before is not None else []
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nthe tests left namespaces behind: {left}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Take turns under xdist. Runs first, so that waiting does not count for the time limit of the test."""
    alone = item.get_closest_marker("alone") is not None
    with turn(alone=alone) if _is_worker(item.config) else contextlib.nullcontext():
        return (yield)
