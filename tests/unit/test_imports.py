"""The rooms of `eigw_ns/README.md`, section "Rooms": imports go downwards only, and only `kernel` uses Linux directly.

The rules read the syntax tree. So no module is imported, and an import inside a function counts too. One rule is about
the tests and scripts: tests import only helper modules (`HELPERS`) of tests, and scripts import none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

import eigw_ns

ROOT = Path(eigw_ns.__file__).parent

BELOW = {
    "frozen": set(),
    "errors": {"frozen"},
    "cloud": {"errors", "frozen"},
    "topology": {"cloud", "errors", "frozen"},
    "importing": {"topology", "cloud", "errors", "frozen"},
    "dataplane": {"cloud", "errors", "frozen"},
    "kernel": {"dataplane.state", "errors", "frozen"},
    "lab": {"kernel", "dataplane", "importing", "topology", "cloud", "errors", "frozen"},
    "render": {"lab", "dataplane", "importing", "topology", "cloud", "errors", "frozen"},
    "server": {"render", "lab", "kernel", "dataplane", "importing", "topology", "cloud", "errors", "frozen"},
    "cli": {"server", "render", "lab", "kernel", "dataplane", "importing", "topology", "cloud", "errors", "frozen"},
    "testing": {"render", "lab", "kernel", "dataplane", "importing", "topology", "cloud", "errors", "frozen"},
    "__main__": {"cli"},
    "__init__": set(),
}
"""The rooms and packages of ours that each room may import, besides itself."""

PURE = {"cloud", "dataplane", "importing"}
OUTSIDE = {"asyncio", "fcntl", "multiprocessing", "os", "pathlib", "selectors", "shutil", "signal", "socket",
           "subprocess", "tempfile", "threading", "time"}  # fmt: skip
CONVERSIONS = {
    "socket.AF_INET",
    "socket.AF_INET6",
    "socket.inet_ntop",
    "socket.inet_pton",
}  # of these modules, what has no effect
LINUX_MODULES = {"ctypes", "nftables", "pyroute2"}
LINUX_NAMES = {"setns", "unshare", "AF_NETLINK"}
PROCESS_MODULE = "kernel.processes.process"
FORKING = {("kernel.processes.parallel", "os.fork"), ("kernel.processes.child", "os.fork")}
"""Modules that fork copies of this program. They start no other program."""
PROCESS_NAMES = {f"os.{name}" for name in ("system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp")}

FRONT_ENDS = {"cli", "testing"}
ENVIRONMENT_READERS = {
    "kernel.processes.process": "a detached program inherits the environment, with variables added",
    "kernel.namespaces.pause_process": "the pause process inherits the environment, with a search path for modules",
}
"""The modules besides the front ends that read the environment, and what for."""

FOLDERS_MODULE = "cli.rootless"

PYTEST_MODULE = "testing.plugin"
SERVER_PACKAGES = {"botocore", "h11", "uvicorn"}
WAITING_MODULE = "kernel.processes.waiting"

HELPERS = {
    "tests": ("tests.support", "tests.topologies", "tests.core"),
    "tests.support": ("tests.support", "tests.topologies"),
    "tests.topologies": ("tests.topologies",),
    "scripts": (),
}
"""The modules of tests that the modules of each folder may import. The deepest folder decides."""

WORDLESS = {"cloud", "dataplane", "topology"}
"""Rooms that serve several front ends, so that they must not name commands and options of one. See `errors.Remedy`."""

COMMAND_WORDS = re.compile(r"\beigw-ns [a-z]|(?<![\w-])--[a-z]")
TITLES = {
    ("topology.schema", "eigw-ns topology"),
    ("topology.schema", "Results that `eigw-ns verify` checks with packets"),  # of the file format, as published
    ("topology.decode", "this is not a topology that eigw-ns stored ("),
}
"""Texts that name the program or what reads a field, and are no hints."""

DOOR = "kernel.protocol"
PAST_THE_DOOR = {
    ("cli.context", "kernel.linux"): "makes the machine that every verb works on",
    ("cli.context", "kernel.host.features"): "checks that this host can hold a lab, before there is a machine",
    ("cli.rootless", "kernel.host.capabilities"): "chooses between root and rootless, before there is a machine",
    ("cli.rootless", "kernel.namespaces.sysctl"): "the same",
    ("cli.rootless", "kernel.namespaces.userns"): "the same",
    ("cli.verbs.version", "kernel.host.features"): "prints the versions of the kernel and of libnftables",
    ("cli.verbs.serve", "kernel.processes.privileges"): "names the user that the web process becomes",
    ("server.listening", "kernel.processes.privileges"): "binds a unix socket as the user that will use it",
    ("server.process", "kernel.processes.child"): "forks the web process, before there is a machine",
    ("server.process", "kernel.processes.privileges"): "takes all privileges from the web process",
    ("lab.host.doctor", "kernel.host"): "finds out why this host cannot hold a lab",
    ("lab.host.doctor", "kernel.namespaces.limits"): "the same",
    ("lab.host.doctor", "kernel.namespaces.sysctl"): "the same",
    ("lab.host.doctor", "kernel.namespaces.userns"): "the same",
    ("lab.host.terraform", "kernel.processes.process"): "runs terraform, before there is a machine",
    ("lab.host.private_copy", "kernel.processes.privileges"): "names the owner of a folder",
    ("lab.host.terraform", "kernel.processes.signals"): "removes its copy before a signal ends it",
    ("lab.host.terraform", "kernel.processes.privileges"): "does not run it as root for another user",
    ("lab.host.rootless", "kernel.namespaces.netns"): "ends the pause process after the last namespace",
    ("lab.host.rootless", "kernel.namespaces.pause_process"): "starts it and joins it, before there is a machine",
    ("lab.host.rootless", "kernel.host.trusted_folder"): "opens the run folder, before there is a machine",
    ("lab.storage", "kernel.host.trusted_folder"): "opens folders and files, which the fake kernel does not have",
    ("lab.agent.background", "kernel.host.trusted_folder"): "the same",
    ("lab.storage.lock", "kernel.processes.file_lock"): "locks files, which the fake kernel does not have",
    ("lab.storage.lock", "kernel.processes.waiting"): "waits for the holder of the lock",
    ("lab.lifecycle.ec2_waiters", "kernel.processes.waiting"): "waits for what another process creates",
    ("lab.agent.background", "kernel.processes.file_lock"): "the same",
    ("lab.agent.background", "kernel.processes.process"): "starts and ends an agent, a process of this program",
    ("lab.agent.background", "kernel.processes.waiting"): "the same",
    ("lab.check.throwaway", "kernel.linux"): "makes the machine that a lab for one proof is on",
    ("lab.check.throwaway", "kernel.host.features"): "checks that this host can hold a lab, before there is a machine",
    ("lab.check.throwaway", "kernel.processes.confined"): "forks a process with namespaces of its own",
    ("lab.verify", "kernel.traffic.sockets"): "sends real packets, which only Linux can carry",
    ("lab.capture", "kernel.traffic"): "captures real packets, which only Linux can carry",
    ("lab.events", "kernel.netlink.reports"): "hears the reports of the kernel, which only Linux makes",
    ("lab.events", "kernel.host.folder_watch"): "watches folders, which the fake kernel does not have",
    ("lab.events", "kernel.namespaces.netns"): "names the folder of namespaces, to watch it",
    ("lab.events", "kernel.traffic.sockets"): "raises the limit of open files",
    ("cli.verbs.capture", "kernel.traffic"): "compiles a filter before anything is opened, and shows frames",
    ("lab.flows.flow_log", "kernel.netlink.listener"): "listens to real flows and refusals, which only Linux has",
    ("lab.flows.flow_log", "kernel.traffic.sockets"): "the same",
    ("lab.trace", "kernel.traffic"): "listens to the traces of real packets, which only Linux can carry",
    ("lab.trace", "kernel.nft"): "marks the packets that it traces, and reads the texts of rules",
    ("lab.trace", "kernel.netlink.trace_message"): "sorts the kernel's messages about traced packets",
    ("lab.trace", "kernel.reading.foreign"): "names the families of nftables",
    ("lab.verify", "kernel.processes.waiting"): "waits for another command that changes the lab",
    ("testing.plugin", "kernel.namespaces.userns"): "enters namespaces of this user before there is a machine",
    ("testing.lab", "kernel.linux"): "makes the machine that a test's lab is on",
    ("testing.lab", "kernel.host.features"): "checks that this host can hold a lab, before there is a machine",
    ("testing.lab", "kernel.namespaces.netns"): "ends the processes that a test left in its lab",
    ("testing.lab", "kernel.namespaces.hosts_file"): "gives a test's commands the names of nodes",
    ("testing.endpoint", "kernel.processes.process"): "runs the endpoint beside a test",
    ("testing.lab", "kernel.processes"): "the same; runs a test's commands in nodes, and shows that its lab is needed",
}
"""(module or package, what it may import from `kernel` besides the protocols): why."""

SOCKETS = {
    "kernel.netlink.socket": "AF_NETLINK",
    "kernel.traffic.sockets": "test traffic",
    "kernel.traffic.capture_socket": "captures",
    "kernel.replication.heartbeat": "heartbeats",
    "kernel.processes.liveness": "a name that shows that a lab is needed",
    "server.listening": "what clients connect to",
    "server.channel": "the web process and the worker",
}
"""The modules that open sockets, and what for."""

OPENING = {f"socket.{name}" for name in ("socket", "create_connection", "create_server", "fromfd", "socketpair")}

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60

Offences = Iterator[tuple[int, str]]
"""The line of each offence, and a description."""


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of each import: `a.b.c` for `from a.b import c`, since `c` may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "eigw_ns.<relative>" if node.level else node.module or ""
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def dotted(node: ast.expr) -> str:
    """Return an attribute chain as text, such as `os.path.join`, or an empty string if the node is not one."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        start = dotted(node.value)
        return f"{start}.{node.attr}" if start else ""
    return ""


