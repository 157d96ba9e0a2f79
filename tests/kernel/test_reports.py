"""What the kernel reports of a namespace, and what is noticed about folders. With nobody listening, nothing is open."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eigw_ns.errors import MissingError
from eigw_ns.kernel.host.folder_watch import FolderWatch
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.reports import Heard, LinkReport, Reports

pytestmark = pytest.mark.root


@pytest.fixture
def namespace(lab_name: str) -> Iterator[str]:
    name = f"eigw-{lab_name}-i-00000001"
    with netns.creating(name):
        subprocess.run(["ip", "link", "set", "dev", "lo", "up"], check=True)
    yield name
    netns.remove(name)


@pytest.fixture
def ip(namespace: str) -> Callable[..., None]:
    def run(*words: str) -> None:
        subprocess.run(["ip", "-n", namespace, *words], check=True)

    return run


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_links_that_go_down_and_away_are_reported(namespace: str, ip: Callable[..., None]) -> None:
    before = open_files()
    reports = Reports(namespace)
    ip("link", "add", "name", "left", "type", "veth", "peer", "name", "right")
    ip("link", "set", "dev", "left", "up")
    assert LinkReport("left", True, False) in reports.hear().links
    ip("link", "set", "dev", "left", "down")
    assert LinkReport("left", False, False) in reports.hear().links
    ip("link", "del", "dev", "left")
    assert {each.link for each in reports.hear().links if each.removed} == {"left", "right"}
    assert reports.hear() == Heard(0, (), (), False)
    reports.close()
    assert open_files() == before


def test_a_transaction_of_nftables_names_its_process(namespace: str) -> None:
    reports = Reports(namespace)
    rules = "add table inet x; add chain inet x y; add rule inet x y drop; add rule inet x y accept"
    subprocess.run(["ip", "netns", "exec", namespace, "nft", rules], check=True)
    heard = reports.hear()
    reports.close()
    assert heard.messages >= 5
    assert [each.process for each in heard.transactions] == ["nft"]
    assert heard.transactions[0].pid > 0


def test_a_small_buffer_loses_reports_and_says_so(namespace: str, ip: Callable[..., None]) -> None:
    reports = Reports(namespace, room=1)
    for number in range(20):
        ip("-6", "addr", "add", f"2001:db8::{number + 1:x}/128", "dev", "lo")
    assert reports.hear().lost
    ip("link", "set", "dev", "lo", "alias", "x")
    heard = reports.hear()
    reports.close()
    assert heard.messages
    assert not heard.lost


def test_a_namespace_that_does_not_exist_has_no_reports(lab_name: str) -> None:
    before = open_files()
    with pytest.raises(MissingError):
        Reports(f"eigw-{lab_name}-i-00000009")
    assert open_files() == before


def test_names_in_folders_are_noticed_also_if_a_folder_comes_later(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    with FolderWatch((first, second)) as watch:
        (first / "one").touch()
        second.mkdir()
        (second / "unseen").touch()
        watch.renew()
        (second / "two").write_text("x")
        (first / "one").replace(second / "three")
        names = [(change.folder.name, change.name) for change in watch.changes()]
        assert names[0] == ("first", "one")
        assert {("second", "two"), ("second", "three")} <= set(names)
        assert ("second", "unseen") not in names
        second_again = tmp_path / "second"
        for file in second_again.iterdir():
            file.unlink()
        second_again.rmdir()
        second_again.mkdir()
        watch.renew()
        watch.changes()
        (second_again / "four").touch()
        assert [change.name for change in watch.changes()] == ["four"]
