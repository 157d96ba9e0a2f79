"""CreateKeyPair, ImportKeyPair, DescribeKeyPairs, DeleteKeyPair.

A lab records key pairs, and no machine of it has a login. So the private key of CreateKeyPair is a placeholder.
Source: AWS, API_CreateKeyPair, API_ImportKeyPair; RFC 4716 section 4 (fingerprints of imported RSA keys).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from typing import Literal

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import tags
from eigw_ns.cloud.ec2.checks import invalid, one_of
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.resources import KEY_PAIR
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.shapes import tag_list
from eigw_ns.cloud.ec2.times import timestamp
from eigw_ns.cloud.instance_records import KeyPair
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_LONGEST_NAME = 255
_SSH_TYPES: dict[str, Literal["rsa", "ed25519"]] = {"ssh-rsa": "rsa", "ssh-ed25519": "ed25519"}
_PLACEHOLDER = "This is not a private key: the machines of a lab have no login."

_LISTING = Listing(
    "KeyPairs",
    lambda shape: str(shape["KeyPairId"]),
    KnownFilters({"fingerprint": "KeyFingerprint", "key-name": "KeyName", "key-pair-id": "KeyPairId", **TAG_FILTERS}),
)


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Record a new key pair, and return a placeholder in place of its private key."""
    kind = request.get("KeyType", "rsa")
    if kind not in _SSH_TYPES.values():
        raise invalid(f"Value ({shorten(kind)}) for parameter KeyType is invalid. It must be rsa or ed25519.")
    if request.get("KeyFormat", "pem") not in ("pem", "ppk"):
        raise invalid("The parameter KeyFormat must be pem or ppk.")
    fingerprint = _colons(hashlib.sha1(settings.new_id().encode(), usedforsecurity=False).hexdigest())
    made = _new(cloud, request, settings, kind, fingerprint)
    text = base64.b64encode(_PLACEHOLDER.encode()).decode()
    material = f"-----BEGIN RSA PRIVATE KEY-----\n{text}\n-----END RSA PRIVATE KEY-----"
    answer = {**_brief(made), "KeyMaterial": material}
    return Reply(KEY_PAIR.put(cloud, made), answer, ("the private key is a placeholder: a lab has no logins",))


def import_key(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Record the public key of a key pair, in the form of OpenSSH. PublicKeyMaterial is base64 of it."""
    text = _text(request["PublicKeyMaterial"])
    kind, blob = _parsed(text)
    md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    made = _new(cloud, request, settings, kind, _colons(md5) if kind == "rsa" else sha256, text)
    return Reply(KEY_PAIR.put(cloud, made), _brief(made))


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe key pairs."""
    found = KEY_PAIR.select(cloud, request.get("KeyPairIds", []))
    names = [find_named(cloud, name).name for name in request.get("KeyNames", [])]
    shown = (each for each in found if not names or each.name in names)
    shapes = (shape(each, public=bool(request.get("IncludePublicKey"))) for each in shown)
    return _LISTING.reply(cloud, shapes, request, settings)


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete a key pair by its name or id. Instances keep its name. As in AWS, one that does not exist is no error."""
    parameter = one_of(request, "KeyName", "KeyPairId")
    wanted = request[parameter]
    found = [each for each in cloud.key_pairs.values() if wanted == (each.name if parameter == "KeyName" else each.id)]
    for each in found:
        cloud = KEY_PAIR.without(cloud, each.id)
    return Reply(cloud, {"Return": True, **({"KeyPairId": found[0].id} if found else {})})


def find_named(cloud: Cloud, name: str) -> KeyPair:
    """Return the key pair with this name. Raises InvalidKeyPair.NotFound."""
    for each in cloud.key_pairs.values():
        if each.name == name:
            return each
    raise CloudError("InvalidKeyPair.NotFound", f"The key pair '{shorten(name)}' does not exist")


def _new(
    cloud: Cloud,
    request: Request,
    settings: Settings,
    kind: Literal["rsa", "ed25519"],
    fingerprint: str,
    public: str | None = None,
) -> KeyPair:
    """Return a key pair with the name and the tags of the request. Raises CloudError if the name is not free."""
    name = request["KeyName"]
    if len(name) > _LONGEST_NAME or not (name.isascii() and name.isprintable()) or name != name.strip():
        raise invalid(f"Value ({shorten(name)}) for parameter KeyName is invalid. It has 1 to 255 ASCII characters.")
    if any(each.name == name for each in cloud.key_pairs.values()):
        raise CloudError("InvalidKeyPair.Duplicate", f"The keypair already exists: {shorten(name)}")
    tagged = tags.specified(request, KEY_PAIR, settings)
    key_id = ids.make_id(ids.KEY_PAIR, cloud.lab, name)
    return KeyPair(key_id, name, fingerprint, kind, public, timestamp(settings.now()), tagged)


def _text(material: str) -> str:
    """Return the key as OpenSSH writes it. Raises InvalidKey.Format."""
    if material.startswith(tuple(_SSH_TYPES)):
        return material.strip()
    try:
        return base64.b64decode(material, validate=True).decode().strip()
    except (binascii.Error, ValueError):
        raise _wrong_key() from None


def _parsed(text: str) -> tuple[Literal["rsa", "ed25519"], bytes]:
    """Return the type of an OpenSSH public key, and its data (RFC 4253 section 6.6)."""
    word, _, rest = text.partition(" ")
    try:
        blob = base64.b64decode(rest.split()[0], validate=True)
    except (binascii.Error, ValueError, IndexError):
        raise _wrong_key() from None
    if word not in _SSH_TYPES or not blob.startswith(len(word).to_bytes(4) + word.encode()):
        raise _wrong_key()
    return _SSH_TYPES[word], blob


def _wrong_key() -> CloudError:
    return CloudError("InvalidKey.Format", "Key is not in valid OpenSSH public key format")


def _colons(digits: str) -> str:
    return bytes.fromhex(digits).hex(":")


def _brief(key: KeyPair) -> Shape:
    """Return the members that the answers of CreateKeyPair and ImportKeyPair have."""
    return {
        "KeyPairId": key.id,
        "KeyName": key.name,
        "KeyFingerprint": key.fingerprint,
        "Tags": tag_list(key.tags),
    }


def shape(key: KeyPair, *, public: bool = False) -> Shape:
    """Return a key pair as in DescribeKeyPairs, with its public key if `public`."""
    return {**_brief(key), "KeyType": key.key_type, **dict(_optional(key, public))}


def _optional(key: KeyPair, public: bool) -> Iterator[tuple[str, str]]:
    if key.created is not None:
        yield "CreateTime", key.created
    if public and key.public_key is not None:
        yield "PublicKey", key.public_key
