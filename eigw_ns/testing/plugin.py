"""The pytest plugin: `@pytest.mark.eigw_topology("lab.yaml")` and the fixture `lab`.

pytest loads this in every run in an environment with eigw-ns, so expensive imports wait until a test needs a lab.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import pytest

from eigw_ns.errors import EigwError, HostError, TopologyError

if TYPE_CHECKING:
    from eigw_ns.testing.endpoint import Endpoint
    from eigw_ns.testing.lab import Lab

MARKER = "eigw_topology"

_USAGE = f'@pytest.mark.{MARKER}("lab.yaml")'
_SCOPES = {"function": None, "class": pytest.Class, "module": pytest.Module, "session": pytest.Session}
_OPTION = "--eigw-rootless"
_EMPTY = b"vpcs: {}\n"
_SKIPPED = "eigw-ns skipped"
_alive = pytest.StashKey["set[Lab]"]()
_shared = pytest.StashKey["dict[bytes, Lab]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for labs without root."""
    about = "without root: run all tests in namespaces of your own, without the host's network, for the fixture `lab`"
    parser.getgroup("eigw-ns").addoption(_OPTION, action="store_true", default=False, help=about)


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, enter namespaces if asked, and remove labs of interrupted teardowns when pytest ends."""
    about = (
        "topology of the test's `lab`: a file, relative to the test's own file, or YAML text. "
        "With scope='class', 'module' or 'session', tests with the same topology share the lab"
    )
    config.addinivalue_line("markers", f"{MARKER}(source, scope='function'): {about}")
    config.stash[_alive] = set()
    config.add_cleanup(lambda: _destroy_all(config.stash[_alive]))
    if config.getoption(_OPTION) and os.geteuid():  # not in workers of xdist: they start inside, as root
        _enter_own_namespaces()


def _enter_own_namespaces() -> None:
    from eigw_ns.kernel.namespaces import userns

    try:
        userns.create()
        userns.bring_loopback_up()
    except EigwError as error:
        raise pytest.UsageError(_text(error)) from None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why tests were skipped because this host cannot hold a lab. pytest says it only with -rs."""
    why = Counter(
        text
        for report in terminalreporter.stats.get("skipped", [])
        for name, text in report.user_properties
        if name == _SKIPPED
    )
    for text, times in why.items():
        terminalreporter.section("labs of eigw-ns", yellow=True)
        terminalreporter.line(f"{times} {'test was' if times == 1 else 'tests were'} skipped: {text}")


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Build a lab of network namespaces for this test, from the topology in its `eigw_topology` mark.

    Use `lab.verify()`, `lab.exec("app", ["ip", "route"])` or `lab.node("app").connect("web", 443)`. The lab is removed
    after the test, even if the test fails, or after the last test of its scope. If this host cannot hold a lab, the
    test is skipped; in CI (if the variable `CI` is set) it fails. Parametrised with `indirect=True`, the parameter is
    the topology.
    """
    data, name, scope = _source(request)
    with contextlib.ExitStack() as life, pytest.MonkeyPatch.context() as patch:
        if scope is None:
            made = life.enter_context(_standing(request, data, name, tmp_path_factory))
        else:
            made = _shared_lab(request, data, name, scope, tmp_path_factory)
        for variable, value in made.environment.items():
            patch.setenv(variable, value)
        yield made


@pytest.fixture
def ec2(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Serve EC2's API for this test, on the `lab` of its `eigw_topology` mark, or on an empty lab.

    Use `ec2.client()`, or any AWS client: its environment variables are set during the test, and
    `ec2.environment()` is for a subprocess. `ec2.lab` is the lab, for packets. The endpoint ends with the test. If a
    package of the extra `server` is missing, the test is skipped; in CI (if the variable `CI` is set) it fails.
    """
    _require_packages(request.node)
    with contextlib.ExitStack() as life, pytest.MonkeyPatch.context() as patch:
        if _has_topology(request):
            made = request.getfixturevalue("lab")
        else:
            place = f"the empty topology of {request.node.nodeid}"
            made = life.enter_context(_standing(request, _EMPTY, place, tmp_path_factory))
        served = life.enter_context(_serving(made, tmp_path_factory.mktemp("ec2") / "log"))
        for variable in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(variable)
        for variable, value in {**made.environment, **served.variables()}.items():
            patch.setenv(variable, value)
        yield served


