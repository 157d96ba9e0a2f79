"""`@frozen` makes what `@dataclass(frozen=True, slots=True)` makes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from eigw_ns.frozen import frozen

T = TypeVar("T")
Decorator = Callable[[type], Any]

DECORATORS = {"frozen": frozen, "dataclass": dataclass(frozen=True, slots=True)}


class Base:
    """A base class without fields."""

    __slots__ = ()


@frozen
class Pair(Base, Generic[T]):
    """Two fields, of which one has a default."""

    first: T
    second: tuple[int, ...] = ()

    kind: ClassVar[int] = 7


@frozen
class Triple(Pair[T]):
    """A field more than its base class, made again for each object."""

    third: list[int] = field(default_factory=list)


@frozen
class Single:
    """One field, whose value may be a tuple."""

    only: object


@frozen
class Nothing:
    """No field."""


@frozen
class Own:
    """Methods of its own."""

    value: int
    ignored: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and other.value == self.value

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "own"


VALUES = (Pair("a"), Pair("a", (1,)), Pair(1), Triple("a"), Triple("a", (), [3]), Single(1), Single((1,)), Nothing())


def made(decorate: Decorator) -> Any:
    """Return a class with every kind of field, made by this decorator."""

    class Made:
        """A class."""

        one: int
        two: str = "b"
        three: list[int] = field(default_factory=lambda: [3])
        four: ClassVar[int] = 4

    return decorate(Made)


@pytest.mark.parametrize("given", [((1,), {}), ((1, "x"), {}), ((1,), {"three": [4]}), ((), {"one": 1, "two": "y"})])
def test_it_makes_what_a_dataclass_makes(given: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    ours, usual = (made(decorate)(*given[0], **given[1]) for decorate in DECORATORS.values())
    assert asdict(ours) == asdict(usual)
    assert repr(ours) == repr(usual)
    assert [each.name for each in fields(ours)] == [each.name for each in fields(usual)]
    assert type(ours).__match_args__ == type(usual).__match_args__
    assert is_dataclass(type(ours)) and not hasattr(ours, "__dict__")
    assert asdict(replace(ours, two="z")) == asdict(replace(usual, two="z"))


@pytest.mark.parametrize("given", [((), {}), ((1, "b", [], 4), {}), ((1,), {"one": 1}), ((1,), {"five": 5})])
@pytest.mark.parametrize("decorate", DECORATORS.values(), ids=DECORATORS)
def test_wrong_arguments_are_refused(decorate: Decorator, given: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    with pytest.raises(TypeError):
        made(decorate)(*given[0], **given[1])


def test_each_object_gets_a_default_of_its_own() -> None:
    assert Triple("a").third is not Triple("a").third


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_only_an_equal_value_of_the_same_class_is_equal(value: object) -> None:
    assert [other for other in VALUES if other == value] == [value]
    assert value == copy.deepcopy(value)
    assert value != (1,)


def test_equal_values_have_equal_hashes() -> None:
    assert hash(Pair("a", (1,))) == hash(Pair("a", (1,)))
    assert hash(Single((1,))) != hash(Single(1))
    assert len({Nothing(), Nothing()}) == 1
    with pytest.raises(TypeError):
        hash(Triple("a"))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_survive_pickle_and_copy(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value == copy.copy(value)


def test_methods_of_the_class_stay() -> None:
    assert Own(1, 2) == Own(1, 3)
    assert repr(Own(1)) == "own"
    with pytest.raises(TypeError):
        hash(Own(1))


def test_nothing_can_be_assigned_or_deleted() -> None:
    value: Any = Pair("a")
    for change in (
        lambda: setattr(value, "first", "b"),
        lambda: setattr(value, "new", 1),
        lambda: delattr(value, "first"),
    ):
        with pytest.raises(FrozenInstanceError):
            change()
    assert value == Pair("a")


def test_it_takes_part_in_pattern_matching() -> None:
    match Pair("a", (1,)):
        case Pair(first, second):
            assert (first, second) == ("a", (1,))
