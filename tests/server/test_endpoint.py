"""The endpoint: answers, errors with their status and request id, and requests for other services."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from eigw_ns.errors import EigwError, HostError, KernelError, LockedError, NoSuchLabError
from eigw_ns.server.channel import ChannelError, Message
from eigw_ns.server.verbs import as_cloud_error, error_message
from tests.support.asgi import HOST, KEY, VERSION, Answer, Bench, Raw, signed
from tests.support.serving import SESSION
from tests.support.small_cloud import VPC


@pytest.fixture
def bench() -> Bench:
    return Bench()


def client(bench: Bench, service: str, region: str = "us-east-1") -> Any:
    """Return botocore's client of a service, whose requests the bench answers."""
    made = SESSION.create_client(
        service,
        region_name=region,
        endpoint_url=f"http://{HOST}",
        aws_access_key_id=KEY.id,
        aws_secret_access_key=KEY.secret,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        path, _, query = request.url.removeprefix(f"http://{HOST}").partition("?")
        body = request.body or b""
        read = body.read() if hasattr(body, "read") else body.encode() if isinstance(body, str) else bytes(body)
        given = [(name.lower().encode(), _bytes(value)) for name, value in request.headers.items()]
        headers = ((b"host", HOST.encode()), *given)
        found = bench.send(Raw(read, headers, request.method, path, query.encode()))
        return AWSResponse(request.url, found.status, found.headers, _Body(found.body))

    made.meta.events.register("before-send", answer)
    return made


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content

    def read(self, *_: Any) -> bytes:
        return self._content


def test_botocore_creates_and_describes(bench: Bench) -> None:
    ec2 = client(bench, "ec2", "eu-central-1")
    made = ec2.create_route_table(
        VpcId=VPC, TagSpecifications=[{"ResourceType": "route-table", "Tags": [{"Key": "Name", "Value": "ü <&>"}]}]
    )["RouteTable"]
    found = ec2.describe_route_tables(RouteTableIds=[made["RouteTableId"]])
    assert found["RouteTables"] == [made] and made["Tags"] == [{"Key": "Name", "Value": "ü <&>"}]
    assert made["OwnerId"] == KEY.id
    assert found["ResponseMetadata"]["RequestId"] == found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    assert "NextToken" not in found
    pages = ec2.get_paginator("describe_route_tables").paginate(PaginationConfig={"PageSize": 5})
    assert sum(len(page["RouteTables"]) for page in pages) == 5


def test_botocore_reads_errors(bench: Bench) -> None:
    ec2 = client(bench, "ec2")
    with pytest.raises(ClientError) as caught:
        ec2.describe_vpcs(VpcIds=["vpc-0dead0dead0dead00"])
    assert caught.value.response["Error"] == {
        "Code": "InvalidVpcID.NotFound",
        "Message": "The vpc ID 'vpc-0dead0dead0dead00' does not exist",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["ResponseMetadata"]["RequestId"]


def test_a_dry_run_that_succeeds_is_412_and_changes_nothing(bench: Bench) -> None:
    before = bench.performer.account.cloud
    answer = bench.ask("CreateInternetGateway", DryRun="true")
    assert (answer.status, answer.code) == (412, "DryRunOperation")
    assert bench.performer.account.cloud == before and bench.log == []


@pytest.mark.parametrize(
    ("action", "words"),
    [("DescribeVpc", "did you mean DescribeVpcs"), ("DescribeFlyingSaucers", "not valid"), ("x" * 5000, "not valid")],
)
def test_an_unknown_action_is_named_with_the_nearest(bench: Bench, action: str, words: str) -> None:
    answer = bench.ask(action)
    assert (answer.status, answer.code) == (400, "InvalidAction")
    assert words in answer.message and len(answer.message) < 400


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Version": VERSION}, "MissingAction"),
        ({"Action": "DescribeVpcs"}, "NoSuchVersion"),
        ({"Action": "DescribeVpcs", "Version": "2014-10-01"}, "NoSuchVersion"),
        ({"Action": "DescribeVpcs", "Version": VERSION, "Colour": "red"}, "UnknownParameter"),
        ({"Action": "CreateRoute", "Version": VERSION}, "MissingParameter"),
        ({}, "MissingAction"),
    ],
)
def test_an_incomplete_request_is_refused(bench: Bench, fields: dict[str, str], code: str) -> None:
    answer = bench.send(signed(urlencode(fields).encode()))
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize("path", ["/x", "/_eigw/reset", "/../", "//", "/%00"])
def test_there_is_one_path(bench: Bench, path: str) -> None:
    answer = bench.send(signed(b"Action=DescribeVpcs").but(path=path))
    assert (answer.status, answer.code) == (404, "NotFound")


def test_a_body_of_another_type_is_refused(bench: Bench) -> None:
    assert bench.send(signed(b"<x/>").having(content_type="text/xml")).code == "InvalidRequest"


def test_a_lab_is_reset_only_if_it_may_be() -> None:
    bench = Bench(resets=True)
    assert bench.send(signed(b"", path="/_eigw/reset")).status == 200
    assert bench.performer.calls == ["reset"]
    assert bench.send(signed(b"").but(path="/_eigw/reset")).code == "SignatureDoesNotMatch"
    assert Bench().send(signed(b"", path="/_eigw/reset")).status == 404