def room_of(module: str) -> str:
    return module.split(".")[0]


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def upward_imports(module: str, tree: ast.Module) -> Offences:
    room = room_of(module)
    allowed = BELOW[room] | ({room} if room != "__main__" else set())
    for line, name in imports(tree):
        ours = name.removeprefix("eigw_ns.")
        if ours == name or ours == "__version__":
            continue
        if not any(within(ours, target) for target in allowed):
            yield line, f"{room} must not import {name}"


def linux_outside_kernel(module: str, tree: ast.Module) -> Offences:
    if room_of(module) == "kernel":
        return
    for line, name in imports(tree):
        if room_of(name) in LINUX_MODULES or name.rpartition(".")[2] in LINUX_NAMES:
            yield line, f"only kernel may import {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in LINUX_NAMES:
            yield node.lineno, f"only kernel may use {node.attr}"


def kernel_past_the_door(module: str, tree: ast.Module) -> Offences:
    if room_of(module) == "kernel":
        return
    for line, name in imports(tree):
        ours = name.removeprefix("eigw_ns.")
        if ours == name or not within(ours, "kernel") or within(ours, DOOR):
            continue
        if not any(within(module, user) and within(ours, target) for user, target in PAST_THE_DOOR):
            yield line, f"{module} must use {DOOR}, not {name}"


