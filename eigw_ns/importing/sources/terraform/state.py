"""What all readers of values share: resources by type, links, blocks, and the messages that they leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv6Network

from eigw_ns.cloud.model import Block
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Key
from eigw_ns.importing.messages import Level, Message
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.terraform.invented import NOTHING, Invented, mocked
from eigw_ns.importing.sources.terraform.links import Links, links
from eigw_ns.importing.sources.terraform.resources import Resource

USE_THE_STATE = "import the state, or a directory of describe answers"


@frozen
class State:
    """Managed resources by type. Readers append to `messages`."""

    resources: Mapping[str, tuple[Resource, ...]]
    links: Links
    invented: Invented
    messages: list[Message]

    def of(self, *types: str) -> Iterator[Resource]:
        """Yield the resources of these types, in their order."""
        return (each for kind in types for each in self.resources.get(kind, ()))

    def say(self, level: Level, resource: Resource, what: str, remedy: str = "", *touches: Key) -> None:
        """Leave a message about a resource. It touches the resource itself, and `touches`."""
        keys = frozenset(key.text for key in (resource.key, *touches))
        self.messages.append(Message(level, resource.place, what, remedy, keys))

    def placed(self, resource: Resource, block: Block) -> Block | None:
        """Return a block of a rule or a route, moved if a mock has computed it. None, with a message, if unclear."""
        if not isinstance(block, IPv6Network) or not self.invented.is_invented(block):
            return block
        found = self.invented.anywhere(block, resource.depends_on)
        if found is None:
            self.say("refuse", resource, "its IPv6 block is that of one of several VPCs", USE_THE_STATE)
        return found


def state_of(resources: Iterable[Resource], options: Options, invented: Invented | None) -> State:
    """Return the resources for the readers. `invented` None means that the state comes from mocks."""
    kept = tuple(each for each in resources if not {each.type, each.address} & options.ignored)
    found, doubles = links(kept)
    blocks = mocked(kept, found, options) if invented is None else invented
    managed: dict[str, list[Resource]] = {}
    for each in kept:
        if not each.data:
            managed.setdefault(each.type, []).append(each)
    state = State({kind: tuple(each) for kind, each in managed.items()}, found, blocks, [])
    for first, second in doubles:
        state.say("refuse", second, f"has the id of {first.address}", "remove one of them from the state", first.key)
    return state


__all__ = ["NOTHING", "USE_THE_STATE", "State", "state_of"]
