"""Benchmark: change and describe labs of different sizes that a long-living process serves."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from eigw_ns.cloud.ec2.settings import Quotas, Settings
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.live.live_lab import LiveLab
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.storage import Storage
from scripts.benchmarks.benchmark import Benchmark, Job
from scripts.benchmarks.labs import Workshop, topology, tree
from scripts.benchmarks.rows import Measure, Row, Target, alternate, compare, seconds

_COMPARED = 10
"""The size of the lab with which the others are compared."""

_REPEATED = 3
"""How often each round measures each lab: a change takes milliseconds."""

_CHANGED, _DESCRIBED = 0.020, 0.002
"""The most seconds that a change of the lab of `Job.size` subnets, and a description of any, may take."""

_SETTINGS = Settings(quotas=Quotas(subnets_per_vpc=10_000, instances_per_region=10_000))
_NEW, _ALL = "2001:db8:bad::/48", "::/0"
_IMAGE = "ami-0123456789abcdef0"


class _Served:
    """A running lab in which one subnet has a route table of its own."""

    def __init__(self, place: Workshop, subnets: int) -> None:
        lab, content = place.new_name(), tree(subnets)
        self.name = lab
        content["vpcs"]["main"]["route_tables"]["own"] = {}
        content["vpcs"]["main"]["subnets"]["s000"]["route_table"] = "own"
        given, kernel = topology(lab, content), LinuxKernel()
        storage = Storage.in_folders(LabFolders(place.folder / "state", place.folder / "run", temporary=True))
        operations.apply(kernel, storage, given)
        self._live = LiveLab(lambda: kernel, storage, lab)
        self._vpc, self._subnet = (next(iter(each)) for each in (given.cloud.vpcs, given.cloud.subnets))
        self._block, self._made = f"2600:1f16:aa0:{subnets:x}::/64", ""
        self._answer: dict[str, Any] = {}
        self.table = next(each.id for each in given.cloud.route_tables.values() if each.name == "own")
        self.gateway = next(iter(given.cloud.egress_only_internet_gateways))
        for destination in (_ALL, _NEW):  # read and compile everything once
            self.create(destination)()
            self.delete(destination)()
        for measure in (self.run, self.terminate, self.create_subnet, self.delete_subnet):
            measure()

    def create(self, destination: str) -> Measure:
        """Return a measurement of CreateRoute."""
        return lambda: self._timed("CreateRoute", **self._route(destination), EgressOnlyInternetGatewayId=self.gateway)

    def delete(self, destination: str) -> Measure:
        """Return a measurement of DeleteRoute."""
        return lambda: self._timed("DeleteRoute", **self._route(destination))

    def run(self) -> float:
        """Return the seconds that it takes to run an instance."""
        seconds = self._timed("RunInstances", ImageId=_IMAGE, MinCount=1, MaxCount=1, SubnetId=self._subnet)
        self._made = self._answer["Instances"][0]["InstanceId"]
        return seconds

    def terminate(self) -> float:
        """Return the seconds that it takes to terminate that instance."""
        return self._timed("TerminateInstances", InstanceIds=[self._made])

    def create_subnet(self) -> float:
        """Return the seconds that it takes to create a subnet."""
        seconds = self._timed("CreateSubnet", VpcId=self._vpc, Ipv6CidrBlock=self._block, Ipv6Native=True)
        self._made = self._answer["Subnet"]["SubnetId"]
        return seconds

    def delete_subnet(self) -> float:
        """Return the seconds that it takes to delete that subnet."""
        return self._timed("DeleteSubnet", SubnetId=self._made)

    def describe(self) -> float:
        """Return the seconds that a description of the route table takes."""
        begin = time.perf_counter()
        self._live.describe("DescribeRouteTables", {"RouteTableIds": [self.table]}, _SETTINGS)
        return time.perf_counter() - begin

    def _route(self, destination: str) -> dict[str, str]:
        return {"RouteTableId": self.table, "DestinationIpv6CidrBlock": destination}

    def _timed(self, action: str, **request: Any) -> float:
        begin = time.perf_counter()
        self._answer = self._live.perform(action, request, _SETTINGS).answer
        return time.perf_counter() - begin


class _OverHttp:
    """The same lab behind `eigw-ns serve`: what a client waits for, without the client's own work and signatures."""

    def __init__(self, lab: _Served, address: str) -> None:
        self._connection = http.client.HTTPConnection(address)
        self._table, self._gateway = lab.table, lab.gateway

    def create(self) -> float:
        """Return the seconds until CreateRoute is answered."""
        return self._ask("CreateRoute", DestinationIpv6CidrBlock=_NEW, EgressOnlyInternetGatewayId=self._gateway)

    def delete(self) -> float:
        """Return the seconds until DeleteRoute is answered."""
        return self._ask("DeleteRoute", DestinationIpv6CidrBlock=_NEW)

    def describe(self) -> float:
        """Return the seconds until DescribeRouteTables is answered."""
        return self._ask("DescribeRouteTables", table="RouteTableId.1")

    def _ask(self, action: str, table: str = "RouteTableId", **parameters: str) -> float:
        form = urlencode({"Action": action, "Version": "2016-11-15", table: self._table, **parameters})
        begin = time.perf_counter()
        self._connection.request("POST", "/", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise ConnectionError(f"{action} was answered with {answer.status}: {body.decode()}")
        return time.perf_counter() - begin


@contextlib.contextmanager
def _over_http(job: Job, lab: _Served) -> Iterator[_OverHttp]:
    command = (sys.executable, "-m", "eigw_ns", "serve", "--lab", lab.name, "--listen", "127.0.0.1:0", "--no-sigv4")
    process = subprocess.Popen(
        [*command, "-q", "-o", "json"],
        env=job.place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        try:
            url = json.loads(process.stdout.readline())["endpoint"]
            yield _OverHttp(lab, url.removeprefix("http://"))
        finally:
            process.terminate()


def _sizes(job: Job) -> list[int]:
    return sorted({_COMPARED, *job.subnets})


def _in_turn(
    job: Job, labs: dict[int, _Served], pair: Callable[[_Served], tuple[Measure, Measure]]
) -> tuple[dict[int, list[float]], ...]:
    """Measure a change and the one that undoes it, in each lab in turn. Returns the seconds of each by size."""
    measures = [measure for lab in labs.values() for measure in pair(lab)]
    found = alternate(_REPEATED * job.rounds, job.step, *measures)
    return dict(zip(labs, found[::2], strict=True)), dict(zip(labs, found[1::2], strict=True))


def _routes(destination: str) -> Callable[[_Served], tuple[Measure, Measure]]:
    return lambda lab: (lab.create(destination), lab.delete(destination))


def _rows(job: Job) -> Iterator[Row]:
    labs = {size: _Served(job.place, size) for size in _sizes(job)}
    for lab in labs.values():  # the first route of the table goes another way than the default of the others
        lab.create(_ALL)()
    created, deleted = _in_turn(job, labs, _routes(_NEW))
    yield from _compared(("create one more route", "delete one more route"), created, deleted)
    yield _within(f"create one more route, {job.size} subnets", created[job.size], _CHANGED)
    for lab in labs.values():
        lab.delete(_ALL)()
    words = "create the first route", "delete the first route"
    yield from _compared(words, *_in_turn(job, labs, _routes(_ALL)))
    words = "run an instance", "terminate the instance"
    yield from _compared(words, *_in_turn(job, labs, lambda lab: (lab.run, lab.terminate)))
    words = "create a subnet", "delete the subnet"
    yield from _compared(words, *_in_turn(job, labs, lambda lab: (lab.create_subnet, lab.delete_subnet)))
    described = alternate(_REPEATED * job.rounds, job.step, *(lab.describe for lab in labs.values()))
    for size, figures in zip(labs, described, strict=True):
        yield _within(f"describe, {size} subnets", figures, _DESCRIBED)
    with _over_http(job, labs[job.size]) as served:
        measures = served.create, served.delete, served.describe
        made, _, shown = alternate(_REPEATED * job.rounds, job.step, *measures)
    yield _within(f"create one more route over HTTP, {job.size} subnets", made, _CHANGED)
    yield _within(f"describe over HTTP, {job.size} subnets", shown, _DESCRIBED)


def _within(name: str, figures: list[float], allowed: float) -> Row:
    """Return the row of times against an absolute bound."""
    return compare(name, f"{allowed * 1000:.0f} ms", figures, [allowed] * len(figures), Target("most", 1))


def _compared(verbs: tuple[str, str], *found: dict[int, list[float]]) -> Iterator[Row]:
    for verb, figures in zip(verbs, found, strict=True):
        for size in figures:
            if size != _COMPARED:
                detail = f"{seconds(figures[size])} : {seconds(figures[_COMPARED])}"
                words, against = f"{verb}, {size} subnets", f"{_COMPARED} subnets"
                yield compare(words, against, figures[size], figures[_COMPARED], Target("most", 1.5), detail)


BENCHMARK = Benchmark(
    summary="Change and describe labs that a long-living process serves.",
    explain={
        "create one more route, N subnets, against 10 subnets": "CreateRoute in a route table of one subnet, by the "
        "egress-only gateway to which its default route leads. All labs are on this host at the same time.",
        "…, against 20 ms": "The same in the lab of 200 subnets, as an absolute time on an idle machine.",
        "delete …": "DeleteRoute of the same.",
        "create the first route, …": "The same for `::/0`, which changes the rules of the gateway too.",
        "run an instance, …": "RunInstances in the subnet with a table of its own.",
        "terminate the instance, …": "TerminateInstances, which looks for flows in every connection table of the lab.",
        "create a subnet, …": "CreateSubnet with an IPv6 block, in the VPC of all others.",
        "delete the subnet, …": "DeleteSubnet of the same.",
        "… over HTTP, …": "What a client waits for, through both processes of `serve`, without signatures.",
        "describe, N subnets, against 2 ms": "DescribeRouteTables of that route table.",
    },
    rows=_rows,
    steps=lambda job: _REPEATED * job.rounds * (9 * len(_sizes(job)) + 3),
)
