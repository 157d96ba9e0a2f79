"""The guard: Host, Origin, Sec-Fetch, sizes and rates. Each line of the security design about the endpoint."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any
from urllib.parse import urlencode

import pytest

from eigw_ns.server.guard import LARGEST_BODY, Gates, Limits, Rate
from eigw_ns.server.keys import Key
from tests.support.asgi import HOST, KEY, VERSION, Bench, Raw, deliver, signed, unsigned

CREATE = urlencode({"Action": "CreateInternetGateway", "Version": VERSION}).encode()
DESCRIBE = urlencode({"Action": "DescribeVpcs", "Version": VERSION}).encode()


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


HOSTS = {HOST: True, "LOCALHOST:8471": True, "127.0.0.1": False, "127.0.0.1:80": False, "evil.example:8471": False,
         "127.0.0.1.evil.example:8471": False, "": False, "[::1]:8471": False}  # fmt: skip
ORIGINS = {None: True, f"http://{HOST}": True, f"https://{HOST}": False, "http://localhost:8472": False, "null": False,
           "http://evil.example": False, "": False}  # fmt: skip
SITES = {None: True, "same-origin": True, "none": True, "same-site": False, "cross-site": False, "": False}


@pytest.mark.parametrize("signs", [True, False])
def test_each_cell_of_the_guard_table(signs: bool) -> None:
    bench = Bench(signed=signs)
    request = signed(DESCRIBE) if signs else unsigned(DESCRIBE)
    for host, origin, site in itertools.product(HOSTS, ORIGINS, SITES):
        fine = HOSTS[host] and ORIGINS[origin] and SITES[site] and (signs or (origin is None and site is None))
        before = len(bench.performer.calls)
        answer = bench.send(request.having(host=host, origin=origin, sec_fetch_site=site))
        if not fine:
            assert (answer.status, answer.code) == (403, "AccessDenied"), (host, origin, site)
        elif host == HOST or not signs:
            assert answer.status == 200, (host, origin, site, answer.message)
        else:  # the signature is of another name
            assert answer.code == "SignatureDoesNotMatch"
        assert len(bench.performer.calls) == before + (answer.status == 200)


@pytest.mark.parametrize("hosts", [[], [HOST, HOST], [HOST, "evil.example"]])
def test_the_host_is_given_exactly_once(bench: Bench, hosts: list[str]) -> None:
    headers = tuple((b"host", host.encode()) for host in hosts)
    assert bench.send(Raw(CREATE, headers)).code == "AccessDenied"


def test_forwarded_headers_are_not_read(bench: Bench) -> None:
    request = signed(CREATE).having(host="evil.example", x_forwarded_host=HOST, forwarded=f"host={HOST}")
    assert bench.send(request).code == "AccessDenied"


def test_no_answer_has_a_cors_header(bench: Bench) -> None:
    preflight = Raw(method="OPTIONS").having(origin=f"http://{HOST}", access_control_request_method="POST")
    for request in (signed(CREATE), unsigned(CREATE).having(origin="http://evil.example"), preflight):
        answer = bench.send(request)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert bench.send(preflight).status == 405


def test_a_form_of_a_web_page_changes_nothing() -> None:
    """A form POST needs no preflight: text/plain and urlencoded bodies of any page arrive here."""
    for bench in (Bench(), Bench(signed=False)):
        page = Raw(CREATE).having(origin="http://evil.example", sec_fetch_site="cross-site", sec_fetch_mode="no-cors")
        for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
            assert bench.send(page.having(content_type=kind)).status == 403
        assert bench.performer.calls == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "X" * 100])
def test_only_post_is_accepted(bench: Bench, method: str) -> None:
    answer = bench.send(signed(CREATE).but(method=method, query=CREATE))
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")


def test_a_large_body_is_refused(bench: Bench) -> None:
    for request in (
        unsigned(b"a" * (LARGEST_BODY + 1)),
        unsigned(b"a").having(content_length=str(LARGEST_BODY + 1)),
        unsigned(b"a").having(content_length="9" * 5000),
    ):
        answer = bench.send(request)
        assert (answer.status, answer.code) == (413, "RequestEntityTooLarge")


def test_too_many_fields_and_headers_are_refused(bench: Bench) -> None:
    many = b"&".join((DESCRIBE, *(b"VpcId.%d=x" % number for number in range(1, 2001))))
    assert bench.send(signed(many)).code == "MalformedQueryString"
    headers = tuple((b"x-%d" % number, b"") for number in range(101))
    assert bench.send(Raw(CREATE, ((b"host", HOST.encode()), *headers))).code == "InvalidRequest"


def test_a_rate_lets_a_burst_pass_and_then_so_many_a_second() -> None:
    now = [0.0]
    rate = Rate(2, 3, lambda: now[0])
    assert [rate.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5
    assert [rate.take() for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [rate.take() for _ in range(4)] == [True, True, True, False]


FREELY = Rate(1e6, 1e6)


def test_more_requests_than_the_rate_get_503() -> None:
    bench = Bench(gates=Gates(Limits(Rate(0, 1)), Limits(FREELY)))
    assert bench.send(signed(CREATE)).status == 200
    answer = bench.send(signed(CREATE))
    assert (answer.status, answer.code) == (503, "RequestLimitExceeded")


@pytest.mark.parametrize(
    "wrong",
    [unsigned(CREATE), signed(CREATE, Key(KEY.id, "guess")), signed(CREATE, Key("AKIASTRANGER", "guess")),
     unsigned(CREATE).having(authorization="Basic eDp5")],
)  # fmt: skip
def test_strangers_do_not_use_up_the_rate_of_clients(wrong: Raw) -> None:
    bench = Bench(gates=Gates(Limits(Rate(0, 2)), Limits(Rate(0, 3))))
    codes = [bench.send(wrong).code for _ in range(5)]
    assert "RequestLimitExceeded" not in codes[:3] and codes[3:] == ["RequestLimitExceeded"] * 2
    assert [bench.send(signed(CREATE)).status for _ in range(3)] == [200, 200, 503]


async def beside_changes(bench: Bench, count: int, *others: Raw) -> list[int]:
    """Return the status of other requests while so many changes wait, and then those of the changes."""
    hold, inner = asyncio.Event(), bench.call

    async def slow(message: dict[str, Any]) -> dict[str, Any]:
        if message["action"].startswith("Create"):
            await hold.wait()
        return await inner(message)

    bench.slow(slow)
    waiting = [asyncio.create_task(deliver(bench.application, signed(CREATE))) for _ in range(count)]
    while bench.gates.changes.open < count:
        await asyncio.sleep(0)
    answers = [(await deliver(bench.application, each)).status for each in others]
    hold.set()
    return [*answers, *(each.status for each in await asyncio.gather(*waiting))]


def test_only_so_many_requests_are_open_at_a_time() -> None:
    bench = Bench(gates=Gates(Limits(FREELY, most_open=2), Limits(FREELY)))
    assert asyncio.run(beside_changes(bench, 2, signed(DESCRIBE))) == [503, 200, 200]
    assert bench.gates.clients.open == 0


def test_describes_are_answered_while_changes_wait() -> None:
    bench = Bench(gates=Gates(Limits(FREELY), Limits(FREELY), most_changes=2))
    assert asyncio.run(beside_changes(bench, 2, signed(DESCRIBE), signed(CREATE))) == [200, 503, 200, 200]
    assert bench.gates.changes.open == 0


def test_a_request_whose_body_does_not_come_takes_no_place() -> None:
    bench = Bench(gates=Gates(Limits(FREELY, most_open=1), Limits(FREELY)))

    async def beside() -> int:
        came = asyncio.Event()

        async def stalled() -> dict[str, object]:
            came.set()
            await asyncio.Event().wait()
            return {}

        waiting = asyncio.create_task(deliver(bench.application, signed(CREATE), stalled))
        await came.wait()
        answer = await deliver(bench.application, signed(CREATE))
        waiting.cancel()
        return answer.status

    assert asyncio.run(beside()) == 200


def test_a_body_that_does_not_come_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eigw_ns.server.web._BODY_SECONDS", 0.01)
    assert bench.stalled(signed(CREATE)).code == "RequestTimeout"


def test_a_connection_that_ends_in_the_body_changes_nothing() -> None:
    bench = Bench(signed=False)
    assert bench.cut_off(unsigned(CREATE)).code == "InvalidRequest"
    assert bench.performer.calls == []
