"""Land one large CSV file through the real job: ``python -m bench.landing [--rows 20000000]``.

The file is made by a seed: a year of a shop in one file, a twentieth of its rows searches with quoted texts, one line
in ten thousand broken. ``spark_jobs.land`` reads, validates and stages it on two Spark workers. Beside it Polars, which
refuses a file with an unclosed quote, reads the same rows, whole lines in place of the broken ones, into memory as
text; and our reader alone makes raw behaviors of the file in one thread.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil

from bench.lakes.steps import FOLDER, run_step
from runtime import atomic
from runtime.entry import run_command
from runtime.errors import UsageError
from settings import SourceSettings, load_settings
from spark_jobs.landing.sources import open_source

log = logging.getLogger("intentflow")

THREADS = 2
FIRST, LAST = date(2017, 1, 1), date(2017, 12, 31)
USERS, ITEMS, CATEGORIES = 200_000, 20_000, 300
ROWS_A_CHUNK = 500_000
ONE_BROKEN_IN = 10_000
GOOD_LINES = "good_lines.csv"
BROKEN = (
    b'2017-05-05 05:05:05,7,"view,1,,1,1.0,s',
    b"2017-05-05 05:05:05,7,view",
    b"2017-05-05 05:05:05,\xff,view,1,,1,1.0,s",
)
SOURCE = """
name = "bench-landing"
[behaviors]
files = "log.csv"
format = "csv"
[behaviors.columns]
user = "user"
at = "at"
action = "action"
item = "item"
query = "query"
quantity = "quantity"
amount = "amount"
session = "session"
[items]
files = "items.csv"
format = "csv"
columns = { item = "item", text = "text", path = ["category"] }
"""


def chunk(seed: int, rows: int, first: int, last: int) -> pl.DataFrame:
    """Rows of a shop in the order of their times, which are between two seconds of the year."""
    chance = np.random.default_rng(seed)
    action = pl.Series(
        chance.choice(["view", "click", "cart", "purchase", "search"], rows, p=[0.5, 0.25, 0.12, 0.08, 0.05])
    )
    numbers = pl.DataFrame(
        {
            "second": np.sort(chance.integers(first, last, rows)),
            # Few users do most.
            "user": (USERS * chance.random(rows) ** 2).astype(np.int64),
            "action": action,
            "item": 1 + (ITEMS * chance.random(rows) ** 2).astype(np.int64),
            "quantity": chance.integers(1, 4, rows),
            "cents": chance.integers(99, 20_000, rows),
        }
    )
    searched = pl.col("action") == "search"
    beginning = datetime.combine(FIRST, datetime.min.time())
    return numbers.select(
        at=(pl.lit(beginning) + pl.duration(seconds="second")).dt.strftime("%Y-%m-%d %H:%M:%S"),
        user=pl.format("customer-{}", "user"),
        action="action",
        item=pl.when(~searched).then("item").cast(pl.String),
        query=pl.when(searched).then(pl.format('thing {}, "new"', pl.col("item") % 2_000)),
        quantity="quantity",
        amount=pl.col("cents") / 100,
        session=pl.format("s{}-{}", "user", pl.col("second") // 86_400),
    )


def make(folder: Path, rows: int, seed: int) -> tuple[Path, int]:
    """The shop's files, made when they are not there; returns the log and how many of its lines are broken."""
    log_file, mark = folder / "log.csv", folder / "made.json"
    broken = rows // ONE_BROKEN_IN
    if not mark.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "source.toml").write_text(SOURCE)
        numbers = pl.Series("item", range(1, ITEMS + 1))
        items = numbers.to_frame().with_columns(
            text=pl.format("thing number {}", "item"), category=pl.format("kind {}", pl.col("item") % CATEGORIES)
        )
        items.write_csv(folder / "items.csv")
        seconds = ((LAST - FIRST).days + 1) * 86_400
        with log_file.open("wb") as file, (folder / GOOD_LINES).open("wb") as good:
            for begin in range(0, rows, ROWS_A_CHUNK):
                end = min(begin + ROWS_A_CHUNK, rows)
                made = chunk(seed + begin, end - begin, seconds * begin // rows, seconds * end // rows)
                text = made.write_csv(include_header=begin == 0)
                good.write(text.encode())
                lines = text.encode().splitlines(keepends=True)
                for place in range(ONE_BROKEN_IN - 1, end - begin, ONE_BROKEN_IN):
                    lines[place + (begin == 0)] = BROKEN[place // ONE_BROKEN_IN % len(BROKEN)] + b"\n"
                file.writelines(lines)
                log.info("%s of %s rows are written.", f"{end:,}", f"{rows:,}")
        atomic.write(mark, json.dumps({"rows": rows, "seed": seed}).encode())
    return log_file, broken


@contextmanager
def peaks_of_workers() -> Iterator[dict[int, float]]:
    """The largest resident memory that each Python worker of Spark had, in MB, by process."""
    peaks: dict[int, float] = {}
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(0.2):
            for child in psutil.Process().children(recursive=True):
                try:
                    if any("pyspark" in word and "daemon" in word for word in child.cmdline()):
                        status = Path(f"/proc/{child.pid}/status").read_text()
                        kilobytes = next(
                            int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")
                        )
                        peaks[child.pid] = max(peaks.get(child.pid, 0.0), kilobytes / 1024)
                except (psutil.Error, OSError, StopIteration):
                    continue

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        finished.set()
        watcher.join()


def land(folder: Path) -> tuple[dict[str, Any], float, dict[int, float]]:
    """The real job on a lake of its own; returns its manifest, its seconds, and its workers' peaks."""
    lake = folder / "lake"
    shutil.rmtree(lake, ignore_errors=True)
    environment = {
        "INTENTFLOW_SOURCE__NAME": str(folder / "source.toml"),
        "INTENTFLOW_SOURCE__PSEUDONYM_KEY": str(folder / "pseudonym.key"),
        "INTENTFLOW_SPARK__MASTER": f"local[{THREADS}]",
        "INTENTFLOW_SPARK__IN_PROCESS_ROWS": "0",
        "INTENTFLOW_SOURCE__FIRST_DAY": FIRST.isoformat(),
        "INTENTFLOW_SOURCE__LAST_DAY": LAST.isoformat(),
    }
    started = time.monotonic()
    with peaks_of_workers() as peaks:
        manifest = run_step(
            "spark_jobs.land",
            "--from",
            FIRST.isoformat(),
            "--to",
            LAST.isoformat(),
            "--lake",
            str(lake),
            environment=environment,
        )
    return dict(manifest), time.monotonic() - started, peaks


def polars_seconds(log_file: Path) -> float:
    """Polars reads the file as text in a process of its own, whose start is not counted."""
    code = (
        "import sys, time, polars as pl; begun = time.monotonic();"
        "rows = pl.read_csv(sys.argv[1], infer_schema=False); print(time.monotonic() - begun)"
    )
    environment = {**os.environ, "POLARS_MAX_THREADS": str(THREADS)}
    ended = subprocess.run(
        [sys.executable, "-c", code, str(log_file)], env=environment, capture_output=True, text=True, check=True
    )
    return float(ended.stdout)


def reader_seconds(folder: Path) -> tuple[float, int]:
    """Our reader alone, in one thread: seconds, and rows. Times, ids and numbers are read, too."""
    source = open_source(SourceSettings(name=str(folder / "source.toml"), last_day=LAST))
    started, rows = time.monotonic(), 0
    for part in source.parts(FIRST, LAST):
        rows += sum(piece.num_rows for piece in source.pieces(part))
    return time.monotonic() - started, rows


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.rows < ONE_BROKEN_IN:
        raise UsageError(f"--rows is at least {ONE_BROKEN_IN}: one line in so many is broken.")
    folder = FOLDER / f"landing-{arguments.rows}"
    log_file, broken = make(folder, arguments.rows, arguments.seed)
    by_polars = polars_seconds(folder / GOOD_LINES)
    by_reader, read = reader_seconds(folder)
    manifest, took, peaks = land(folder)
    limit = load_settings().spark.worker_memory_mb
    return {
        "rows": arguments.rows,
        "file_mb": round(log_file.stat().st_size / 2**20),
        "rows_in": manifest["rows_in"],
        "rejected": manifest["rejected"],
        "every_row_is_told": manifest["rows_in"] == read == arguments.rows,
        "every_broken_line_is_told": manifest["rejected"].get("unreadable") == broken,
        "land_seconds": round(took, 1),
        "reader_seconds": round(by_reader, 1),
        "polars_seconds": round(by_polars, 1),
        "land_over_polars": round(took / by_polars, 2),
        "reader_over_polars": round(by_reader / by_polars, 2),
        "workers_peak_mb": sorted((round(peak) for peak in peaks.values()), reverse=True)[:4],
        "limit_mb": limit,
        "within_limit": max(peaks.values(), default=0.0) <= limit,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.landing", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000, help="of the file (default: 20000000)")
    parser.add_argument("--seed", type=int, default=7, help="of the file's rows (default: 7)")
    run_command(main, parser)
