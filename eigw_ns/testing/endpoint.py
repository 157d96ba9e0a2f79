"""An EC2 endpoint for one test: `eigw-ns serve` beside the test, on a lab of the test."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eigw_ns.errors import EigwError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.processes import process
from eigw_ns.testing.lab import Lab

_START_SECONDS = 60.0
_COMMAND = (sys.executable, "-m", "eigw_ns", "serve", "--listen", "127.0.0.1:0", "--idle", "0", "-o", "json")


@frozen
class Endpoint:
    """An EC2 endpoint. What clients change there is changed in `lab` before the answer comes.

    `access_key_id` and `secret_access_key` are valid for this endpoint alone.
    """

    lab: Lab
    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"<EC2 endpoint {self.endpoint_url} of {self.lab!r}>"

    def variables(self) -> Mapping[str, str]:
        """Return the environment variables that make an AWS client use this endpoint, and no file of the user's."""
        return {
            "AWS_ENDPOINT_URL_EC2": self.endpoint_url,
            "AWS_ENDPOINT_URL_STS": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def environment(self) -> dict[str, str]:
        """Return the whole environment for a client in a subprocess. It has no other setting of AWS clients."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**others, **self.lab.environment, **self.variables()}

    def client(self, service: str = "ec2", **settings: Any) -> Any:
        """Return a client of boto3, or of botocore if boto3 is not installed. `settings` are those of its `client`."""
        given = {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            **settings,
        }
        if find_spec("boto3"):
            return importlib.import_module("boto3.session").Session().client(service, **given)
        return importlib.import_module("botocore.session").Session().create_client(service, **given)


@contextlib.contextmanager
def served(lab: Lab, log: Path) -> Iterator[Endpoint]:
    """Yield the endpoint of a lab that is in the kernel. The server ends with the block; it writes to `log`.

    Raises EigwError with what the server said if it does not start.
    """
    with process.running((*_COMMAND, "--lab", lab.name), {**os.environ, **lab.environment}, log) as server:
        line = server.first_line(_START_SECONDS)
        if not line:
            raise EigwError(f"the EC2 endpoint did not start: {log.read_text(encoding='utf-8', errors='replace')}")
        said = json.loads(line)
        yield Endpoint(lab, said["endpoint"], said["region"], said["access_key_id"], said["secret_access_key"])
