"""All resources in a set of answers, each once, and what makes the set incomplete."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from eigw_ns.frozen import frozen
from eigw_ns.importing.messages import Message, Place
from eigw_ns.importing.sources.describe.documents import LARGEST, documents, may_hold_answers, spelling, unreadable
from eigw_ns.importing.sources.describe.item import Item
from eigw_ns.importing.sources.describe.kinds import CONFIG, INSTANCE, KINDS, RESERVATIONS, Kind, is_answer


@frozen
class Collected:
    """The resources of each kind by id, in the order of files and answers, and messages about the set.

    A kind is in `answered` if an answer lists it, even if it lists none.
    """

    resources: Mapping[Kind, Mapping[str, Item]]
    answered: frozenset[Kind]
    messages: tuple[Message, ...]

    def __getitem__(self, kind: Kind) -> Mapping[str, Item]:
        return self.resources.get(kind, {})


def collect(files: Mapping[str, bytes]) -> Collected:
    """Return what is in these files, read in the order of their names. JSON of something else is left out.

    Of several files, those are left out too that do not begin as JSON or XML do, such as a README. Raises DesignError
    if a file cannot be read, or if none holds an answer.
    """
    if sum(map(len, files.values())) > LARGEST:
        problem = f"the answers have more than {LARGEST >> 20} MiB"
        raise unreadable("", problem, "leave out answers that are not about networks, or choose one VPC")
    collection = _Collection()
    for file in sorted(files):
        if len(files) > 1 and not may_hold_answers(files[file]):
            continue
        for document in documents(files[file], file):
            collection.add(document, file)
    if not collection.answered:
        raise unreadable(next(iter(files), ""), "this is not an answer of a describe call", _REMEDY)
    return Collected(collection.resources, frozenset(collection.answered), tuple(collection.messages))


_REMEDY = "give the answers of `aws ec2 describe-…` with `--output json`, in files of one directory"


class _Collection:
    """Collects the resources of one document after the other."""

    def __init__(self) -> None:
        self.resources: dict[Kind, dict[str, Item]] = {}
        self.answered: set[Kind] = set()
        self.messages: list[Message] = []
        self._kinds: dict[str, Kind] = {}

    def add(self, document: Any, file: str) -> None:
        for answer in document if isinstance(document, list) else [document]:
            if isinstance(answer, dict) and (is_answer(answer) or CONFIG[2] in answer):
                self._add_answer(Item(file, "", answer))

    def _add_answer(self, answer: Item) -> None:
        if answer.data.get("nextToken"):
            listed = ", ".join(sorted(key for key in answer.data if is_answer((key,)))) or "resources"
            what = f"this answer is one page of several ({listed})"
            self.messages.append(Message("refuse", _place(answer.file), what, _ALL_PAGES))
        for kind in KINDS:
            if kind.answer in answer.data and kind is not INSTANCE:
                self.answered.add(kind)
                for each in answer.parts(kind.answer):
                    self._add_resource(kind, each)
        if RESERVATIONS in answer.data:
            self.answered.add(INSTANCE)
            for reservation in answer.parts(RESERVATIONS):
                for each in reservation.parts("instances"):
                    self._add_resource(INSTANCE, each)
        for each in _config_items(answer):
            self._add_config_item(each)

    def _add_config_item(self, item: Item) -> None:
        """Add a resource of AWS Config, as it is described there."""
        status = item.text("configurationItemStatus")
        kind = next((kind for kind in KINDS if kind.type == item.text("resourceType")), None)
        if kind is None or status in _GONE:
            return
        found = _described(item)
        if found is not None:
            own = {kind.id: item.text("resourceId"), "tags": item.data.get("tags", {})}
            self.answered.add(kind)
            self._add_resource(kind, Item(item.file, "", {**own, **found}))

    def _add_resource(self, kind: Kind, found: Item) -> None:
        name = found.text(kind.id)
        if not name:
            raise unreadable(found.file, f"a {kind.words} without the member {kind.id}", _REMEDY)
        if self._kinds.setdefault(name, kind) is not kind:
            problem = f"the id is that of a {kind.words} and of a {self._kinds[name].words}"
            raise unreadable(found.file, problem, "describe everything again", path=name)
        item = Item(found.file, name, found.data)
        known = self.resources.setdefault(kind, {}).setdefault(name, item)
        if known is not item and not _same(known, item):
            what = f"the {kind.words} is described twice, with a difference ({known.file or 'stdin'} has the other one)"
            self.messages.append(Message("refuse", item.place, what, _ONE_TIME, frozenset((name,))))


def _place(file: str) -> Place:
    return Place("", file) if file else Place("stdin")


_ALL_PAGES = "aws-cli joins all pages unless it is told `--max-items` or `--no-paginate`"
_ONE_TIME = "describe everything at one time, and give one directory for each time"
_GONE = frozenset({"ResourceDeleted", "ResourceNotRecorded", "ResourceDeletedNotRecorded"})


def _config_items(answer: Item) -> Iterator[Item]:
    """Yield the configuration items of AWS Config. SelectResourceConfig has each as a text of JSON."""
    for member in CONFIG[:2]:
        yield from answer.parts(member)
    for each in answer.values(CONFIG[2]):
        if isinstance(each, str):
            for found in documents(each.encode(), answer.file):
                if isinstance(found, dict):
                    yield Item(answer.file, "", found)


def _described(item: Item) -> dict[str, Any] | None:
    """Return the description in a configuration item: an object, or a text of JSON. None if it has none."""
    found = item.data.get("configuration")
    if isinstance(found, str) and found:
        found = next(iter(documents(found.encode(), item.file)), None)
    return {spelling(key): value for key, value in found.items()} if isinstance(found, dict) else None


def _same(one: Item, other: Item) -> bool:
    """Return whether two descriptions are equal. Two accounts, in two folders, can see other tags and counts."""
    if _folder(one.file) == _folder(other.file):
        return _text(one, ()) == _text(other, ())
    return _text(one, _OF_ACCOUNT) == _text(other, _OF_ACCOUNT)


_OF_ACCOUNT = ("tags", "ownerId", "availableIpAddressCount", "availabilityZone")


def _folder(file: str) -> str:
    return file.rpartition("/")[0]


def _text(item: Item, without: tuple[str, ...]) -> str:
    return json.dumps({key: value for key, value in item.data.items() if key not in without}, sort_keys=True)
