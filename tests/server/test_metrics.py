"""/metrics: who may read it, what it says, and the file of its token."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NetState
from eigw_ns.errors import MissingError, UsageError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle.execute import execute
from eigw_ns.server import metrics, scraping
from eigw_ns.server.scraping import ScrapedLab
from eigw_ns.topology import load
from tests.support.asgi import HOST, Bench, Raw
from tests.topologies.replicated import tree

TOKEN = "t0ken-of-a-scraper-0123456789"


@pytest.fixture(scope="module")
def bench() -> Bench:
    made = Bench(token=TOKEN)
    cloud = load(tree(2).encode(), file="x.json", default_lab="lab").cloud
    kernel = FakeKernel()
    execute(kernel, make_plan(compile_cloud(cloud), NetState()))
    made.verbs["metrics"] = scraping.verb([ScrapedLab(kernel, lambda: cloud, lambda: None)])
    return made


def asked(*headers: tuple[bytes, bytes], method: str = "GET", path: str = "/metrics") -> Raw:
    return Raw(b"", ((b"host", HOST.encode()), *headers), method=method, path=path)


BEARER = (b"authorization", f"Bearer {TOKEN}".encode())


def test_with_the_token_the_metrics_of_all_labs_are_answered(bench: Bench) -> None:
    answer = bench.send(asked(BEARER))
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(answer.body.decode())}
    assert {"eigw_ns_gateway_active_connections", "eigw_ns_routes"} <= names


@pytest.mark.parametrize(
    "header",
    [
        (),
        ((b"authorization", b"Bearer"),),
        ((b"authorization", f"Basic {TOKEN}".encode()),),
        ((b"authorization", f"Bearer {TOKEN}x".encode()),),
        ((b"authorization", b"Bearer \xff\xfe"),),
        (BEARER, BEARER),
    ],
)
def test_without_the_token_nothing_is_answered(bench: Bench, header: tuple[tuple[bytes, bytes], ...]) -> None:
    answer = bench.send(asked(*header))
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="eigw-ns"'
    assert b"eigw_ns_" not in answer.body


def test_the_guard_and_the_method_come_first(bench: Bench) -> None:
    assert bench.send(Raw(b"", ((b"host", b"evil.example"), BEARER), method="GET", path="/metrics")).status == 403
    assert bench.send(asked(BEARER, (b"sec-fetch-site", b"cross-site"))).status == 403
    assert bench.send(asked(BEARER, method="POST")).status == 405


def test_the_token_opens_nothing_else(bench: Bench) -> None:
    answer = bench.send(asked(BEARER, method="POST", path="/"))
    assert answer.status >= 400


def test_without_a_token_there_is_no_such_path() -> None:
    assert Bench().send(asked(BEARER)).status >= 400


def test_a_scrape_that_fails_is_an_error_and_the_next_one_may_work(bench: Bench) -> None:
    def gone() -> None:
        raise MissingError("read the lab")

    broken = Bench(token=TOKEN)
    broken.verbs["metrics"] = scraping.verb([ScrapedLab(FakeKernel(), gone, lambda: None)])  # type: ignore[arg-type]
    assert broken.send(asked(BEARER)).status >= 400
    assert bench.send(asked(BEARER)).status == 200


def test_a_new_file_gets_a_token_and_an_old_one_keeps_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    first = metrics.token(file)
    assert len(first) > 30
    assert file.stat().st_mode & 0o777 == 0o600
    assert metrics.token(file) == first


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("x" * 40, 0o644, "other users"),
        ("short", 0o600, "no token"),
        ("a b" * 20, 0o600, "no token"),
        ("é" * 40, 0o600, "ASCII"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str, mode: int, words: str) -> None:
    file = tmp_path / "token"
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    with pytest.raises(UsageError, match=words):
        metrics.token(file)
