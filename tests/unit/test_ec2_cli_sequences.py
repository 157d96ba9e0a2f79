"""Random sequences of ec2 verbs: after each verb, the kernel, the store and `export` agree."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from eigw_ns.cloud import associations
from eigw_ns.cloud.ec2.api import ACTIONS
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.errors import CloudError, KernelError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.lifecycle.ec2 import perform
from eigw_ns.topology import Topology, dump, load
from tests.support.stored import folders, storage, store
from tests.support.strategies import topologies

BLOCKS = ("::/0", "2001:db8:a::/48", "64:ff9b::/96", "2001:DB8::/32", "nonsense")
TRAFFIC: tuple[dict[str, Any], ...] = (
    {"IpProtocol": "-1"},
    {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 443},
    {"IpProtocol": "17", "FromPort": 0, "ToPort": 65535},
    {"IpProtocol": "icmpv6", "FromPort": 128, "ToPort": -1},
    {"IpProtocol": "58", "FromPort": -1, "ToPort": -1},
    {"IpProtocol": "132"},
    {"IpProtocol": "tcp"},
)
ENTRIES: tuple[dict[str, Any], ...] = (
    {"Protocol": "-1"},
    {"Protocol": "tcp", "PortRange": {"From": 22, "To": 443}},
    {"Protocol": "17", "PortRange": {"From": 0, "To": 65535}},
    {"Protocol": "58", "IcmpTypeCode": {"Type": 128, "Code": -1}},
    {"Protocol": "132"},
    {"Protocol": "6"},
)
TAGS = st.lists(
    st.fixed_dictionaries(
        {"Key": st.sampled_from(("Name", "Team", "é", "aws:x"))},
        optional={"Value": st.sampled_from(("", "x", "日: #"))},
    ),
    max_size=2,
)
CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "ClientToken": st.sampled_from(("one", "two")),
    "DestinationIpv6CidrBlock": st.sampled_from(BLOCKS),
    "Ipv6CidrBlock": st.sampled_from(BLOCKS),
    "RuleNumber": st.sampled_from((1, 100, 101, 32766, 32767)),
    "Egress": st.booleans(),
    "RuleAction": st.sampled_from(("allow", "deny")),
    "GroupName": st.sampled_from(("web", "Web servers", "default", "a")),
    "Description": st.sampled_from(("for tests", "x")),
    "Tags": TAGS,
}


@st.composite
def requests(draw: st.DrawFn, cloud: Cloud) -> tuple[str, dict[str, Any]]:
    """Draw an action that changes something. Most can be granted, because their ids and rules exist in the cloud."""
    action = draw(st.sampled_from([name for name, each in ACTIONS.items() if each.mutates]))
    ids = _ids(cloud, action)
    request: dict[str, Any] = {}
    for name in (parameter.name for parameter in ACTIONS[action].parameters):
        if name in CHOICES and (name != "ClientToken" or draw(st.booleans())):
            request[name] = draw(CHOICES[name])
        elif name in ids:
            request[name] = draw(_one_of(ids[name]))
    for name in ("Resources", "Groups"):
        if any(parameter.name == name for parameter in ACTIONS[action].parameters):
            request[name] = draw(st.lists(_one_of(ids[name]), min_size=1, max_size=2, unique=True))
    return action, {
        name: value for name, value in _completed(draw, cloud, action, request).items() if value is not None
    }


def _one_of(ids: Iterable[str]) -> st.SearchStrategy[str]:
    """Draw one of the ids, or seldom an id of the same kind that does not exist."""
    known = tuple(ids)
    kind = known[0].rpartition("-")[0] if known else "vpc"
    return st.sampled_from((*known * 4, f"{kind}-0deadbeefdeadbeef"))


def _ids(cloud: Cloud, action: str) -> dict[str, tuple[str, ...]]:
    """Return the ids in the cloud by the parameter that takes them."""
    of_acls = "NetworkAcl" in action
    joined = associations.network_acl_associations(cloud) if of_acls else associations.route_table_associations(cloud)
    single: dict[str, Iterable[str]] = {
        "VpcId": cloud.vpcs,
        "SubnetId": cloud.subnets,
        "RouteTableId": cloud.route_tables,
        "EgressOnlyInternetGatewayId": cloud.egress_only_internet_gateways,
        "InternetGatewayId": cloud.internet_gateways,
        "NetworkAclId": cloud.network_acls,
        "GroupId": cloud.security_groups,
        "InstanceId": cloud.instances,
    }
    found = {name: tuple(ids) for name, ids in single.items()}
    everything = tuple(itertools.chain(*found.values()))
    return found | {
        "AssociationId": tuple(each.id for each in joined),
        "Groups": found["GroupId"],
        "Resources": everything,
    }


def _completed(draw: st.DrawFn, cloud: Cloud, action: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the request with members that fit together: one target, a protocol and its ports, a rule and its group."""
    if action in ("CreateRoute", "ReplaceRoute") and draw(st.booleans()):
        return request | {"EgressOnlyInternetGatewayId": None, "GatewayId": draw(_one_of(cloud.internet_gateways))}
    if action in ("CreateNetworkAclEntry", "ReplaceNetworkAclEntry"):
        return {**request, **draw(st.sampled_from(ENTRIES))}
    if action.startswith("Revoke") and draw(st.booleans()):
        group = cloud.security_groups.get(request["GroupId"])
        return request | {"SecurityGroupRuleIds": [rule.id for rule in group.rules if rule.egress][:1] if group else []}
    if action.startswith(("Authorize", "Revoke")):
        return request | {"IpPermissions": [draw(_permissions(tuple(cloud.security_groups)))]}
    return request


