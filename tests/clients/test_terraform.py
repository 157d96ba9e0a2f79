"""Terraform makes a dual-stack VPC with count, for_each and adopted defaults; packets follow; destroy leaves nothing.

Terraform and its AWS provider are not Debian packages, so this runs only if both are installed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import WEB, Endpoint
from tests.support.command import Result

CONFIGURATION = Path(__file__).parent / "terraform"
_MIRRORS = [
    Path.home() / ".terraform.d/plugins", *map(Path, ("/usr/local/share/terraform/plugins", "/opt/tf-plugins")),
]  # fmt: skip
_PROVIDER = "registry.terraform.io/hashicorp/aws"
_MIRROR = next((mirror for mirror in _MIRRORS if (mirror / _PROVIDER).is_dir()), None)

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(_MIRROR is None or not shutil.which("terraform"), reason="Terraform's AWS provider is missing"),
]


@pytest.fixture(scope="module")
def folder(endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("terraform")
    for file in CONFIGURATION.glob("*.tf"):
        shutil.copy(file, folder)
    done = terraform(endpoint, folder, "init", f"-plugin-dir={_MIRROR}")
    assert done.code == 0, done.err
    yield folder


def terraform(endpoint: Endpoint, folder: Path, verb: str, *arguments: str) -> Result:
    variables = {"TF_VAR_endpoint": endpoint.server.url, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    return endpoint.client("terraform", verb, "-no-color", *arguments, cwd=folder, **variables)


@pytest.mark.timeout(400)  # Terraform starts the provider again for each command, which takes several seconds
def test_a_vpc_with_instances_from_apply_to_destroy(endpoint: Endpoint, folder: Path) -> None:
    before = endpoint.namespaces()
    done = terraform(endpoint, folder, "apply", "-auto-approve", "-input=false")
    assert done.code == 0, done.err
    again = terraform(endpoint, folder, "plan", "-detailed-exitcode", "-input=false")
    assert again.code == 0, again.out + again.err

    made = json.loads((folder / "terraform.tfstate").read_text())["outputs"]
    assert made["account"]["value"] == "000000000000"
    blue, green = (made["instances"]["value"][name] for name in ("blue", "green"))
    assert endpoint.pings(blue["id"], WEB)
    assert endpoint.pings(blue["id"], green["address"])
    assert not endpoint.pings("web", blue["address"])  # the groups would let it in
    assert endpoint.pings(blue["id"], WEB)  # the control: the path is still open
    prepared = made["prepared"]["value"]
    assert endpoint.pings(prepared["id"], WEB)
    assert endpoint.pings(blue["id"], prepared["address"])  # the interface of its own is the instance's

    assert endpoint.export_changes_nothing()
    gone = terraform(endpoint, folder, "destroy", "-auto-approve", "-input=false")
    assert gone.code == 0, gone.err
    assert endpoint.namespaces() == before
