"""An endpoint that other machines reach: only if the user says so, gives a certificate, and keeps signatures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eigw_ns.cli.program import run
from eigw_ns.errors import CloudError
from eigw_ns.server.guard import Origins
from eigw_ns.server.http import HttpRequest
from tests.support.certificate import ADDRESS, CERTIFICATE, KEY
from tests.support.command import SECONDS
from tests.support.serving import serving

CLIENT = """
import sys, boto3
from botocore.config import Config
url, ca, key, secret = sys.argv[1:]
ec2 = boto3.client("ec2", endpoint_url=url, region_name="us-east-1", aws_access_key_id=key,
                   aws_secret_access_key=secret, verify=ca, config=Config(retries={"total_max_attempts": 1}))
print(ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Write the certificate and the key, and give the command folders of its own."""
    for name, value in (("STATE_DIR", str(tmp_path / "s")), ("RUN_DIR", str(tmp_path / "r")), ("ROOTLESS", "0")):
        monkeypatch.setenv(f"EIGW_NS_{name}", value)
    tmp_path.chmod(0o700)
    for name, text in (("cert", CERTIFICATE), ("key", KEY)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return str(tmp_path / "cert"), str(tmp_path / "key")


@pytest.mark.root
def test_a_client_on_another_address_checks_the_certificate(lab_name: str, files: tuple[str, str]) -> None:
    """The server and its client are in a network namespace that has the address."""
    cert, key = files
    inside = f'ip link set lo up && ip address add {ADDRESS}/32 dev lo && exec "$@"'

    def start(command: list[str], **settings: Any) -> Any:
        return subprocess.Popen(["unshare", "-n", "sh", "-c", inside, "sh", *command], **settings)

    tls = ("--listen", f"{ADDRESS}:0", "--i-know", "--tls-cert", cert, "--tls-key", key)
    with serving("--ephemeral", "--lab", lab_name, *tls, start=start) as server:
        assert server.url.startswith(f"https://{ADDRESS}:")

        def client(url: str, secret: str) -> subprocess.CompletedProcess[str]:
            enter = ["nsenter", f"--net=/proc/{server.process.pid}/ns/net", sys.executable, "-c", CLIENT]
            arguments = [url, cert, server.access["access_key_id"], secret]
            return subprocess.run([*enter, *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)

        done = client(server.url, server.access["secret_access_key"])
        assert done.stdout.startswith("igw-"), done.stderr
        assert "SignatureDoesNotMatch" in client(server.url, "guess").stderr
        plain = client(server.url.replace("https:", "http:"), server.access["secret_access_key"])
        assert plain.returncode != 0 and plain.stdout == ""
        assert server.end()[0] == 0


CERT, SECRET = "--tls-cert {0}", "--tls-key {1}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "is not an address of the loopback interface"),
        ("--i-know", "which needs TLS"),
        (f"{CERT} {SECRET}", "is not an address of the loopback interface"),
        (f"--i-know {CERT}", "a certificate and its key"),
        (f"--i-know {SECRET}", "a certificate and its key"),
        (f"--i-know {CERT} {SECRET} --no-sigv4", "every machine"),
        (f"--i-know {CERT} --tls-key {{0}}", "cannot use the certificate"),
        ("--i-know --tls-cert /nonexistent --tls-key {1}", "cannot use the certificate"),
        (f"--i-know {CERT} {SECRET} --listen 0.0.0.0:0", "clients cannot name 0.0.0.0"),
        (f"--i-know {CERT} {SECRET} --listen [::]:0", "clients cannot name ::"),
    ],
)
def test_what_is_missing_for_other_machines_is_named(
    arguments: str, words: str, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments.format(*files).split()
    assert run(["serve", "--listen", f"{ADDRESS}:0", *given]) == 2
    found = capsys.readouterr()
    assert found.out == "" and words in found.err and "hint: " in found.err


def test_a_key_that_all_users_can_read_is_refused(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    Path(files[1]).chmod(0o644)
    assert run(["serve", "--i-know", "--tls-cert", files[0], "--tls-key", files[1]]) == 2
    assert f"chmod 0600 {files[1]}" in capsys.readouterr().err


def test_tls_is_not_for_a_unix_socket(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--socket", "s", "--tls-cert", files[0], "--tls-key", files[1]]) == 2
    assert "TLS is for an address" in capsys.readouterr().err


def test_with_tls_a_page_of_ours_has_https() -> None:
    origins = Origins(frozenset({"192.0.2.1:1"}), scheme="https")
    origins.check(HttpRequest("POST", "/", "", (("host", "192.0.2.1:1"), ("origin", "https://192.0.2.1:1"))))
    with pytest.raises(CloudError, match="Origin"):
        origins.check(HttpRequest("POST", "/", "", (("host", "192.0.2.1:1"), ("origin", "http://192.0.2.1:1"))))
