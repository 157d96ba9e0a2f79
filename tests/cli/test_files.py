"""Verbs without root: init, validate, schema, export, describe of a stored lab, version, completion."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.topology import Topology, load
from tests.support.command import Cli, process


@pytest.mark.parametrize("name", ["demo", "full"])  # tests/unit has all others, without a process
def test_an_example_is_valid(name: str) -> None:
    printed = process("init", "--example", name, powerless=True)
    assert (printed.code, printed.err) == (0, "")
    checked = process("validate", "-f", "-", "-o", "json", stdin=printed.out, powerless=True)
    assert checked.code == 0
    assert (checked.data["valid"], checked.data["warnings"]) == (True, [])
    assert checked.data["resources"]["Instances"] >= 1


def test_init_prints_the_demo(cli: Cli) -> None:
    assert cli("init").out == cli("init", "--example", "demo").out


def test_an_unknown_example_gets_a_suggestion(cli: Cli) -> None:
    result = cli("init", "--example", "dmo")
    assert result.code == 2
    assert "did you mean demo?" in result.err


def test_validate_reports_every_mistake(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("vpcs:\n  main: {ipv6_cidr_block: '2600:1f16:aa0:5500::/62'}\n  other: {ipv6_cidr_block: wrong}\n")
    result = cli("validate", "-f", str(file))
    assert (result.code, result.out) == (1, "")
    assert [f"{file}:{line}" in result.err for line in (2, 3)] == [True, True]
    assert all(line.startswith("error: ") for line in result.err.splitlines())


def test_validate_warns_of_each_expectation_that_the_file_contradicts(
    cli: Cli, demo_file: Callable[[str], str]
) -> None:
    file = Path(demo_file("mine"))
    assert "warning" not in cli("validate", "-f", str(file)).err
    file.write_text(file.read_text().replace("port: 22, result: blocked", "port: 22, result: allowed"))
    result = cli("validate", "-f", str(file), "-o", "json")
    (warning,) = result.data["warnings"]
    assert (result.code, result.data["valid"]) == (0, True)
    assert warning.startswith(
        "expect 3: web to app tcp 22 is allowed here, but the file makes it blocked. "
        "web does not reach app over tcp 22. The packet ends at egress-only internet gateway outbound: "
    )
    assert f"warning: {warning}" in result.err.splitlines()


def test_validate_lists_mistakes_as_json(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("lab: x\nvpcs:\n  main: {ipv6_cidr_block: nonsense}\n")
    result = cli("validate", "-f", str(file), "-o", "json")
    (mistake,) = result.data["mistakes"]
    assert (result.code, result.data["valid"]) == (1, False)
    assert (mistake["file"], mistake["line"], mistake["path"]) == (str(file), 3, "vpcs.main.ipv6_cidr_block")
    assert mistake["value"] == "nonsense"
    assert mistake["problem"] in result.err  # stderr still has the text for people


def test_validate_says_how_to_begin(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("# nothing yet\n")
    remedy = "`eigw-ns init` prints a file that works"
    result = cli("validate", "-f", str(file), "-o", "json")
    assert [mistake["remedy"] for mistake in result.data["mistakes"]] == [remedy]
    assert result.err == f"error: {file}: the file is empty; {remedy}\n"


def test_validate_summarizes_the_file_on_stderr(cli: Cli, demo_file: Callable[[str], str]) -> None:
    file = demo_file("fine")
    result = cli("validate", "-f", file)
    assert (result.code, result.out) == (0, "")
    assert f"{file} is valid: lab fine" in result.err
    assert cli("validate", "-q", "-f", file).err == ""


def test_a_topology_from_stdin_needs_a_name(demo_file: Callable[[str], str]) -> None:
    nameless = Path(demo_file("x")).read_text().replace("lab: x\n", "")
    result = process("validate", "-f", "-", stdin=nameless)
    assert result.code == 2
    assert "hint: add the line `lab: NAME` to it" in result.err
    assert process("validate", "-f", "-", "--lab", "named", stdin=nameless).code == 0


def test_the_stem_of_the_file_names_the_lab(cli: Cli, demo_file: Callable[[str], str]) -> None:
    file = Path(demo_file("stem"))
    file.write_text(file.read_text().replace("lab: stem\n", ""))
    assert cli("validate", "-f", str(file), "-o", "json").data["lab"] == "stem"


def test_the_option_names_the_lab_whatever_the_file_says(cli: Cli, demo_file: Callable[[str], str]) -> None:
    assert cli("validate", "-f", demo_file("one"), "--lab", "two", "-o", "json").data["lab"] == "two"
    result = cli("validate", "-f", demo_file("one"), "--lab", "../two")
    assert result.code == 2
    assert "'../two' is not a valid lab name" in result.err


def test_schema_is_json(cli: Cli) -> None:
    assert "vpcs" in cli("schema").data["properties"]


def test_export_is_the_stored_topology(stored: Callable[[str], Topology]) -> None:
    topology = stored("kept")
    exported = process("export", powerless=True)
    assert (exported.code, exported.err) == (0, "")
    assert load(exported.out.encode(), file="x.yaml", default_lab="x") == topology


def test_describe_without_root_leaves_the_counters_out(stored: Callable[[str], Topology]) -> None:
    stored("seen")
    result = process("describe", "-o", "json", powerless=True)
    assert result.code == 0
    assert "counters are left out: not enough privilege" in result.err
    assert list(result.data) == [
        "Vpcs",
        "Subnets",
        "RouteTables",
        "EgressOnlyInternetGateways",
        "InternetGateways",
        "NatGateways",
        "NetworkAcls",
        "SecurityGroups",
        "Instances",
        "NetworkInterfaces",
        "Addresses",
        "DhcpOptions",
        "PrefixLists",
        "KeyPairs",
        "InternetHosts",
        "SubnetClasses",
    ]


@pytest.mark.parametrize("word", ["eigw", "EIGW", "egress-only-internet-gateway", "egress-only-internet-gateways"])
def test_describe_one_kind(word: str, stored: Callable[[str], Topology]) -> None:
    cloud = stored("kinds").cloud
    (gateway,) = cloud.egress_only_internet_gateways.values()
    assert process("describe", word, "-o", "json", powerless=True).data == {
        "EgressOnlyInternetGateways": [
            {
                "EgressOnlyInternetGatewayId": gateway.id,
                "Attachments": [{"State": "attached", "VpcId": gateway.vpc_id}],
                "Tags": [{"Key": "Name", "Value": "outbound"}],
            }
        ]
    }


def test_describe_by_tag(stored: Callable[[str], Topology]) -> None:
    stored("tagged")
    shown = process("describe", "--tag", "Team=network", "-o", "json", powerless=True).data
    assert {kind: len(shapes) for kind, shapes in shown.items() if shapes} == {"Vpcs": 1}
    both = process("describe", "--tag", "Team=network", "--tag", "Name=outbound", powerless=True)
    assert (both.code, both.out) == (0, "")
    assert "there is no such resource" in both.err


def test_describe_for_people(stored: Callable[[str], Topology]) -> None:
    stored("people")
    result = process("describe", "rtb", powerless=True)
    assert [line.split()[0] for line in result.out.splitlines() if line.startswith("main/")] == [
        "main/private",
        "main/public",
    ]
    assert "\x1b" not in result.out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("describe", "subnetz"), "did you mean subnets?"),
        (("describe", "--tag", "Team"), "eigw-ns describe --tag Team=network"),
        (("describe", "--tag", "=network"), "eigw-ns describe --tag Team=network"),
    ],
)
def test_describe_usage_errors(cli: Cli, arguments: tuple[str, ...], hint: str) -> None:
    result = cli(*arguments)
    assert result.code == 2
    assert hint in result.err


def test_version_without_privileges_says_what_is_unknown() -> None:
    versions = json.loads(process("version", "-o", "json", powerless=True).out)
    assert versions["eigw-ns"]
    assert versions["nftables"] == ""
    assert "nftables unknown (run it as root to see this)" in process("version", powerless=True).out


def test_version_without_nftables_says_so(own_folders: Path) -> None:
    (own_folders / "nftables.py").write_text("raise ImportError('not here')")
    result = process("version", env={"PYTHONPATH": f"{own_folders}:{Path.cwd()}"})
    assert "nftables unknown (the Python binding of libnftables is missing)" in result.out


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_prints_a_script(cli: Cli, shell: str) -> None:
    result = cli("completion", shell)
    assert result.code == 0
    assert "_EIGW_NS_COMPLETE" in result.out
    assert "eigw-ns" in result.out


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("eigw-ns de", ["destroy", "describe"]),
        ("eigw-ns describe ro", ["route-tables"]),
        ("eigw-ns status --lab ta", ["tabbed"]),
        ("eigw-ns exec ap", ["app"]),
        ("eigw-ns exec main/w", ["main/www"]),
        ("eigw-ns exec --lab nowhere ap", []),
        ("eigw-ns init --example mi", ["minimal"]),
        ("eigw-ns verify --ju", ["--junit"]),
    ],
)
def test_tab(line: str, offered: list[str], stored: Callable[[str], Topology]) -> None:
    stored("tabbed")
    result = process(
        env={"_EIGW_NS_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    )
    assert (result.code, result.err) == (0, "")
    assert [entry.partition(",")[2] for entry in result.out.split()] == offered


def test_tab_survives_a_damaged_store(own_folders: Path, stored: Callable[[str], Topology]) -> None:
    stored("tabbed")
    (own_folders / "state" / "tabbed" / "topology.json").write_text("{")
    result = process(env={"_EIGW_NS_COMPLETE": "bash_complete", "COMP_WORDS": "eigw-ns exec a", "COMP_CWORD": "2"})
    assert (result.code, result.out.strip(), result.err) == (0, "", "")
