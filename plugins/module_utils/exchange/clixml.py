# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Export-Clixml wrote, as the plain data that exchange_invoke returns: null, booleans, integers, texts, lists of texts.

The form is described in the PowerShell Remoting Protocol ([MS-PSRP] 2.2.5, Serialization). Live objects and deserialised
ones differ in the names of their types only, and in how deep they were written.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Union
from xml.parsers import expat

from ..connector.errors import ValueProblem

Plain = Union[None, bool, int, str, list[str]]

_NAMESPACE = "http://schemas.microsoft.com/powershell/2004/04"
_REMEDY = "give what Get-SendConnector | Export-Clixml FILE wrote, whole and unchanged"
# A document comes from somewhere else: an organisation with thousands of connectors stays far below these.
_LONGEST = 128 * 1024 * 1024
_MOST_ELEMENTS = 4_000_000
_DEEPEST = 100

_COLLECTIONS = ("LST", "IE", "QUE", "STK")
_WHOLE_NUMBERS = ("By", "I16", "I32", "U32", "I64")
_TEXTS = ("S", "SB", "U16", "U64", "Sg", "Db", "D", "G", "URI", "Version", "XD", "SBK")
_PRIMITIVES = (*_WHOLE_NUMBERS, *_TEXTS, "B", "C", "DT", "TS", "BA", "SS", "Nil")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DATE = re.compile(
    r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?(Z|[+-]\d\d:\d\d)$",
    re.ASCII,
)
_SPAN = re.compile(r"^(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,7}))?S)?)?$", re.ASCII)


@dataclass(frozen=True)
class Exported:
    """One object. types: the names of its type and base types, without Deserialized. text: what its ToString() gave."""

    types: tuple[str, ...]
    text: str
    properties: Mapping[str, Plain]


def read(document: str | bytes) -> list[Exported]:
    """All objects of a document, also those that were exported as one list. Raises ValueProblem."""
    root = _parse(_decoded(document))
    return list(_Reader(root).objects())


# --- from bytes to text ----------------------------------------------------------------------------------------------


def _decoded(document: str | bytes) -> str:
    """Text, bytes, base64 as ansible.builtin.slurp returns it, or text that was read as if it were UTF-8."""
    if len(document) > _LONGEST:
        raise ValueProblem(f"is longer than {_LONGEST // 1024**2} MiB", "export fewer objects")
    if isinstance(document, str):
        if "<" not in document[:1000]:
            return _decoded_bytes(_from_base64(document))
        if not any("\ud800" <= character <= "\udfff" or character == "\0" for character in document[:4]):
            return document.lstrip("\ufeff\r\n\t ")
        document = document.encode("utf-8", "surrogateescape")
    return _decoded_bytes(document)


