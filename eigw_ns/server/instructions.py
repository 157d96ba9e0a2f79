"""What a user types so that a tool uses the endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from eigw_ns.cloud.ec2.settings import REGION
from eigw_ns.frozen import frozen
from eigw_ns.server.keys import Key
from eigw_ns.server.labs import Place

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
    """How to reach the endpoint: the URL, the access key, and the path of a unix socket.

    `places` are the labs, each with a key of its account. `key` and the printed Region are those of the first.
    """

    url: str
    places: tuple[tuple[Place, Key], ...]
    socket: Path | None = None

    @property
    def key(self) -> Key:
        """Return the key for the first lab."""
        return self.places[0][1]

    @property
    def region(self) -> str:
        """Return the Region of the first lab; the default if it answers in every one."""
        return self.places[0][0].region or REGION

    def document(self) -> dict[str, object]:
        """Return the document that programs read. Its names do not change."""
        return {
            "endpoint": self.url,
            "console": None,
            "region": self.region,
            "access_key_id": self.key.id,
            "secret_access_key": self.key.secret,
            "labs": [_entry(place, key) for place, key in self.places],
            **({"socket": str(self.socket)} if self.socket else {}),
        }

    def lines(self) -> Iterator[str]:
        """Yield lines for people: commands for a shell, and comments about each client."""
        yield f"export AWS_ENDPOINT_URL_EC2={self.url} AWS_ENDPOINT_URL_STS={self.url}"
        yield f"export AWS_ACCESS_KEY_ID={self.key.id} AWS_SECRET_ACCESS_KEY={self.key.secret}"
        yield f"export AWS_REGION={self.region} AWS_DEFAULT_REGION={self.region}"
        if self.url.startswith("https:"):
            yield "# if clients do not know the certificate's authority: export AWS_CA_BUNDLE=FILE"
        for place, key in self.places[1:]:
            yield f"# {place}: AWS_REGION={place.region}{_other(key, self.key)}"
        if self.socket:
            yield f"# the endpoint is a unix socket: curl --unix-socket {self.socket} {self.url}"
            return
        yield "# then, unchanged:"
        for client, example in CLIENTS:
            yield f"#   {client}: {example}"


def _entry(place: Place, key: Key) -> dict[str, str | None]:
    return {
        "lab": place.lab,
        "region": place.region,
        "account": place.account,
        "access_key_id": key.id,
        "secret_access_key": key.secret,
    }


def _other(key: Key, first: Key) -> str:
    return "" if key == first else f" AWS_ACCESS_KEY_ID={key.id} AWS_SECRET_ACCESS_KEY={key.secret}"
