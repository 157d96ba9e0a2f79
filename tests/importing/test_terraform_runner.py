"""Terraform runs in a private copy, with a clean environment; what it lacks is said. The real one runs if it exists."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from eigw_ns.errors import EigwError, HostError
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.terraform import read_test_state
from eigw_ns.kernel.processes import process
from eigw_ns.kernel.processes.waiting import wait_until
from eigw_ns.lab.host import terraform
from tests.support.slowness import SLOWNESS
from tests.support.terraform import INPUTS, recorded, said, without_places
from tests.support.terraform_program import MIRROR, Fake, initialised, tree

Run = Callable[..., bytes]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Return a program named terraform, first in PATH, that notes how it was called."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "private"))
    (tmp_path / "private").mkdir()
    return Fake.made(tmp_path / "bin", recorded("tf-1/mocked.jsonl").decode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an initialised folder with a configuration."""
    folder = tmp_path / "infra"
    shutil.copytree(INPUTS / "tf-1", folder)
    (folder / ".terraform" / "providers").mkdir(parents=True)
    return folder


def test_the_state_of_the_test_comes_back_without_schemas(fake: Fake, folder: Path) -> None:
    progress: list[str] = []
    line = terraform.resolve(folder, fake.environment, progress=progress.append)
    found = read_test_state(line, Options())
    assert without_places(found) == without_places(read_test_state(recorded("tf-1/mocked.jsonl"), Options()))
    assert [str(each.place) for each in found.routes][:2] == [
        "main.tf:49 aws_route.private4[0]",
        "main.tf:49 aws_route.private4[1]",
    ]
    assert progress == [f"copying {folder}", "running terraform test with mocked providers"]


def test_the_copy_is_private_and_gone_at_the_end(fake: Fake, folder: Path, tmp_path: Path) -> None:
    before = tree(folder)
    terraform.resolve(folder, fake.environment)
    call = fake.calls()[-1]
    assert call["mode"] == 0o700
    assert call["folder"] != str(folder)
    assert {"main.tf", "eigw_ns.tftest.hcl", "eigw_ns_mocks"} <= set(call["files"])
    assert list((tmp_path / "private").iterdir()) == []
    assert tree(folder) == before


def test_the_copy_is_gone_after_an_error_and_after_a_timeout(fake: Fake, folder: Path, tmp_path: Path) -> None:
    for script in (
        'print(\'{"diagnostic": {"severity": "error", "summary": "no"}}\')',
        "select.select([], [], [], 60)",
    ):
        fake.answer(script)
        with pytest.raises(EigwError):
            terraform.resolve(folder, fake.environment, timeout=2)
        assert list((tmp_path / "private").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_copy_is_gone_after_a_signal(fake: Fake, folder: Path, tmp_path: Path, number: signal.Signals) -> None:
    fake.answer("select.select([], [], [], 60)")
    code = (
        "import sys, pathlib; from eigw_ns.lab.host import terraform; "
        "terraform.resolve(pathlib.Path(sys.argv[1]), {'PATH': sys.argv[2]})"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path / "private")}
    command = (sys.executable, "-c", code, str(folder), fake.environment["PATH"])
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as started:
        assert wait_until(fake.calls, 20 * SLOWNESS)
        assert list((tmp_path / "private").iterdir()) != []
        started.send_signal(number)
        assert started.wait(20 * SLOWNESS) == -number
    assert list((tmp_path / "private").iterdir()) == []


