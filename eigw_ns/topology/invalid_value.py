"""The error of a function that reads a single value. A module of its own: a stored topology needs no `report`."""

from __future__ import annotations


class InvalidValue(ValueError):
    """A single value is not valid at its place. `remedy` says what to write instead."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
