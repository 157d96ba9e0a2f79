"""`@frozen`: what `@dataclass(frozen=True, slots=True)` makes, in a third of the time.

Every command defines some sixty such classes before it does anything. For each, `dataclasses` of Python 3.11 generates
and compiles six functions, which takes 0.5 ms. Here only `__init__` is generated; the classes share the rest. Also,
`__init__` writes slots directly, which makes an object in two thirds of the time. `dataclasses.fields`, `replace` and
`asdict` work as usual. Not supported: `kw_only`, `order`, `InitVar`, `__post_init__`, and fields with other options
than a default.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def frozen(cls: type[T]) -> type[T]:
    """Return the class as a frozen dataclass with slots. A special method that the class defines itself stays."""
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    names = tuple(field.name for field in fields(made))
    made.__init__ = _initializer(made)
    made.__setattr__ = _refuse_assignment
    made.__delattr__ = _refuse_deletion
    for name, method in _shared(made, names).items():
        if name not in cls.__dict__:
            setattr(made, name, method)
    return made  # type: ignore[no-any-return]


def _initializer(made: Any) -> Any:
    """Return `__init__`. It takes the fields in their order, by position or by name."""
    scope: dict[str, Any] = {"_missing": MISSING}
    parameters, body = ["self"], ["    pass\n"]
    for field in fields(made):
        name = given = field.name
        scope[f"_set_{name}"] = getattr(made, name).__set__  # the slot
        if field.default is not MISSING:
            scope[f"_default_{name}"] = field.default
            parameters.append(f"{name}=_default_{name}")
        elif field.default_factory is not MISSING:
            scope[f"_make_{name}"] = field.default_factory
            parameters.append(f"{name}=_missing")
            given = f"_make_{name}() if {name} is _missing else {name}"
        else:
            parameters.append(name)
        body.append(f"    _set_{name}(self, {given})\n")
    exec(f"def __init__({', '.join(parameters)}):\n{''.join(body)}", scope)
    return scope["__init__"]


def _shared(made: type, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the other methods of a dataclass whose fields have these names."""
    read = attrgetter(*names) if names else lambda _: ()  # of one field, attrgetter returns the bare value
    values = read if len(names) != 1 else lambda self: (read(self),)

    def equal(self: object, other: object) -> Any:
        return read(self) == read(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: object) -> int:
        return hash(values(self))

    def text(self: object) -> str:
        parts = (f"{name}={value!r}" for name, value in zip(names, values(self), strict=True))
        return f"{self.__class__.__qualname__}({', '.join(parts)})"

    def reduced(self: object) -> tuple[type, Any]:
        return made, values(self)

    return {"__eq__": equal, "__hash__": hashed, "__repr__": text, "__reduce__": reduced}


def _refuse_assignment(self: object, name: str, value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
