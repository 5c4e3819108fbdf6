"""A file of accounts as comma-separated values: read a line at a time, each line good or bad by itself."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from idp.accounts.identifier import comparable

MAX_LINE = 16_384
"""Bytes of one line."""

MAX_VALUE = 254
"""Characters of one attribute."""

_NAME_LENGTH = 120
_NEEDED = ("identifier", "name", "profile")
_HASH = "password_hash"
_BOM = b"\xef\xbb\xbf"
_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet left behind, or would compute when somebody opens an extract."""
_NO_FORMULA = (_HASH, "phone_number")
_MAIL = re.compile(r"[^\s@,;<>()\"]{1,64}@[^\s@,;<>()\"]{1,185}\.[^\s@,;<>()\".]{2,}")
_PHONE = re.compile(r"\+[1-9][0-9]{5,14}")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Row:
    """One good line. ``phc`` is ``None`` where the account gets no password yet."""

    line: int
    identifier: str
    """Comparable."""
    name: str
    profile: str
    phc: str | None
    attributes: Mapping[str, object]


class BadLine(Exception):
    """What is wrong at a line. The text never repeats what stands there."""

    def __init__(self, line: int, column: str, expected: str) -> None:
        super().__init__(f"{line}: {column}: {expected}")
        self.line = line


@dataclass(frozen=True)
class Expected:
    """What the file is measured by."""

    profiles: Collection[str]
    attributes: Collection[str]
    """The claims that may be columns."""
    accepts: Callable[[str], bool]
    """Says whether a password hash can be verified."""


class AccountFile:
    """The lines of one file. A line is a row: fields have no line break, and a broken quote spoils its line only.

    Identifiers stay in memory to find those that come twice (100 bytes each); nothing else does.
    """

    def __init__(self, file: BinaryIO, expected: Expected) -> None:
        """Read the header. Raises ``BadLine`` when no row could be understood."""
        self.bytes_read = 0
        self._file = file
        self._expected = expected
        self._number = 0
        self._first_at: dict[str, int] = {}
        header = self._line() or b""
        self._delimiter, self._columns = _header(header.removeprefix(_BOM), expected.attributes)

    def __iter__(self) -> Iterator[Row | BadLine]:
        """Yield every line but blank ones."""
        while (raw := self._line()) is not None:
            try:
                if raw.strip():
                    yield self._row(raw)
            except BadLine as bad:
                yield bad

    def _line(self) -> bytes | None:
        raw = self._file.readline(MAX_LINE + 1)
        if not raw:
            return None
        self._number += 1
        self.bytes_read += len(raw)
        rest = raw
        while len(raw) > MAX_LINE and rest and not rest.endswith(b"\n"):
            rest = self._file.readline(MAX_LINE)
            self.bytes_read += len(rest)
        return raw

    def _row(self, raw: bytes) -> Row:
        cells = self._cells(raw)
        for column, cell in cells.items():
            if not cell.isprintable() or (column not in _NO_FORMULA and cell.startswith(_FORMULA)):
                raise self._bad(column, "visible characters, and none of =, +, -, @ in front")
        identifier = comparable(cells["identifier"])
        if identifier is None:
            raise self._bad("identifier", "1 to 64 visible characters")
        if not 1 <= len(cells["name"]) <= _NAME_LENGTH:
            raise self._bad("name", f"1 to {_NAME_LENGTH} characters")
        if cells["profile"] not in self._expected.profiles:
            raise self._bad("profile", f"one of {', '.join(self._expected.profiles)}")
        phc = cells.get(_HASH) or None
        if phc is not None and not self._expected.accepts(phc):
            raise self._bad(_HASH, "nothing, or a hash that can be verified")
        attributes = {
            column: self._attribute(column, cell)
            for column, cell in cells.items()
            if cell and column not in (*_NEEDED, _HASH)
        }
        first_at = self._first_at.setdefault(identifier, self._number)
        if first_at != self._number:
            raise self._bad("identifier", f"one that no other line has, line {first_at} has it")
        return Row(self._number, identifier, cells["name"], cells["profile"], phc, attributes)

    def _cells(self, raw: bytes) -> dict[str, str]:
        if len(raw) > MAX_LINE:
            raise self._bad("line", f"at most {MAX_LINE} bytes")
        try:
            cells = _split(raw, self._delimiter)
        except UnicodeDecodeError:
            raise self._bad("line", "UTF-8 text") from None
        except csv.Error:
            raise self._bad(
                "line", "a closing quote before the delimiter, and no line break in a field"
            ) from None
        if len(cells) != len(self._columns):
            raise self._bad("line", f"{len(self._columns)} columns, found {len(cells)}")
        return dict(zip(self._columns, map(_tidy, cells), strict=True))

    def _attribute(self, column: str, cell: str) -> object:
        if len(cell) > MAX_VALUE:
            raise self._bad(column, f"at most {MAX_VALUE} characters")
        try:
            return _value(column, cell)
        except ValueError as error:
            raise self._bad(column, str(error)) from None

    def _bad(self, column: str, expected: str) -> BadLine:
        return BadLine(self._number, column, expected)


def _header(raw: bytes, attributes: Collection[str]) -> tuple[str, list[str]]:
    for delimiter in (",", ";"):
        try:
            columns = [_tidy(cell) for cell in _split(raw, delimiter)]
        except UnicodeDecodeError:
            raise BadLine(1, "header", "UTF-8 text") from None
        except csv.Error:
            continue
        if set(_NEEDED) <= set(columns):
            break
    else:
        raise BadLine(1, "header", f"{', '.join(_NEEDED)}, between , or ;")
    known = (*_NEEDED, _HASH, *sorted(attributes))
    for place, column in enumerate(columns):
        if column not in known:
            raise BadLine(1, f"column {place + 1}", f"one of {', '.join(known)}")
        if column in columns[:place]:
            raise BadLine(1, column, "each column once")
    return delimiter, columns


def _split(raw: bytes, delimiter: str) -> list[str]:
    text = raw.decode("utf-8").rstrip("\r\n")
    return next(csv.reader([text], delimiter=delimiter, strict=True), [])


def _tidy(cell: str) -> str:
    return " ".join(unicodedata.normalize("NFC", cell).split())


def _value(column: str, cell: str) -> object:
    """Return what the provider keeps. Checked is what it acts on. Raises ``ValueError`` saying what is expected."""
    if column.endswith("_verified"):
        if cell.lower() not in _BOOLEANS:
            raise ValueError("true or false")
        return _BOOLEANS[cell.lower()]
    if column == "address":
        return {"formatted": cell}
    if column == "email" and not _MAIL.fullmatch(cell):
        raise ValueError("a mail address")
    if column == "phone_number":
        cell = re.sub(r"[ ().-]", "", cell)
        if not _PHONE.fullmatch(cell):
            raise ValueError("a number with its country, such as +37799000000")
    if column == "locale" and not re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", cell):
        raise ValueError("a language, such as fr or fr-MC")
    if column == "birthdate" and not _is_day(cell):
        raise ValueError("a day, such as 1984-07-21")
    return cell


def _is_day(cell: str) -> bool:
    try:
        return date.fromisoformat(cell).isoformat() == cell
    except ValueError:
        return False