def test_terraform_gets_no_secret(fake: Fake, folder: Path) -> None:
    secrets = {
        "AWS_ACCESS_KEY_ID": "x", "AWS_PROFILE": "x", "AWS_WEB_IDENTITY_TOKEN_FILE": "x", "HTTPS_PROXY": "x",
        "TF_TOKEN_app_terraform_io": "x", "TF_CLI_ARGS_test": "-x", "TF_DATA_DIR": "x", "GITHUB_TOKEN": "x",
        "TF_REATTACH_PROVIDERS": "x", "TF_CLI_CONFIG_FILE": "x", "HOME": "/root", "PATHS": "x",
    }  # fmt: skip
    terraform.resolve(folder, {**fake.environment, **secrets, "TF_VAR_name": "kept", "LC_ALL": "C.UTF-8"})
    found = fake.calls()[-1]["environment"]
    assert {name for name, value in found.items() if secrets.get(name) == value} == set()
    assert found["TF_VAR_name"] == "kept"
    assert set(found) <= {
        "PATH", "LC_ALL", "LC_CTYPE", "TF_VAR_name", "HOME", "TF_CLI_CONFIG_FILE", "TF_IN_AUTOMATION", "TF_INPUT",
        "CHECKPOINT_DISABLE", "AWS_EC2_METADATA_DISABLED",
    }  # fmt: skip


