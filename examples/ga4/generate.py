"""Generate a small sample in the form of Google Analytics 4's export to BigQuery, exported from there.

``python examples/ga4/generate.py [FOLDER]`` writes three days of a made-up kitchen shop, as Parquet and as JSON Lines.
Nobody did any of it: it is invented and seeded, good for trying things, not for measuring them. The fields are those
of the export's schema that matter here, and some that do not.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

DAYS = tuple(date(2024, 3, day) for day in (11, 12, 13))
PEOPLE, EVENTS_A_DAY = 8, 36
ZONE = ZoneInfo("Europe/Berlin")
NAME = "events-000000000000"
CATALOG = (
    ("K-100", "Cast iron pan 28 cm", "Cookware", "Pans", 59.9),
    ("K-101", "Steel sauce pan 1.5 l", "Cookware", "Pans", 34.5),
    ("K-110", "Stock pot 8 l", "Cookware", "Pots", 79.0),
    ("K-200", "Chef's knife 20 cm", "Knives", "Kitchen knives", 89.0),
    ("K-201", "Paring knife", "Knives", "Kitchen knives", 19.9),
    ("K-300", "Espresso cups, set of 4", "Tableware", "Cups", 24.0),
    ("K-301", "Stoneware bowl", "Tableware", "Bowls", 14.5),
    ("K-400", "Digital kitchen scale", "Appliances", "Scales", 29.0),
)
SEARCHES = ("cast iron", "knife set", "Espresso Cups", "scale 5kg")
KINDS = (
    "page_view",
    "session_start",
    "view_item_list",
    "view_item",
    "select_item",
    "add_to_cart",
    "purchase",
    "search",
)
WEIGHTS = (20, 8, 8, 24, 8, 12, 12, 8)

VALUE = pa.struct(
    [
        ("string_value", pa.string()),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("double_value", pa.float64()),
    ]
)
ITEM = pa.struct(
    [
        ("item_id", pa.string()),
        ("item_name", pa.string()),
        ("item_brand", pa.string()),
        ("item_category", pa.string()),
        ("item_category2", pa.string()),
        ("price", pa.float64()),
        ("quantity", pa.int64()),
        ("item_revenue", pa.float64()),
    ]
)
SCHEMA = pa.schema(
    [
        ("event_date", pa.string()),
        ("event_timestamp", pa.int64()),
        ("event_name", pa.string()),
        ("event_params", pa.list_(pa.struct([("key", pa.string()), ("value", VALUE)]))),
        ("user_id", pa.string()),
        ("user_pseudo_id", pa.string()),
        ("device", pa.struct([("category", pa.string()), ("language", pa.string())])),
        ("geo", pa.struct([("country", pa.string())])),
        ("platform", pa.string()),
        ("ecommerce", pa.struct([("transaction_id", pa.string()), ("purchase_revenue", pa.float64())])),
        ("items", pa.list_(ITEM)),
    ]
)


def parameter(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": {field.name: value.get(field.name) for field in VALUE}}


def item(number: int, kind: str, chance: random.Random) -> dict[str, Any]:
    code, name, category, category2, price = CATALOG[number]
    quantity = chance.choice((1, 1, 1, 2)) if kind in ("add_to_cart", "purchase") else None
    revenue = round(price * quantity, 2) if kind == "purchase" and quantity else None
    return {
        "item_id": code,
        "item_name": name,
        "item_brand": "(not set)",
        "item_category": category,
        "item_category2": category2,
        "price": price,
        "quantity": quantity,
        "item_revenue": revenue,
    }


def events(day: date, chance: random.Random) -> Iterator[dict[str, Any]]:
    """A day's events by the property's clock, not in order, as the export has them."""
    for number in range(EVENTS_A_DAY):
        kind = chance.choices(KINDS, WEIGHTS)[0]
        person = chance.randrange(PEOPLE)
        moment = datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(seconds=chance.randrange(86_400))
        parameters = [
            parameter("ga_session_id", int_value=1_710_000_000 + 100 * person + day.day),
            parameter("page_location", string_value="https://shop.example/"),
        ]
        if kind == "search":
            kind = "view_search_results"
            parameters.append(parameter("search_term", string_value=chance.choice(SEARCHES)))
        many = {"purchase": 3, "view_item_list": 3, "view_item": 1, "select_item": 1, "add_to_cart": 1}.get(kind, 0)
        chosen = chance.sample(range(len(CATALOG)), chance.randint(1, many)) if many else []
        items = [item(n, kind, chance) for n in chosen]
        revenue = sum(i["item_revenue"] for i in items) if kind == "purchase" else None
        yield {
            "event_date": day.strftime("%Y%m%d"),
            "event_timestamp": int(moment.astimezone(UTC).timestamp()) * 1_000_000 + number,
            "event_name": kind,
            "event_params": parameters,
            "user_id": f"customer-{person}" if person % 3 == 0 else None,
            "user_pseudo_id": f"{1_000_000_000 + person}.{1_700_000_000 + person}",
            "device": {"category": chance.choice(("mobile", "desktop")), "language": "de-de"},
            "geo": {"country": "Germany"},
            "platform": "WEB",
            "ecommerce": {"transaction_id": f"T{day.day}-{number}" if revenue else None, "purchase_revenue": revenue},
            "items": items,
        }


def day_of(day: date) -> list[dict[str, Any]]:
    """A day's events with what real exports have, too: an event twice, one that a tag lost the items of, a person
    without consent, an event of the shop's own."""
    rows = list(events(day, random.Random(day.toordinal())))
    template = rows[0]
    at = template["event_timestamp"]
    rows.append(next(row for row in rows if row["event_name"] == "view_item"))
    rows.append({**template, "event_name": "add_to_cart", "event_timestamp": at + 1_001, "items": []})
    rows.append({**template, "event_name": "newsletter_signup", "event_timestamp": at + 1_002, "items": []})
    unknown = {"user_id": None, "user_pseudo_id": None, "event_name": "view_item", "event_timestamp": at + 1_003}
    rows.append({**template, **unknown, "items": [item(0, "view_item", random.Random(0))]})
    return rows


def as_json(value: Any) -> Any:
    """As BigQuery exports JSON: integers are text, what is nothing is left out."""
    if isinstance(value, dict):
        return {name: as_json(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [as_json(one) for one in value]
    return str(value) if isinstance(value, int) else value


def main(folder: Path) -> None:
    for day in DAYS:
        rows = day_of(day)
        for form in ("parquet", "jsonl"):
            shutil.rmtree(folder / form / day.isoformat(), ignore_errors=True)
            (folder / form / day.isoformat()).mkdir(parents=True)
        table = pa.Table.from_pylist(rows, SCHEMA)
        pq.write_table(table, folder / "parquet" / day.isoformat() / f"{NAME}.parquet", compression="gzip")
        lines = "".join(json.dumps(as_json(row), separators=(",", ":")) + "\n" for row in rows)
        (folder / "jsonl" / day.isoformat() / f"{NAME}.json").write_text(lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
