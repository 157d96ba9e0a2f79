"""DescribeAccountAttributes."""

from __future__ import annotations

from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import shorten

_NO_DEFAULT_VPC = "none"


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe what the account may have, and its default VPC."""
    found = _attributes(cloud, settings)
    wanted = request.get("AttributeNames") or list(found)
    for name in wanted:
        if name not in found:
            raise invalid(f"Invalid attribute name '{shorten(name)}'. Expecting one of {', '.join(found)}.")
    shown = [
        {"AttributeName": name, "AttributeValues": [{"AttributeValue": found[name]}]} for name in dict.fromkeys(wanted)
    ]
    return Reply(cloud, {"AccountAttributes": shown})


def _attributes(cloud: Cloud, settings: Settings) -> dict[str, str]:
    default = (vpc.id for vpc in cloud.vpcs.values() if vpc.attributes.is_default)
    quotas = settings.quotas
    return {
        "supported-platforms": "VPC",
        "default-vpc": next(default, _NO_DEFAULT_VPC),
        "max-instances": "20",
        "vpc-max-security-groups-per-interface": str(quotas.security_groups_per_interface),
        "max-elastic-ips": str(quotas.elastic_ips_per_region),
        "vpc-max-elastic-ips": str(quotas.elastic_ips_per_region),
    }
