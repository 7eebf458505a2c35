# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a cdb file whole, because postmap(1) cannot list one before Postfix 3.10.

The format (cr.yp.to/cdb/cdb.txt): 256 pairs (position, slots) of hash tables, then the records, each key length, data
length, key, data, then the hash tables. All numbers are unsigned 32 bit, little-endian.
"""

from __future__ import annotations

import struct

__all__ = ["read_cdb"]

_HEADER = struct.Struct("<512I")
_LENGTHS = struct.Struct("<II")


def read_cdb(data: bytes) -> dict[str, str]:
    """Every record of a cdb file; of a key that comes twice the first counts. Raises ValueError for a damaged file."""
    if len(data) < _HEADER.size:
        raise ValueError("the file is shorter than its header")
    header = _HEADER.unpack_from(data)
    end = min(header[0::2])
    tables_end = max(position + 8 * slots for position, slots in zip(header[0::2], header[1::2]))
    if not _HEADER.size <= end <= len(data) or tables_end != len(data):
        raise ValueError("the file's length does not fit its header")
    entries: dict[str, str] = {}
    position = _HEADER.size
    while position < end:
        if position + _LENGTHS.size > end:
            raise ValueError("a record is cut off")
        key_length, value_length = _LENGTHS.unpack_from(data, position)
        position += _LENGTHS.size
        if position + key_length + value_length > end:
            raise ValueError("a record is cut off")
        value_position = position + key_length
        end_position = value_position + value_length
        entries.setdefault(_text(data[position:value_position]), _text(data[value_position:end_position]))
        position = end_position
    return entries


def _text(data: bytes) -> str:
    # Postfix stores keys and values without their final NUL here, with it on some systems (dict_cdb.c).
    return (data[:-1] if data.endswith(b"\0") else data).decode("utf-8", "surrogateescape")
