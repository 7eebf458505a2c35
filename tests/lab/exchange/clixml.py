# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects in the form in which PowerShell remoting carries them (CLIXML), which makes deserialised objects of them."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from .values import Text

_NAMESPACE = "http://schemas.microsoft.com/powershell/2004/04"
# Types that CLIXML has an element of its own for.
_PRIMITIVE = {"System.Guid": "G", "System.DateTime": "DT", "System.Version": "Version"}
_MULTIVALUED = "Microsoft.Exchange.Data.MultiValuedProperty`1[[System.String]]"
# What an XML text cannot hold, and the underscore of the escape itself.
_ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def serialise(objects: Sequence[Mapping[str, Any]], type_name: str) -> str:
    """One document with all objects: properties -> values of the simulator (see values.Shown)."""
    numbers = itertools.count()
    return (
        f'<Objs Version="1.1.0.1" xmlns="{_NAMESPACE}">'
        + "".join(
            _object(
                [type_name, "System.Object"],
                str(one.get("Name") or one.get("Identity") or type_name),
                "<Props>" + "".join(_value(value, name, numbers) for name, value in one.items()) + "</Props>",
                "",
                numbers,
            )
            for one in objects
        )
        + "</Objs>"
    )


def _object(types: Sequence[str], text: str, content: str, name: str, numbers: Iterator[int]) -> str:
    names = "".join(f"<T>{escape(one)}</T>" for one in types)
    shown = f"<ToString>{_text(text)}</ToString>" if text else ""
    reference = next(numbers)
    return f'<Obj{_name(name)} RefId="{reference}"><TN RefId="{reference}">{names}</TN>{shown}{content}</Obj>'


def _value(value: Any, name: str, numbers: Iterator[int]) -> str:
    if isinstance(value, Text):
        if value.type_name in _PRIMITIVE:
            return _primitive(_PRIMITIVE[value.type_name], value.string, name)
        types = [value.type_name, "System.ValueType", "System.Object"]
        return _object(types, value.string, "<Props />", name, numbers)
    if isinstance(value, (list, tuple)):
        content = "<LST>" + "".join(_value(one, "", numbers) for one in value) + "</LST>"
        return _object([_MULTIVALUED, "System.Object"], "", content, name, numbers)
    if value is None:
        return f"<Nil{_name(name)} />"
    if isinstance(value, bool):
        return _primitive("B", str(value).lower(), name)
    if isinstance(value, int):
        return _primitive("I32" if -(2**31) <= value < 2**31 else "I64", str(value), name)
    if isinstance(value, datetime.datetime):
        return _primitive("DT", value.isoformat(), name)
    return _primitive("S", str(value), name)


def _primitive(tag: str, text: str, name: str) -> str:
    return f"<{tag}{_name(name)}>{_text(text)}</{tag}>"


def _name(name: str) -> str:
    return f' N="{_text(name)}"' if name else ""


def _text(text: str) -> str:
    return escape(_ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text), {'"': "&quot;"})
