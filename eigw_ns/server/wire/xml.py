"""XML documents, made with ElementTree. XML 1.0 cannot hold every character that a tag of a resource can."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

__all__ = ["Element", "add", "document", "write"]

_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document can hold, not even as a reference. Source: https://www.w3.org/TR/xml/#charsets"""

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_REPLACEMENT = "\ufffd"


def add(parent: Element, name: str, text: str | None = None) -> Element:
    """Add an element to the parent, with this text if it is not None. Return the element."""
    child = SubElement(parent, name)
    if text is not None:
        write(child, text)
    return child


def write(element: Element, text: str) -> None:
    """Write the text into the element. Characters that XML lacks become U+FFFD."""
    element.text = text if text.isprintable() else _NOT_XML.sub(_REPLACEMENT, text)  # most texts are


def document(root: Element) -> bytes:
    """Return the document. A reader would turn a carriage return into a line feed, so it is written as a reference."""
    text = ElementTree.tostring(root, encoding="unicode")  # as bytes, each part would pass an encoder of its own
    return _DECLARATION + text.replace("\r", "&#13;").encode()
