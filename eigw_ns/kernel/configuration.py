"""The rtnetlink message that makes, replaces or removes each thing of a namespace's configuration."""

from __future__ import annotations

from dataclasses import replace as changed

from eigw_ns.dataplane.state import Address, Fdb, Neighbour, NetObject, Route, RoutingRule
from eigw_ns.errors import MissingError
from eigw_ns.kernel import rtnetlink
from eigw_ns.kernel.netlink import CREATE, Message
from eigw_ns.kernel.rtnetlink import Indexes


def creation_message(thing: NetObject, indexes: Indexes) -> Message:
    """Makes it, where it is not there. Raises MissingError where its link is not among `indexes`."""
    return _config_message(thing, indexes)


def replacement_message(thing: NetObject, indexes: Indexes) -> Message:
    """Puts it in the place of the one with the same key. Raises as `creation_message`."""
    return _config_message(thing, indexes, replace=True)


def takeover_message(thing: NetObject, indexes: Indexes) -> Message:
    """Puts it in the place of whatever is there, if anything is. Raises as `creation_message`."""
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
    """Removes it; what is gone already is no error."""
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