@st.composite
def _permissions(draw: st.DrawFn, groups: tuple[str, ...]) -> dict[str, Any]:
    blocks = draw(st.lists(st.sampled_from(BLOCKS), max_size=2, unique=True))
    pairs = draw(st.lists(st.sampled_from(groups), max_size=1)) if groups else []
    return {
        **draw(st.sampled_from(TRAFFIC)),
        "Ipv6Ranges": [{"CidrIpv6": block, "Description": "office, old"} for block in blocks],
        "IpRanges": [{"CidrIp": "10.0.0.0/8"}] if draw(st.booleans()) else [],
        "UserIdGroupPairs": [{"GroupId": group} for group in pairs],
    }


@pytest.fixture(scope="module", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("ec2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EIGW_NS_STATE_DIR", str(folder / "state"))
        patch.setenv("EIGW_NS_RUN_DIR", str(folder / "run"))
        yield folder


class Run:
    """A lab that receives verbs. New ids are the same in every run."""

    def __init__(self, topology: Topology) -> None:
        self.lab = topology.cloud.lab
        self.kernel = FakeKernel()
        serial = itertools.count(1)
        self.settings = Settings(new_id=lambda: f"{next(serial):017x}")
        operations.apply(self.kernel, storage(), topology)

    @property
    def cloud(self) -> Cloud:
        return store().load(self.lab).cloud

    def send(self, action: str, request: dict[str, Any]) -> bool:
        """Send the request, and return True if it was granted. A refused request must not change anything."""
        before, writes = folders().topology_file(self.lab).read_bytes(), self.kernel.writes
        try:
            perform(lambda: self.kernel, storage(), self.lab, action, request, self.settings)
        except CloudError as error:
            event(f"{action}: {error.code}")
            assert folders().topology_file(self.lab).read_bytes() == before
            assert self.kernel.writes == writes
            return False
        event(f"{action}: granted")
        return True

    def check(self) -> None:
        """Check that the kernel and the file that `export` writes agree with the store."""
        stored = store().load(self.lab)
        assert self.kernel.observe(self.lab) == compile_cloud(stored.cloud)
        exported = load(dump(stored).encode(), file="exported.yaml", default_lab=self.lab)
        assert exported == replace(stored, cloud=replace(stored.cloud, client_tokens={}, prefix_list_versions={}))
        assert operations.make_plan(self.kernel, storage(), exported.cloud) == ()


@given(topologies(), st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_store_kernel_and_export_agree_after_every_verb(topology: Topology, data: st.DataObject) -> None:
    run = Run(topology)
    granted = 0
    for _ in range(8):
        action, request = data.draw(requests(run.cloud))
        if run.send(action, request):
            granted += 1
            run.check()
    event(f"{granted} of 8 granted")


@given(topologies(), st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_store_and_kernel_agree_after_an_interrupted_verb_is_finished(topology: Topology, data: st.DataObject) -> None:
    run = Run(topology)
    for _ in range(6):
        action, request = data.draw(requests(run.cloud))
        run.kernel.fail_on = run.kernel.writes + data.draw(st.integers(1, 20))
        try:
            run.send(action, request)
        except KernelError as error:
            event("cut short")
            assert "to finish it" in error.hint
            run.kernel.fail_on = None
            operations.apply(run.kernel, storage(), store().load(run.lab))
        run.kernel.fail_on = None
        run.check()
