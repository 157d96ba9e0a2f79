"""What an expression of a plan's configuration refers to, followed through variables and outputs of modules.

For each argument, a plan lists what its expression names. It has no expressions and no local values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from eigw_ns.frozen import frozen
from eigw_ns.importing.sources.terraform.document import Tree, items, mapping, words
from eigw_ns.importing.sources.terraform.resources import module_of, quoted

Index = str | int | None


@frozen
class Target:
    """A resource that an expression names. `index` is written there, or `pair` is the index of the one that refers."""

    module: str
    type: str
    name: str
    index: str | None = None
    pair: Index = None
    attribute: str | None = None


@frozen
class Found:
    """What an expression names.

    `known` are values that the plan knows. `locals` are the modules in which it names local values, which a plan does
    not have. `opaque` are others that may be anything.
    """

    targets: tuple[Target, ...] = ()
    known: frozenset[str] = frozenset()
    locals: frozenset[str] = frozenset()
    opaque: frozenset[str] = frozenset()

    def __or__(self, other: Found) -> Found:
        targets = tuple(dict.fromkeys((*self.targets, *other.targets)))
        return Found(targets, self.known | other.known, self.locals | other.locals, self.opaque | other.opaque)


NOTHING = Found()
_KEYS = ("count.index", "each.key")
_KNOWN = ("path", "terraform")
_INDEXED = r'(?:\[(?P<index>\d+|"(?:[^"\\]|\\.)*")\])?'
_RESOURCE = re.compile(rf"(?P<type>[a-z][\w-]*)\.(?P<name>[\w-]+){_INDEXED}(?:\.(?P<attribute>[\w-]+))?")
_OUTPUT = re.compile(rf"module\.(?P<name>[\w-]+){_INDEXED}\.(?P<output>[\w-]+)")
_VARIABLE = re.compile(r"var\.(?P<name>[\w-]+)")
_LAST_STEP = re.compile(r'(?:^|\.)module\.(?P<name>[\w-]+)(?:\[(?P<index>\d+|"(?:[^"\\]|\\.)*")\])?\Z')


@frozen
class Expressions:
    """The expressions of a plan's configuration.

    `modules` are the addresses of all module instances in the plan. `resources` are the expressions of each resource by
    the names of its module and its parents, its type, and its name.
    """

    root: Tree
    modules: frozenset[str]
    resources: Mapping[tuple[tuple[str, ...], str, str], Tree]

    def of(self, module: str, kind: str, name: str, argument: str) -> tuple[str, ...] | None:
        """Return what an argument of a resource names; None if the configuration does not give the argument."""
        given = self.resources.get((_module_names(module), kind, name), {})
        return names_in(given[argument]) if argument in given else None

    def follow(self, module: str, names: Iterable[str], index: Index) -> Found:
        """Return what the names mean for a resource of the module instance whose index is `index`."""
        return self._follow(module, tuple(names), index, frozenset())

    def _follow(self, module: str, names: tuple[str, ...], index: Index, seen: frozenset[tuple[str, str]]) -> Found:
        reduced = list(longest(names))
        pair = index if any(name in _KEYS for name in reduced) else None
        found = NOTHING
        for name in reduced:
            step = (module, name)
            found |= Found(opaque=frozenset({name})) if step in seen else self._one(module, name, pair, seen | {step})
        return found

    def _one(self, module: str, name: str, pair: Index, seen: frozenset[tuple[str, str]]) -> Found:
        start = name.partition(".")[0]
        if name in _KEYS:
            return NOTHING
        if start in _KNOWN:
            return Found(known=frozenset({name}))
        if start == "local":
            return Found(locals=frozenset({module}))
        if start == "var":
            return self._variable(module, name, seen)
        if start == "module":
            return self._output(module, name, pair, seen)
        parts = _RESOURCE.match(name) if start not in ("each", "data", "self", "count") else None
        if parts is None:
            return Found(opaque=frozenset({name}))
        return Found((Target(module, parts["type"], parts["name"], parts["index"], pair, parts["attribute"]),))

    def _variable(self, module: str, name: str, seen: frozenset[tuple[str, str]]) -> Found:
        parts, step = _VARIABLE.match(name), _LAST_STEP.search(module)
        if parts is None or step is None:
            return Found(known=frozenset({name}))
        parent = module_of(f"{module}.")[: step.start()]
        call = self._call(parent, step["name"])
        given = mapping(call.get("expressions") or {}, f"expressions of {module}").get(parts["name"])
        names = names_in(given)
        return self._follow(parent, names, _index(step["index"]), seen) if names else Found(known=frozenset({name}))

    def _output(self, module: str, name: str, pair: Index, seen: frozenset[tuple[str, str]]) -> Found:
        parts = _OUTPUT.match(name)
        child = self._child(module, parts["name"], parts["index"], pair) if parts else None
        if parts is None or child is None:
            return Found(opaque=frozenset({name}))
        outputs = mapping(self._node(child).get("outputs") or {}, f"outputs of {child}")
        given = mapping(outputs.get(parts["output"]) or {}, f"output {parts['output']} of {child}")
        names = names_in(given.get("expression"))
        return self._follow(child, names, None, seen) if names else Found(known=frozenset({name}))

    def _child(self, module: str, name: str, index: str | None, pair: Index) -> str | None:
        """Return the instance of a child module that an output is of; None if that is not certain."""
        bare = ".".join(filter(None, (module, f"module.{name}")))
        if index is not None:
            return f"{bare}[{index}]"
        instances = [
            each for each in self.modules if each == bare or re.fullmatch(re.escape(bare) + r"\[[^\]]*\]", each)
        ]
        if len(instances) == 1:
            return instances[0]
        paired = f"{bare}[{quoted(pair)}]" if pair is not None else bare
        return paired if paired in instances else None

    def _node(self, module: str) -> Tree:
        """Return the configuration of a module instance; an empty one if the plan has none."""
        node = self.root
        for name in _module_names(module):
            node = mapping(_called(node, name).get("module") or {}, f"configuration of {module}")
        return node

    def _call(self, module: str, name: str) -> Tree:
        return _called(self._node(module), name)


def expressions(root: Tree, modules: Iterable[str]) -> Expressions:
    """Return the expressions of a configuration, whose root module is `root`."""
    found: dict[tuple[tuple[str, ...], str, str], Tree] = {}
    waiting: list[tuple[tuple[str, ...], Tree]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        what = f"configuration of {'.'.join(path) or 'the root module'}"
        for each in items(node.get("resources"), f"{what}: resources"):
            if each.get("mode", "managed") == "managed":
                key = path, str(each.get("type")), str(each.get("name"))
                found[key] = mapping(each.get("expressions") or {}, f"{what}: expressions of {key[1]}.{key[2]}")
        for name in mapping(node.get("module_calls") or {}, f"{what}: module_calls"):
            waiting.append(((*path, name), mapping(_called(node, name).get("module") or {}, f"{what}: {name}")))
    return Expressions(root, frozenset(modules), found)


def _module_names(module: str) -> tuple[str, ...]:
    """Return the names in the address of a module instance: `net`, `tables` of `module.net["a.b"].module.tables`."""
    return tuple(re.findall(r"module\.([\w-]+)", re.sub(r'\["(?:[^"\\]|\\.)*"\]', "", module)))


def _called(node: Tree, name: str) -> Tree:
    calls = mapping(node.get("module_calls") or {}, "module_calls")
    return mapping(calls.get(name) or {}, f"module_calls of {name}")


def _index(text: str | None) -> Index:
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def names_in(expression: object) -> tuple[str, ...]:
    """Return all names in an expression: those of a value, or of the arguments of blocks in it."""
    found: dict[str, None] = {}
    waiting = [expression]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += reversed(each)
        elif isinstance(each, Mapping):
            found |= dict.fromkeys(words(each.get("references"), "references"))
            waiting += [inner for name, inner in each.items() if name not in ("references", "constant_value")]
    return tuple(found)


def longest(names: Iterable[str]) -> Iterator[str]:
    """Yield the names that begin no other one: for `a.b[0].c` a plan lists that, `a.b[0]` and `a.b`."""
    found = list(names)
    for each in found:
        if not any(other != each and other.startswith((f"{each}.", f"{each}[")) for other in found):
            yield each
