"""One entry to all readers: what a source is decides which one reads it. Readers are imported when they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from eigw_ns.cloud.words import did_you_mean
from eigw_ns.errors import DesignError, Mistake, UsageError
from eigw_ns.importing.design import Design, DesignVpc
from eigw_ns.importing.detect import Kind
from eigw_ns.importing.messages import Message, Place
from eigw_ns.importing.options import Options

_TEST_STATE = b'"test_state"'


def read(kind: Kind, files: Mapping[str, bytes], options: Options) -> Design:
    """Return the design in files of this kind, by their paths below the source.

    For a Terraform configuration, give what the run of terraform printed, as `Kind.TEST_STATE`.
    Raises DesignError or another EigwError if the files cannot be read, UsageError if an option names no VPC.
    """
    found = _read(kind, files, options)
    _check_blocks(found, options)
    return replace(found, messages=(*found.messages, *_ignored(options)))


def _ignored(options: Options) -> Iterator[Message]:
    """Yield a note for each word of --ignore or of a policy: the result holds only if the user is right."""
    for word in sorted(options.ignored):
        yield Message("note", Place(word), "left out, as you told: what it does to the network is not looked at")


def _read(kind: Kind, files: Mapping[str, bytes], options: Options) -> Design:
    match kind:
        case Kind.ANSWERS:
            from eigw_ns.importing.sources.describe import read_answers

            return read_answers(files, options)
        case Kind.TEMPLATE:
            from eigw_ns.importing.sources.cloudformation import read_template

            ((file, data),) = files.items()
            return read_template(data, file, options)
        case Kind.ASSEMBLY:
            from eigw_ns.importing.sources.cdk import read_assembly

            return read_assembly(files, options)
        case Kind.STATE | Kind.PLAN | Kind.TEST_STATE:
            return _read_terraform(kind, next(iter(files.values())), options)
        case Kind.CONFIGURATION:
            raise ValueError("terraform resolves a configuration first")


def _read_terraform(kind: Kind, data: bytes, options: Options) -> Design:
    from eigw_ns.importing.sources import terraform

    if kind is Kind.TEST_STATE:
        return terraform.read_test_state(_test_state(data), options)
    return (terraform.read_plan if kind is Kind.PLAN else terraform.read_state)(data, options)


def _test_state(data: bytes) -> bytes:
    """Return the line that holds the state. The last run of a test has all resources."""
    lines = [line for line in data.splitlines() if _TEST_STATE in line]
    if not lines:
        raise DesignError((Mistake("terraform test", 0, "", "", "no line has a test_state", "add -verbose -json"),))
    return lines[-1]


def _check_blocks(design: Design, options: Options) -> None:
    """Refuse a block that the reader could not use: the VPC is not in the design, or has a block of its own."""
    by_name = {name: vpc for vpc in design.vpcs for name in _names(vpc)}
    for name, block in options.blocks.items():
        vpc = by_name.get(name)
        if vpc is None:
            hint = did_you_mean(name, by_name) or f"the VPCs are {', '.join(sorted(by_name)) or 'none'}"
            raise UsageError(f"the design has no VPC {name}", hint=hint)
        if block not in (each.block for each in vpc.ipv6_blocks):
            raise UsageError(f"the design gives {name} its blocks, so {block} cannot be one", hint="leave it out")


def _names(vpc: DesignVpc) -> tuple[str, ...]:
    tag = dict(vpc.label.tags).get("Name")
    return (vpc.label.name, vpc.label.place.address, *((tag,) if tag else ()))
