"""Errors become messages and exit codes; no traceback reaches a user."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.kernel.namespaces import netns
from eigw_ns.topology import Topology
from tests.support.command import SECONDS, Cli, heed_interrupts, process

PROGRAM = [sys.executable, "-m", "eigw_ns"]
BROKEN = "import eigw_ns.cli.program as program, eigw_ns.cli.main as main; program.run = lambda _: {}[7]; main.main()"


def test_an_expected_error_has_a_hint_and_its_exit_code(cli: Cli) -> None:
    result = cli("export")
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "error: no lab exists",
        "hint: begin with `eigw-ns init > lab.yaml` and `eigw-ns apply -f lab.yaml`",
    ]


def test_errors_go_to_stderr_with_json_too(cli: Cli) -> None:
    result = cli("validate", "-f", "missing.yaml", "-o", "json")
    assert (result.code, result.out) == (2, "")
    assert "cannot read missing.yaml: No such file or directory" in result.err
    assert "eigw-ns init > missing.yaml" in result.err


def test_a_folder_is_not_a_topology(cli: Cli, tmp_path: Path) -> None:
    result = cli("validate", "-f", str(tmp_path))
    assert result.code == 2
    assert result.err == f"error: cannot read {tmp_path}: Is a directory\n"


def test_an_unexpected_error_is_one_line_and_a_hint() -> None:
    done = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == "error: internal error: KeyError: 7"
    assert "please report it" in second


def test_no_memory_during_an_import_is_not_a_bug() -> None:
    program = BROKEN.replace("{}[7]", "[].__getattribute__(bytes(1 << 60))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode, done.stderr) == (5, "error: no memory is left for this process\n")


def test_an_unexpected_error_has_a_traceback_with_debug_set() -> None:
    environment = {**os.environ, "EIGW_NS_DEBUG": "1"}
    done = subprocess.run(
        [sys.executable, "-c", BROKEN], capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


def test_ctrl_c_before_the_program_is_loaded_prints_nothing() -> None:
    """The import of `cli.main` waits here. Python's own handler would print a traceback."""
    waiting = "class Slow:\n def find_spec(*_):\n  os.write(1, b'!'); time.sleep(60)\n"
    program = f"import os, sys, time\nfrom eigw_ns.__main__ import main\n{waiting}sys.meta_path.insert(0, Slow)\nmain()"
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=pipe, stderr=pipe, preexec_fn=heed_interrupts
    ) as running:
        assert running.stdout is not None
        assert running.stdout.read(1) == b"!"
        running.send_signal(signal.SIGINT)
        _, complaint = running.communicate(timeout=SECONDS)
    assert (running.returncode, complaint) == (-signal.SIGINT, b"")


def test_ctrl_c_is_130(tmp_path: Path) -> None:
    pipe = tmp_path / "topology.yaml"
    os.mkfifo(pipe)
    command = [*PROGRAM, "validate", "-f", str(pipe)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts) as running:
        writer = os.open(pipe, os.O_WRONLY)  # returns once the program has it open for reading
        running.send_signal(signal.SIGINT)
        _, complaint = running.communicate(timeout=SECONDS)
        os.close(writer)
    assert running.returncode == 130
    assert complaint.strip() == "error: interrupted"


def test_a_closed_stdout_pipe_fails_without_a_message() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*PROGRAM, "schema"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_errors_have_no_colour_off_a_terminal() -> None:
    assert "\x1b" not in process("export").err


ESCAPE = "\x1b]0;owned\x07\x9b31m\u202e"


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", "-f", f"{ESCAPE}.yaml"),
        ("validate", "-f", f"{ESCAPE}\nerror: more.yaml"),
        ("export", "--lab", ESCAPE),
        (ESCAPE,),
        ("status", f"--{ESCAPE}"),
        ("describe", ESCAPE),
        ("describe", "--tag", ESCAPE),
        ("init", "--example", ESCAPE),
        ("explain", ESCAPE, "web"),
        ("ec2", ESCAPE),
        ("ec2", "create-tags", "--resources", ESCAPE, "--tags", f"Key={ESCAPE},Value=x"),
        ("ec2", "describe-vpcs", "--filters", f"Name={ESCAPE},Values=x"),
        ("ec2", "describe-vpcs", "--cli-input-json", f"file://{ESCAPE}"),
    ],
    ids=ascii,
)
def test_no_control_character_reaches_the_terminal(
    cli: Cli, stored: Callable[[str], Topology], arguments: tuple[str, ...]
) -> None:
    stored("alpha")
    result = cli(*arguments)
    assert result.code in (0, 1, 2, 5)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", result.out + result.err)
    assert "\nerror: more" not in result.err


def test_mistakes_in_a_file_with_control_characters(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "a\x1b[31m\n.yaml"
    file.write_text('lab: "a\\eb"\nvpcs: {"\\e[1m": {}}\n')
    result = cli("validate", "-f", str(file))
    assert result.code == 1
    assert "a\\x1b[31m\\n.yaml:1" in result.err
    assert "\x1b" not in result.err


def test_a_fifo_without_a_writer_is_named_on_a_terminal(tmp_path: Path) -> None:
    pipe = tmp_path / "topology.yaml"
    os.mkfifo(pipe)
    keyboard, screen = os.openpty()
    with subprocess.Popen([*PROGRAM, "validate", "-f", str(pipe)], stderr=screen) as running:
        os.close(screen)
        said = os.read(keyboard, 4096)
        running.kill()
    os.close(keyboard)
    assert said.startswith(b"waiting for another program to write to ")


def test_a_fifo_is_read_without_a_word_off_a_terminal(cli: Cli, tmp_path: Path) -> None:
    pipe = tmp_path / "topology.yaml"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"lab: x\n",))
    writer.start()
    assert "waiting" not in cli("validate", "-f", str(pipe)).err
    writer.join()


