"""Nobody's raw id is shown by a whole run: tables, objects, reports, logs and Airflow's database are searched for it.

A customer whose id is a canary is landed, asked about and published; on other days the canary stands in a column where
no customer belongs, and then in a whole day, which the audit stops. Minutes long, so not a part of ``make test``:
``make prove-ids`` runs it.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from lake.delta import tables
from lake.registry.days import read_day
from schemas import intents, rejected_behaviors
from spark_jobs.landing import pseudonyms
from tests.canary import found
from tests.end_to_end.airflow import ROOT, RunningAirflow

FIRST, DAY, SWAPPED_DAY = date(2017, 10, 13), date(2017, 11, 1), date(2017, 11, 2)
USERS = 40
# One of text, and one that is read as a number: as a count, as money.
CANARIES = ("Canary-7f3a9b", "77881234567")
COLUMNS = ("time", "event", "sku", "search_text", "pieces", "price", "visit")


class Shop:
    """The second shop's CSV log, rewritten in place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = ["examples/second_shop/generate.py", str(folder), "--days", "20", "--users", str(USERS)]
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True)

    def read(self, day: date) -> list[dict[str, str]]:
        with (self.folder / "csv" / f"{day}.csv").open() as file:
            return list(csv.DictReader(file))

    def write(self, day: date, rows: list[dict[str, str]]) -> None:
        with (self.folder / "csv" / f"{day}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def rename(self, customer: str, to: str) -> None:
        """Give a customer another id, in the log and in the profiles."""
        for path in [*self.folder.glob("csv/*.csv"), self.folder / "customers.csv"]:
            path.write_text("".join(_renamed(line, customer, to) for line in path.read_text().splitlines(True)))


def _renamed(line: str, customer: str, to: str) -> str:
    return ",".join(to if cell == customer else cell for cell in line.split(","))


def swapped(row: dict[str, str], column: str, canary: str) -> dict[str, str]:
    """An order whose customer stands in another column, and that column's value where the customer belongs."""
    order = {**row, "event": "order", "sku": row["sku"] or "S001", "search_text": "", "pieces": "1", "price": "9"}
    return {**order, "customer": order[column] or "boots", column: canary}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = Shop(tmp_path_factory.mktemp("source") / "shop")
    for number, canary in enumerate(CANARIES):
        made.rename(f"customer-{number}", canary)
    cases = [(column, canary) for column in COLUMNS for canary in CANARIES]
    for number, case in enumerate(cases):
        rows = made.read(FIRST + timedelta(days=number))
        made.write(FIRST + timedelta(days=number), [*rows, swapped(rows[0], *case)])
    last = {**made.read(DAY)[0], "time": SWAPPED_DAY.strftime("%d.%m.%Y 12:00:00")}
    made.write(SWAPPED_DAY, [swapped(last, *case) for case in cases])
    return made


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Iterator[RunningAirflow]:
    started = RunningAirflow(tmp_path_factory.mktemp("written"))
    started.environment |= {
        "INTENTFLOW_SOURCE__NAME": str(shop.folder / "csv.toml"),
        "INTENTFLOW_SOURCE__FIRST_DAY": str(FIRST),
        "INTENTFLOW_SOURCE__LAST_DAY": str(SWAPPED_DAY),
        "INTENTFLOW_INFERENCE__MINIMUM_EVENTS": "3",
        "INTENTFLOW_INFERENCE__MINIMUM_ACTIVE_DAYS": "1",
        "INTENTFLOW_INFERENCE__CHUNK_USERS": "20",
    }
    started.begin()
    yield started
    started.end()


@pytest.mark.proof
def test_no_part_of_a_run_shows_a_canary(airflow: RunningAirflow, shop: Shop) -> None:
    folder, said = airflow.folder, []
    for day, ends in ((DAY, 0), (SWAPPED_DAY, 1)):
        done = airflow.run("--day", str(day), "--users", str(USERS))
        said.append(done.stdout + done.stderr)
        assert done.returncode == ends, said[-1][-4000:]
    (folder / "said.txt").write_text("".join(said + airflow.said))
    assert "land.publish" in said[1]

    # They are customers like others: whoever holds the key finds them, with intents.
    key = pseudonyms.load_key(folder / "key")
    known = {pseudonyms.pseudonym(key, canary) for canary in CANARIES}
    rows: list[dict[str, Any]] = read_day(airflow.lake, intents.TABLE, str(DAY)).to_pylist()
    assert known <= {row["user_id"] for row in rows}
    assert tables.read(airflow.lake, rejected_behaviors.TABLE).num_rows >= len(COLUMNS)

    # The search finds what there is to find: the source's ids, and the pseudonyms in tables and Airflow's files.
    assert all(found(shop.folder, canary) for canary in CANARIES)
    kinds = {Path(name).suffix for one in known for name in found(folder, one)}
    assert ".parquet" in kinds
    assert any(name.endswith(".db") for name in found(folder, "daily_refresh"))
    assert any(name.endswith(".log") for name in found(folder, str(DAY)))

    assert {canary: found(folder, canary) for canary in CANARIES} == {canary: [] for canary in CANARIES}