def test_variables_are_passed_on(fake: Fake, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text("")
    terraform.resolve(folder, fake.environment, variables=["zones=[]"], variable_files=[file])
    assert fake.calls()[-1]["arguments"] == [
        "test", "-verbose", "-json", "-filter=eigw_ns.tftest.hcl", "-var=zones=[]", f"-var-file={file}",
    ]  # fmt: skip
    for wrong in ("zones", "-destroy=1", "=x", ""):
        with pytest.raises(EigwError, match=r"is not a variable"):
            terraform.resolve(folder, fake.environment, variables=[wrong])
    with pytest.raises(EigwError, match=r"gone.tfvars is not a file"):
        terraform.resolve(folder, fake.environment, variable_files=[tmp_path / "gone.tfvars"])


def test_programs_are_refused_unless_allowed(fake: Fake, folder: Path) -> None:
    (folder / "run.tf").write_text('resource "terraform_data" "x" {\n  provisioner "local-exec" {\n  }\n}\n')
    with pytest.raises(EigwError, match=r'run.tf:2 provisioner "local-exec"') as caught:
        terraform.resolve(folder, fake.environment)
    assert "--allow-provisioners" in caught.value.hint
    assert fake.calls() == []
    terraform.resolve(folder, fake.environment, allow_provisioners=True)


def test_a_missing_or_old_terraform(fake: Fake, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"not installed") as caught:
        terraform.resolve(folder, {"PATH": str(tmp_path)})
    assert "install terraform 1.7" in caught.value.hint
    fake.version("1.6.6")
    with pytest.raises(HostError, match=r"terraform 1.6 cannot mock providers"):
        terraform.resolve(folder, fake.environment)


@pytest.mark.parametrize("lacking", [".terraform", "module"])
def test_a_folder_that_is_not_initialised(fake: Fake, folder: Path, lacking: str) -> None:
    if lacking == "module":
        (folder / "more.tf").write_text('module "net" {\n  source = "./net"\n}\n')
    else:
        shutil.rmtree(folder / ".terraform")
    with pytest.raises(EigwError) as caught:
        terraform.resolve(folder, fake.environment)
    assert caught.value.hint == f"run `terraform -chdir={folder} init -backend=false` first"


def test_a_folder_without_a_configuration(fake: Fake, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(EigwError):
            terraform.resolve(path, fake.environment)


def test_modules_beside_the_folder_are_copied(fake: Fake, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "modules" / "net" / "templates").mkdir(parents=True)
    (tmp_path / "modules" / "net" / "net.tf").write_text("")
    (tmp_path / "modules" / "net" / "templates" / "x.json").write_text("{}")
    (tmp_path / "unrelated").write_text("")
    (folder / ".terraform" / "modules").mkdir()
    modules = [{"Key": "", "Dir": "."}, {"Key": "net", "Dir": "../modules/net"}]
    (folder / ".terraform" / "modules" / "modules.json").write_text(json.dumps({"Modules": modules}))
    (folder / "more.tf").write_text('module "net" {\n  source = "../modules/net"\n}\n')
    terraform.resolve(folder, fake.environment)
    call = fake.calls()[-1]
    assert Path(call["folder"]).name == "infra"
    assert {"../modules/net/net.tf", "../modules/net/templates/x.json"} <= set(call["files"])
    assert not any("unrelated" in each for each in call["files"])


def test_links_large_files_and_odd_files_are_copied_with_care(fake: Fake, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "shared.tf").write_text("# shared\n")
    (folder / "shared.tf").symlink_to("../shared.tf")
    (folder / "loop").symlink_to(".")
    (folder / "gone").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    with (folder / "large.zip").open("wb") as file:
        file.truncate(8 << 20)
    for name in ("terraform.tfstate", "other.tftest.hcl", "terraform.tfstate.backup"):
        (folder / name).write_text("secret")
    (folder / "readonly").mkdir()
    (folder / "readonly" / "x").write_text("")
    (folder / "readonly" / "x").chmod(0o400)
    terraform.resolve(folder, fake.environment)
    call = fake.calls()[-1]
    assert {"shared.tf", "large.zip", "readonly/x"} <= set(call["files"])
    assert "large.zip" in call["links"]
    assert not {"shared.tf", "loop", "gone", "pipe", "terraform.tfstate", "other.tftest.hcl"} & set(call["links"])
    assert not any(each.startswith(("loop", "gone", "pipe", "terraform.tfstate", "other")) for each in call["files"])


def test_too_many_files(fake: Fake, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eigw_ns.lab.host.private_copy._MOST_FILES", 3)
    with pytest.raises(EigwError, match=r"more than 3 files"):
        terraform.resolve(folder, fake.environment)


def test_too_many_bytes(fake: Fake, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eigw_ns.lab.host.private_copy._MOST_BYTES", 1 << 20)
    for name in ("a", "b"):
        (folder / name).write_bytes(bytes(600 << 10))
    with pytest.raises(EigwError, match=r"or 1 MiB"):
        terraform.resolve(folder, fake.environment)


ERRORS = [
    ({"summary": "No value for required variable", "detail": "The module expects x."}, "-var NAME=VALUE"),
    ({"summary": "Unsupported argument", "detail": "x"}, "terraform validate"),
    ({"summary": "Module not installed", "detail": "Run terraform init."}, "terraform init"),
    ({"summary": "invalid ARN", "detail": "y"}, "import the state or a plan"),
]


@pytest.mark.parametrize(("diagnostic", "hint"), ERRORS, ids=range(len(ERRORS)))
def test_an_error_of_terraform_has_its_place(
    fake: Fake, folder: Path, diagnostic: Mapping[str, object], hint: str
) -> None:
    place = {"filename": "main.tf", "start": {"line": 7}}
    fake.answer(f"print(json.dumps({ {'diagnostic': {'severity': 'error', 'range': place, **diagnostic}}!r}))")
    with pytest.raises(EigwError) as caught:
        terraform.resolve(folder, fake.environment)
    assert f"main.tf:7: {diagnostic['summary']}" in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("script", ["print('nonsense')", "print('[1]')", "sys.exit(1)", "print('{\"type\": 1}')"])
def test_output_that_is_not_a_state(fake: Fake, folder: Path, script: str) -> None:
    fake.answer(script)
    with pytest.raises(EigwError, match=r"terraform cannot resolve the configuration"):
        terraform.resolve(folder, fake.environment)


@pytest.mark.root
def test_root_runs_terraform_as_the_owner_of_the_folder(fake: Fake, folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | stat.S_IXOTH)
    secret = tmp_path / "secret"
    secret.write_text("of root")
    secret.chmod(0o600)
    shutil.chown(folder, 65534, 65534)
    fake.open_to_all()
    terraform.resolve(folder, fake.environment)
    call = fake.calls()[-1]
    assert (call["user"], call["mode"]) == (65534, 0o700)
    (folder / "link").symlink_to(secret)
    with pytest.raises(EigwError, match=r"cannot copy .*secret|cannot copy .*link"):
        terraform.resolve(folder, fake.environment)
    (folder / "link").unlink()
    shutil.chown(folder, 0, 0)
    terraform.resolve(folder, fake.environment)
    assert fake.calls()[-1]["user"] == 0


needs_terraform = pytest.mark.skipif(MIRROR is None or not shutil.which("terraform"), reason="Terraform is missing")


@needs_terraform
@pytest.mark.parametrize("name", ["tf-2", pytest.param("tf-1", marks=pytest.mark.nightly)])
def test_the_real_terraform_resolves_a_configuration(name: str, tmp_path: Path) -> None:
    folder = initialised(INPUTS / name, tmp_path)
    before = tree(folder)
    found = read_test_state(terraform.resolve(folder, os.environ), Options())
    assert without_places(found) == without_places(read_test_state(recorded(f"{name}/mocked.jsonl"), Options()))
    assert {each.label.place.file for each in found.subnets} == {"net/main.tf" if name == "tf-2" else "main.tf"}
    assert tree(folder) == before


@needs_terraform
@pytest.mark.nightly
def test_the_real_terraform_with_aliases_data_and_a_provisioner(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.tf").write_text(_ALIASES)
    folder = initialised(source, tmp_path)
    proof = tmp_path / "ran"
    variables = [f"proof={proof}"]
    with pytest.raises(EigwError, match=r"would run programs"):
        terraform.resolve(folder, os.environ, variables=variables)
    assert not proof.exists()
    found = read_test_state(
        terraform.resolve(folder, os.environ, variables=variables, allow_provisioners=True, region="eu-west-1"),
        Options(),
    )
    assert proof.exists()
    assert [str(each.ipv6_blocks[0].block) for each in found.vpcs] == [
        "2001:db8:aa0:5500::/56",
        "2001:db8:aa0:5600::/56",
    ]
    assert [(each.zone, str(each.ipv6_blocks[0])) for each in found.subnets] == [
        ("a", "2001:db8:aa0:5600::/64"), ("b", "2001:db8:aa0:5601::/64"), ("c", "2001:db8:aa0:5602::/64"),
    ]  # fmt: skip
    assert len(said(found, "note")) == 1
    again = read_test_state(
        terraform.resolve(folder, os.environ, variables=variables, allow_provisioners=True, region="eu-west-1"),
        Options(),
    )
    assert replace(again, messages=()) == replace(found, messages=())


_ALIASES = """
variable "proof" { type = string }
provider "aws" {
  alias  = "west"
  region = "eu-west-1"
}
data "aws_availability_zones" "all" {
  provider = aws.west
}
resource "aws_vpc" "east" {
  cidr_block                       = "10.0.0.0/16"
  assign_generated_ipv6_cidr_block = true
}
resource "aws_vpc" "west" {
  provider                         = aws.west
  cidr_block                       = "10.0.0.0/16"
  assign_generated_ipv6_cidr_block = true
}
resource "aws_subnet" "west" {
  count             = length(data.aws_availability_zones.all.names)
  provider          = aws.west
  vpc_id            = aws_vpc.west.id
  availability_zone = data.aws_availability_zones.all.names[count.index]
  cidr_block        = cidrsubnet(aws_vpc.west.cidr_block, 8, count.index)
  ipv6_cidr_block   = cidrsubnet(aws_vpc.west.ipv6_cidr_block, 8, count.index)
}
resource "terraform_data" "run" {
  provisioner "local-exec" {
    command = "touch ${var.proof}"
  }
}
"""


def test_a_missing_program_is_not_a_traceback() -> None:
    with pytest.raises(process.NoSuchCommandError):
        process.run(("terraform-that-nobody-has",), environment={"PATH": "/nonexistent"})
