"""A file of people's labels, CSV or JSON Lines, read line by line: what each line says, or why it cannot be read.

UTF-8 with or without a BOM; lines end with LF or CRLF. No field holds a line break, so a line is a label, and a mistake
in one spoils no other.
"""

from __future__ import annotations

import codecs
import csv
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

REQUIRED = ("item_id", "dimension", "label", "annotator")
# What a sheet may show beside, for whoever labels; it is not read.
SHOWN = ("kind", "day", "user_id", "text", "category", "persona", "why")
NAMES = (*REQUIRED, "comment", *SHOWN)


@dataclass(frozen=True)
class GivenLabel:
    """What a line says, nothing of it checked."""

    line: int
    item_id: str
    dimension: str
    label: str
    annotator: str
    comment: str | None


@dataclass(frozen=True)
class Problem:
    """What is wrong with a line, and what to do."""

    line: int
    sentence: str


class Unreadable(Exception):
    """A line that says nothing: not of its format, or a field is missing."""


Reading = tuple[list[GivenLabel], list[Problem]]


def read_csv(content: bytes) -> Reading:
    """Labels and problems of a CSV file: commas, a header, fields quoted where they hold a comma or a quotation mark.

    Without a usable header nothing else is read.
    """
    header: Sequence[str] = ()
    labels: list[GivenLabel] = []
    problems: list[Problem] = []
    for number, raw in _lines(content):
        try:
            fields = _csv_fields(_text(raw))
            if header:
                labels.append(_label(number, _named(header, fields)))
            else:
                header = _header(fields)
        except Unreadable as error:
            problems.append(Problem(number, str(error)))
            if not header:
                break
    return labels, problems or _of_nothing(labels)


def read_json_lines(content: bytes) -> Reading:
    """Labels and problems of a JSON Lines file: one object a line, its values text."""
    labels: list[GivenLabel] = []
    problems: list[Problem] = []
    for number, raw in _lines(content):
        try:
            labels.append(_label(number, _json_fields(_text(raw))))
        except Unreadable as error:
            problems.append(Problem(number, str(error)))
    return labels, problems or _of_nothing(labels)


def _of_nothing(labels: Sequence[GivenLabel]) -> list[Problem]:
    return [] if labels else [Problem(1, "the file holds no label: write one a line")]


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbers from 1 and bytes of the lines that are not blank. In UTF-8 no other sign contains a line feed's byte."""
    for number, raw in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        if raw.strip():
            yield number, raw.removesuffix(b"\r")


def _text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is no UTF-8: save the file as UTF-8"
        ) from error
    if "\r" in text:
        raise Unreadable("holds a carriage return: end lines with LF or CRLF")
    return text


def _csv_fields(text: str) -> list[str]:
    try:
        (fields,) = csv.reader([text], strict=True)
    except csv.Error as error:
        raise Unreadable(
            "is no CSV: close every quotation mark on its line, write one inside a quoted field twice, and put "
            "nothing between a closing one and the comma"
        ) from error
    return fields


def _header(fields: Sequence[str]) -> list[str]:
    names = [name.strip() for name in fields]
    if missing := [name for name in REQUIRED if name not in names]:
        raise Unreadable(
            f"the column {', '.join(missing)} is missing: the first line names the columns, separated by commas, and "
            f"{', '.join(REQUIRED)} are needed"
        )
    _refuse_other_names(names)
    return names


def _refuse_other_names(names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if name not in NAMES:
            raise Unreadable(f"{shown(name)} is unknown here: take it out; what may be there is {', '.join(NAMES)}")
        if name in names[:number]:
            raise Unreadable(f"{name} is there twice: keep one of them")


def _named(header: Sequence[str], fields: Sequence[str]) -> dict[str, Any]:
    if len(fields) != len(header):
        raise Unreadable(
            f"has {len(fields)} fields and the header {len(header)}: give every column its field, and quote a field "
            "that holds a comma"
        )
    return dict(zip(header, fields, strict=True))


def _json_fields(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_pairs)
    except (ValueError, RecursionError) as error:
        raise Unreadable('is no JSON: write one object a line, such as {"item_id": "...", "dimension": ...}') from error
    if not isinstance(found, dict):
        raise Unreadable(f"is no JSON object: write one a line, with the fields {', '.join(REQUIRED)}")
    _refuse_other_names(list(found))
    for name in (*REQUIRED, "comment"):
        value = found.get(name) or ""
        if not isinstance(value, str):
            raise Unreadable(f"{name} is no text: put it in quotation marks")
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            raise Unreadable(f"{name} holds half a character (\\uD800 to \\uDFFF alone): write it whole")
    return found


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise Unreadable("a field is there twice: keep one of them")
    return dict(pairs)


def _label(line: int, fields: Mapping[str, Any]) -> GivenLabel:
    given = {name: str(fields.get(name) or "").strip(" ") for name in (*REQUIRED, "comment")}
    if missing := [name for name in REQUIRED if not given[name]]:
        raise Unreadable(f"has no {', '.join(missing)}: fill it in, or leave the line out")
    # One name in two encodings would be two annotators.
    annotator = unicodedata.normalize("NFC", given["annotator"])
    return GivenLabel(line, given["item_id"], given["dimension"], given["label"], annotator, given["comment"] or None)


def shown(text: str, longest: int = 40) -> str:
    """A stranger's text in a sentence: quoted, capped, what could steer a terminal as an escape."""
    return repr(text if len(text) <= longest else f"{text[: longest - 3]}...")
