"""The rtnetlink messages that create, replace or delete the objects of a namespace's configuration."""

from __future__ import annotations

from dataclasses import replace as changed

from eigw_ns.dataplane.state import Address, Fdb, Neighbour, NetObject, Route, RoutingRule
from eigw_ns.errors import MissingError
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.rtnetlink import Indexes
from eigw_ns.kernel.netlink.socket import CREATE, Message


def creation_message(thing: NetObject, indexes: Indexes) -> Message:
    """Return the message that creates the object, and fails if it exists. Raises MissingError if its link does not."""
    return _config_message(thing, indexes)


def replacement_message(thing: NetObject, indexes: Indexes) -> Message:
    """Return the message that replaces the object with the same key. Raises as `creation_message` does."""
    return _config_message(thing, indexes, replace=True)


def takeover_message(thing: NetObject, indexes: Indexes) -> Message:
    """Return the message that creates the object, or replaces what is in its place. Raises as `creation_message`."""
    message = replacement_message(thing, indexes)
    return changed(message, flags=message.flags | CREATE)


def _config_message(thing: NetObject, indexes: Indexes, *, replace: bool = False) -> Message:
    match thing:
        case Address():
            return rtnetlink.address_message(thing, _index(thing, thing.link, indexes))
        case Neighbour():
            return rtnetlink.neighbour_message(thing, _index(thing, thing.link, indexes), replace=replace)
        case Fdb():
            return rtnetlink.fdb_message(thing, _index(thing, thing.link, indexes), replace=replace)
        case RoutingRule():
            return rtnetlink.rule_message(thing)
        case Route():
            if thing.link:
                _index(thing, thing.link, indexes)
            return rtnetlink.route_message(thing, indexes, replace=replace)
    raise TypeError(f"not a thing of a namespace's configuration: {thing!r}")


def deletion_message(thing: NetObject, indexes: Indexes) -> Message:
    """Return the message that deletes the object. An object that is already gone is not an error."""
    match thing:
        case Address():
            return rtnetlink.address_message(thing, indexes.get(thing.link, 0), delete=True)
        case Neighbour():
            return rtnetlink.neighbour_message(thing, indexes.get(thing.link, 0), delete=True)
        case Fdb():
            return rtnetlink.fdb_message(thing, indexes.get(thing.link, 0), delete=True)
        case RoutingRule():
            return rtnetlink.rule_message(thing, delete=True)
        case Route():
            return rtnetlink.route_message(thing, indexes, delete=True)
    raise TypeError(f"not a thing of a namespace's configuration: {thing!r}")


def _index(thing: NetObject, link: str, indexes: Indexes) -> int:
    if link not in indexes:
        raise MissingError(f"create the {thing}", detail=f"there is no link {link}")
    return indexes[link]
