"""Resources with known values, from both forms of a state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from eigw_ns.errors import EigwError
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Key, Label
from eigw_ns.importing.messages import Place
from eigw_ns.importing.sources.terraform.body import REMEDY, Body, shown
from eigw_ns.importing.sources.terraform.document import Tree, items, mapping, word, words


@frozen
class Resource:
    """One instance of a resource or a data source. `depends_on` are addresses without the indices of instances."""

    address: str
    module: str
    type: str
    name: str
    index: str | int | None
    body: Body
    data: bool = False
    depends_on: tuple[str, ...] = ()
    file: str | None = None
    line: int | None = None

    @property
    def key(self) -> Key:
        return Key(self.address)

    @property
    def place(self) -> Place:
        return Place(self.address, self.file, self.line)

    @property
    def local_name(self) -> str:
        """The last part of its address, with its index: `private-0` for `aws_subnet.private[0]`."""
        return self.name if self.index is None else f"{self.name}-{self.index}"

    def label(self, name: str | None = None) -> Label:
        """Return its label. `name` replaces the last part of the address."""
        return Label(self.key, self.place, name or self.local_name, self.body.tags())


def shown_resources(root: object, what: str) -> tuple[Resource, ...]:
    """Return the resources of `root_module` in the form of `terraform show -json`, sorted by address."""
    found = []
    modules = [mapping(root, f"{what}: root_module")]
    while modules:
        module = modules.pop()
        where = f"{what}: {module.get('address', 'root_module')}"
        found += [_shown(each, where) for each in items(module.get("resources"), f"{where}: resources")]
        modules += items(module.get("child_modules"), f"{where}: child_modules")
    return ordered(found)


def _shown(tree: Tree, what: str) -> Resource:
    address = word(tree, "address", what)
    return Resource(
        address,
        module_of(address),
        word(tree, "type", address),
        word(tree, "name", address),
        index_of(tree.get("index"), address),
        Body(address, mapping(tree.get("values") or {}, f"{address}: values")),
        tree.get("mode") == "data",
        words(tree.get("depends_on"), f"{address}: depends_on"),
    )


def stored_resources(tree: Tree) -> tuple[Resource, ...]:
    """Return the resources of a `terraform.tfstate` of version 4, sorted by address. Deposed objects are left out."""
    return ordered(each for resource in items(tree.get("resources"), "resources") for each in _stored(resource))


def _stored(tree: Tree) -> Iterator[Resource]:
    kind, name = word(tree, "type", "resources"), word(tree, "name", "resources")
    module = word(tree, "module", "resources") if tree.get("module") is not None else ""
    data = tree.get("mode") == "data"
    path = ".".join(filter(None, (module, "data" if data else "", kind, name)))
    for instance in items(tree.get("instances"), f"{path}: instances"):
        if "deposed" in instance:
            continue
        index = index_of(instance.get("index_key"), path)
        address = path if index is None else f"{path}[{quoted(index)}]"
        body = Body(address, mapping(instance.get("attributes") or {}, f"{address}: attributes"))
        depends_on = words(instance.get("dependencies"), f"{address}: dependencies")
        yield Resource(address, module, kind, name, index, body, data, depends_on)


def index_of(found: object, what: str) -> str | int | None:
    """Return an index of `count` or a key of `for_each`. Raises EigwError if it is neither."""
    if found is None or (isinstance(found, str | int) and not isinstance(found, bool)):
        return found
    raise EigwError(f"{what}: index must be a number or a string, not {shown(found)}", hint=REMEDY)


def quoted(index: str | int) -> str:
    """Return an index as an address writes it: `0`, `"app"`."""
    return str(index) if isinstance(index, int) else '"' + index.replace("\\", "\\\\").replace('"', '\\"') + '"'


_STEP = re.compile(r'module\.[^.\[]+(?:\[(?:\d+|"(?:[^"\\]|\\.)*")\])?(?:\.|$)')


def module_of(address: str) -> str:
    """Return the module that an address is in: `module.net["a.b"]` of `module.net["a.b"].aws_vpc.this`."""
    end = 0
    while step := _STEP.match(address, end):
        end = step.end()
    return address[:end].removesuffix(".")


def ordered(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Return the resources sorted by module, type, name and index, so that all forms have one order.

    Raises EigwError if two have the same address.
    """
    found = sorted(resources, key=_rank)
    for first, second in pairwise(found):
        if first.address == second.address:
            raise EigwError(f"{first.address} is in the file twice", hint=REMEDY)
    return tuple(found)


def _rank(resource: Resource) -> tuple[object, ...]:
    index = resource.index
    place = (0, index, "") if isinstance(index, int) else (1, 0, index or "")
    return natural(resource.module), resource.data, resource.type, resource.name, place, resource.address


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts `x[2]` before `x[10]`."""
    parts = re.split(r"\[(\d{1,9})\]", text)
    return tuple((int(part), "") if number % 2 else (-1, part) for number, part in enumerate(parts))