def _from_base64(document: str) -> bytes:
    try:
        return base64.b64decode("".join(document.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueProblem("is neither XML nor base64 of it", _REMEDY, document[:40]) from None


def _decoded_bytes(document: bytes) -> str:
    for mark, encoding in (
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"<\0", "utf-16-le"),
        (b"\0<", "utf-16-be"),
    ):
        if document.startswith(mark):
            break
    else:
        encoding = "utf-8-sig"
    try:
        return document.decode(encoding)
    except UnicodeDecodeError:
        raise ValueProblem(f"is not written in {encoding.upper()}", _REMEDY) from None


# --- from text to elements -------------------------------------------------------------------------------------------


@dataclass
class _Element:
    tag: str
    attributes: Mapping[str, str]
    text: str = ""
    children: list[_Element] = field(default_factory=list)

    def first(self, *tags: str) -> _Element | None:
        return next((child for child in self.children if child.tag in tags), None)


class _Builder:
    def __init__(self) -> None:
        self.root: _Element | None = None
        self._open: list[_Element] = []
        self._texts: list[str] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _blank, tag = name.rpartition(" ")
        if not self._open and (space, tag) != (_NAMESPACE, "Objs"):
            raise ValueProblem(f"is XML, but no CLIXML: it begins with <{tag[:40]}>", _REMEDY)
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(self._open) >= _DEEPEST:
            raise ValueProblem("has more or deeper elements than an export of connectors", "export fewer objects")
        element = _Element(tag, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts = []

    def end(self, _name: str) -> None:
        element = self._open.pop()
        if not element.children:
            element.text = "".join(self._texts)
        self._texts = []

    def data(self, text: str) -> None:
        self._texts.append(text)

    def refuse(self, *_parts: Any) -> None:
        # Without a document type there are no entities, and nothing to expand or to fetch.
        raise ValueProblem("holds a document type, which CLIXML never does", _REMEDY)


def _parse(text: str) -> _Element:
    builder = _Builder()
    # The encoding given here counts, whatever the text says of itself.
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.refuse
    try:
        parser.Parse(text.encode("utf-8"), True)
    except UnicodeEncodeError:
        raise ValueProblem("holds characters that are no text", _REMEDY) from None
    except expat.ExpatError as error:
        place = f"line {error.lineno}, column {error.offset + 1}"
        raise ValueProblem(f"is no whole XML document: {expat.ErrorString(error.code)} at {place}", _REMEDY) from None
    if builder.root is None:
        raise ValueProblem("is empty", _REMEDY)
    return builder.root


# --- from elements to objects ----------------------------------------------------------------------------------------


class _Reader:
    """Objects refer to the types and to other objects by number, each of which stands earlier in the document."""

    def __init__(self, root: _Element) -> None:
        self._root = root
        self._objects: dict[str, _Element] = {}
        self._types: dict[str, tuple[str, ...]] = {}
        self._index(root)

    def _index(self, root: _Element) -> None:
        waiting = [root]
        while waiting:
            element = waiting.pop()
            number = element.attributes.get("RefId")
            if element.tag == "Obj" and number:
                self._objects[number] = element
            elif element.tag == "TN" and number:
                self._types[number] = _type_names(element)
            waiting.extend(element.children)

    def objects(self) -> Iterator[Exported]:
        waiting = list(reversed(self._root.children))
        seen: set[int] = set()
        while waiting:
            element = self._resolved(waiting.pop())
            if id(element) in seen:
                continue
            seen.add(id(element))
            properties = self._properties(element)
            collected = self._collected(element)
            if collected is not None:
                waiting.extend(reversed(collected))
            elif element.tag == "Obj":
                yield Exported(self._types_of(element), self._text(element), properties)

    def _collected(self, element: _Element) -> list[_Element] | None:
        """The members of a collection, and the values of a dictionary; None if it is neither."""
        collection = element.first(*_COLLECTIONS)
        if collection is not None:
            return collection.children
        dictionary = element.first("DCT")
        if dictionary is None:
            return None
        pairs = (entry.children for entry in dictionary.children)
        return [child for pair in pairs for child in pair if child.attributes.get("N") == "Value"]

    def _resolved(self, element: _Element) -> _Element:
        if element.tag != "Ref":
            return element
        number = element.attributes.get("RefId", "")
        if number not in self._objects:
            raise ValueProblem(f"refers to an object {number[:20]} that it does not hold", _REMEDY)
        return self._objects[number]

    def _types_of(self, element: _Element) -> tuple[str, ...]:
        names = element.first("TN")
        if names is not None:
            return _type_names(names)
        reference = element.first("TNRef")
        return () if reference is None else self._types.get(reference.attributes.get("RefId", ""), ())

    def _properties(self, element: _Element) -> dict[str, Plain]:
        """Those of the type, and those that were added to the object (note properties), which come second."""
        found: dict[str, Plain] = {}
        for group in element.children:
            if group.tag in ("Props", "MS"):
                for child in group.children:
                    found[_unescaped(child.attributes.get("N", ""))] = self._plain(child)
        return found

    def _plain(self, element: _Element) -> Plain:
        element = self._resolved(element)
        if element.tag != "Obj":
            return _primitive(element)
        types = self._types_of(element)
        collection = element.first(*_COLLECTIONS)
        if collection is not None:
            return [self._text(child) for child in collection.children]
        primitive = element.first(*_PRIMITIVES)
        if primitive is not None and "System.Enum" not in types:
            return _primitive(primitive)
        return self._text(element)

    def _text(self, element: _Element) -> str:
        element = self._resolved(element)
        if element.tag != "Obj":
            value = _primitive(element)
            return value if isinstance(value, str) else _shown(value)
        types = self._types_of(element)
        if "System.Management.Automation.PSCredential" in types:
            return self._user_name(element)
        shown = element.first("ToString")
        if shown is not None:
            return _unescaped(shown.text)
        primitive = element.first(*_PRIMITIVES)
        return _shown(_primitive(primitive)) if primitive is not None else (types[0] if types else "")

    def _user_name(self, credential: _Element) -> str:
        properties = credential.first("Props")
        children = properties.children if properties is not None else []
        return next((_unescaped(child.text) for child in children if child.attributes.get("N") == "UserName"), "")


def _type_names(element: _Element) -> tuple[str, ...]:
    names = (_unescaped(child.text) for child in element.children if child.tag == "T")
    return tuple(name.removeprefix("Deserialized.") for name in names)


def _shown(value: Plain) -> str:
    """As PowerShell's conversion to text shows it."""
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value)


def _unescaped(text: str) -> str:
    """Characters that XML cannot hold are written as _xHHHH_, two of them where UTF-16 needs two."""
    if "_x" not in text:
        return text
    decoded = _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), text)
    return decoded.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _primitive(element: _Element) -> Plain:
    text = element.text
    if element.tag == "Nil":
        return None
    if element.tag == "SS":
        return "System.Security.SecureString"
    try:
        if element.tag == "B":
            return {"true": True, "false": False, "1": True, "0": False}[text.strip().lower()]
        if element.tag in _WHOLE_NUMBERS:
            return int(text)
        if element.tag == "C":
            return chr(int(text))
        if element.tag == "BA":
            return [str(byte) for byte in base64.b64decode(text)]
    except (KeyError, ValueError, OverflowError):
        raise ValueProblem(f"holds <{element.tag}> with a value that is none", _REMEDY, text[:40]) from None
    if element.tag == "DT":
        return _date(text)
    if element.tag == "TS":
        return _span(text)
    return _unescaped(text)


def _date(text: str) -> str:
    """In UTC. A time without a zone stays as it is: nobody knows whose it was."""
    found = _DATE.match(text)
    if not found:
        return text
    moment = datetime.datetime.fromisoformat(found.group(1) + found.group(3).replace("Z", "+00:00"))
    try:
        moment = moment.astimezone(datetime.timezone.utc)
    except OverflowError:  # the first and the last day of the calendar stand for never
        return text
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{(found.group(2) or '').ljust(7, '0')}Z"


def _span(text: str) -> str:
    """ISO 8601 (PT10M), as TimeSpan shows it: [-][d.]hh:mm:ss[.fffffff]."""
    found = _SPAN.match(text)
    if not found:
        return text
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:5])
    hours, minutes = hours + (minutes + seconds // 60) // 60, (minutes + seconds // 60) % 60
    days, hours, seconds = days + hours // 24, hours % 24, seconds % 60
    fraction = f".{found.group(6).ljust(7, '0')}" if found.group(6) else ""
    return f"{found.group(1)}{f'{days}.' if days else ''}{hours:02}:{minutes:02}:{seconds:02}{fraction}"
