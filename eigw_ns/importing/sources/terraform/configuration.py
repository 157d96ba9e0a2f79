"""What a configuration declares, read from its files: resources with their lines, providers, and what runs programs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from eigw_ns.errors import EigwError
from eigw_ns.frozen import frozen
from eigw_ns.importing.sources.terraform.document import Tree, document, items, mapping, word
from eigw_ns.importing.sources.terraform.hcl import Block, blocks

PROGRAMS = ("external", "http")
"""Data sources that run a program or send a request."""

ROOT = ""
"""The key of the root module, in terraform's `modules.json` and here."""


@frozen
class File:
    """A file of a module: its path as users see it, and its blocks."""

    path: str
    blocks: tuple[Block, ...]


@frozen
class Configuration:
    """The files of each module by its key, such as `net` or `net.tables`; "" is the root module."""

    modules: Mapping[str, tuple[File, ...]]

    def all(self, kind: str, module: str | None = None) -> Iterator[tuple[File, Block]]:
        """Yield the top-level blocks of a kind, of one module or of all."""
        found = self.modules if module is None else {module: self.modules.get(module, ())}
        return (
            (file, block) for files in found.values() for file in files for block in file.blocks if block.kind == kind
        )

    def types(self, kind: str) -> tuple[str, ...]:
        """Return the types of the resources (`resource`) or data sources (`data`), sorted."""
        return tuple(sorted({block.labels[0] for _, block in self.all(kind) if block.labels}))


def configuration(modules: Mapping[str, Mapping[str, bytes]]) -> Configuration:
    """Return the configuration of the files of each module, by the module's key and the path of the file."""
    return Configuration(
        {
            key: tuple(File(path, _blocks(path, data)) for path, data in sorted(files.items()))
            for key, files in modules.items()
        }
    )


def _blocks(path: str, data: bytes) -> tuple[Block, ...]:
    if path.endswith(".json"):
        return tuple(_json_blocks(document(data, path), path))
    text = data.decode("utf-8", "replace")
    found = blocks(text)
    return (*found, *_hidden(text)) if not any(True for each in found for _ in _runs(each)) else found


_RAW = re.compile(r'(?:^|[\n{}])[ \t]*provisioner[ \t]*"?([\w-]+)"?[ \t]*\{')


def _hidden(text: str) -> Iterator[Block]:
    """Yield provisioners that only a search for the word finds, so that no odd syntax hides one from the scan."""
    plain = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    for found in _RAW.finditer(plain):
        yield Block("provisioner", (found[1],), plain.count("\n", 0, found.start(1)) + 1)


_LABELS = {"resource": 2, "data": 2, "provider": 1, "module": 1, "provisioner": 1, "variable": 1, "action": 2}


def _json_blocks(tree: Tree, path: str) -> Iterator[Block]:
    """Yield the blocks of JSON syntax: https://developer.hashicorp.com/terraform/language/syntax/json."""
    for kind, found in tree.items():
        yield from _json_labelled(kind, (), found, path)


def _json_labelled(kind: str, labels: tuple[str, ...], found: object, path: str) -> Iterator[Block]:
    for each in found if isinstance(found, list) else [found]:
        if not isinstance(each, Mapping):
            continue
        if len(labels) < _LABELS.get(kind, 0):
            for label, inner in each.items():
                yield from _json_labelled(kind, (*labels, label), inner, path)
        else:
            texts = {name: value for name, value in each.items() if isinstance(value, str)}
            yield Block(kind, labels, 1, texts, tuple(_json_blocks(each, path)))


def module_folders(data: bytes) -> Mapping[str, str]:
    """Return the folder of each module by its key, from `.terraform/modules/modules.json`."""
    what = "modules.json"
    entries = items(mapping(document(data, what), what).get("Modules"), f"{what}: Modules")
    found = {str(each.get("Key", "")): word(each, "Dir", what) for each in entries}
    if any("\0" in folder for folder in found.values()):
        raise EigwError(f"{what}: a Dir has a NUL character", hint="run `terraform init` again")
    return found