@pytest.mark.parametrize(
    ("arguments", "code", "complaint", "hint"),
    [
        (("export",), 2, "there are 2 labs: alpha, beta", "choose one: --lab NAME or EIGW_NS_LAB"),
        (("export", "--lab", "alfa"), 1, "no such lab: alfa", "did you mean alpha?"),
        (("export", "--lab", "xyz"), 1, "no such lab: xyz", "the labs are alpha, beta"),
        (("export", "--lab", "../../etc"), 1, "no such lab: ../../etc", "the labs are alpha, beta"),
    ],
)
def test_which_lab(
    cli: Cli, stored: Callable[[str], Topology], arguments: tuple[str, ...], code: int, complaint: str, hint: str
) -> None:
    stored("alpha")
    stored("beta")
    result = cli(*arguments)
    assert (result.code, result.out) == (code, "")
    assert result.err.splitlines() == [f"error: {complaint}", f"hint: {hint}"]


def test_the_environment_names_the_lab(
    cli: Cli, stored: Callable[[str], Topology], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored("alpha")
    stored("beta")
    monkeypatch.setenv("EIGW_NS_LAB", "beta")
    assert cli("export").out.startswith("lab: beta\n")


def test_a_damaged_store_says_what_to_do(cli: Cli, own_folders: Path, stored: Callable[[str], Topology]) -> None:
    stored("alpha")
    (own_folders / "state" / "alpha" / "topology.json").write_text('{"lab": "alpha", "vpcs"')
    result = cli("export")
    assert result.code == 1
    assert "topology.json is damaged" in result.err
    assert "hint: apply the topology file again" in result.err


@pytest.mark.root
@pytest.mark.parametrize("folder", ["/etc/passwd", "/proc/none"])
@pytest.mark.parametrize("variable", ["EIGW_NS_STATE_DIR", "EIGW_NS_RUN_DIR"])
def test_a_folder_that_cannot_be_used_is_named_with_its_variable(
    cli: Cli, own_folders: Path, demo_file: Callable[[str], str], lab_name: str, variable: str, folder: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    file = demo_file(lab_name)
    with monkeypatch.context() as patch:
        patch.setenv(variable, folder)
        result = cli("apply", "-f", file)
    assert (result.code, result.out) == (5, "")
    error, hint = result.err.splitlines()
    assert error.startswith("error: ")
    assert f" {folder}/{lab_name}/" in error
    assert hint == f"hint: set {variable} to a folder that you can write to (it is {folder} now)"
    assert not [path for path in own_folders.rglob("*") if path.name == lab_name], "it must fail before any change"
    assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]
    assert cli("apply", "-f", file).code == 0
    assert cli("destroy", "--lab", lab_name).code == 0


def test_a_state_folder_that_is_a_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIGW_NS_STATE_DIR", "/etc/passwd")
    result = cli("export")
    assert (result.code, result.out) == (5, "")
    assert "error: look into /etc/passwd: Not a directory\nhint: set EIGW_NS_STATE_DIR to" in result.err


NEED_PRIVILEGES = {
    "plan": ("-f", "{file}"),
    "apply": ("-f", "{file}"),
    "status": (),
    "verify": (),
    "exec": ("app", "--", "true"),
    "shell": ("app",),
    "destroy": (),
    "gc": ("--yes",),
}


@pytest.mark.parametrize("verb", NEED_PRIVILEGES)
def test_without_privileges_nothing_is_changed(
    verb: str, own_folders: Path, demo_file: Callable[[str], str], stored: Callable[[str], Topology]
) -> None:
    stored("weak")
    file = demo_file("weak")
    before = sorted(own_folders.rglob("*"))
    result = process(verb, *(argument.format(file=file) for argument in NEED_PRIVILEGES[verb]), powerless=True)
    assert (result.code, result.out) == (5, "")
    assert "not enough privilege: this process lacks CAP_NET_BIND_SERVICE, CAP_NET_ADMIN" in result.err
    assert "in a container: --cap-add NET_BIND_SERVICE --cap-add NET_ADMIN" in result.err
    assert "hint: run it as root" in result.err
    assert sorted(own_folders.rglob("*")) == before
    assert not [name for name in netns.names() if name.startswith("eigw-weak-")]


@pytest.mark.root
@pytest.mark.parametrize("verb", ["apply", "plan"])
def test_without_nftables_nothing_is_changed(
    verb: str, own_folders: Path, demo_file: Callable[[str], str], lab_name: str
) -> None:
    (own_folders / "nftables.py").write_text("raise ImportError('not here')")
    file = demo_file(lab_name)
    result = process(verb, "-f", file, env={"PYTHONPATH": f"{own_folders}:{Path.cwd()}"})
    assert (result.code, result.out) == (5, "")
    assert "the Python binding of libnftables is missing" in result.err
    assert "python3-nftables" in result.err
    assert not (own_folders / "state").exists()
    assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]


def test_mistakes_are_reported_without_privileges(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("lab: bad\nvpc: {}\n")
    result = process("apply", "-f", str(tmp_path / "bad.yaml"), powerless=True)
    assert result.code == 1
    assert "bad.yaml:2" in result.err
