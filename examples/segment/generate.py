"""Generate a small sample of track events by Segment's e-commerce specification.

``python examples/segment/generate.py [FOLDER]`` writes three days of a made-up book and tea shop as JSON Lines. Nobody
did any of it: it is invented and seeded, good for trying things, not for measuring them.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

DAYS = tuple(date(2024, 3, day) for day in (11, 12, 13))
PEOPLE, EVENTS_A_DAY = 8, 40
CATALOG = (
    ("b-1", "The Lighthouse Keeper's Garden", "Novels", "Harbour Press", 12.0),
    ("b-2", "Bread for Beginners", "Cookbooks", "Harbour Press", 24.0),
    ("b-3", "A Field Guide to Moss", "Nature", "Fern & Son", 18.5),
    ("b-4", "Night Trains", "Novels", "Fern & Son", 14.0),
    ("t-1", "Assam leaf tea 250 g", "Black tea", None, 9.9),
    ("t-2", "Jasmine green tea 100 g", "Green tea", None, 8.5),
    ("t-3", "Peppermint tea 100 g", "Herbal tea", None, 5.5),
    ("t-4", "Tea strainer", "Accessories", None, 7.0),
)
SEARCHES = ("moss", "Green Tea", "gift for bakers", "night trains")
KINDS = (
    "Product Viewed",
    "Product Clicked",
    "Product Added",
    "Order Completed",
    "Products Searched",
    "page",
    "identify",
)
WEIGHTS = (28, 8, 16, 14, 10, 18, 6)


def product(number: int, quantity: int | None = None) -> dict[str, Any]:
    code, name, category, brand, price = CATALOG[number]
    found = {"product_id": code, "name": name, "category": category, "brand": brand, "price": price}
    return {key: value for key, value in {**found, "quantity": quantity}.items() if value is not None}


def properties(kind: str, number: int, chance: random.Random) -> dict[str, Any]:
    """What the specification has of an event of that kind."""
    some = chance.sample(range(len(CATALOG)), chance.randint(1, 3))
    if kind == "Order Completed":
        products = [product(n, chance.choice((1, 1, 2))) for n in some]
        revenue = round(sum(one["price"] * one["quantity"] for one in products), 2)
        return {"order_id": f"o-{number}", "currency": "EUR", "revenue": revenue, "products": products}
    if kind == "Products Searched":
        return {"query": chance.choice(SEARCHES)}
    return product(some[0], 1 if kind == "Product Added" else None)


def events(day: date, chance: random.Random) -> Iterator[dict[str, Any]]:
    """A day's calls, in the order in which they happened."""
    seconds = sorted(chance.randrange(86_400) for _ in range(EVENTS_A_DAY))
    for number, second in enumerate(seconds):
        kind, person = chance.choices(KINDS, WEIGHTS)[0], chance.randrange(PEOPLE)
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
        track = kind not in ("page", "identify")
        call: dict[str, Any] = {
            "messageId": f"ajs-{UUID(int=chance.getrandbits(128))}",
            "type": "track" if track else kind,
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "receivedAt": (moment + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "anonymousId": str(UUID(int=person)).replace("00000000-", "5e9f00d1-", 1),
            "userId": f"reader-{person}" if person % 2 else None,
            "context": {"locale": "en-GB", "library": {"name": "analytics.js", "version": "2.11.1"}},
        }
        if track:
            call |= {"event": kind, "properties": properties(kind, number, chance)}
        elif kind == "page":
            call |= {"name": "Home", "properties": {"path": "/"}}
        else:
            call |= {"traits": {"plan": "none"}}
        yield call


def day_of(day: date) -> list[dict[str, Any]]:
    """A day's calls with what real streams have, too: one twice, an order without products, an event of the shop's own,
    a line that broke off."""
    calls = list(events(day, random.Random(day.toordinal())))
    first = next(call for call in calls if call["type"] == "track")
    calls.append(first)
    calls.append({**first, "messageId": f"{day}-1", "event": "Order Completed", "properties": {"products": []}})
    calls.append({**first, "messageId": f"{day}-2", "event": "Tea Quiz Finished", "properties": {"score": 3}})
    return calls


def main(folder: Path) -> None:
    (folder / "jsonl").mkdir(parents=True, exist_ok=True)
    for day in DAYS:
        lines = [json.dumps(call, separators=(",", ":")) for call in day_of(day)]
        lines.append(lines[0][:120])
        (folder / "jsonl" / f"{day}.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
