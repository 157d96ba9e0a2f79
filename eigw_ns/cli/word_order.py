"""Word order of the command line: options of a verb may stand before it, as in `eigw-ns --lab demo describe`."""

from __future__ import annotations

from collections.abc import Sequence

_FLAGS = ("-q", "--quiet", "-v", "--verbose")
_SHORT, _LONG = ("-o", "-f"), ("--lab", "--output", "--file")  # with a value


def verb_first(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the options that most verbs share behind the verb. Others keep their places."""
    kept: list[str] = []
    moved: list[str] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if _is_shared(word):
            moved += [word, *(rest[:1] if word in (*_SHORT, *_LONG) else ())]
            rest = rest[word in (*_SHORT, *_LONG) :]
        else:
            kept.append(word)
    if not rest:  # there is no verb, so the error names what was written
        return list(arguments)
    verb = 2 if rest[0] == "ec2" else 1
    return [*kept, *rest[:verb], *moved, *rest[verb:]]


def _is_shared(word: str) -> bool:
    return word in _FLAGS or word.partition("=")[0] in _LONG or word[:2] in _SHORT