def running(found: Configuration) -> tuple[str, ...]:
    """Return what would run a program or send a request, each with its place, sorted."""
    texts = (f"{file.path}:{line} {what}" for files in found.modules.values() for file in files
             for block in file.blocks for line, what in _runs(block))  # fmt: skip
    return tuple(dict.fromkeys(texts))


def _runs(block: Block) -> Iterator[tuple[int, str]]:
    inner = list(block.find("provisioner"))
    for each in (block, *inner) if block.kind == "provisioner" else inner:
        yield each.line, f'provisioner "{"".join(each.labels[:1])}"'
    if block.kind == "data" and block.labels[:1] and block.labels[0] in PROGRAMS:
        yield block.line, f'data "{block.labels[0]}"'
    if block.kind == "action":
        yield block.line, "action"


@frozen
class Provider:
    """A provider configuration of the root module, as a mock names it: its local name, and its alias if it has one."""

    name: str
    alias: str | None = None


def providers(found: Configuration) -> tuple[Provider, ...]:
    """Return the provider configurations that need a mock, sorted: declared, required, or implied by a type.

    Raises EigwError if a module configures a provider itself, because no mock can stand in for that.
    """
    for module in found.modules:
        for file, block in found.all("provider", module) if module != ROOT else ():
            raise EigwError(
                f"{file.path}:{block.line}: module {module} configures provider {''.join(block.labels[:1])} itself, "
                "which no mock can replace",
                hint="import the state or a plan (`terraform show -json`)",
            )
    declared = {
        Provider(block.labels[0], block.arguments.get("alias")) for _, block in found.all("provider") if block.labels
    }
    named = {Provider(name) for name in (*_required(found), *_implied(found))}
    return tuple(sorted(declared | named, key=lambda each: (each.name, each.alias or "")))


def _required(found: Configuration) -> Iterator[str]:
    return (entry.kind for entry, _ in required(found, None))


def required(found: Configuration, module: str | None) -> Iterator[tuple[Block, str]]:
    """Yield the entries of `required_providers` with their source, of one module or of all."""
    for _, block in found.all("terraform", module):
        for entries in block.find("required_providers"):
            texts = (Block(name, (), entries.line, {"version": text}) for name, text in entries.arguments.items())
            for entry in (*entries.blocks, *texts):
                yield entry, entry.arguments.get("source", f"hashicorp/{entry.kind}")


def _implied(found: Configuration) -> Iterator[str]:
    """Yield the providers that types imply: `aws` for `aws_vpc`."""
    for kind in ("resource", "data", "ephemeral"):
        yield from (each.partition("_")[0] for each in found.types(kind))


def foreign_sources(found: Configuration) -> Mapping[str, str]:
    """Return the sources of providers that only a child module requires, by local name, unless they are HashiCorp's.

    A mock names a provider by the local name of the root module, so the root module must require them, too.
    """
    own = {entry.kind for entry, _ in required(found, ROOT)}
    children = {
        entry.kind: source for module in found.modules if module != ROOT for entry, source in required(found, module)
    }
    return {
        name: source
        for name, source in sorted(children.items())
        if name not in own and source.removeprefix("registry.terraform.io/") != f"hashicorp/{name}"
    }


Declared = Mapping[str, tuple[str, int]]
"""Where each resource is declared: file and line by its address without indices."""


def declared(found: Configuration) -> Declared:
    """Return where each resource and data source is declared."""
    return {
        f"{_module_path(module)}{'data.' if kind == 'data' else ''}{'.'.join(block.labels[:2])}": (
            file.path,
            block.line,
        )
        for module in found.modules
        for kind in ("data", "resource")
        for file, block in found.all(kind, module)
    }


def _module_path(key: str) -> str:
    return "".join(f"module.{step}." for step in key.split(".")) if key else ""
