"""Generate the log of a second, small shop: clicks, carts and searches, which the demo log does not have.

``python examples/second_shop/generate.py FOLDER [--days 30] [--users 40]`` writes a made-up outdoor shop's files, the
log both as CSV and as JSON Lines, with a source file for each. It is invented and seeded: good for trying things,
not for measuring them.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

LAST_DAY = date(2017, 11, 1)
CATALOG: dict[tuple[str, str], tuple[str, ...]] = {
    ("camping", "tents"): ("two person tunnel tent", "family dome tent", "ultralight tarp"),
    ("camping", "sleeping bags"): ("down sleeping bag", "kids sleeping bag", "summer quilt"),
    ("camping", "cooking"): ("gas stove", "titanium pot", "insulated mug"),
    ("clothing", "jackets"): ("waterproof hiking jacket", "warm down jacket", "softshell jacket"),
    ("clothing", "base layers"): ("merino wool shirt", "thermal leggings"),
    ("clothing", "gloves"): ("lined leather gloves", "thin running gloves"),
    ("footwear", "hiking boots"): ("leather hiking boots", "light trail shoes"),
    ("climbing", "ropes"): ("dynamic single rope", "static rope"),
    ("climbing", "harnesses"): ("adjustable climbing harness", "kids harness"),
    ("cycling", "lights"): ("rechargeable front light", "rear light"),
    ("cycling", "helmets"): ("ventilated road helmet", "kids bike helmet"),
}
# What the shop calls our actions; its clicks and page views are landed but enter no context.
ACTIONS = ("view", "click", "wishlist", "add_to_cart", "order")
WEIGHTS = (40, 25, 5, 12, 8)
FIELDS = ("time", "customer", "event", "sku", "search_text", "pieces", "price", "visit")


def catalog() -> list[dict[str, str]]:
    """The shop's items; it has no brands."""
    return [
        {"sku": f"S{number:03d}", "title": title, "department": path[0], "type": path[1]}
        for number, (path, title) in enumerate((path, title) for path, titles in CATALOG.items() for title in titles)
    ]


def events(day: date, users: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """One day's events, ordered by time. Each customer keeps to two kinds of things."""
    items = catalog()
    rows = []
    for user in range(users):
        taste = random.Random(user).sample(sorted(CATALOG), 2)
        liked = [item for item in items if (item["department"], item["type"]) in taste]
        for _ in range(chance.choice((0, 0, 2, 4, 8))):
            moment = datetime.combine(day, datetime.min.time()) + timedelta(seconds=chance.randrange(86_400))
            row: dict[str, Any] = {
                "time": moment.strftime("%d.%m.%Y %H:%M:%S"),
                "customer": f"customer-{user}",
                "event": chance.choices(ACTIONS, WEIGHTS)[0],
                "sku": chance.choice(liked if chance.random() < 0.8 else items)["sku"],
                "search_text": None,
                "pieces": None,
                "price": None,
                "visit": f"{day}-{user}",
            }
            if row["event"] == "order":
                row |= {"pieces": chance.choice((1, 1, 2)), "price": chance.randrange(10, 300)}
            if chance.random() < 0.12:
                row |= {"event": "search", "sku": None, "search_text": chance.choice(liked)["title"]}
            rows.append(row)
    yield from sorted(rows, key=lambda row: (datetime.strptime(row["time"], "%d.%m.%Y %H:%M:%S"), row["customer"]))


def write_table(path: Path, rows: list[dict[str, Any]], fields: tuple[str, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(rows)


def generate(folder: Path, days: int, users: int) -> None:
    """Write the whole shop below a folder."""
    chance = random.Random(20171101)
    write_table(folder / "items.csv", catalog(), ("sku", "title", "department", "type"))
    write_table(
        folder / "customers.csv",
        [
            {"customer": f"customer-{u}", "city": random.Random(u).choice(("Graz", "Linz", "Wien"))}
            for u in range(users)
        ],
        ("customer", "city"),
    )
    (folder / "jsonl").mkdir(parents=True, exist_ok=True)
    for number in reversed(range(days)):
        day = LAST_DAY - timedelta(days=number)
        rows = list(events(day, users, chance))
        write_table(folder / "csv" / f"{day}.csv", rows, FIELDS)
        lines = (json.dumps({name: value for name, value in row.items() if value is not None}) for row in rows)
        (folder / "jsonl" / f"{day}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    for name in ("csv.toml", "jsonl.toml", "evaluation.toml"):
        shutil.copyfile(Path(__file__).with_name(name), folder / name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--days", type=int, default=30, help=f"days until {LAST_DAY} (default 30)")
    parser.add_argument("--users", type=int, default=40, help="customers (default 40)")
    arguments = parser.parse_args()
    generate(arguments.folder, arguments.days, arguments.users)
    print(f"Wrote {arguments.days} days of {arguments.users} customers to {arguments.folder}")