def test_the_caller_has_the_account_of_the_key(bench: Bench) -> None:
    found = client(bench, "sts").get_caller_identity()
    assert (found["Account"], found["Arn"]) == (KEY.id, f"arn:aws:iam::{KEY.id}:root")
    assert bench.ask("DescribeVpcs").body.count(KEY.id.encode()) == 2


OTHERS: list[tuple[str, str, dict[str, Any]]] = [
    ("rds", "describe_db_instances", {}),
    ("iam", "list_roles", {}),
    ("s3", "list_buckets", {}),
    ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"x"}),
    ("dynamodb", "list_tables", {}),
    ("lambda", "list_functions", {}),
    ("cloudwatch", "list_metrics", {}),
    ("route53", "list_hosted_zones", {}),
    ("ssm", "get_parameter", {"Name": "/aws/service/ami"}),
    ("elbv2", "describe_load_balancers", {}),
    ("autoscaling", "describe_auto_scaling_groups", {}),
    ("eks", "list_clusters", {}),
]


@pytest.mark.parametrize(("service", "action", "request_"), OTHERS, ids=[f"{name} {verb}" for name, verb, _ in OTHERS])
def test_another_service_is_refused_in_its_own_form(
    bench: Bench, service: str, action: str, request_: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(client(bench, service), action)(**request_)
    error = caught.value.response["Error"]
    assert error["Code"] == "UnsupportedService"
    assert "AWS_ENDPOINT_URL_EC2" in error["Message"]
    assert bench.performer.calls == []


def test_another_action_of_sts_is_refused(bench: Bench) -> None:
    with pytest.raises(ClientError) as caught:
        client(bench, "sts").get_session_token()
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidAction" and "only GetCallerIdentity" in error["Message"]


def test_each_change_is_logged_and_a_describe_is_not(bench: Bench) -> None:
    bench.ask("CreateInternetGateway")
    bench.ask("CreateRouteTable", VpcId="vpc-0dead0dead0dead00\x1b[31m\n")
    bench.ask("DescribeVpcs")
    created, refused = bench.log
    assert f"key={KEY.id} action=CreateInternetGateway result=ok request-id=" in created
    assert "action=CreateRouteTable result=InvalidVpcID.Malformed" in refused
    assert "\x1b" not in refused and "\n" not in refused


def test_what_moves_no_packet_is_logged_once(bench: Bench) -> None:
    for _ in range(2):
        bench.ask("CreateInternetGateway")
        bench.ask("DescribeVpcs")
    (note,) = bench.notes
    assert note.startswith("the lab small: recorded only, and moves no packet: elastic IP addresses, NAT gateways, ")


def test_a_bug_is_logged_with_the_request_id_and_not_shown(bench: Bench) -> None:
    async def fails(_message: Message) -> Message:
        raise ZeroDivisionError("secret detail")

    bench.slow(fails)
    answer = bench.ask("DescribeVpcs")
    assert (answer.status, answer.code) == (500, "InternalError")
    assert b"secret detail" not in answer.body and b"Traceback" not in answer.body
    assert answer.headers["x-amzn-requestid"] in bench.log[0] and "secret detail" in bench.log[0]


def test_a_worker_that_has_ended_is_unavailable(bench: Bench) -> None:
    async def gone(_message: Message) -> Message:
        raise ChannelError("the worker has ended")

    bench.slow(gone)
    assert bench.ask("DescribeVpcs").status == 503


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (LockedError("the lab x is locked by process 1"), "RequestLimitExceeded", 503),
        (HostError("no memory"), "Unavailable", 503),
        (KernelError("create a link", 28), "OperationNotPermitted", 400),
        (NoSuchLabError("there is no lab x"), "OperationNotPermitted", 400),
    ],
)
def test_errors_of_the_lab_have_the_code_that_tells_clients_whether_to_try_again(
    bench: Bench, error: EigwError, code: str, status: int
) -> None:
    async def fails(_message: Message) -> Message:
        return error_message(as_cloud_error(error))

    bench.slow(fails)
    answer = bench.ask("DescribeVpcs")
    assert (answer.code, answer.status) == (code, status) and error.message in answer.message


def test_the_worker_answers_what_is_not_complete(bench: Bench) -> None:
    """The web process may be taken over by a stranger: what it sends is an answer, not an exception."""
    verb = bench.verbs["ec2"]
    for message in (
        {},
        {"action": "DescribeVpcs"},
        {"action": "DescribeVpcs", "request": [], "account": KEY.id, "region": "us-east-1"},
        {"action": "DescribeVpcs", "request": {}, "account": "x", "region": "us-east-1"},
        {"action": "DescribeVpcs", "request": {}, "account": KEY.id, "region": "../etc"},
        {"action": ["x"], "request": {}, "account": KEY.id, "region": "us-east-1"},
    ):
        assert verb.run(message, 1.0)["error"]["code"] in ("InvalidRequest", "InvalidAction")
        assert not verb.changes(message)


def test_a_json_error_is_json() -> None:
    target = signed(b"{}", service="dynamodb", X_Amz_Target="DynamoDB_20120810.ListTables")
    answer: Answer = Bench().send(target.having(content_type="application/x-amz-json-1.0"))
    assert json.loads(answer.body)["__type"] == "UnsupportedService"
    assert answer.headers["x-amzn-errortype"] == "UnsupportedService"
