"""The scripts set up once, recover from interrupted set-ups, and then cost nothing.

The set-ups here are real set-ups of a small repository in a temporary folder: our scripts, and a project without
dependencies that builds itself, so that nothing is downloaded. Debian's packages are already installed; an
`apt-get` that always fails makes a test fail that would install one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import SECONDS

TOP = Path(__file__).parents[2]
FILES = sorted(path for path in (TOP / "scripts").rglob("*") if path.is_file() and path.parent.name != "__pycache__")
SCRIPTS = [path for path in FILES if path.read_text().startswith(("#!", "# shellcheck shell=bash"))]
RUN_AS_THEY_ARE = [path for path in SCRIPTS if not path.name.startswith("_")]  # those are sourced

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "eigw-ns"
version = "0.1.0"
[project.optional-dependencies]
dev = []
[tool.ruff]
line-length = 120
"""

BACKEND = """\
import os, zipfile

def build_editable(directory, config_settings=None, metadata_directory=None):
    name, info = "eigw_ns-0.1.0-py3-none-any.whl", "eigw_ns-0.1.0.dist-info"
    metadata = "Metadata-Version: 2.1", "Name: eigw-ns", "Version: 0.1.0", "Provides-Extra: dev"
    tags = "Wheel-Version: 1.0", "Generator: test", "Root-Is-Purelib: true", "Tag: py3-none-any"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("_eigw_ns.pth", os.getcwd())
        wheel.writestr(f"{info}/METADATA", "\\n".join(metadata))
        wheel.writestr(f"{info}/WHEEL", "\\n".join(tags))
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""

MAIN = "import os, sys\nprint(os.getcwd(), sys.argv[1:])\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Return a repository whose path has a space, with our scripts and a nearly empty project."""
    top = tmp_path / "a repo"
    shutil.copytree(TOP / "scripts", top / "scripts")
    (top / "pyproject.toml").write_text(PYPROJECT)
    (top / "backend.py").write_text(BACKEND)
    (top / "eigw_ns").mkdir()
    (top / "eigw_ns" / "__init__.py").touch()
    (top / "eigw_ns" / "__main__.py").write_text(MAIN)
    return top


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an unfriendly environment.

    The home is not writable, even by root. `apt-get` fails. The Python on PATH is not Debian's. Variables of Python
    and pip are set as a user may set them.
    """
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name in ("apt-get", "sudo", "python3", "pip"):
        stub = stubs / name
        stub.write_text(f"#!/bin/sh\necho 'a test called {name}' >&2\nexit 97\n")
        stub.chmod(0o755)
    own = {"HOME": "/dev/null", "PATH": f"{stubs}:{os.environ['PATH']}", "PIP_USER": "1", "PYTHONHOME": "/nowhere"}
    return {**os.environ, **own}


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(repo: Path, environment: dict[str, str], tmp_path: Path) -> Run:
    def run(*command: str) -> subprocess.CompletedProcess[str]:
        limit = 2 * SECONDS
        return subprocess.run(command, env=environment, cwd=tmp_path, text=True, capture_output=True, timeout=limit)

    return run


def sourced(repo: Path, then: str) -> tuple[str, ...]:
    return "bash", "-c", f'set -euo pipefail; . "$0"; {then}', str(repo / "scripts" / "_setup.sh")


def installed_for(repo: Path, *paths: Path) -> None:
    """Make the files that a set-up leaves when it ends."""
    venv = repo / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    wanted = subprocess.run(sourced(repo, "_wanted"), text=True, capture_output=True, check=True).stdout
    (venv / ".setup-runtime").write_text("".join(f"{path}\n" for path in paths) + "\n" + wanted)


def fresh(repo: Path) -> bool:
    return subprocess.run(sourced(repo, "want=$(_wanted); _fresh runtime"), check=False).returncode == 0


@pytest.mark.parametrize("script", [*SCRIPTS, TOP / ".ci" / "run"], ids=lambda path: path.name)
def test_bash_reads_it(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("script", RUN_AS_THEY_ARE, ids=lambda path: path.name)
def test_it_is_executable_and_stops_at_the_first_error(script: Path) -> None:
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("name", ["build-deb", "ci-container", "clean-room", "demo", "vm"])
def test_it_prints_its_help_and_refuses_other_options(name: str) -> None:
    def said(option: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([TOP / "scripts" / name, option], capture_output=True, text=True, check=False)

    helped, wrong = said("--help"), said("--nonsense")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert (wrong.returncode, wrong.stdout, wrong.stderr) == (2, "", helped.stdout)
    assert len(helped.stdout.splitlines()) > 1


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("name", ["bench", "demo", "test"])
def test_help_before_the_first_set_up_installs_nothing(repo: Path, run: Run, name: str, option: str) -> None:
    """`apt-get`, `sudo` and the Python on PATH fail if they are called."""
    helped = run(str(repo / "scripts" / name), option)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert f"\n  scripts/{name} " in helped.stdout
    assert not (repo / ".venv").exists()


def test_help_is_found_among_other_arguments_of_the_tests(repo: Path, run: Run) -> None:
    script = str(repo / "scripts" / "test")
    assert run(script, "--core", "-x", "tests/unit", "--help").stdout == run(script, "-h").stdout
    assert not (repo / ".venv").exists()


STUB = """\
#!/bin/sh
printf '%s\\n' "$*"
"""


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (("-q",), "-q"),
        (("--core", "-k", "x y"), "-m core -k x y"),
        (("-x", "--nightly"), "-m nightly or not nightly -x"),
        (("--core", "--", "--nightly"), "-m core --nightly"),
        (("-m", "root"), "-m root"),
    ],
)
def test_which_tests_are_run(
    repo: Path, run: Run, environment: dict[str, str], arguments: tuple[str, ...], chosen: str
) -> None:
    """The interpreter is a script that prints its arguments, and so is `sudo`."""
    installed_for(repo)
    (repo / ".venv" / ".setup-runtime").rename(repo / ".venv" / ".setup-dev")
    for stub in (repo / ".venv" / "bin" / "python", Path(environment["PATH"].partition(":")[0], "sudo")):
        stub.unlink()
        stub.write_text(STUB)
        stub.chmod(0o755)
    done = run(str(repo / "scripts" / "test"), *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    *checks, tests = [line for line in done.stdout.splitlines() if "-m " in line]
    assert checks == ["-m ruff check --quiet", "-m mypy"]
    assert f" --durations 30 {chosen}" in tests
    assert tests.removesuffix(" -p no:cacheprovider").endswith(f" {chosen}")


def test_the_demo_leaves_no_lab_that_the_five_minutes_of_the_readme_would_meet() -> None:
    """It suggests README's own commands. A lab that it keeps is named in each command: the machine may have others."""
    text = (TOP / "scripts" / "demo").read_text()
    gone, _, kept = text.partition("The lab is running.")
    suggested = [line.split("  ")[1].removeprefix("$command ") for line in gone.splitlines() if "  $command " in line]
    rows = re.findall(r"^\| `eigw-ns ([^`]*)`", (TOP / "README.md").read_text(), re.MULTILINE)
    assert len(suggested) == 6
    assert suggested == [row for row in rows if row in suggested]
    assert 'destroy --lab "$lab"\n' in gone and "lab=tour" in gone
    assert [line for line in kept.splitlines() if line.startswith("  $command ") and " --lab demo " not in line] == []


