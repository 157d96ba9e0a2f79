"""`eigw-ns import`: what is written, what is not, and what is said about it."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.topology import Topology, load
from eigw_ns.topology.reader import TOPOLOGY_FILE
from tests.support.command import Cli

INPUTS = Path(__file__).parent.parent / "importing" / "inputs"
LEAK, TRANSIT, DUAL = (str(INPUTS / name) for name in ("leak.yaml", "transit.yaml", "dual-stack.yaml"))
HINT = "or --partial to write the rest"


def loaded(text: str) -> Topology:
    return load(text.encode(), file="x.yaml", default_lab="x")


def test_a_design_becomes_a_file_on_stdout(cli: Cli) -> None:
    done = cli("import", LEAK)
    assert done.code == 0, done.err
    topology = loaded(done.out)
    assert topology.cloud.lab == "import-leak"
    assert sorted(each.name for each in topology.cloud.instances.values()) == ["probe-inner", "probe-outer"]
    assert len(topology.expectations) == 8
    assert done.out.startswith("# Made by `eigw-ns import` from leak.yaml: a CloudFormation template.")


def test_what_the_source_was_taken_for_is_said_first(cli: Cli) -> None:
    lines = cli("import", LEAK).err.splitlines()
    assert lines[0] == f"{LEAK} is a CloudFormation template"
    assert lines[-1].split("  ")[0] == "outer"
    assert "private (tag Reach)" in lines[-2]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("cdk.out", "a cloud assembly of aws-cdk"),
        ("tf-1/state.json", "a Terraform state"),
        ("tf-2/mocked.jsonl", "the output of `terraform test -json`"),
    ],
)
def test_sources(cli: Cli, path: str, words: str) -> None:
    done = cli("import", str(INPUTS / path))
    assert done.code == 0, done.err
    assert f"is {words}\n" in done.err
    assert loaded(done.out).cloud.subnets


VPCS = '{"Vpcs": [{"VpcId": "vpc-0123456789abcdef0", "CidrBlock": "10.0.0.0/16"}]}'


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """A folder with the answer about a VPC."""
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "vpcs.json").write_text(VPCS)
    return folder


def test_a_folder_of_answers(cli: Cli, account: Path) -> None:
    done = cli("import", str(account))
    assert done.code == 0, done.err
    assert done.err.startswith(f"{account} is answers of describe calls\n")
    assert "nothing of this design is reachable over IPv6" in done.err
    cloud = loaded(done.out).cloud
    assert (cloud.lab, [*cloud.vpcs]) == ("import-account", ["vpc-0123456789abcdef0"])


def test_stdin(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(VPCS.encode())))
    done = cli("import", "-")
    assert done.code == 0, done.err
    assert done.err.startswith("stdin is answers of describe calls\n")
    assert loaded(done.out).cloud.lab == "import-stdin"


def test_the_same_input_gives_the_same_bytes(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = cli("import", DUAL)
    shutil.copy(DUAL, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cli("import", "dual-stack.yaml").out == once.out


def test_an_import_that_is_refused_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    done = cli("import", TRANSIT, "-o", str(file))
    assert (done.code, done.out) == (1, "")
    assert not file.exists()
    assert f"refuse {TRANSIT}:14 Six6: ::/0 leads to a transit gateway" in done.err
    assert "error: nothing is written: one thing decides what is reachable, and is not known" in done.err
    assert HINT in done.err


def test_what_a_user_ignores_is_said(cli: Cli) -> None:
    done = cli("import", TRANSIT, "--ignore", "Six6")
    assert done.code == 0, done.err
    assert "note Six6: left out, as you told: what it does to the network is not looked at" in done.err.splitlines()


def test_partial_writes_the_rest_and_expects_nothing(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    done = cli("import", TRANSIT, "--partial", "-o", str(file))
    assert done.code == 0, done.err
    text = file.read_text()
    assert "# Only a part of the design" in text
    assert "::/0 leads to a transit gateway" in text.split("\nlab:")[0]
    assert text.endswith("expect: []\n")
    assert not loaded(text).expectations


def test_partial_of_a_whole_design_is_the_whole(cli: Cli) -> None:
    assert cli("import", LEAK, "--partial").out == cli("import", LEAK).out


def test_a_design_that_no_lab_can_be_is_not_written_in_part(cli: Cli, tmp_path: Path) -> None:
    wide = tmp_path / "wide.yaml"
    wide.write_text(Path(LEAK).read_text().replace("10.60.0.0/16", "10.0.0.0/8"))
    done = cli("import", str(wide), "--partial")
    assert (done.code, done.out) == (1, "")
    assert "an IPv4 block must be /16 to /28 (got 10.0.0.0/8)" in done.err


def test_a_file_is_replaced_as_a_whole_and_keeps_its_mode(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("lab: old\n")
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    assert cli("import", LEAK, "-o", str(link)).code == 0
    assert link.is_symlink()
    assert loaded(file.read_text()).cloud.lab == "import-leak"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lab.yaml", "link.yaml"]


def test_a_new_file_has_the_mode_of_the_umask(cli: Cli, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        assert cli("import", LEAK, "-o", str(tmp_path / "lab.yaml")).code == 0
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "lab.yaml").stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_old_file(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("lab: old\n")

    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    assert cli("import", LEAK, "-o", str(file)).code == 1
    assert file.read_text() == "lab: old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["lab.yaml"]


def test_diff_shows_what_would_change_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    new = cli("import", LEAK, "-o", str(file), "--diff")
    assert new.code == 3
    assert "+lab: import-leak" in new.out
    assert not file.exists()
    assert cli("import", LEAK, "-o", str(file)).code == 0
    assert (
        cli("import", LEAK, "-o", str(file), "--diff").code,
        cli("import", LEAK, "-o", str(file), "--diff").out,
    ) == (
        0,
        "",
    )
    file.write_text(file.read_text().replace("import-leak", "mine"))
    changed = cli("import", LEAK, "-o", str(file), "--diff")
    assert (changed.code, "-lab: mine" in changed.out) == (3, True)


def test_a_finding_is_said_and_strict_fails(cli: Cli, tmp_path: Path) -> None:
    done = cli("import", DUAL, "-o", str(tmp_path / "lab.yaml"))
    assert done.code == 0
    assert "[EIGW004]" in done.err
    strict = cli("import", DUAL, "--strict", "-o", str(tmp_path / "other.yaml"))
    assert strict.code == 4
    assert (tmp_path / "other.yaml").exists()


def test_the_json_report_is_the_only_text_on_stderr(cli: Cli) -> None:
    done = cli("import", LEAK, "--report", "json")
    report = json.loads(done.err)
    assert (report["source"], report["kind"], report["refused"]) == (LEAK, "a CloudFormation template", False)
    inner = report["subnets"][0]
    assert {key: inner[key] for key in ("name", "meant", "why", "ipv4", "ipv6")} == {
        "name": "inner", "meant": "private", "why": "tag Reach", "ipv4": "nat", "ipv6": "public",
    }  # fmt: skip
    assert loaded(done.out).cloud.lab == "import-leak"


def test_a_refused_design_has_its_reasons_in_the_json_report(cli: Cli) -> None:
    done = cli("import", TRANSIT, "--report", "json")
    report = json.loads(done.err.split("error:")[0])
    assert report["refused"]
    assert [each["address"] for each in report["messages"] if each["level"] == "refuse"] == ["Six6"]
    assert {each["name"]: each["ipv6"] for each in report["subnets"]} == {"inner": "unknown", "outer": "public"}


def test_the_markdown_report_is_a_table_that_a_design_cannot_break(cli: Cli, account: Path) -> None:
    done = cli("import", LEAK, "--report", "markdown")
    assert "| subnet | meant (why) | IPv4 | IPv6 | finding |\n| --- | --- | --- | --- | --- |\n| inner |" in done.err
    (account / "<img src=x>|`.json").write_text('{"VpcEndpoints": [{"VpcEndpointId": "vpce-0123456789abcdef0"}]}')
    hostile = cli("import", str(account), "--report", "markdown").err
    assert "vpce-0123456789abcdef0" in hostile
    assert not set("<`") & set(hostile)


def test_quiet_says_only_what_is_refused(cli: Cli) -> None:
    assert cli("import", LEAK, "-q").err == ""
    assert cli("import", TRANSIT, "-q").err.splitlines()[0].startswith("refuse ")


def test_verbose_says_each_message(cli: Cli) -> None:
    template = str(INPUTS / "cdk.out")
    assert "info " not in cli("import", template).err
    assert "info " in cli("import", template, "-v").err


def test_the_lab_its_host_and_its_probes_can_be_chosen(cli: Cli) -> None:
    done = cli("import", LEAK, "--lab", "mine", "--host", "outside=2001:db8:99::9", "--probe", "none")
    cloud = loaded(done.out).cloud
    assert cloud.lab == "mine"
    assert [(each.name, str(each.ipv6_address)) for each in cloud.hosts.values()] == [("outside", "2001:db8:99::9")]
    assert not cloud.instances


def test_a_host_inside_a_vpc_is_refused(cli: Cli) -> None:
    done = cli("import", LEAK, "--host", "inside=2001:db8:60:4001::9")
    assert (done.code, done.out) == (1, "")
    assert "choose another one: --host NAME=ADDRESS" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--parameter", "x"), "write --parameter NAME=VALUE"),
        (("--parameter", "=x"), "write --parameter NAME=VALUE"),
        (("--parameter", "x=1", "--parameter", "x=2"), "--parameter x is given twice"),
        (("--block", "v=10.0.0.0/8"), "--block 10.0.0.0/8: a VPC's block must be IPv6"),
        (("--block", "nobody=2001:db8:1::/56"), "the design has no VPC nobody"),
        (("--host", "x=y"), "--host y: this is not a valid IPv6 address"),
        (("--host", "x=fe80::1"), "an internet host must have a global unicast address"),
        (("--host", "X=2001:db8:99::9"), "--host X: a name must consist of"),
        (("--lab", "../etc"), "--lab ../etc: a name must consist of"),
        (("--vpc", "nobody"), "the design has no VPC nobody"),
        (("--diff",), "name it: -o FILE"),
        (("-o", "/nowhere/lab.yaml"), "mkdir -p /nowhere"),
        (("-o", LEAK), "is the source itself"),
        (("-o", str(INPUTS)), "is a folder"),
        (("--allow-provisioners",), "options of terraform do not apply"),
        (("--terraform",), "is not a folder"),
        (("--report", "pdf"), "pdf"),
    ],
)
def test_wrong_options(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    done = cli("import", LEAK, *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


@pytest.mark.parametrize("source", ["missing.yaml", "\x1b[31m"])
def test_a_source_that_is_missing(cli: Cli, source: str) -> None:
    done = cli("import", source)
    assert done.code == 2
    assert "cannot read" in done.err
    assert "\x1b[31m" not in done.err.replace("\x1b[31m\x1b[1merror:", "")


def test_a_file_that_is_no_design(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("hello: world\n")
    done = cli("import", str(tmp_path / "a.yaml"))
    assert (done.code, done.out) == (1, "")
    assert "this is not a design that can be read" in done.err


def test_links_out_of_a_folder_and_special_files_are_not_read(cli: Cli, account: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(VPCS.replace("abcdef0", "abcdef1"))
    (account / "link.json").symlink_to(tmp_path / "secret.json")
    (account / "folder").symlink_to(tmp_path)
    (account / "inside.json").symlink_to(account / "vpcs.json")
    os.mkfifo(account / "pipe.json")
    (account / "program").write_bytes(b"\x7fELF\0")
    done = cli("import", str(account))
    assert done.code == 0, done.err
    assert [*loaded(done.out).cloud.vpcs] == ["vpc-0123456789abcdef0"]


HOSTILE = "a\nlab: evil\x1b[2J\u202e\udcff"


def test_names_and_texts_of_a_hostile_design_stay_text(cli: Cli, tmp_path: Path) -> None:
    group = {"GroupId": "sg-1", "GroupName": HOSTILE, "Description": HOSTILE, "VpcId": HOSTILE}
    answers = {
        "Vpcs": [{"VpcId": HOSTILE, "CidrBlock": "10.0.0.0/16", "Tags": [{"Key": "Name", "Value": HOSTILE}]}],
        "SecurityGroups": [group],
        "VpcEndpoints": [{"VpcEndpointId": f"vpce {HOSTILE}"}],
    }
    file, lab = tmp_path / f"{HOSTILE}.json", tmp_path / "lab.yaml"
    file.write_text(json.dumps(answers))
    done = cli("import", str(file), "-o", str(lab))
    assert done.code == 0, done.err
    cloud = loaded(lab.read_text()).cloud
    assert [each.name for each in cloud.vpcs.values()] == ["a-lab-evil-2j"]
    assert cloud.lab == "import-a-lab-evil-2j"
    for report in ("text", "json", "markdown"):
        assert not set("\x1b\u202e\udcff") & set(cli("import", str(file), "--report", report).err)


def test_a_source_that_is_too_large(cli: Cli, account: Path) -> None:
    with (account / "large.json").open("wb") as stream:
        stream.write(b"{" + b" " * 5000)
        stream.truncate((64 << 20) + 1)
    for source in (account, account / "large.json"):
        done = cli("import", str(source))
        assert (done.code, "more than 64 MiB" in done.err) == (2, True)


@pytest.mark.parametrize("path", ["leak.yaml", "dual-stack.yaml", "cdk.out", "tf-1/state.json", "tf-2/state.json"])
def test_what_is_imported_can_be_applied_and_exported_without_a_change(
    cli: Cli, machine: FakeKernel, tmp_path: Path, path: str
) -> None:
    file = tmp_path / "lab.yaml"
    assert cli("import", str(INPUTS / path), "-o", str(file)).code == 0
    assert cli("validate", str(file)).code == 0
    assert cli("apply", str(file)).code == 0
    exported = tmp_path / "again.yaml"
    exported.write_text(cli("export").out)
    assert len(machine.labs()) == 1
    assert cli("plan", str(exported)).code == 0
    assert loaded(exported.read_text()) == loaded(file.read_text())


def test_a_dump_of_a_lab_imports_with_the_same_classes(cli: Cli, machine: FakeKernel, tmp_path: Path) -> None:
    file, account = tmp_path / "lab.yaml", tmp_path / "account"
    account.mkdir()
    first = cli("import", DUAL, "-o", str(file), "--report", "json")
    assert cli("apply", str(file)).code == 0
    assert machine.labs()
    kinds = ("vpcs", "subnets", "route-tables", "internet-gateways", "egress-only-internet-gateways", "nat-gateways",
             "network-acls", "security-groups", "instances")  # fmt: skip
    for kind in kinds:
        (account / f"{kind}.json").write_text(cli("ec2", f"describe-{kind}").out)
    second = cli("import", str(account), "--report", "json")
    assert second.code == 0, second.err
    classes = [
        sorted((each["ipv4"], each["ipv6"]) for each in json.loads(done.err)["subnets"]) for done in (first, second)
    ]
    assert classes[0] == classes[1]


@pytest.mark.root
def test_packets_show_the_leak_of_a_design(cli: Cli, lab_name: str, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    assert cli("import", LEAK, "--lab", lab_name, "-o", str(file)).code == 0
    assert cli("apply", str(file)).code == 0
    done = cli("verify", "-o", "json")
    checks = {(each["from"], each["to"], each["protocol"]): each["passed"] for each in done.data["checks"]}
    assert done.code == 4
    assert [pair for pair, passed in checks.items() if not passed] == [
        ("visitor", "probe-inner", "tcp"),
        ("visitor", "probe-inner", "icmpv6"),
    ]
    assert len(checks) == 8
    assert "internet gateway" in cli("explain", "visitor", "probe-inner", "--port", "22").out
    assert cli("destroy").code == 0


def test_a_file_that_would_be_too_large_to_load_is_not_written(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eigw_ns.cli.verbs.import_.TOPOLOGY_FILE", replace(TOPOLOGY_FILE, max_bytes=1000))
    done = cli("import", LEAK)
    assert (done.code, done.out) == (1, "")
    assert "the file would have more than 1,000 bytes" in done.err
    assert "hint: choose VPCs: --vpc NAME" in done.err