def sockets_elsewhere(module: str, tree: ast.Module) -> Offences:
    """Only some modules open sockets, and only one of them netlink sockets."""
    used = [(node.lineno, dotted(node)) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    for line, name in (*imports(tree), *used):
        if name == "socket.AF_NETLINK" and SOCKETS.get(module) != "AF_NETLINK":
            yield line, f"{module} must not open netlink sockets"
    calls = [(node.lineno, dotted(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for line, name in (*imports(tree), *calls):
        if name in OPENING and module not in SOCKETS:
            yield line, f"{module} must not open sockets"


def effects_in_pure_rooms(module: str, tree: ast.Module) -> Offences:
    if room_of(module) not in PURE:
        return
    for line, name in imports(tree):
        if room_of(name) in OUTSIDE and name not in CONVERSIONS:
            yield line, f"{room_of(module)} is pure and must not import {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) in {"open", "print", "input"}:
            yield node.lineno, f"{room_of(module)} is pure and must not call {dotted(node.func)}"


def command_words(module: str, tree: ast.Module) -> Offences:
    """Read all strings but docstrings, which may say what a module serves."""
    if room_of(module) not in WORDLESS:
        return
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in documents:
            continue
        if COMMAND_WORDS.search(node.value) and (module, node.value) not in TITLES:
            yield node.lineno, f"{room_of(module)} must not name commands: {node.value!r}"


def processes_elsewhere(module: str, tree: ast.Module) -> Offences:
    if module == PROCESS_MODULE:
        return
    for line, name in imports(tree):
        if room_of(name) in {"subprocess", "multiprocessing"} or name in PROCESS_NAMES:
            yield line, f"only {PROCESS_MODULE} starts processes, not {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and dotted(node) in PROCESS_NAMES and (module, dotted(node)) not in FORKING:
            yield node.lineno, f"only {PROCESS_MODULE} starts processes, not {dotted(node)}"


def server_packages_elsewhere(module: str, tree: ast.Module) -> Offences:
    """The base install lacks the packages of the extra `server`: only `server` may import them."""
    for line, name in imports(tree):
        if room_of(name) in SERVER_PACKAGES and room_of(module) != "server":
            yield line, f"only server imports {name}"


def pytest_elsewhere(module: str, tree: ast.Module) -> Offences:
    """A user of the program need not install pytest: only the module that pytest itself loads may import it."""
    if module == PYTEST_MODULE:
        return
    for line, name in imports(tree):
        if room_of(name) in {"pytest", "_pytest"}:
            yield line, f"only {PYTEST_MODULE} imports {name}"


def shells(_module: str, tree: ast.Module) -> Offences:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) != "False":
            yield node.value.lineno, "no shell"


def broad_excepts(_module: str, tree: ast.Module) -> Offences:
    """A handler of all exceptions may only clean up and raise the exception again."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type] if node.type else []
        broad = not kinds or any(dotted(kind) in {"Exception", "BaseException"} for kind in kinds)
        last = node.body[-1]
        if broad and not (isinstance(last, ast.Raise) and last.exc is None):
            yield node.lineno, "catches everything"


def sleeps(module: str, tree: ast.Module) -> Offences:
    for line, name in imports(tree):
        if name == "time.sleep":
            yield line, "waits a fixed time"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and dotted(node) == "time.sleep":
            yield node.lineno, "waits a fixed time"
        if module != WAITING_MODULE and isinstance(node, ast.Call) and _waits_for_nothing(node):
            yield node.lineno, f"only {WAITING_MODULE} waits without a descriptor; use its wait_until"


def _waits_for_nothing(call: ast.Call) -> bool:
    """Whether it is `select.select([], [], [], seconds)`."""
    return dotted(call.func) == "select.select" and all(ast.unparse(each) == "[]" for each in call.args[:3])


def environment_elsewhere(module: str, tree: ast.Module) -> Offences:
    """The front ends read the environment, and pass on what they found. So one process may serve several users."""
    if room_of(module) in FRONT_ENDS or module in ENVIRONMENT_READERS:
        return
    used = [(node.lineno, dotted(node)) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    for line, name in (*imports(tree), *used):
        if name in {"os.environ", "os.environb", "os.getenv", "os.getenvb"}:
            yield line, f"{module} must be given what it needs of the environment"


def folders_chosen_elsewhere(module: str, tree: ast.Module) -> Offences:
    """One place chooses the folders of labs by the environment (EIGW_NS_STATE_DIR, EIGW_NS_RUN_DIR, XDG)."""
    if module == FOLDERS_MODULE:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and dotted(node) == "LabFolders.chosen":
            yield node.lineno, f"only {FOLDERS_MODULE} chooses folders"


def long_functions(_module: str, tree: ast.Module) -> Offences:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield node.lineno, f"{node.name} has {length} lines, more than {LONGEST_FUNCTION}"


def imports_of_tests(module: str, tree: ast.Module) -> Offences:
    """Tests import only helper modules, so each module of tests can be moved, renamed or left out."""
    folder = max((each for each in HELPERS if within(module, each)), key=len)
    for line, name in imports(tree):
        if "<relative>" in name.split("."):
            yield line, "import by the full name"
        elif within(name, "tests") and not any(within(name, each) for each in HELPERS[folder]):
            yield line, f"modules of {folder} must not import {name}: move it to tests/support or tests/topologies"


RULES: list[Callable[[str, ast.Module], Offences]] = [
    upward_imports,
    linux_outside_kernel,
    kernel_past_the_door,
    sockets_elsewhere,
    effects_in_pure_rooms,
    command_words,
    processes_elsewhere,
    server_packages_elsewhere,
    pytest_elsewhere,
    shells,
    broad_excepts,
    sleeps,
    environment_elsewhere,
    folders_chosen_elsewhere,
    long_functions,
]


def modules() -> Iterator[tuple[str, Path]]:
    """Yield the name within our package (`kernel.namespaces.netns`) and the file of each module.

    The name of an `__init__.py` is that of its package.
    """
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts), path


@cache
def trees() -> tuple[tuple[str, Path, ast.Module], ...]:
    """Return each module with its file and syntax tree, parsed once for all rules."""
    return tuple((name, path, ast.parse(path.read_text(), str(path))) for name, path in modules())


def test_every_room_is_known() -> None:
    assert {room_of(name) for name, _ in modules()} == set(BELOW)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_house_rule(rule: Callable[[str, ast.Module], Offences]) -> None:
    found = [
        f"{path.relative_to(ROOT.parent)}:{line}: {offence}"
        for name, path, tree in trees()
        for line, offence in rule(name, tree)
    ]
    assert not found, "\n".join(found)


def _nodes(tree: ast.Module) -> Iterator[ast.Attribute]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def test_every_exception_is_needed() -> None:
    trees = {name: ast.parse(path.read_text(), str(path)) for name, path in modules()}
    used = {
        (module, name.removeprefix("eigw_ns."))
        for module, tree in trees.items()
        for _, name in imports(tree)
        if name.startswith("eigw_ns.kernel.")
    }
    needed = {key for key in PAST_THE_DOOR if any(within(by, key[0]) and within(of, key[1]) for by, of in used)}
    assert needed == set(PAST_THE_DOOR)
    assert set(SOCKETS) <= set(trees)
    readers = {module for module, tree in trees.items() if any(dotted(node) == "os.environ" for node in _nodes(tree))}
    assert set(ENVIRONMENT_READERS) <= readers


def test_tests_import_only_helper_modules_and_scripts_import_none() -> None:
    paths = [path for folder in ("tests", "scripts") for path in sorted((ROOT.parent / folder).rglob("*.py"))]
    names = {path: ".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in paths}
    assert {"tests.unit.test_imports", "tests.support.labs", "scripts.benchmarks.ha"} <= set(names.values())  # found
    offences = [
        f"{path.relative_to(ROOT.parent)}:{line}: {offence}"
        for path, name in names.items()
        for line, offence in imports_of_tests(name, ast.parse(path.read_text(), str(path)))
    ]
    assert not offences, "\n".join(offences)


def test_modules_are_short() -> None:
    lengths = {str(path.relative_to(ROOT.parent)): len(path.read_text().splitlines()) for _, path in modules()}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_MODULE}


BROKEN = [
    (upward_imports, "cloud.x", "from eigw_ns.dataplane import state"),
    (upward_imports, "cloud.x", "def f():\n    import eigw_ns.kernel.namespaces.netns"),
    (upward_imports, "kernel.x", "from eigw_ns.dataplane import names"),
    (upward_imports, "kernel.x", "from eigw_ns.dataplane.statement import x"),
    (upward_imports, "lab.x", "from ..cli import main"),
    (upward_imports, "lab.x", "from eigw_ns.render import table"),
    (linux_outside_kernel, "lab.x", "from pyroute2 import NetNS"),
    (linux_outside_kernel, "cli.x", "import ctypes.util"),
    (linux_outside_kernel, "lab.x", "import os\nos.setns(3)"),
    (linux_outside_kernel, "lab.x", "from os import setns"),
    (linux_outside_kernel, "lab.x", "import socket\nsocket.socket(socket.AF_NETLINK)"),
    (kernel_past_the_door, "lab.lifecycle.operations", "from eigw_ns.kernel.namespaces import netns"),
    (kernel_past_the_door, "lab.agent.loop", "from eigw_ns.kernel.reading import health"),
    (kernel_past_the_door, "cli.verbs.describe", "from eigw_ns.kernel.linux import LinuxKernel"),
    (kernel_past_the_door, "cli.x", "def f():\n    from eigw_ns.kernel import linux"),
    (kernel_past_the_door, "lab.agent.background_x", "from eigw_ns.kernel.processes import file_lock"),
    (sockets_elsewhere, "kernel.reading.x", "import socket\nsocket.socket(socket.AF_NETLINK)"),
    (sockets_elsewhere, "kernel.traffic.sockets", "import socket\nsocket.socket(socket.AF_NETLINK)"),
    (sockets_elsewhere, "kernel.traffic.sockets", "from socket import AF_NETLINK"),
    (sockets_elsewhere, "kernel.netlink.x", "import socket\nsocket.socket(socket.AF_INET6)"),
    (sockets_elsewhere, "lab.verify.prober.x", "from socket import socketpair"),
    (effects_in_pure_rooms, "cloud.x", "from pathlib import Path"),
    (effects_in_pure_rooms, "dataplane.x", "open('/etc/passwd')"),
    (command_words, "cloud.x", "error(hint='see `eigw-ns status`')"),
    (command_words, "dataplane.x", "error(hint=f'write --port {number}')"),
    (processes_elsewhere, "lab.x", "import subprocess"),
    (processes_elsewhere, "kernel.namespaces.netns", "from subprocess import run"),
    (processes_elsewhere, "cli.x", "import os\nos.system('id')"),
    (processes_elsewhere, "kernel.processes.parallel", "import os\nos.system('id')"),
    (upward_imports, "lab.x", "from eigw_ns.testing import lab"),
    (upward_imports, "testing.x", "from eigw_ns.cli import context"),
    (server_packages_elsewhere, "cli.verbs.serve", "def f():\n    import uvicorn"),
    (server_packages_elsewhere, "cloud.x", "from botocore.model import ServiceModel"),
    (pytest_elsewhere, "testing.lab", "from pytest import fail"),
    (shells, "kernel.processes.process", "run('id', shell=True)"),
    (broad_excepts, "lab.x", "try:\n    f()\nexcept:\n    pass"),
    (broad_excepts, "lab.x", "try:\n    f()\nexcept (OSError, Exception):\n    pass"),
    (sleeps, "lab.x", "import time\ntime.sleep(1)"),
    (sleeps, "lab.x", "from time import sleep"),
    (sleeps, "lab.x", "import select\nselect.select([], [], [], 0.01)"),
    (environment_elsewhere, "lab.x", "import os\nos.environ.get('HOME')"),
    (environment_elsewhere, "kernel.x", "from os import getenv"),
    (folders_chosen_elsewhere, "lab.x", "LabFolders.chosen({}, HOST_FOLDERS)"),
    (folders_chosen_elsewhere, "cli.verbs.x", "LabFolders.chosen({}, HOST_FOLDERS)"),
    (long_functions, "lab.x", "def f():\n" + "    f()\n" * LONGEST_FUNCTION),
    (imports_of_tests, "tests.unit.test_x", "from tests.unit.test_y import HELPER"),
    (imports_of_tests, "tests.unit.test_x", "from tests.unit import test_y as y"),
    (imports_of_tests, "tests.unit.helper", "def f():\n    import tests.unit.test_y"),
    (imports_of_tests, "tests.unit.test_x", "from .test_y import HELPER"),
    (imports_of_tests, "tests.unit.test_x", "from tests.unit.helper import HELPER"),
    (imports_of_tests, "tests.contract.test_x", "from tests.contract.conftest import World"),
    (imports_of_tests, "tests.support.x", "from tests.unit.helper import HELPER"),
    (imports_of_tests, "tests.topologies.x", "from tests.support.labs import Lab"),
    (imports_of_tests, "scripts.benchmarks.ha", "from tests.packets.test_x import HELPER"),
    (imports_of_tests, "scripts.benchmarks.ha", "from tests.support.labs import Lab"),
]

SOUND = [
    (upward_imports, "kernel.x", "from eigw_ns.dataplane.state import Link\nfrom eigw_ns.kernel import netns"),
    (upward_imports, "cli.x", "from eigw_ns import __version__"),
    (processes_elsewhere, PROCESS_MODULE, "import subprocess"),
    (processes_elsewhere, "kernel.processes.child", "import os\nos.fork()"),
    (server_packages_elsewhere, "server.x", "import uvicorn"),
    (pytest_elsewhere, PYTEST_MODULE, "import pytest"),
    (linux_outside_kernel, "kernel.x", "import os, pyroute2\nos.setns(3)"),
    (sleeps, WAITING_MODULE, "import select\nselect.select([], [], [], 0.01)"),
    (sleeps, "lab.x", "import select\nselect.select([3], [], [], 5)"),
    (kernel_past_the_door, "lab.x", "from eigw_ns.kernel.protocol import Kernel"),
    (kernel_past_the_door, "cli.context", "from eigw_ns.kernel.linux import LinuxKernel"),
    (kernel_past_the_door, "lab.verify.prober.x", "from eigw_ns.kernel.traffic import sockets"),
    (sockets_elsewhere, "kernel.netlink.socket", "import socket\nsocket.socket(socket.AF_NETLINK)"),
    (sockets_elsewhere, "lab.x", "import socket\ndef f(opened: socket.socket) -> None: ..."),
    (effects_in_pure_rooms, "lab.x", "import os"),
    (
        command_words,
        "topology.x",
        "def f():\n    \"\"\"For `eigw-ns verify`.\"\"\"\n    return '---', 'a -- b', 'eigw-ns:'",
    ),
    (command_words, "lab.x", "error(hint='see `eigw-ns status`')"),
    (environment_elsewhere, "cli.x", "import os\nos.environ.get('HOME')"),
    (folders_chosen_elsewhere, FOLDERS_MODULE, "LabFolders.chosen({}, HOST_FOLDERS)"),
    (broad_excepts, "lab.x", "try:\n    f()\nexcept BaseException:\n    undo()\n    raise"),
    (long_functions, "lab.x", "def f():\n" + "    f()\n" * (LONGEST_FUNCTION - 1)),
    (imports_of_tests, "tests.unit.test_x", "from tests.support.labs import Lab\nfrom scripts.benchmarks import flows"),
    (imports_of_tests, "tests.conftest", "from tests import core"),
    (imports_of_tests, "tests.support.x", "from tests.topologies.egress import APP"),
]


@pytest.mark.parametrize(("rule", "module", "source"), BROKEN)
def test_a_rule_reports_code_that_breaks_it(
    rule: Callable[[str, ast.Module], Offences], module: str, source: str
) -> None:
    assert list(rule(module, ast.parse(source)))


@pytest.mark.parametrize(("rule", "module", "source"), SOUND)
def test_a_rule_does_not_report_code_that_keeps_it(
    rule: Callable[[str, ast.Module], Offences], module: str, source: str
) -> None:
    assert not list(rule(module, ast.parse(source)))
