"""Answers of EC2's describe calls: JSON of aws-cli or boto3, XML or JSON of an endpoint, snapshots of AWS Config.

Source: AWS, "Amazon EC2 API Reference", types of the Describe calls; "AWS Config Developer Guide", configuration items.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from eigw_ns.importing.design import Design
from eigw_ns.importing.messages import Message
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.describe import complete, filters, networks, tables
from eigw_ns.importing.sources.describe.collected import Collected, collect

KIND = "answers of describe calls"


def read_answers(files: Mapping[str, bytes], options: Options) -> Design:
    """Return the design in these files, by their paths below the source; "" is the path of standard input.

    Raises DesignError if a file cannot be read, or if none holds an answer.
    """
    collected = collect(files)
    design = _design(collected)
    found = (*collected.messages, *design.messages, *complete.gaps(collected, design), *complete.left_out(collected))
    return replace(design, messages=tuple(_softened(found, options)))


def _design(collected: Collected) -> Design:
    of_tables = tables.read(collected)
    return Design(
        KIND,
        "",
        of_tables.messages,
        tuple(networks.vpcs(collected)),
        tuple(networks.subnets(collected)),
        tuple(networks.gateways(collected)),
        of_tables.tables,
        of_tables.routes,
        of_tables.associations,
        tuple(filters.acls(collected)),
        tuple(filters.acl_entries(collected)),
        tuple(filters.acl_associations(collected)),
        tuple(filters.groups(collected)),
        tuple(filters.group_rules(collected)),
        tuple(filters.workloads(collected)),
    )


def _softened(messages: Iterable[Message], options: Options) -> Iterable[Message]:
    """Yield the messages. A refusal about a resource that the user ignores is a note."""
    for each in messages:
        yield replace(each, level="note") if each.level == "refuse" and each.place.address in options.ignored else each
