"""Typed access to the values of a resource: a wrong type is an error with its place, never a traceback."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import NoReturn

from eigw_ns.cloud.model import Block, Tags
from eigw_ns.errors import EigwError
from eigw_ns.frozen import frozen

REMEDY = "write the file again with `terraform show -json`"
_MOST_SHOWN = 60


@frozen
class Body:
    """The arguments of a resource, or of a block in it. `where` is its address, with the block (`ingress[0]`)."""

    where: str
    values: Mapping[str, object]

    def text(self, name: str) -> str:
        """Return a string; "" if it is null, absent or empty."""
        found = self.values.get(name)
        if found is None:
            return ""
        return found if isinstance(found, str) else self._refuse(name, found, "a string")

    def flag(self, name: str) -> bool:
        """Return a boolean; False if it is null or absent."""
        found = self.values.get(name)
        if found in ("true", "false"):
            return found == "true"
        if found is None:
            return False
        return found if isinstance(found, bool) else self._refuse(name, found, "true or false")

    def number(self, name: str) -> int | None:
        """Return a whole number; None if it is null, absent or empty. Some providers write numbers as strings."""
        found = self.values.get(name)
        if found is None or found == "":
            return None
        if isinstance(found, int) and not isinstance(found, bool):
            return found
        if isinstance(found, str) and found.removeprefix("-").isdecimal() and found.isascii() and len(found) < 12:
            return int(found)
        return self._refuse(name, found, "a whole number")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the strings of a list or set, without nulls and empty ones."""
        return tuple(Body(f"{self.where} {name}", {name: each}).text(name) for each in self._list(name) if each)

    def bodies(self, name: str) -> tuple[Body, ...]:
        """Return the blocks of a list or set; those of a single block also if it is not in a list."""
        found = [self.values[name]] if isinstance(self.values.get(name), Mapping) else self._list(name)
        return tuple(
            Body(f"{self.where} {name}[{number}]", self._mapping(name, each)) for number, each in enumerate(found)
        )

    def block(self, name: str) -> Block | None:
        """Return a CIDR block; None if it is null, absent or empty."""
        text = self.text(name)
        return self.parsed(name, text) if text else None

    def ipv4(self, name: str) -> IPv4Network | None:
        """Return an IPv4 block; None if it is null, absent or empty."""
        found = self.block(name)
        return found if not isinstance(found, IPv6Network) else self._refuse(name, str(found), "an IPv4 block")

    def ipv6(self, name: str) -> IPv6Network | None:
        """Return an IPv6 block; None if it is null, absent or empty."""
        found = self.block(name)
        return found if not isinstance(found, IPv4Network) else self._refuse(name, str(found), "an IPv6 block")

    def blocks(self, name: str) -> tuple[Block, ...]:
        """Return the CIDR blocks of a list."""
        return tuple(self.parsed(name, each) for each in self.texts(name))

    def addresses(self, name: str) -> tuple[IPv6Address, ...]:
        """Return the IPv6 addresses of a list."""
        found = [self.parsed(name, each) for each in self.texts(name)]
        return tuple(each.network_address for each in found if isinstance(each, IPv6Network))

    def tags(self, name: str = "tags") -> Tags:
        """Return the tags of a map, sorted by key. Null values are left out."""
        found = self._mapping(name, self.values.get(name) or {})
        known = {key: Body(f"{self.where} {name}", found) for key in found if found[key] is not None}
        return tuple((key, body.text(key)) for key, body in sorted(known.items()))

    def parsed(self, name: str, text: str) -> Block:
        """Return the block that `text` writes. AWS zeroes the bits behind the length, and so does this."""
        try:
            return ip_network(text, strict=False)
        except ValueError:
            self._refuse(name, text, "a CIDR block")

    def _list(self, name: str) -> list[object]:
        found = self.values.get(name)
        if found is None:
            return []
        return found if isinstance(found, list) else self._refuse(name, found, "a list")

    def _mapping(self, name: str, found: object) -> Mapping[str, object]:
        return found if isinstance(found, Mapping) else self._refuse(name, found, "a map")

    def _refuse(self, name: str, found: object, wanted: str) -> NoReturn:
        raise EigwError(f"{self.where}: {name} must be {wanted}, not {shown(found)}", hint=REMEDY)


def shown(found: object) -> str:
    """Return a short text for a value that is not what it should be."""
    if isinstance(found, Mapping):
        return "a map"
    if isinstance(found, list):
        return "a list"
    text = repr(found)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
