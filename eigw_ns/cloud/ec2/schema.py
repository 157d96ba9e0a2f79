"""How an action is described: its function, and its parameters as data, from which a front end can make its own.

Names are those of the EC2 API's input shapes (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud

Request = Mapping[str, Any]
Shape = dict[str, Any]

ParameterType = Literal["string", "integer", "boolean", "structure", "list<string>", "list<structure>"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A member of a request. `members` are those of a structure, or of each structure in a list."""

    name: str
    type: ParameterType
    help: str
    required: bool = False
    members: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What an action leads to. `cloud` is the very object that was passed in where nothing changed.

    `answer` is in the shape of AWS's JSON; empty for actions that answer nothing.
    """

    cloud: Cloud
    answer: Shape
    warnings: tuple[str, ...] = ()


Function = Callable[[Cloud, Request, Settings], Reply]
"""Carries out an action; it gets a request that was held against the action's parameters."""


@dataclass(frozen=True, slots=True)
class Action:
    """An action: its function, what it does in a line, and its parameters."""

    function: Function
    help: str
    parameters: tuple[Parameter, ...]


def string(name: str, text: str, *, required: bool = False) -> Parameter:
    """A parameter that is one text."""
    return Parameter(name, "string", text, required)


def integer(name: str, text: str, *, required: bool = False) -> Parameter:
    """A parameter that is a whole number."""
    return Parameter(name, "integer", text, required)


def boolean(name: str, text: str, *, required: bool = False) -> Parameter:
    """A parameter that is true or false."""
    return Parameter(name, "boolean", text, required)


def strings(name: str, text: str, *, required: bool = False) -> Parameter:
    """A parameter that is a list of texts."""
    return Parameter(name, "list<string>", text, required)


def structure(name: str, text: str, *members: Parameter) -> Parameter:
    """A parameter with members of its own."""
    return Parameter(name, "structure", text, members=members)


def structures(name: str, text: str, *members: Parameter, required: bool = False) -> Parameter:
    """A parameter that is a list of structures."""
    return Parameter(name, "list<structure>", text, required, members)


TAG_MEMBERS = (string("Key", "the tag's key"), string("Value", "the tag's value"))

DRY_RUN = boolean("DryRun", "check the request, change nothing, and answer DryRunOperation")
CLIENT_TOKEN = string("ClientToken", "a text of your choice that makes a repeated request harmless")
FILTERS = structures(
    "Filters",
    "show only what matches all of these; `*` and `?` are wildcards",
    string("Name", "the filter's name"),
    strings("Values", "the values, any of which matches"),
)
TAG_SPECIFICATIONS = structures(
    "TagSpecifications",
    "the tags to create it with",
    string("ResourceType", "the kind of thing that is created"),
    structures("Tags", "the tags", *TAG_MEMBERS),
)
PAGING = (
    integer("MaxResults", "at most so many at once; the answer then has a NextToken"),
    string("NextToken", "the NextToken of the answer before"),
)
LISTING = (FILTERS, *PAGING, DRY_RUN)


def describing(ids: str, what: str) -> tuple[Parameter, ...]:
    """The parameters of an action that describes things, whose ids are given as `ids`."""
    return (strings(ids, f"the ids of the {what}; default: all"), *LISTING)
