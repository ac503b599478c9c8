"""The properties of an XMP packet that facts are made of. Pure.

A packet is somebody's XML: no document type (that is where entity bombs live), and no more than a megabyte of it.
What is not here: which of XMP, IPTC and EXIF is believed (captions.py, dates.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree

from media_pipeline.stages.examine.exif import cleaned

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 100
MAX_VALUES: Final = 200

RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"

# The short names by which the rest of this stage asks.
NAMESPACES: Final = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/xap/1.0/": "xmp",
}
Properties = Mapping[str, tuple[str, ...]]


def properties(packet: bytes | None) -> tuple[Properties, str | None]:
    """Values by short name (`dc:title`), the default language first; and what was wrong with the packet."""
    if not packet:
        return {}, None
    if len(packet) > MAX_BYTES:
        return {}, f"xmp_too_long: {len(packet)} bytes"
    text = _text(packet)
    if re.search(r"<!\s*(?:DOCTYPE|ENTITY)", text, re.IGNORECASE):
        return {}, "xmp_with_document_type"
    # Writers pad with blanks, and cameras with zeros.
    text = text[text.find("<") : text.rfind(">") + 1]
    try:
        # Without a document type, and bounded in length and depth, nothing is left to expand.
        root = ElementTree.fromstring(text, ElementTree.XMLParser(target=_Shallow()))  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        return {}, f"xmp_unreadable: {error}"[:200]
    found: dict[str, tuple[str, ...]] = {}
    for description in root.iter(f"{RDF}Description"):
        for name, value in description.attrib.items():
            _keep(found, name, [value])
        for child in description:
            _keep(found, child.tag, _values(child))
    return found, None


class _Shallow(ElementTree.TreeBuilder):
    """Builds no tree that is deeper than any packet is: what walks over it would run out of stack."""

    depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> ElementTree.Element:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ElementTree.Element:
        self.depth -= 1
        return super().end(tag)


def _text(packet: bytes) -> str:
    if packet[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in packet[:4]:
        return packet.decode("utf-16-be" if packet[:1] in (b"\0", b"\xfe") else "utf-16-le", "replace").lstrip("\ufeff")
    return packet.decode("utf-8", "replace").lstrip("\ufeff")


def _keep(found: dict[str, tuple[str, ...]], name: str, values: list[str]) -> None:
    space, _, local = name[1:].partition("}")
    kept = tuple(text for text in map(cleaned, values) if text)
    if space in NAMESPACES and kept:
        found.setdefault(f"{NAMESPACES[space]}:{local}", kept)


def _values(element: ElementTree.Element) -> list[str]:
    """The items of a list, or the text itself."""
    items = list(element.iter(f"{RDF}li"))[:MAX_VALUES]
    items.sort(key=lambda item: item.get(LANGUAGE) != "x-default")
    return ["".join(item.itertext()) for item in items] if items else [element.text or ""]
