"""A folder that plays a shop of one day, in any format, and what lands of it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from settings import SourceSettings
from spark_jobs.landing.pseudonyms import pseudonym
from spark_jobs.landing.row_validation import Landing, accepted_and_rejected, validate, with_outcomes
from spark_jobs.landing.sources import Source, open_source

DAY = "2017-11-01"
KEY = b"k" * 32
FORMATS = ("csv", "jsonl", "parquet")
NAMES = ("at", "user", "action", "item", "query", "quantity", "amount", "session")
GOOD: dict[str, Any] = {
    "at": "2017-11-01T09:00:00",
    "user": "ann",
    "action": "purchase",
    "item": "1",
    "query": None,
    "quantity": "2",
    "amount": "9.5",
    "session": "s",
}


def text(format_: str, rows: Sequence[Mapping[str, Any]], names: Sequence[str] = NAMES, delimiter: str = ",") -> bytes:
    """Rows as a file. CSV has no types: what is none is empty there, and every value stands as Python writes it."""
    if format_ == "parquet":
        buffer = io.BytesIO()
        pl.DataFrame([dict(row) for row in rows], infer_schema_length=None).write_parquet(buffer)
        return buffer.getvalue()
    if format_ == "jsonl":
        return "".join(json.dumps(dict(row)) + "\n" for row in rows).encode()
    lines = [delimiter.join("" if row.get(n) is None else str(row[n]) for n in names) for row in rows]
    return "\n".join([delimiter.join(names), *lines, ""]).encode()


@dataclass
class Landed:
    """What became of rows: behaviors, rejected rows, and how many were nobody's."""

    rows_in: int
    behaviors: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    anonymous: int

    @property
    def rules(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in self.rejected:
            found[row["rule"]] = found.get(row["rule"], 0) + row["copies"]
        return found


@dataclass
class Shop:
    """Files below a folder, and a description of them whose fields are equal to ours unless said otherwise."""

    folder: Path
    format: str = "csv"
    fields: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=lambda: {name: name for name in NAMES})
    items: bytes = b"sku,title,type\n1,lined gloves,gloves\n007,secret gloves,gloves\n"
    files: str = "log/{day}*"

    def write(self, content: bytes, name: str = DAY) -> Path:
        path = self.folder / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def source(self) -> Source:
        (self.folder / "items.csv").write_bytes(self.items)
        said = {"files": self.files, "format": self.format, **self.fields}
        lines = ['name = "shop"', "[behaviors]", *(f"{name} = {_toml(value)}" for name, value in said.items())]
        lines += ["[behaviors.columns]", *(f"{ours} = {_toml(theirs)}" for ours, theirs in self.columns.items())]
        lines += ["[items]", 'files = "items.csv"', 'format = "csv"']
        lines += ['columns = { item = "sku", text = "title", path = ["type"] }']
        path = self.folder / "source.toml"
        path.write_text("\n".join(lines))
        return open_source(SourceSettings(name=str(path), last_day=None))

    def raw(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.read().to_pylist()
        return rows

    def read(self) -> pa.Table:
        source, day = self.source(), date.fromisoformat(DAY)
        return pa.concat_tables(source.read(part) for part in source.parts(day, day))

    def land(self) -> Landed:
        """Whatever a day's files hold; the sum of what becomes of it is what came in."""
        raw = self.read()
        catalog = dict.fromkeys(self.source().items()["item"].to_pylist(), "gloves")
        landing = Landing(catalog, KEY, 1_000, 50, buckets=1, late_days=2, last_day=DAY)
        validated = validate(raw, landing)
        good, bad = accepted_and_rejected(with_outcomes(validated))
        sessions = {pseudonym(KEY, one): one for one in raw["session"].to_pylist() if one is not None}
        assert set(good["session_id"].to_pylist()) <= {*sessions, None}
        nobodys = validated["rule"].to_pylist().count("anonymous")
        landed = Landed(raw.num_rows, _with_sessions(good.to_pylist(), sessions), bad.to_pylist(), nobodys)
        assert landed.rows_in == good.num_rows + sum(landed.rules.values()) + nobodys
        return landed


def _with_sessions(rows: list[dict[str, Any]], sessions: Mapping[str, str]) -> list[dict[str, Any]]:
    """The shop's sessions in place of their pseudonyms, for whoever tells rows apart by them."""
    return [{**row, "session_id": sessions.get(row["session_id"])} for row in rows]


def _toml(value: Any) -> str:
    return json.dumps(value)


def moment(hour: int, minute: int = 0, second: int = 0, microsecond: int = 0) -> datetime:
    return datetime(2017, 11, 1, hour, minute, second, microsecond, tzinfo=UTC)
