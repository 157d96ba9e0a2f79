"""Signatures: what botocore signs is accepted, and no part of it can be changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from eigw_ns.server.keys import Key
from tests.support.asgi import KEY, VERSION, Answer, Bench, Raw, signed, unsigned

DESCRIBE = urlencode({"Action": "DescribeVpcs", "Version": VERSION}).encode()
DELETE = urlencode({"Action": "DeleteVpc", "Version": VERSION}).encode()


@pytest.fixture(scope="module")
def shared() -> Bench:
    return Bench()


@pytest.fixture
def bench(shared: Bench) -> Bench:
    """Return the bench of the module, to which no request has come yet."""
    shared.performer.calls.clear()
    return shared


def header(request: Raw, name: str) -> str:
    return next(value.decode() for key, value in request.headers if key == name.encode())


def changed(request: Raw, old: str, new: str) -> Raw:
    """Return the request with another Authorization header."""
    given = header(request, "authorization")
    made = re.sub(old, new, given)
    assert made != given
    return request.having(authorization=made)


def at(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> Raw:
    """Return a request that is signed at this time."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment.replace(tzinfo=None))
    return signed(DESCRIBE)


def test_what_botocore_signs_is_accepted(bench: Bench) -> None:
    assert bench.send(signed(DESCRIBE)).status == 200
    assert bench.send(signed(DESCRIBE, X_Custom="  a   b ")).status == 200
    assert bench.send(signed(DESCRIBE, X_Amz_Security_Token="token")).status == 200
    assert bench.performer.calls == ["DescribeVpcs"] * 3


MISMATCH = "SignatureDoesNotMatch"


def changed_requests() -> dict[str, tuple[Raw, str, int]]:
    """Return requests that were signed now and then changed, each with the code and the status of its answer."""
    sent = signed(DESCRIBE)
    return {
        "the body": (sent.but(body=DELETE), MISMATCH, 401),
        "the method's case": (sent.but(method="Post"), "MethodNotAllowed", 405),
        "the host": (sent.having(host="localhost:8471"), MISMATCH, 401),
        "the time": (sent.having(x_amz_date=datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ").replace("Z", "Z ")),
                     "IncompleteSignature", 400),
        "no time": (sent.having(x_amz_date=None), MISMATCH, 401),
        "the signature": (changed(sent, "Signature=.", "Signature=g"), MISMATCH, 401),
        "a shorter signature": (changed(sent, ".$", ""), MISMATCH, 401),
        "no signature": (changed(sent, ", Signature=.*", ""), "IncompleteSignature", 400),
        "the key": (changed(sent, KEY.id, "123456789013"), "AuthFailure", 401),
        "the date": (changed(sent, "/20[0-9]{6}/", "/20200101/"), MISMATCH, 401),
        "the Region": (changed(sent, "us-east-1", "us-west-2"), MISMATCH, 401),
        "the end of the scope": (changed(sent, "aws4_request", "aws5_request"), "IncompleteSignature", 400),
        "the algorithm": (changed(sent, "SHA256", "SHA512"), "IncompleteSignature", 400),
        "fewer signed headers": (changed(sent, "SignedHeaders=[^,]*", "SignedHeaders=host"), MISMATCH, 401),
        "a host that is not signed": (changed(sent, ";host;", ";"), MISMATCH, 401),
        "a signed header twice": (changed(sent, ";host;", ";host;host;"), "IncompleteSignature", 400),
        "a signed header that is missing": (changed(sent, ";host;", ";expect;host;"), MISMATCH, 401),
        "the content type": (sent.having(content_type="application/x-www-form-urlencoded"), MISMATCH, 401),
        "another token": (sent.having(x_amz_security_token="stolen"), MISMATCH, 401),
        "a wrong hash of the body": (signed(DESCRIBE, X_Amz_Content_Sha256="UNSIGNED-PAYLOAD"), MISMATCH, 401),
        "no header": (unsigned(DESCRIBE), "MissingAuthenticationToken", 403),
        "two headers": (Raw(DESCRIBE, (*sent.headers, (b"authorization", b"x"))), "IncompleteSignature", 400),
        "another algorithm": (sent.having(authorization="Basic YTpi"), "IncompleteSignature", 400),
        "nothing in it": (sent.having(authorization="AWS4-HMAC-SHA256"), "IncompleteSignature", 400),
        "bytes in it": (sent.having(authorization="AWS4-HMAC-SHA256 Credential=\xff/\xff/\xff/\xff/aws4_request, "
                                    "SignedHeaders=\xff, Signature=\xff"), "IncompleteSignature", 400),
    }  # fmt: skip


@pytest.mark.parametrize("what", changed_requests())
def test_a_changed_request_is_refused(bench: Bench, what: str) -> None:
    request, code, status = changed_requests()[what]
    answer = bench.send(request)
    assert (answer.code, answer.status) == (code, status), answer.message
    assert bench.performer.calls == []


def test_another_secret_is_refused(bench: Bench) -> None:
    assert bench.send(signed(DESCRIBE, Key(KEY.id, "guess"))).code == MISMATCH


@pytest.mark.parametrize(
    ("minutes", "code"), [(-4.9, ""), (4.9, ""), (-5.1, "RequestExpired"), (5.1, "RequestExpired")]
)
def test_a_signature_is_valid_for_five_minutes(
    bench: Bench, minutes: float, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = bench.send(at(datetime.now(UTC) + timedelta(minutes=minutes), monkeypatch))
    assert answer.status == (400 if code else 200)
    assert not code or answer.code == code


def test_a_presigned_query_is_refused(bench: Bench) -> None:
    answer = bench.send(unsigned(DESCRIBE).but(query=b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00"))
    assert answer.code == "InvalidQueryParameter"


def arn(answer: Answer) -> str:
    found = re.search(rb"<subnetArn>([^<]*)<", answer.body)
    return found[1].decode() if found else ""


def test_region_and_account_are_those_of_the_signature(bench: Bench) -> None:
    body = urlencode({"Action": "DescribeSubnets", "Version": VERSION}).encode()
    assert arn(bench.send(signed(body, region="eu-west-3"))).startswith("arn:aws:ec2:eu-west-3:123456789012:subnet/")


@pytest.mark.parametrize("region", ["local-1", "us-east-9", "aws-global", "US-EAST-1", "*"])
def test_a_region_that_aws_has_not_is_refused(bench: Bench, region: str) -> None:
    answer = bench.send(signed(DESCRIBE, region=region))
    assert (answer.code, answer.status) == ("AuthFailure", 401) and region in answer.message


def test_without_signatures_a_wrong_region_is_refused_too() -> None:
    bench = Bench(signed=False)
    assert bench.send(unsigned(DESCRIBE)).status == 200
    assert bench.send(signed(DESCRIBE, Key("anybody", "x"))).status == 200
    assert bench.send(signed(DESCRIBE, Key("anybody", "x"), region="local-1")).code == "AuthFailure"
