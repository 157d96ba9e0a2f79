"""What a user types so that a tool uses the endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from eigw_ns.cloud.ec2.settings import REGION
from eigw_ns.frozen import frozen
from eigw_ns.server.keys import Key

CLIENTS = (
    ("aws-cli", "aws ec2 describe-vpcs"),
    ("boto3", 'boto3.client("ec2")'),
    ("Terraform", "terraform apply"),
    ("Ansible", "ansible-playbook site.yaml"),
    ("AWS SDK for JavaScript", "new EC2Client()"),
    ("CDK", "cdk synth"),
)
"""Each client, and how it is used. All read the environment variables that `Access.lines` sets."""


@frozen
class Access:
    """How to reach the endpoint: the URL, the access key, and the path of a unix socket."""

    url: str
    key: Key
    socket: Path | None = None

    def document(self) -> dict[str, str | None]:
        """Return the document that programs read. Its names do not change."""
        return {
            "endpoint": self.url,
            "console": None,
            "region": REGION,
            "access_key_id": self.key.id,
            "secret_access_key": self.key.secret,
            **({"socket": str(self.socket)} if self.socket else {}),
        }

    def lines(self) -> Iterator[str]:
        """Yield lines for people: commands for a shell, and comments about each client."""
        yield f"export AWS_ENDPOINT_URL_EC2={self.url} AWS_ENDPOINT_URL_STS={self.url}"
        yield f"export AWS_ACCESS_KEY_ID={self.key.id} AWS_SECRET_ACCESS_KEY={self.key.secret}"
        yield f"export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}"
        if self.socket:
            yield f"# the endpoint is a unix socket: curl --unix-socket {self.socket} {self.url}"
            return
        yield "# then, unchanged:"
        for client, example in CLIENTS:
            yield f"#   {client}: {example}"
