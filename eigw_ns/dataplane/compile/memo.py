"""Results of functions of the cloud: kept for one compilation, or until something that they read has changed.

The compiler asks a `Memo` for each result that several parts of the lab need. `Once` keeps all of them. `Tracking`
notes what each result was made from: the resources of the cloud that its function read, and other results. After a
change of the cloud, `Tracking.update` makes only results again that read something that changed. A result that comes
out equal makes nothing else again.

A function must read the cloud only by the sections that `Tracking.section` returns, and other results only by `recall`.
Everything else that it uses is in its arguments, which are ids and other values that never change. Then no result can
be out of date. A function may recall only results of a lower rank, so that one pass in the order of ranks makes each
result from results that are up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Key = tuple[Any, ...]
"""What names a result: its function and the arguments; or an input: its section and an id."""


class Memo(Protocol):
    """Returns results that were made before, or makes them."""

    def recall(self, rank: int, function: Callable[..., T], *arguments: Hashable) -> T:
        """Return what the function returns for these arguments. It may recall only results of a lower rank."""
        ...

    def forget(self, function: Callable[..., Any], *arguments: Hashable) -> None:
        """Drop a result that is not needed any more."""
        ...


class Once:
    """Makes each result once: for a cloud that does not change."""

    def __init__(self) -> None:
        self._results: dict[Key, Any] = {}

    def recall(self, _rank: int, function: Callable[..., T], *arguments: Hashable) -> T:
        """See `Memo`."""
        key = (function, *arguments)
        if key not in self._results:
            self._results[key] = function(*arguments)
        return self._results[key]  # type: ignore[no-any-return]

    def forget(self, function: Callable[..., Any], *arguments: Hashable) -> None:
        """See `Memo`."""
        self._results.pop((function, *arguments), None)


class _Result:
    """A result or an input, what it was made from, and the results that were made from it.

    A result without readers is a `root` if a caller outside asked for it; others are dropped.
    """

    __slots__ = ("key", "rank", "readers", "reads", "root", "value")

    def __init__(self, rank: int, key: Key, *, root: bool) -> None:
        self.rank, self.key, self.root = rank, key, root
        self.value: Any = None
        self.reads: set[_Result] = set()
        self.readers: set[_Result] = set()


class _Missing:
    """The value of a result whose function found that a resource does not exist. What reads it finds the same."""

    def __init__(self, error: KeyError) -> None:
        self.error = error


_WHOLE = None
"""Stands for an id in the key of an input: the ids of a section, their order, and all its values."""

_INPUT = -1  # the rank of inputs


class Tracking:
    """Keeps results until something that they read has changed. Not for several threads at once.

    After an exception other than KeyError, it must not be used any more.
    """

    def __init__(self) -> None:
        self._inputs: dict[Key, _Result] = {}
        self._results: dict[Key, _Result] = {}
        self._sections: dict[str, Section[Any]] = {}
        self._making: list[_Result] = []

    def section(self, name: str, content: Mapping[str, T]) -> Section[T]:
        """Return a section of the cloud: a mapping of resources by id, whose reads are noted."""
        made = self._sections[name] = Section(name, content, self)
        return made

    def recall(self, rank: int, function: Callable[..., T], *arguments: Hashable) -> T:
        """See `Memo`. Raises KeyError if a resource that the result needs does not exist."""
        key = (function, *arguments)
        found = self._results.get(key)
        if found is None:
            found = self._results[key] = _Result(rank, key, root=not self._making)
            self._make(found)
        if self._making:
            self._note(found)
        if found.value.__class__ is _Missing:
            raise found.value.error
        return found.value  # type: ignore[no-any-return]

    def read(self, section: str, resource_id: str | None) -> None:
        """Note that the result which is being made reads a resource of a section, or all of them (None)."""
        if self._making:
            key = section, resource_id
            found = self._inputs.get(key)
            if found is None:
                found = self._inputs[key] = _Result(_INPUT, key, root=False)
            self._note(found)

    def update(self, sections: Mapping[str, Mapping[str, Any]]) -> list[Key]:
        """Replace the content of sections, and make again what read something that differs.

        Returns the keys of the roots whose value differs now.
        """
        waiting: dict[int, dict[_Result, None]] = {}
        for name, content in sections.items():
            for resource_id in self._sections[name].replace(content):
                _wake(self._inputs.get((name, resource_id)), waiting)
        made: list[Key] = []
        while waiting:
            for result in waiting.pop(min(waiting)):
                if self._results.get(result.key) is result and self._differs(result):
                    _wake(result, waiting)
                    if result.root:
                        made.append(result.key)
        return made

    def forget(self, function: Callable[..., Any], *arguments: Hashable) -> None:
        """Drop a root, and what was made for it alone."""
        found = self._results.get((function, *arguments))
        if found is not None:
            found.root = False
            self._drop_unread(found)

    def _drop_unread(self, result: _Result) -> None:
        """Drop a result that nothing reads, and what was made for it alone."""
        if result.readers or result.root:
            return
        kept = self._inputs if result.rank == _INPUT else self._results
        kept.pop(result.key, None)
        for source in result.reads:
            source.readers.discard(result)
            self._drop_unread(source)

    def _differs(self, result: _Result) -> bool:
        """Make the result again. Returns whether it differs."""
        before, sources = result.value, result.reads
        result.reads = set()
        self._make(result)
        for source in sources - result.reads:
            source.readers.discard(result)
            self._drop_unread(source)
        return isinstance(result.value, _Missing) or isinstance(before, _Missing) or bool(before != result.value)

    def _make(self, result: _Result) -> None:
        function, *arguments = result.key
        self._making.append(result)
        try:
            result.value = function(*arguments)
        except KeyError as error:
            result.value = _Missing(error)
        finally:
            self._making.pop()

    def _note(self, source: _Result) -> None:
        reader = self._making[-1]
        if source.rank >= reader.rank:
            raise ValueError(f"{reader.key} must not recall {source.key}, which has no lower rank")
        reader.reads.add(source)
        source.readers.add(reader)


def _wake(source: _Result | None, waiting: dict[int, dict[_Result, None]]) -> None:
    """Add the readers of what changed to those that wait to be made again, by rank."""
    for reader in source.readers if source is not None else ():
        waiting.setdefault(reader.rank, {})[reader] = None


class Section(Mapping[str, T]):
    """A section of a cloud. It tells the results which are being made what they read."""

    def __init__(self, name: str, content: Mapping[str, T], tracking: Tracking) -> None:
        self._name, self._content, self._tracking = name, content, tracking

    def replace(self, content: Mapping[str, T]) -> Iterable[str | None]:
        """Replace the content. Returns the ids of resources that came, went or changed, and None if there are any."""
        before, self._content = self._content, content
        if before is content:
            return ()
        differing = [each for each, thing in content.items() if before.get(each) is not thing]
        changed = {each for each in differing if each not in before or before[each] != content[each]}
        changed |= before.keys() - content.keys()
        return (*changed, _WHOLE) if changed or list(before) != list(content) else ()

    def __getitem__(self, key: str) -> T:
        self._tracking.read(self._name, key)
        return self._content[key]

    def get(self, key: str, default: Any = None) -> Any:
        """See `Mapping`."""
        self._tracking.read(self._name, key)
        return self._content.get(key, default)

    def __contains__(self, key: object) -> bool:
        self._tracking.read(self._name, str(key))
        return key in self._content

    def __iter__(self) -> Iterator[str]:
        self._tracking.read(self._name, _WHOLE)
        return iter(self._content)

    def __len__(self) -> int:
        self._tracking.read(self._name, _WHOLE)
        return len(self._content)

    def keys(self) -> KeysView[str]:
        """See `Mapping`."""
        self._tracking.read(self._name, _WHOLE)
        return self._content.keys()

    def values(self) -> ValuesView[T]:
        """See `Mapping`."""
        self._tracking.read(self._name, _WHOLE)
        return self._content.values()

    def items(self) -> ItemsView[str, T]:
        """See `Mapping`."""
        self._tracking.read(self._name, _WHOLE)
        return self._content.items()
