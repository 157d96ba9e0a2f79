"""Write eigw_ns/data/terraform_mocks.json: default values for mocks of Terraform's AWS provider.

    terraform providers schema -json | python -m scripts._terraform_mocks

Run it in a folder that terraform has initialised with the provider. `arn` is not in the file: every type gets one. The
file has the other ARNs that the provider computes, and `CHOSEN`: values that validators or modules need to be sound.
`{arn}`, `{region}` and `{type}` stand for what `importing.sources.terraform.mocks` puts there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent.parent / "eigw_ns" / "data" / "terraform_mocks.json"
PROVIDER = "registry.terraform.io/hashicorp/aws"

_ACCOUNT = "000000000000"
_POLICY = '{"Version":"2012-10-17","Statement":[]}'
_ROLE = f"arn:aws:iam::{_ACCOUNT}:role/mock"
_ZONES = {"names": ["{region}a", "{region}b", "{region}c"], "zone_ids": ["mock-az1", "mock-az2", "mock-az3"]}
_NOT_GIVEN = {"vpc_id": "", "name": "", "name_prefix": ""}

CHOSEN: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "resource": {
        # Arguments that a mock would invent if they are not given. Empty means so.
        "aws_subnet": {"availability_zone": ""},
        "aws_default_subnet": {"vpc_id": "", "cidr_block": "", "ipv6_cidr_block": ""},
        "aws_route": {"instance_id": "", "network_interface_id": ""},
        "aws_internet_gateway": {"vpc_id": ""},
        "aws_security_group": _NOT_GIVEN,
        "aws_default_security_group": _NOT_GIVEN,
        "aws_security_group_rule": {"source_security_group_id": ""},
        "aws_vpc_ipv4_cidr_block_association": {"cidr_block": ""},
        "aws_instance": {"subnet_id": ""},
        # Values that validators refuse if they are random.
        "aws_launch_template": {"id": "lt-0123456789abcdef0", "latest_version": 1, "default_version": 1},
        "aws_iam_role": {"arn": _ROLE},
        "aws_iam_policy": {"arn": f"arn:aws:iam::{_ACCOUNT}:policy/mock"},
        "aws_iam_instance_profile": {"arn": f"arn:aws:iam::{_ACCOUNT}:instance-profile/mock"},
        "aws_eip": {"public_ip": "203.0.113.1"},
    },
    "data": {
        "aws_availability_zones": _ZONES,
        "aws_region": {"name": "{region}", "id": "{region}", "region": "{region}"},
        "aws_caller_identity": {"account_id": _ACCOUNT, "arn": f"arn:aws:iam::{_ACCOUNT}:user/mock"},
        "aws_partition": {"partition": "aws", "dns_suffix": "amazonaws.com", "id": "aws"},
        "aws_iam_policy_document": {"json": _POLICY, "minified_json": _POLICY},
        "aws_iam_policy": {"policy": _POLICY, "arn": f"arn:aws:iam::{_ACCOUNT}:policy/mock"},
        "aws_iam_role": {"arn": _ROLE},
        "aws_ami": {"id": "ami-0123456789abcdef0", "root_device_name": "/dev/xvda"},
        "aws_subnet": {"cidr_block": "10.0.0.0/24", "ipv6_cidr_block": ""},
    },
}


def arns(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the arguments of a type, other than `arn`, that the provider computes and that hold an ARN."""
    for name, argument in schema["block"].get("attributes", {}).items():
        computed = argument.get("computed") and not argument.get("optional")
        if computed and argument["type"] == "string" and name.endswith("_arn"):
            yield name


def table(schemas: Mapping[str, Any], chosen: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """Return the defaults of all types that need some, sorted."""
    found = {
        kind: dict.fromkeys(arns(schema), "{arn}") | dict(chosen.get(kind, {})) for kind, schema in schemas.items()
    }
    return {kind: values for kind, values in sorted(found.items()) if values}


def main() -> None:
    """Read the schema from standard input, and write the file."""
    schema = json.load(sys.stdin)["provider_schemas"][PROVIDER]
    resources = table(schema["resource_schemas"], CHOSEN["resource"])
    data = table(schema["data_source_schemas"], CHOSEN["data"])
    lines = {kind: ",\n".join(_lines(values)) for kind, values in (("resource", resources), ("data", data))}
    FILE.write_text("{" + ",\n".join(f'"{kind}": {{\n{text}\n}}' for kind, text in lines.items()) + "}\n")


def _lines(values: Mapping[str, object]) -> Iterator[str]:
    return (f"{json.dumps(kind)}: {json.dumps(each)}" for kind, each in values.items())


if __name__ == "__main__":
    main()
