"""What the models of all parts of a topology file are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from eigw_ns.cloud.ec2.settings import Quotas


class Strict(BaseModel):
    """A mapping that has no other keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Tagged(Strict):
    """A resource that can have AWS tags."""

    tags: dict[str, str] = Field({}, description=f"AWS tags, at most {Quotas().tags_per_resource}")


def _text(value: object) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise PydanticCustomError("number_or_word", "not a whole number or text")


NumberOrWord = Annotated[
    str, BeforeValidator(_text), WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}]})
]
"""A value that a file can write as a number or as text. Rules receive the text."""
