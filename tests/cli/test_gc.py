"""gc and doctor. gc always runs with --lab, because other labs may exist on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.errors import MissingError
from eigw_ns.kernel.host import features
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.processes import liveness
from eigw_ns.lab.agent import background
from eigw_ns.lab.host import doctor, extras
from eigw_ns.lab.lifecycle import gc
from eigw_ns.topology import Topology
from tests.support.command import Cli, process
from tests.support.stored import folders, journal, lock, storage, store

pytestmark = pytest.mark.root

STALE, FOREIGN = "i-0123456789abcdef0", "i-0fedcba9876543210"


def make_stale_name(lab: str) -> str:
    """Make a namespace name without a namespace, as a creation that is killed leaves it. Return the name."""
    name = f"eigw-{lab}-{STALE}"
    (netns.DIRECTORY / name).touch()
    return name


def test_nothing_left_behind(cli: Cli, lab_name: str) -> None:
    result = cli("gc", "--lab", lab_name, "-o", "json")
    assert (result.code, result.data) == (0, {"leftovers": [], "removed": False})
    assert "nothing is left behind" in cli("gc", "--lab", lab_name).err


def test_a_stored_lab_is_not_a_leftover(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    assert cli("apply", "-f", demo_file(lab_name)).code == 0
    assert cli("gc", "--yes", "--lab", lab_name, "-o", "json").data == {"leftovers": [], "removed": True}
    assert cli("status", "--lab", lab_name).code == 0
    assert cli("destroy", "--lab", lab_name).code == 0


def test_only_namespaces_with_our_mark_are_removed(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    assert cli("apply", "-f", demo_file(lab_name)).code == 0
    store().remove(lab_name)
    marked = [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]
    foreign = f"eigw-{lab_name}-{FOREIGN}"
    with netns.creating(foreign):
        pass
    empty = make_stale_name(lab_name)

    shown = cli("gc", "--lab", lab_name, "-o", "json").data["leftovers"]
    assert [thing["name"] for thing in shown if thing["kind"] == "namespace"] == marked
    assert [thing["name"] for thing in shown if thing["kind"] == "husk"] == [empty]
    assert all(netns.exists(name) for name in marked)  # only listed
    assert (netns.DIRECTORY / empty).exists()

    assert cli("gc", "--yes", "--lab", lab_name).code == 0
    assert [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")] == [foreign]
    assert not (netns.DIRECTORY / empty).exists()
    assert cli("gc", "--lab", lab_name, "-o", "json").data["leftovers"] == []
    netns.remove(foreign)


def test_a_stale_name_that_is_not_empty_is_kept(cli: Cli, lab_name: str) -> None:
    name = make_stale_name(lab_name)
    (netns.DIRECTORY / name).write_text("mine")
    try:
        assert cli("gc", "--yes", "--lab", lab_name, "-o", "json").data["leftovers"] == []
        assert (netns.DIRECTORY / name).read_text() == "mine"
    finally:
        (netns.DIRECTORY / name).unlink()


def test_a_lab_whose_name_is_a_prefix_keeps_the_other_labs_leftovers(cli: Cli, lab_name: str) -> None:
    longer = f"{lab_name}-b"
    name = make_stale_name(longer)
    assert cli("gc", "--yes", "--lab", lab_name, "-o", "json").data["leftovers"] == []
    assert cli("gc", "--yes", "--lab", longer, "-o", "json").data["leftovers"] == [
        {"lab": longer, "kind": "husk", "name": name}
    ]


def test_a_stale_run_folder_is_removed(cli: Cli, own_folders: Path, lab_name: str) -> None:
    with pytest.raises(KeyboardInterrupt), lock().hold(lab_name, "test"), journal().written(lab_name, ["step"]):
        raise KeyboardInterrupt
    folder = own_folders / "run" / lab_name
    assert cli("gc", "--lab", lab_name, "-o", "json").data["leftovers"] == [
        {"lab": lab_name, "kind": "run folder", "name": str(folder)}
    ]
    assert folder.exists()
    assert cli("gc", "--yes", "--lab", lab_name).code == 0
    assert not folder.exists()


def test_completion_offers_what_gc_lists(stored: Callable[[str], Topology], lab_name: str) -> None:
    stored(f"{lab_name}-stored")
    name = make_stale_name(f"{lab_name}-left")

    def offered() -> list[str]:
        words = f"eigw-ns gc --lab {lab_name}"
        result = process(env={"_EIGW_NS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "3"})
        assert (result.code, result.err) == (0, "")
        return [entry.partition(",")[2] for entry in result.out.split()]

    assert offered() == [f"{lab_name}-left"]
    (netns.DIRECTORY / name).unlink()
    assert offered() == []


def test_a_locked_lab_is_left_alone(cli: Cli, lab_name: str) -> None:
    name = make_stale_name(lab_name)
    with lock().hold(lab_name, "eigw-ns apply"):
        assert cli("gc", "--yes", "--lab", lab_name, "-o", "json").data["leftovers"] == []
        assert (netns.DIRECTORY / name).exists()
    assert cli("gc", "--yes", "--lab", lab_name, "-o", "json").data["leftovers"] != []
    assert not (netns.DIRECTORY / name).exists()


def test_a_lab_with_an_agent_is_left_alone_even_from_other_folders(
    cli: Cli, demo_file: Callable[[str], str], own_folders: Path, lab_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(demo_file(lab_name))
    file.write_text(file.read_text().replace("outbound: {", "outbound: {replicas: 2, "))
    assert cli("apply", "-f", str(file), "--agent").code == 0
    made = [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]

    def found() -> set[str]:
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("EIGW_NS_STATE_DIR", str(own_folders / "other-state"))
            elsewhere.setenv("EIGW_NS_RUN_DIR", str(own_folders / "other-run"))
            return {each["name"] for each in cli("gc", "--yes", "--lab", lab_name, "-o", "json").data["leftovers"]}

    assert found() == set()
    assert [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")] == made
    assert background.stop(folders(), lab_name)
    assert found() == set()  # the folder that it names stores it
    store().remove(lab_name)
    assert found() == set(made)  # the control
    assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]


class BusyKernel(LinuxKernel):
    """Linux on which the lab is applied just after gc has listed the leftovers."""

    def __init__(self, apply: Callable[[], object]) -> None:
        super().__init__()
        self._apply: Callable[[], object] | None = apply

    def stale_names(self) -> tuple[str, ...]:
        found = super().stale_names()
        if self._apply is not None:
            self._apply()
            self._apply = None
        return found


def test_a_lab_that_is_applied_during_gc_is_not_a_leftover(
    cli: Cli, demo_file: Callable[[str], str], lab_name: str
) -> None:
    file = demo_file(lab_name)
    assert cli("apply", "-f", file).code == 0
    store().remove(lab_name)
    assert {thing.kind for thing in gc.find(LinuxKernel(), storage(), lab_name)} == {"namespace"}
    assert gc.remove(BusyKernel(lambda: cli("apply", "-f", file)), storage(), lab_name) == ()
    assert cli("status", "--lab", lab_name).code == 0
    store().remove(lab_name)
    assert {thing.kind for thing in gc.remove(LinuxKernel(), storage(), lab_name)} == {"namespace"}  # the control
    assert not LinuxKernel().observe(lab_name)


def test_a_lab_that_comes_into_use_during_gc_is_not_a_leftover(lab_name: str) -> None:
    name = make_stale_name(lab_name)
    with contextlib.ExitStack() as other_process:
        busy = BusyKernel(lambda: other_process.enter_context(liveness.shown(lab_name)))
        assert gc.remove(busy, storage(), lab_name) == ()
    assert [thing.name for thing in gc.remove(LinuxKernel(), storage(), lab_name)] == [name]  # the control


def test_doctor_passes_on_this_host(cli: Cli, own_folders: Path) -> None:
    before = sorted(own_folders.rglob("*"))
    result = cli("doctor", "-o", "json")
    assert {check["name"]: check["detail"] for check in result.data["checks"] if check["outcome"] != "ok"} == {}
    assert (result.code, result.data["fit"]) == (0, True)
    assert sorted(own_folders.rglob("*")) == before
    assert "this host can run labs" in cli("doctor").err


def test_doctor_names_what_is_missing_and_its_fix() -> None:
    result = process("doctor", "-o", "json", powerless=True)
    assert (result.code, result.data["fit"]) == (5, False)
    checks = {check["name"]: check for check in result.data["checks"]}
    assert checks["Linux"]["outcome"] == "ok"
    assert checks["privilege"]["outcome"] == "missing"
    assert "CAP_SYS_ADMIN" in checks["privilege"]["detail"]
    assert checks["veth links"]["outcome"] == "warn"
    assert all(check["fix"] for check in checks.values() if check["outcome"] != "ok")


@pytest.mark.parametrize(("missing", "outcome"), [((), "ok"), (("botocore", "uvicorn"), "warn")])
def test_doctor_says_whether_serve_works_and_does_not_require_it(
    missing: tuple[str, ...], outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in missing else name)
    check = doctor._endpoint()
    assert (check.name, check.outcome) == ("EC2 endpoint", outcome)
    assert doctor.fit((check,)), "a base install is fit: labs need no endpoint"
    assert check.fix == ("pip install 'eigw-ns[server]'" if missing else "")
    assert not missing or "botocore, uvicorn" in check.detail


def test_doctor_without_nftables(own_folders: Path) -> None:
    (own_folders / "nftables.py").write_text("raise ImportError('not here')")
    result = process("doctor", "-o", "json", env={"PYTHONPATH": f"{own_folders}:{Path.cwd()}"})
    assert result.code == 5
    binding = next(check for check in result.data["checks"] if check["name"] == "nftables for Python")
    assert binding["outcome"] == "missing"
    assert "python3-nftables" in binding["fix"]


@pytest.mark.parametrize(("version", "outcome"), [("1.0.2", "warn"), ("1.0.6", "ok"), ("1.1.7", "ok"), ("2", "ok")])
def test_doctor_warns_of_an_old_nftables(version: str, outcome: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "nft_version", lambda: version)
    result = cli("doctor", "-o", "json")
    check = next(check for check in result.data["checks"] if check["name"] == "nftables version")
    assert (check["outcome"], result.code) == (outcome, 0)
    assert version in check["detail"]


def test_a_stale_name_of_another_lab_does_not_disturb(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    """While another lab is built or removed, its names exist without a namespace for a moment."""
    name = make_stale_name(f"{lab_name}-b")
    try:
        assert cli("apply", "-f", demo_file(lab_name)).code == 0
        assert cli("status", "--lab", lab_name).code == 0
        with pytest.raises(MissingError), netns.inside(name):
            raise AssertionError("the namespace must not exist")
    finally:
        (netns.DIRECTORY / name).unlink()
    assert cli("destroy", "--lab", lab_name).code == 0
