"""Remedies in the words of the command line: what to type. The code that raises the errors knows no commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from eigw_ns.errors import EigwError, Mistake, Remedy, RemedyCode, TopologyError

_WORDS: Mapping[RemedyCode, str] = {
    RemedyCode.BEGIN_WITH_EXAMPLE: "`eigw-ns init` prints a file that works",
    RemedyCode.CHOOSE_MACHINE: "only instances and internet hosts send packets; `eigw-ns describe` lists them",
    RemedyCode.OMIT_PORTS: "leave --port and --source-port out, or write --protocol tcp",
    RemedyCode.GIVE_PORT: "write --port N",
    RemedyCode.GIVE_EGRESS_ONLY_GATEWAY: "--egress-only-internet-gateway-id {value}",
}


def words(remedy: str | Remedy) -> str:
    """Return a remedy in words, with the commands and options to type."""
    return remedy if isinstance(remedy, str) else _WORDS[remedy.code].format(value=remedy.value)


def hint(error: EigwError) -> str:
    """Return what the user can do about an error. Empty if the error does not say."""
    return error.hint or (words(error.remedy) if error.remedy else "")


def message(error: EigwError) -> str:
    """Return the message of an error. The message of a TopologyError has the remedy of each mistake."""
    return "\n".join(map(str, mistakes(error))) if isinstance(error, TopologyError) else error.message


def mistakes(error: TopologyError) -> tuple[Mistake, ...]:
    """Return the mistakes in a topology file with their remedies in words."""
    return tuple(replace(mistake, remedy=words(mistake.remedy)) for mistake in error.mistakes)
