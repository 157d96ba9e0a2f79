"""The note in a namespace of a lab: the state folder that the lab is stored in.

The note is kept as alternative names of the loopback, so it lives exactly as long as the namespace. A name has at most
127 characters and a path may have more, so the note is cut into numbered parts.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.socket import Netlink
from eigw_ns.kernel.reading import namespace_reader

_NOTE = "eigw-ns.stored."
_PART = 100  # characters of each alternative name: ALTIFNAMSIZ is 128


def read(namespace: str) -> str:
    """Return the noted folder; "" if none is noted. Raises MissingError if the namespace does not exist."""
    with netns.inside(namespace), Netlink() as netlink:
        parts = sorted(_notes(netlink))
    return unquote("".join(part.removeprefix(_NOTE).partition(".")[2] for part in parts), errors="surrogateescape")


def write(namespace: str, folder: str) -> int:
    """Replace the note. Returns the number of messages that were sent."""
    with netns.inside(namespace), Netlink() as netlink:
        outdated = [rtnetlink.forget_name(name) for name in _notes(netlink)]
        messages = [*outdated, *(rtnetlink.give_name(name) for name in names(folder))]
        netlink.send(messages)
    return len(messages)


def names(folder: str) -> list[str]:
    """Return the alternative names that note the folder."""
    text = quote(folder, safe="", errors="surrogateescape")
    parts = [text[begin : begin + _PART] for begin in range(0, len(text), _PART)]
    return [f"{_NOTE}{number:03}.{part}" for number, part in enumerate(parts)]


def _notes(netlink: Netlink) -> list[str]:
    links = namespace_reader.only_loopback(netlink)
    return [name for link in links for name in link.other_names if name.startswith(_NOTE)]
