"""Descriptions of actions: the function, and the parameters as data. A front end builds its options from them.

Names are those of the EC2 API's input shapes (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.frozen import frozen

Request = Mapping[str, Any]
Shape = dict[str, Any]

ParameterType = Literal["string", "blob", "integer", "boolean", "structure", "list<string>", "list<structure>"]


@frozen
class Parameter:
    """A member of a request. `members` are those of a structure, or of each structure in a list."""

    name: str
    type: ParameterType
    help: str
    required: bool = False
    members: tuple[Parameter, ...] = ()


@frozen
class Reply:
    """The result of an action.

    `cloud` is the same object that was passed in if nothing changed. `answer` has the shape of AWS's JSON; it is empty
    for actions without an answer.
    """

    cloud: Cloud
    answer: Shape
    warnings: tuple[str, ...] = ()


Function = Callable[[Cloud, Request, Settings], Reply]
"""A function that carries out an action. `checks.checked` has checked the request that it receives."""


@frozen
class Action:
    """An action: its function, one line of help, and its parameters.

    `mutates` says whether the action can change the cloud. If not, it needs no lock, no root and no running lab.
    `echoes_token` says whether its answer repeats the ClientToken of the request.
    """

    function: Function
    help: str
    parameters: tuple[Parameter, ...]
    mutates: bool
    echoes_token: bool = True


def mutating(function: Function, text: str, *parameters: Parameter) -> Action:
    """Return an action that can change the cloud."""
    return Action(function, text, parameters, mutates=True)


def reading(function: Function, text: str, *parameters: Parameter) -> Action:
    """Return an action that only describes."""
    return Action(function, text, parameters, mutates=False)


def string(name: str, text: str, *, required: bool = False) -> Parameter:
    """Return a parameter that is a text."""
    return Parameter(name, "string", text, required)


def blob(name: str, text: str, *, required: bool = False) -> Parameter:
    """Return a parameter that is data, as base64."""
    return Parameter(name, "blob", text, required)


def integer(name: str, text: str, *, required: bool = False) -> Parameter:
    """Return a parameter that is a whole number."""
    return Parameter(name, "integer", text, required)


def boolean(name: str, text: str, *, required: bool = False) -> Parameter:
    """Return a parameter that is true or false."""
    return Parameter(name, "boolean", text, required)


def strings(name: str, text: str, *, required: bool = False) -> Parameter:
    """Return a parameter that is a list of texts."""
    return Parameter(name, "list<string>", text, required)


def structure(name: str, text: str, *members: Parameter) -> Parameter:
    """Return a parameter that is a structure with these members."""
    return Parameter(name, "structure", text, members=members)


def structures(name: str, text: str, *members: Parameter, required: bool = False) -> Parameter:
    """Return a parameter that is a list of structures with these members."""
    return Parameter(name, "list<structure>", text, required, members)


TAG_MEMBERS = (string("Key", "the tag's key"), string("Value", "the tag's value"))

DRY_RUN = boolean("DryRun", "check the request without changing anything; success is the error DryRunOperation")
CLIENT_TOKEN = string("ClientToken", "a text of your choice; a repeated request with the same token changes nothing")
FILTERS = structures(
    "Filters",
    "list only resources that match all filters; `*` and `?` are wildcards",
    string("Name", "the filter's name"),
    strings("Values", "the values; one of them must match"),
)
TAG_SPECIFICATIONS = structures(
    "TagSpecifications",
    "the tags of the new resource",
    string("ResourceType", "the type of the new resource"),
    structures("Tags", "the tags", *TAG_MEMBERS),
)
PAGING = (
    integer("MaxResults", "the maximum number of items in the answer; if there are more, it has a NextToken"),
    string("NextToken", "the NextToken of the previous answer"),
)
LISTING = (FILTERS, *PAGING, DRY_RUN)


def describing(ids: str, what: str) -> tuple[Parameter, ...]:
    """Return the parameters of a describe action. `ids` is the name of the parameter that selects by id."""
    return (strings(ids, f"the IDs of the {what}; default: all"), *LISTING)
