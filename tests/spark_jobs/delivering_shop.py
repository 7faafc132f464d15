"""A shop that delivers files day by day, and a lake that they are landed and published into."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lake.delta import audits, tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store.location import Lake
from schemas import behaviors, rejected_behaviors
from settings import SourceSettings
from spark_jobs.land import land
from spark_jobs.landing.sources.deliveries import Deliveries
from spark_jobs.landing.sources.description import load_description
from spark_jobs.landing.sources.files import Files

COLUMNS = ("event", "at", "user", "action", "item", "quantity")
CATALOG = "sku,title,type\n1,lined gloves,gloves\n2,wool hat,hats\n"


def purchase(at: str, user: str = "ann", item: str = "1", event: str = "", **more: Any) -> dict[str, Any]:
    return {"event": event, "at": at, "user": user, "action": "purchase", "item": item, "quantity": 1, **more}


@dataclass
class DeliveringShop:
    """Files below a folder, described by fields that stand in ``[behaviors]`` or in ``[items]``."""

    folder: Path
    behaviors: dict[str, Any] = field(default_factory=dict)
    items: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=lambda: {name: name for name in COLUMNS if name != "event"})
    first_day: str = "2017-10-01"
    last_day: str | None = None
    late_days: int = 2
    catalog: str = CATALOG
    piece_bytes: int = 2**24

    def deliver(self, name: str, rows: Sequence[Mapping[str, Any]], at: datetime | None = None) -> Path:
        """Write a file below ``log``; at: when."""
        lines = [",".join(COLUMNS), *(",".join(str(row.get(name, "")) for name in COLUMNS) for row in rows)]
        return self.put(name, "\n".join(lines) + "\n", at)

    def put(self, name: str, text: str = "", at: datetime | None = None) -> Path:
        path = self.folder / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if at:
            os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def description(self) -> Path:
        (self.folder / "items.csv").write_text(self.catalog)
        said: dict[str, Any] = {"files": "log/{day}.csv", "format": "csv", **self.behaviors}
        lines = ['name = "shop"', "[behaviors]", *(f"{name} = {_toml(value)}" for name, value in said.items())]
        lines += ["[behaviors.columns]", *(f"{ours} = {_toml(theirs)}" for ours, theirs in self.columns.items())]
        lines += ["[items]", 'files = "items.csv"', 'format = "csv"']
        lines += ['columns = { item = "sku", text = "title", path = ["type"] }']
        lines += [f"{name} = {_toml(value)}" for name, value in self.items.items()]
        path = self.folder / "source.toml"
        path.write_text("\n".join(lines))
        return path

    @property
    def settings(self) -> SourceSettings:
        return SourceSettings(
            name=str(self.description()),
            first_day=date.fromisoformat(self.first_day),
            last_day=date.fromisoformat(self.last_day) if self.last_day else None,
            late_days=self.late_days,
            pseudonym_key=self.folder / "key",
        )

    def source(self) -> Files:
        settings = self.settings
        return Files(Path(settings.name), settings.late_days, settings.first_day, settings.last_day, self.piece_bytes)

    def deliveries(self) -> Deliveries:
        settings, source = self.settings, self.source()
        described = load_description(Path(settings.name)).behaviors
        return Deliveries(
            self.folder,
            described,
            settings.first_day,
            settings.last_day,
            settings.late_days,
            lambda day: bool(source._has_rows_after(day)),
        )

    def land(self, lake: Lake, first: str, last: str | None = None, **how: Any) -> dict[str, Any]:
        """Land days, see that the counts add up and that every row is of its day, and publish whatever was staged."""
        begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
        manifest = land(lake, self.source(), begin, end, self.settings, 2, **how)
        batches = [Batch.load(lake, path) for path in manifest["batches"]]
        co_audited = audits.co_audited(batches)
        for part in (part for batch in batches if batch.table == behaviors.TABLE.name for part in batch.partitions):
            metrics = part.metrics
            beside = sum(metrics[f"rows_{name}"] for name in ("rejected", "anonymous", "ignored", "duplicate"))
            assert (metrics["rows_in"], metrics["rows_outside_day"]) == (part.rows + beside, 0)
        for batch in batches:
            audits.record(lake, batch, {"success": True, "co_audited": co_audited[batch.digest], "failed": []})
        publish(lake, batches)
        return manifest


def landed(lake: Lake, day: str | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tables.read(lake, behaviors.TABLE, day).to_pylist()
    return rows


def rejected(lake: Lake, day: str | None = None) -> dict[str, int]:
    """Copies by rule."""
    found: dict[str, int] = {}
    for row in tables.read(lake, rejected_behaviors.TABLE, day).to_pylist():
        found[row["rule"]] = found.get(row["rule"], 0) + row["copies"]
    return found


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }"
    return json.dumps(value)
