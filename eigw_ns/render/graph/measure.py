"""Widths of texts in a diagram, and texts cut to fit: upper bounds for DejaVu Sans, the widest of the usual fonts."""

from __future__ import annotations

import unicodedata

_NARROW = frozenset("ijlI.,:;|!'()[]/ ftr·")
_WIDE = frozenset("mwMWOQGD@%—…")
_PARTS = {"narrow": 0.42, "usual": 0.66, "wide": 1.02}
_MONO, _FULL, _BOLD = 0.605, 1.05, 1.1
CUT = "…"


def width(text: str, size: float, *, bold: bool = False, mono: bool = False) -> float:
    """Return the width of a text in pixels, at a font size in pixels."""
    return sum(_part(character, bold=bold, mono=mono) for character in text) * size


def fitted(text: str, room: float, size: float, *, bold: bool = False, mono: bool = False) -> str:
    """Return the text if it fits into `room` pixels, else its beginning and an ellipsis."""
    if width(text, size, bold=bold, mono=mono) <= room:
        return text
    left = room - width(CUT, size, bold=bold, mono=mono)
    taken = 0
    for character in text:
        left -= _part(character, bold=bold, mono=mono) * size
        if left < 0:
            break
        taken += 1
    return text[:taken].rstrip() + CUT


def _part(character: str, *, bold: bool, mono: bool) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return _FULL
    if mono:
        return _MONO
    kind = "narrow" if character in _NARROW else "wide" if character in _WIDE else "usual"
    return _PARTS[kind] * (_BOLD if bold else 1)
