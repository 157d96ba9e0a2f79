"""Requests of any kind: each gets an answer in EC2's XML, with a request id, no traceback, and no change."""

from __future__ import annotations

from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eigw_ns.cloud.ec2.api import ACTIONS
from tests.support.asgi import FORM, HOST, VERSION, Answer, Bench, Raw, signed, unsigned

BENCH, UNSIGNED = Bench(), Bench(signed=False)
CODES = range(400, 500)

words = st.one_of(
    st.sampled_from(["Action", "Version", "DryRun", "Filter", "VpcId", "Tag", "Key", "Value", "1", "2", "0", "-1", ""]),
    st.text(max_size=8),
)
names = st.lists(words, min_size=1, max_size=5).map(".".join)
values = st.one_of(st.sampled_from(["true", "vpc-1", "5", *ACTIONS, VERSION]), st.text(max_size=20))
forms = st.lists(st.tuples(names, values), max_size=8).map(
    lambda pairs: "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()
)
bodies = st.one_of(forms, st.binary(max_size=200))
latin = st.text(st.characters(max_codepoint=255), max_size=60).map(lambda text: text.encode("latin-1"))
headers = st.tuples(
    st.sampled_from([b"host", b"authorization", b"x-amz-date", b"content-type", b"x-amz-target", b"origin",
                     b"x-amz-content-sha256", b"content-length", b"smithy-protocol", b"x-amz-security-token"]),
    st.one_of(latin, st.sampled_from([HOST.encode(), FORM.encode(), b"AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request,"
                                      b" SignedHeaders=host;x-amz-date, Signature=0"])),
)  # fmt: skip
requests = st.builds(
    Raw,
    body=bodies,
    headers=st.lists(headers, max_size=6).map(lambda given: ((b"host", HOST.encode()), *given)),
    method=st.sampled_from(["POST", "POST", "GET", "PUT", "\x00", "ß"]),
    path=st.one_of(st.just("/"), st.text(st.characters(max_codepoint=127), max_size=20)),
    query=st.one_of(st.just(b""), latin),
)


def check(answer: Answer, bench: Bench) -> None:
    assert answer.status in CODES, answer
    assert b"Traceback" not in answer.body
    assert answer.headers["x-amzn-requestid"]
    assert bench.log == []


def any_request_is_refused(request: Raw) -> None:
    before = BENCH.performer.account.cloud
    answer = BENCH.send(request)
    check(answer, BENCH)
    assert BENCH.performer.account.cloud == before


def any_form_is_answered(body: bytes, complete: bool) -> None:
    """With a signature or without one, a form of random fields reaches the actions, and is never a bug."""
    given_body = b"&".join((body, f"Version={VERSION}&Action=DescribeVpcs".encode())) if complete else body
    for bench, request in ((BENCH, signed(given_body)), (UNSIGNED, unsigned(given_body))):
        answer = bench.send(request)
        assert answer.status == 200 or answer.status in CODES
        assert not [line for line in bench.log if "internal error" in line], bench.log
        bench.log.clear()
        if answer.status != 200:
            assert answer.code


@given(requests)
@settings(max_examples=150)
def test_any_request_is_refused_in_xml(request: Raw) -> None:
    any_request_is_refused(request)


@given(bodies, st.booleans())
@settings(max_examples=100)
def test_any_form_is_answered(body: bytes, complete: bool) -> None:
    any_form_is_answered(body, complete)


@given(st.sampled_from(sorted(ACTIONS)), forms)
@settings(max_examples=200)
def test_any_parameters_of_any_action_are_answered(action: str, form: bytes) -> None:
    any_form_is_answered(b"&".join((f"Version={VERSION}&Action={action}".encode(), form)), False)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@given(requests, bodies)
@settings(max_examples=10_000)
def test_ten_thousand_requests_are_refused(request: Raw, body: bytes) -> None:
    any_request_is_refused(request)
    any_form_is_answered(body, True)