def _require_packages(test: pytest.Item) -> None:
    from eigw_ns.lab.host import extras

    try:
        extras.require_server("the fixture `ec2`")
        return
    except HostError as error:
        reason = error
    _give_up(reason, test)


def _has_topology(request: pytest.FixtureRequest) -> bool:
    """Return whether the test has a topology: in its mark, or as a parameter of `lab`."""
    parameters = getattr(request.node, "callspec", None)
    return request.node.get_closest_marker(MARKER) is not None or "lab" in getattr(parameters, "params", ())


@contextlib.contextmanager
def _serving(lab: Lab, log: Path) -> Iterator[Endpoint]:
    from eigw_ns.testing import endpoint

    with contextlib.ExitStack() as life, _termination_interrupts():
        try:
            served = life.enter_context(endpoint.served(lab, log))
        except EigwError as error:
            reason = error
        else:
            yield served
            return
    _fail(reason)


def _shared_lab(
    request: pytest.FixtureRequest,
    data: bytes,
    name: str,
    scope: type[pytest.Item | pytest.Collector],
    factory: pytest.TempPathFactory,
) -> Lab:
    """Return the lab of this topology in the test's class, module or session. The first test builds it."""
    owner: pytest.Item | pytest.Collector = request.node.getparent(scope) or request.node.getparent(pytest.Module)
    labs = owner.stash.setdefault(_shared, {})
    if data not in labs:
        life = contextlib.ExitStack()
        labs[data] = life.enter_context(_standing(request, data, name, factory))
        owner.addfinalizer(life.close)
        owner.addfinalizer(lambda: labs.pop(data))
    return labs[data]


@contextlib.contextmanager
def _standing(request: pytest.FixtureRequest, data: bytes, name: str, factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Build a lab, and remove it at the end. It is known to the run as long as it may be in the kernel."""
    made = _lab(data, name, factory.mktemp("eigw-ns"))
    alive = request.config.stash[_alive]
    alive.add(made)
    with _termination_interrupts():
        try:
            _build(made, request.node)
            yield made
        finally:
            made.destroy()
            alive.remove(made)


def _lab(data: bytes, name: str, folder: Path) -> Lab:
    from eigw_ns.testing.lab import Lab, read

    try:
        return Lab(read(data, name), folder)
    except TopologyError as error:
        mistakes = error
    _fail(mistakes)


def _source(request: pytest.FixtureRequest) -> tuple[bytes, str, type[pytest.Item | pytest.Collector] | None]:
    """Return the YAML of the test's parameter or mark, the name of its place for error messages, and its scope."""
    mark = request.node.get_closest_marker(MARKER)
    options = mark.kwargs if mark else {}
    parameters = [request.param] if hasattr(request, "param") else [*mark.args] if mark else None
    if parameters is None:
        pytest.fail(f"the fixture `lab` needs a topology: {_USAGE}", pytrace=False)
    scope = options.get("scope", "function")
    if scope not in _SCOPES:
        pytest.fail(f"{scope!r} is not a scope of `{MARKER}`\nhint: write one of {', '.join(_SCOPES)}", pytrace=False)
    given = parameters[0] if len(parameters) == 1 and options.keys() <= {"scope"} else None
    if isinstance(given, str) and "\n" in given:
        return given.encode(), f"the topology of {request.node.nodeid}", _SCOPES[scope]
    if not isinstance(given, str | os.PathLike):
        pytest.fail(f"`{MARKER}` takes one file or YAML text: {_USAGE}", pytrace=False)
    path = request.path.parent / given
    try:
        return path.read_bytes(), str(path), _SCOPES[scope]
    except OSError as error:
        reason = error.strerror
    hint = f"`eigw-ns init > {shlex.quote(str(path))}` writes an example"
    pytest.fail(f"cannot read the topology {path}: {reason}\nhint: {hint}", pytrace=False)


def _build(lab: Lab, test: pytest.Item) -> None:
    try:
        lab.build()
        return
    except EigwError as error:
        reason = error
    if isinstance(reason, HostError) and os.geteuid():
        reason.hint = f"{reason.hint}; or let pytest make namespaces of your own: pytest {_OPTION}"
    _give_up(reason, test)


def _give_up(reason: EigwError, test: pytest.Item) -> NoReturn:
    """Skip the test if this host cannot do what it needs. In CI, or after another error, fail it."""
    if isinstance(reason, HostError) and not os.environ.get("CI"):
        test.user_properties.append((_SKIPPED, _text(reason)))
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
