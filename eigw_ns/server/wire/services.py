"""Which of AWS's services a request is for. If AWS_ENDPOINT_URL is set, the requests of all services arrive here."""

from __future__ import annotations

from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen
from eigw_ns.server.http import HttpRequest
from eigw_ns.server.wire.form import Fields

EC2, STS = "ec2", "sts"

_STS_VERSION = "2011-06-15"
_QUERY_REST = {"route53", "cloudfront"}
"""Services of the protocol REST-XML whose errors have the form of the Query protocol."""


@frozen
class Service:
    """A service: its name in signatures, and the form of its errors (`fault.FORMS`)."""

    name: str
    form: str


def service_of(request: HttpRequest, scope: str, fields: Fields) -> Service:
    """Return the service that the request is for. `scope` is the service in its signature, "" if it has none."""
    name = scope or _unsigned(request, fields)
    if request.one("smithy-protocol") == "rpc-v2-cbor":
        return Service(name or "another service", "cbor")
    if request.all("x-amz-target") or "json" in request.one("content-type"):
        return Service(name or request.one("x-amz-target").partition(".")[0] or "another service", "json")
    if name in ("s3", "s3express"):
        return Service(name, "s3")
    if request.form() or name in _QUERY_REST:
        return Service(name or EC2, "query")
    return Service(name or EC2, "query" if name in ("", EC2, STS) else "json")


def _unsigned(request: HttpRequest, fields: Fields) -> str:
    """Return the service of a request without a signature, by what else it says."""
    if request.all("x-amz-target"):
        return ""
    return STS if fields.get("Version") == _STS_VERSION else ""


def not_here(service: Service) -> CloudError:
    """Return the error for a service that this endpoint is not, or for an action of STS that it does not know."""
    if service.name == STS:
        return CloudError("InvalidAction", "This endpoint answers only GetCallerIdentity of STS.")
    return CloudError(
        "UnsupportedService",
        f"This endpoint answers for EC2 only, and the request is for {service.name}.",
        hint="set AWS_ENDPOINT_URL_EC2 instead of AWS_ENDPOINT_URL; in a provider block, set the endpoint of ec2 alone",
    )
