"""The pytest plugin: `@pytest.mark.eigw_topology("lab.yaml")` and the fixture `lab`.

pytest loads this in every run in an environment with eigw-ns, so expensive imports wait until a test needs a lab.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import pytest

from eigw_ns.errors import EigwError, HostError, TopologyError

if TYPE_CHECKING:
    from eigw_ns.testing.lab import Lab

MARKER = "eigw_topology"

_USAGE = f'@pytest.mark.{MARKER}("lab.yaml")'
_alive = pytest.StashKey["set[Lab]"]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and remove labs of interrupted teardowns when pytest ends."""
    about = "topology of the test's `lab`: a file, relative to the test's own file, or YAML text"
    config.addinivalue_line("markers", f"{MARKER}(source): {about}")
    config.stash[_alive] = set()
    config.add_cleanup(lambda: _destroy_all(config.stash[_alive]))


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Build a lab of network namespaces for this test, from the topology in its `eigw_topology` mark.

    Use `lab.verify()`, `lab.exec("app", ["ip", "route"])` or `lab.node("app").connect("web", 443)`. The lab is removed
    after the test, even if the test fails. If this host cannot hold a lab, the test is skipped; in CI (if the variable
    `CI` is set) it fails.
    """
    made = _lab(request, tmp_path_factory.mktemp("eigw-ns"))
    alive = request.config.stash[_alive]
    alive.add(made)
    with _termination_interrupts(), pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment.items():
            patch.setenv(name, value)
        try:
            _build(made)
            yield made
        finally:
            made.destroy()
            alive.remove(made)


def _lab(request: pytest.FixtureRequest, folder: Path) -> Lab:
    from eigw_ns.testing.lab import Lab, read

    data, name = _source(request)
    try:
        return Lab(read(data, name), folder)
    except TopologyError as error:
        mistakes = error
    _fail(mistakes)


def _source(request: pytest.FixtureRequest) -> tuple[bytes, str]:
    """Return the YAML of the test's mark, and the name of its place for error messages."""
    mark = request.node.get_closest_marker(MARKER)
    if mark is None:
        pytest.fail(f"the fixture `lab` needs a topology: {_USAGE}", pytrace=False)
    given = mark.args[0] if len(mark.args) == 1 and not mark.kwargs else None
    if isinstance(given, str) and "\n" in given:
        return given.encode(), f"the topology of {request.node.nodeid}"
    if not isinstance(given, str | os.PathLike):
        pytest.fail(f"`{MARKER}` takes one file or YAML text: {_USAGE}", pytrace=False)
    path = request.path.parent / given
    try:
        return path.read_bytes(), str(path)
    except OSError as error:
        reason = error.strerror
    hint = f"`eigw-ns init > {shlex.quote(str(path))}` writes an example"
    pytest.fail(f"cannot read the topology {path}: {reason}\nhint: {hint}", pytrace=False)


def _build(lab: Lab) -> None:
    try:
        lab.build()
        return
    except EigwError as error:
        reason = error
    if isinstance(reason, HostError) and not os.environ.get("CI"):
        pytest.skip(_text(reason))
    _fail(reason)


def _fail(error: EigwError) -> NoReturn:
    """Fail the test with the message and without a traceback: the error is in the test, not in our code."""
    pytest.fail(_text(error), pytrace=False)


def _text(error: EigwError) -> str:
    from eigw_ns.render import remedies

    message, hint = remedies.message(error), remedies.hint(error)
    return f"{message}\nhint: {hint}" if hint else message


def _destroy_all(labs: set[Lab]) -> None:
    with contextlib.ExitStack() as stack:  # an error in one does not stop the others
        for left in labs:
            stack.callback(left.destroy)


@contextlib.contextmanager
def _termination_interrupts() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C while the block runs; otherwise it would kill pytest and leave the lab behind.

    CI systems, containers and timeout(1) send SIGTERM when a run takes too long.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt("terminated")
