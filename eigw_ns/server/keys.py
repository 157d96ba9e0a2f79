"""Access keys: made at the start, or read from a file of credentials as aws-cli has them."""

from __future__ import annotations

import base64
import configparser
import re
import secrets

from eigw_ns.cloud.ec2.settings import ACCOUNT_ID
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen

_ID, _SECRET = "aws_access_key_id", "aws_secret_access_key"
_VALID_ID = re.compile(r"[A-Za-z0-9_]{4,128}")
_ACCOUNT = re.compile(r"[0-9]{12}")


@frozen
class Key:
    """An access key: its id, and the secret that signs."""

    id: str
    secret: str

    @property
    def account(self) -> str:
        """Return the account of the key: its id, if that has twelve digits, or else the default account."""
        return account_of(self.id)


def account_of(key_id: str) -> str:
    """Return the account that a key of this id belongs to."""
    return key_id if _ACCOUNT.fullmatch(key_id) else ACCOUNT_ID


def make(account: str | None = None) -> Key:
    """Return a new key, of the account if one is given. It looks like AWS's: tools which check the form accept it."""
    letters = base64.b32encode(secrets.token_bytes(10)).decode()
    return Key(account or f"AKIA{letters}", secrets.token_urlsafe(30))


def read(text: str, name: str) -> tuple[Key, ...]:
    """Return the keys of a credentials file, in its order. Raises UsageError if it is not one or has no key.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
    """
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(text, source=name)
    except configparser.Error as error:
        raise UsageError(f"{name} is not a credentials file: {error.message.splitlines()[0]}", hint=_FORM) from None
    found = tuple(_key(section, name) for section in map(parser.__getitem__, parser.sections()))
    if not found:
        raise UsageError(f"{name} has no access key", hint=_FORM)
    return found


_FORM = "write it as ~/.aws/credentials: a line [default], then aws_access_key_id = … and aws_secret_access_key = …"


def _key(section: configparser.SectionProxy, name: str) -> Key:
    made = Key(section.get(_ID, ""), section.get(_SECRET, ""))
    if not _VALID_ID.fullmatch(made.id) or not made.secret:
        raise UsageError(f"{name}: the profile {section.name} has no valid access key", hint=_FORM)
    return made
