"""Every verb works for the lab's owner, whatever root in an instance does in its namespace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.names import port_name
from eigw_ns.dataplane.state import Link, NetObject
from eigw_ns.errors import EigwError
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab.lifecycle import operations
from tests.support import hostile_tenant
from tests.support.command import Cli
from tests.support.hostile_tenant import Act, done
from tests.support.labs import Lab, topology
from tests.support.stored import storage, store
from tests.topologies.egress import APP, WEB
from tests.topologies.two_tenants import TEXT

pytestmark = pytest.mark.root

LATE = "2600:1f16:aa0:5501::30"


@pytest.fixture
def lab(cli: Cli, tmp_path: Path, lab_name: str) -> Lab:
    file = tmp_path / f"{lab_name}.yaml"
    file.write_text(TEXT, encoding="utf-8")
    assert cli("apply", "-f", str(file)).code == 0
    return Lab(lab_name, current=store().load(lab_name))


ACTS = (
    hostile_tenant.makes_its_default_route_a_blackhole,
    hostile_tenant.takes_its_address_away,
    hostile_tenant.renames_its_link_and_takes_the_name_for_another,
    hostile_tenant.deletes_its_link,
    hostile_tenant.switches_ipv6_off_everywhere,
    hostile_tenant.wipes_the_mark,
    hostile_tenant.forges_the_mark,
    hostile_tenant.owns_a_table_of_our_name,
    hostile_tenant.leaves_links_that_never_come_up,
    hostile_tenant.has_a_thousand_routes_and_never_rests,
)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: str(act.__name__))
def test_every_verb_works(cli: Cli, lab: Lab, act: Act) -> None:
    with done(lab, act):
        assert cli("status", "--lab", lab.name).code in (0, 3)
        assert cli("describe", "--lab", lab.name).code == 0
        verified = cli("verify", "--lab", lab.name, "--timeout", "0.3", "-o", "json")
        assert verified.code in (0, 4), verified.err
        passed = {(check["from"], check["to"]) for check in verified.data["checks"] if check["passed"]}
        assert ("mate", "web") in passed
        applied = cli("apply", "--lab", lab.name)
        assert applied.code == 0, applied.err
        assert cli("verify", "--lab", lab.name, "--timeout", "1").code == 0
        assert cli("destroy", "--lab", lab.name).code == 0


class SabotagedKernel(LinuxKernel):
    """Linux with a tenant that deletes its interface as soon as one is created."""

    def __init__(self, tenant: str) -> None:
        super().__init__()
        self._tenant = tenant

    def create(self, things: Iterable[NetObject]) -> None:
        made = list(things)
        super().create(made)
        for thing in made:
            if isinstance(thing, Link) and thing.namespace == self._tenant:
                super().delete([thing])


def _with_another(tree: dict[str, Any]) -> None:
    """Add an instance, so that the first address that apply creates is a tenant's."""
    tree["vpcs"]["main"]["instances"]["late"] = {"subnet": "a", "ipv6_address": LATE, "security_groups": ["open"]}


def _with_another_gateway(tree: dict[str, Any]) -> None:
    """Add an instance and replace the gateway, so that the first address that apply creates is the gateway's."""
    _with_another(tree)
    tree["vpcs"]["main"]["egress_only_internet_gateways"] = {"another": {}}
    tree["vpcs"]["main"]["route_tables"]["private"]["routes"] = [{"destination": "::/0", "target": "another"}]


@pytest.mark.parametrize("grow", [_with_another, _with_another_gateway])
def test_a_tenant_that_undoes_everything_hinders_only_itself(
    cli: Cli, lab: Lab, grow: Callable[[dict[str, Any]], None]
) -> None:
    tree = json.loads(TEXT)
    grow(tree)
    kernel = SabotagedKernel(lab.namespace("app"))
    words = "in tenant namespaces that keep undoing"
    with done(lab, hostile_tenant.deletes_its_link), pytest.raises(EigwError, match=words) as raised:
        operations.apply(kernel, storage(), topology(json.dumps(tree), lab.name))
    assert "remove the instance" in raised.value.hint
    lab.current = store().load(lab.name)
    with lab.stream("late", "web", WEB) as stream:
        assert stream.works()
    own = (lab.namespace("app"), port_name(find(lab.current.cloud, "app").id), f"route {APP}/128")
    status = cli("status", "--lab", lab.name, "-o", "json")
    assert status.code == 3
    theirs = [step["object"] for step in status.data["steps"] if step["verb"] not in ("flush", "teach", "forget")]
    assert theirs
    assert [thing for thing in theirs if not any(name in thing for name in own)] == []
    assert cli("apply", "--lab", lab.name).code == 0
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()
    assert cli("status", "--lab", lab.name).code == 0
