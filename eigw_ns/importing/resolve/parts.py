"""Parts of a topology file as this package makes them: a body at its path, with the place that it came from."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace

from eigw_ns.cloud.model import Tags
from eigw_ns.cloud.tag_rules import LONGEST_KEY, LONGEST_VALUE, forbidden, is_reserved
from eigw_ns.cloud.words import printable
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Label
from eigw_ns.importing.messages import Message, Place
from eigw_ns.topology.data import Data

SOURCE_TAG = "eigw-ns:source"
"""The tag that says where a resource stands in the source."""

_MOST_TAGS = 50


@frozen
class Part:
    """The body of a resource. `path` is that in the file: `("vpcs", "main", "subnets", "front")`."""

    path: tuple[str, ...]
    body: Data
    place: Place


Found = Iterator[Part | Message]
"""What a module finds in a design: parts of the file, and what there is to say."""


def tags(label: Label) -> Data:
    """Return the tags of a resource as part of its body: those that a lab takes, and the place in the source."""
    kept = dict(_kept(label.tags)[: _MOST_TAGS - 1])
    return {"tags": {**kept, SOURCE_TAG: printable(str(_short(label.place)))[:LONGEST_VALUE]}}


def _short(place: Place) -> Place:
    """Return the place without the folders of its file: the same design in another folder gives the same tag."""
    return replace(place, file=place.file and posixpath.basename(place.file))


def _kept(given: Iterable[tuple[str, str]]) -> Tags:
    fits = (pair for pair in given if pair[0] and len(pair[0]) <= LONGEST_KEY and len(pair[1]) <= LONGEST_VALUE)
    return tuple(sorted(pair for pair in fits if not is_reserved(pair[0]) and not forbidden("".join(pair))))