def test_ci_runs_what_a_developer_runs() -> None:
    code = [line for line in (TOP / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert code == ['cd "$(dirname "$0")/.." && exec ./scripts/test']
    assert os.access(TOP / ".ci" / "run", os.X_OK)


def test_both_vms_are_provisioned_by_the_first_command_of_the_readme() -> None:
    first = next(line.split()[0] for line in (TOP / "README.md").read_text().splitlines() if line.startswith("    ./"))
    provision = Path("scripts/vagrant/provision")
    assert f'"$top/{Path(first)}" --keep --root' in (TOP / provision).read_text().splitlines()
    assert f"/vagrant/{provision}" in (TOP / "Vagrantfile").read_text()
    assert f"provision) there ./{provision}" in (TOP / "scripts" / "vm").read_text()


def test_building_the_package_installs_its_tools_and_names_them_if_it_cannot(
    repo: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """Here `apt-get` fails, and PATH has none of the tools."""
    bare = tmp_path / "bare"
    bare.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name not in ("dpkg-shlibdeps", "strip", "git", "sudo", "apt-get"):
            (bare / program.name).symlink_to(program)
    path = f"{environment['PATH'].partition(':')[0]}:{bare}"
    script = repo / "scripts" / "build-deb"
    done = subprocess.run([script], env={**environment, "PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert "setting up: installing dpkg-dev binutils git (apt-get)" in done.stderr
    assert "By hand: apt-get update && apt-get install dpkg-dev binutils git" in done.stderr
    assert not (repo / ".venv").exists()


@pytest.mark.parametrize("purpose", ["runtime", "dev"])
def test_set_up_installs_the_programs_that_the_readme_runs_in_nodes(repo: Path, purpose: str) -> None:
    """A bare Debian has neither. Here `type` finds none of a node's programs, as if they were not installed."""
    hidden = 'type() { [[ $2 != ip && $2 != ping ]] && builtin type "$@"; }'
    asked = sourced(repo, f"{hidden}; _find_python; _missing {purpose}")
    missing = subprocess.run(asked, text=True, capture_output=True, check=True).stdout.split()
    assert missing == ["iproute2", "iputils-ping"]


def test_what_makes_a_set_up_stale(repo: Path) -> None:
    library = repo / "libnftables.so.1"
    library.touch()
    installed_for(repo, library)
    pyproject = repo / "pyproject.toml"
    assert fresh(repo)

    pyproject.write_text(PYPROJECT.replace("120", "100") + "# a remark\n\n[tool.mypy]\nstrict = true\n")
    assert fresh(repo), "settings of tools do not need an installation"
    pyproject.write_text(PYPROJECT.replace("dev = []", 'dev = ["pytest"]'))
    assert not fresh(repo), "a dependency was added"
    pyproject.write_text(PYPROJECT)

    library.unlink()
    assert not fresh(repo), "a Debian package was removed"
    library.touch()
    (repo / ".venv" / ".setup-busy").touch()
    assert not fresh(repo), "a set-up was interrupted"
    (repo / ".venv" / ".setup-busy").unlink()
    assert fresh(repo)

    moved = repo.rename(repo.with_name("moved"))
    assert not fresh(moved), "a .venv cannot be moved"


@pytest.mark.alone
def test_nothing_to_do_costs_less_than_a_few_starts_of_python(repo: Path) -> None:
    installed_for(repo)

    def best(*command: str) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(command, check=True)
            times.append(time.perf_counter() - start)
        return min(times)

    assert best(*sourced(repo, "setup")) < 4 * best(sys.executable, "-I", "-c", "pass")


def test_a_virtual_environment_that_we_did_not_make_is_left_alone(repo: Path, run: Run) -> None:
    (repo / ".venv").mkdir()
    (repo / ".venv" / "pyvenv.cfg").write_text("theirs")
    answer = run(*sourced(repo, "setup"))
    assert answer.returncode == 5
    assert "was not made by this script" in answer.stderr
    assert [path.name for path in (repo / ".venv").iterdir()] == ["pyvenv.cfg"]


def test_set_up_runs_and_repairs_itself(repo: Path, run: Run, environment: dict[str, str], tmp_path: Path) -> None:
    """One test of many steps, since each set-up takes seconds."""
    script = str(repo / "scripts" / "eigw-ns")
    venv = repo / ".venv"

    # A set-up is killed in the middle, with all that it had started …
    killed = subprocess.Popen([script], env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    while not (venv / "bin" / "python").exists():
        assert killed.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (venv / ".setup-runtime").exists()

    # … the next one starts again from the beginning, while another one waits for it.
    both = [
        subprocess.Popen(
            [script, "--x", "y z"],
            env=environment,
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=2 * SECONDS) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert [out for out, _ in said] == [f"{tmp_path} ['--x', 'y z']\n"] * 2
    assert sorted("making .venv" in err for _, err in said) == [False, True], said
    assert sum("waiting for another set-up" in err for _, err in said) == 1, said

    # With nothing to do, it prints nothing and writes nothing, and the CLI is there by its own name too.
    def files() -> dict[Path, int]:
        return {path: path.lstat().st_mtime_ns for path in repo.rglob("*") if "__pycache__" not in path.parts}

    before = files()
    again = run(script)
    assert (again.returncode, again.stderr) == (0, "")
    assert files() == before

    # Of Debian's Python packages, .venv has only nftables.
    have = "import nftables, sys; print([path for path in sys.path if 'dist-packages' in path])"
    assert run(str(venv / "bin" / "python"), "-I", "-c", have).stdout == "[]\n"

    # A set-up for more adds to what is there.
    more = run(*sourced(repo, "setup dev"))
    assert more.returncode == 0, more.stderr
    assert "pip" in more.stderr
    assert "making .venv" not in more.stderr
    assert run(*sourced(repo, "setup; setup dev")).stderr == ""

    # If a package cannot be installed, pip's own message and a remedy are shown.
    (repo / "backend.py").write_text("raise RuntimeError('no such luck')\n")
    (repo / "pyproject.toml").write_text(PYPROJECT.replace("dev = []", "dev = []\nmore = []"))
    broken = run(script)
    assert broken.returncode == 5
    assert "no such luck" in broken.stderr
    assert "pip could not install" in broken.stderr
    assert "setup.log" in broken.stderr
