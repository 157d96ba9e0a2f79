"""Names of nodes for a hosts file, and the files that a command sees in place of the host's."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from eigw_ns.cloud.hosts_file import names
from eigw_ns.kernel.namespaces import hosts_file
from eigw_ns.kernel.namespaces.hosts_file import files_first, merged
from eigw_ns.kernel.namespaces.libc import libc
from eigw_ns.topology import load

TWINS = """
lab: twins
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}}}
vpcs:
  one:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    subnets: {a: {}}
    instances: {app: {subnet: a, ipv6_addresses: ["2600:1f16:aa0:5500::7"], ipv6_address: "2600:1f16:aa0:5500::6"}}
  two:
    ipv6_cidr_block: 2600:1f16:aa0:5600::/56
    subnets: {a: {}}
    instances: {app: {subnet: a, ipv6_address: "2600:1f16:aa0:5600::6"}}
"""


def test_every_machine_has_its_names() -> None:
    found = names(load(TWINS.encode(), file="twins.yaml", default_lab="twins").cloud)
    assert found == {
        "2001:db8:80::1": ("web", "web.internet", "internet/web"),
        "2600:1f16:aa0:5500::6": ("app.one", "one/app"),  # `app` would be ambiguous
        "2600:1f16:aa0:5500::7": ("app.one", "one/app"),
        "2600:1f16:aa0:5600::6": ("app.two", "two/app"),
    }


def test_names_come_before_the_lines_of_the_host() -> None:
    own = "127.0.0.1 localhost # me\n192.0.2.1 web\n"
    assert merged(own, {"2001:db8::1": ("web", "main/web")}) == f"2001:db8::1 web main/web\n{own}"


@pytest.mark.parametrize("line", ["127.0.0.1 localhost", "127.0.1.1 a localhost", "::1\tlocalhost # comment"])
def test_names_of_the_loopback_stay_the_hosts(line: str) -> None:
    assert merged(line, {"2001:db8::1": ("localhost",), "2001:db8::2": ("localhost", "b")}) == f"2001:db8::2 b\n{line}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hosts: files dns\n", "hosts: files dns\n"),
        ("hosts:\tfiles\n", "hosts:\tfiles\n"),
        (
            "passwd: files\nhosts: mymachines resolve [!UNAVAIL=return] files dns\n",
            "passwd: files\nhosts: files mymachines resolve [!UNAVAIL=return] files dns\n",
        ),
        ("hosts: dns", "hosts: files dns"),
        ("# hosts: dns\n", "# hosts: dns\n"),
        ("", ""),
    ],
)
def test_files_are_asked_first(before: str, after: str) -> None:
    assert files_first(before) == after


def test_a_host_without_a_hosts_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hosts_file, "HOSTS", tmp_path / "hosts")
    assert "No such file or directory" in hosts_file.cover({})


def test_a_host_that_allows_no_mount_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_flags: int) -> int:
        return -1

    monkeypatch.setattr(libc, "unshare", refuse)
    monkeypatch.setattr("ctypes.get_errno", lambda: errno.EPERM)
    assert os.strerror(errno.EPERM) in hosts_file.cover({})
