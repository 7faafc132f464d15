"""Roll-up and contexts by our Spark jobs, by DuckDB and by Polars: ``python -m bench.compress [--scale 1|10]``.

A year of behaviors (1.5 million rows, or 15 million: users copied, times jittered), two threads each, alternating in
one run. All three read the same Parquet files and write rollups and contexts as Parquet; an order-free digest says
whether the contexts are the same. Evidence, token counts and digest are made by Spark alone and not compared. Spark's
own start is not counted, its Python workers' is, in the first round.
"""

from __future__ import annotations

import os

THREADS = 2
os.environ["POLARS_MAX_THREADS"] = str(THREADS)  # read when polars is imported

import argparse  # noqa: E402
import logging  # noqa: E402
import shutil  # noqa: E402
import statistics  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator, Mapping  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import duckdb  # noqa: E402
import polars as pl  # noqa: E402
import psutil  # noqa: E402

from bench.lakes import scaled  # noqa: E402
from bench.lakes.steps import FOLDER  # noqa: E402
from evaluation import plots  # noqa: E402
from lake.delta import tables  # noqa: E402
from lake.delta.staging import Batch  # noqa: E402
from lake.store.location import Lake  # noqa: E402
from launcher.environment import airflow_environment  # noqa: E402
from model_steps.evaluating.work_lake import publish_unaudited  # noqa: E402
from representation.calendar import Window  # noqa: E402
from runtime.entry import run_command  # noqa: E402
from runtime.errors import UsageError  # noqa: E402
from schemas import behaviors, contexts, entities, profiles, rollups  # noqa: E402
from settings import HistorySettings, load_settings  # noqa: E402
from spark_jobs.compress import compress  # noqa: E402
from spark_jobs.histories.assembly import Compression, assemble  # noqa: E402
from spark_jobs.histories.tokens import tokenizer_of  # noqa: E402
from spark_jobs.roll_up import COLUMNS, roll_up, roll_up_until  # noqa: E402

log = logging.getLogger("intentflow")

DAY = scaled.LAST
TARGET = 2.0
COMPARED = (
    "user_id", "periods", "attributes", "interests",
    "events", "active_days", "first_day", "last_day", "dropped_entries",
)  # fmt: skip
SQL = Path(__file__).with_name("compress.sql")


def digest(contexts_files: list[str]) -> str:
    """Digest of contexts that does not depend on the order of users or files."""
    rows = pl.read_parquet(contexts_files, columns=list(COMPARED), hive_partitioning=False)
    plain = rows.select(
        pl.struct(
            *(pl.col(name).cast(pl.Int64) for name in ("events", "active_days", "dropped_entries")),
            *(pl.col(name) for name in ("user_id", "attributes", "first_day", "last_day")),
            *(pl.col(name).cast(WIDE[name]) for name in WIDE),
        )
        .struct.json_encode()
        .alias("row")
    )
    total = sum(int(one) for one in plain["row"].hash(seed=7).to_list())
    return f"{len(plain)}-{total % 2**64:016x}"


# Counts are compared as numbers, whatever their width.
COUNT = pl.Int64
WIDE: dict[str, Any] = {
    "periods": pl.List(
        pl.Struct({
            "period": pl.String,
            "actions": pl.List(
                pl.Struct({
                    "action": pl.String,
                    "entities": pl.List(pl.Struct({"entity_id": pl.String, "count": COUNT})),
                })
            ),
        })
    ),
    "interests": pl.List(pl.Struct({"category": pl.String, "count": COUNT})),
}  # fmt: skip


class Contest:
    """The three ways to make the same contexts."""

    def __init__(self, lake: Lake, folder: Path) -> None:
        self.lake, self.folder = lake, folder
        self.settings = HistorySettings()
        self.tokenizer = tokenizer_of(load_settings().engine.model)
        self.window = Window.of(DAY, self.settings.days)
        self.behaviors = scaled.data_files(lake, behaviors.TABLE)
        folder.mkdir(parents=True, exist_ok=True)

    def spark(self) -> list[str]:
        """Our jobs as they are, with their commits."""
        publish_unaudited(self.lake, [Batch.load(self.lake, path) for path in roll_up_until(self.lake, DAY)["batches"]])
        made = compress(self.lake, DAY, self.settings, self.tokenizer)
        publish_unaudited(self.lake, [Batch.load(self.lake, path) for path in made["batches"]])
        return scaled.data_files(self.lake, contexts.TABLE)

    def forget_spark(self) -> None:
        for table in (rollups.TABLE, contexts.TABLE):
            shutil.rmtree(Path(self.lake.root) / table.name, ignore_errors=True)

    def duckdb(self) -> list[str]:
        """SQL (bench/compress.sql), in memory."""
        made = self.folder / "duckdb-contexts.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"SET threads = {THREADS}")
            variables = {
                "files": self.behaviors,
                "reliable": list(behaviors.RELIABLE_ACTIONS),
                "first": self.window.first,
                "daily_from": self.window.daily_from,
                "day": self.window.day,
                "maximum_entities": self.settings.maximum_entities,
                "interests": self.settings.interests,
            }
            for name, value in variables.items():
                connection.execute(f"SET VARIABLE {name} = ?", [value])
            for table in (entities.TABLE, profiles.TABLE):
                connection.register(table.name, tables.read(self.lake, table))
            connection.execute(SQL.read_text())
            connection.execute(f"COPY rollups TO '{self.folder / 'duckdb-rollups.parquet'}'")
            connection.execute(f"COPY (FROM contexts) TO '{made}'")
        return [str(made)]

    def polars(self) -> list[str]:
        """Our kernel, a pure function, in one process without Spark."""
        made = self.folder / "polars-contexts.parquet"
        rows = pl.read_parquet(
            self.behaviors, columns=list(COLUMNS), hive_partitioning=True, hive_schema={"day": pl.String}
        )
        rolled = roll_up(rows.to_arrow())
        pl.DataFrame(pl.from_arrow(rolled)).write_parquet(self.folder / "polars-rollups.parquet")
        texts = tables.read(self.lake, entities.TABLE, columns=["entity_id", "text", "category"])
        people = tables.read(self.lake, profiles.TABLE)
        known = Compression(
            self.window, self.settings.maximum_entities, self.settings.interests, texts, people, self.tokenizer
        )
        pl.DataFrame(pl.from_arrow(assemble(rolled, known))).write_parquet(made)
        return [str(made)]


@contextmanager
def peak_of_children() -> Iterator[list[float]]:
    """The largest resident memory of this process's children together, in MB, in a list of one."""
    peak, finished = [0.0], threading.Event()

    def watch() -> None:
        while not finished.wait(0.2):
            used = 0
            for child in psutil.Process().children(recursive=True):
                try:
                    used += child.memory_info().rss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], used / 2**20)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        finished.set()
        watcher.join()


def timed(make: Callable[[], list[str]]) -> tuple[float, list[str]]:
    started = time.monotonic()
    made = make()
    return time.monotonic() - started, made


def measure(contest: Contest, rounds: int) -> dict[str, Any]:
    """Alternate the three; the first round of Spark is its cold one."""
    from spark_jobs.distributed.session import spark_session

    seconds: dict[str, list[float]] = {"spark": [], "duckdb": [], "polars": []}
    digests: dict[str, str] = {}
    peak_mb = 0.0
    with spark_session("bench-compress"):
        for number in range(rounds):
            contest.forget_spark()
            for name, make in (("spark", contest.spark), ("duckdb", contest.duckdb), ("polars", contest.polars)):
                with peak_of_children() as peak:
                    took, made = timed(make)
                peak_mb = max(peak_mb, peak[0]) if name == "spark" else peak_mb
                seconds[name].append(round(took, 3))
                digests[name] = digests.get(name) or digest(made)
                log.info("Round %d of %d: %s took %.1f s.", number + 1, rounds, name, took)
    # The first round is nobody's best: Spark starts its workers, the others read the files for the first time.
    warm, bare, kernel = (statistics.median(seconds[name][1:]) for name in ("spark", "duckdb", "polars"))
    return {
        "identical": len(set(digests.values())) == 1,
        "digests": digests,
        "spark_seconds": round(warm, 3),
        "spark_cold_seconds": seconds["spark"][0],
        "duckdb_seconds": round(bare, 3),
        "polars_seconds": round(kernel, 3),
        "spark_over_duckdb": round(warm / bare, 3),
        "spark_cold_over_duckdb": round(seconds["spark"][0] / bare, 3),
        "spark_peak_mb": round(peak_mb),
        "rounds": seconds,
        "target": TARGET,
    }


def plot(figures: Mapping[str, Any], folder: Path, scale: int) -> Path:
    """Seconds of the three, Spark's first round apart."""
    drawing, (axes,) = plots.panels(1, height=2.4)
    bars = {
        "DuckDB": (figures["duckdb_seconds"], plots.ORANGE),
        "Polars, our kernel": (figures["polars_seconds"], plots.GREEN),
        "Spark, warm": (figures["spark_seconds"], plots.BLUE),
        "Spark, first round": (figures["spark_cold_seconds"], plots.SKY),
    }
    for row, (took, color) in zip(range(len(bars), 0, -1), bars.values(), strict=True):
        axes.barh(row, took, height=0.6, color=color)
        axes.text(took, row, f"  {took:.1f} s ({took / figures['duckdb_seconds']:.2f})", va="center", fontsize=9)
    axes.set_yticks(list(range(len(bars), 0, -1)), list(bars))
    axes.set_xlim(0, 1.25 * max(took for took, _ in bars.values()))
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("seconds (and the share of DuckDB's)")
    axes.set_title(f"Roll-up and contexts of {figures['rows']:,} behaviors on {THREADS} threads")
    return plots.save(drawing, folder, f"compress-{scale}")


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.rounds < 2:
        raise UsageError("--rounds is at least 2: the first is Spark's cold one.")
    # Spark is what is measured here, however few the rows are.
    spark = {"INTENTFLOW_SPARK__MASTER": f"local[{THREADS}]", "INTENTFLOW_SPARK__IN_PROCESS_ROWS": "0"}
    os.environ.update({**airflow_environment(load_settings().airflow), **spark})
    load_settings.cache_clear()
    lake = scaled.scaled(Lake.open(arguments.lake), arguments.scale)
    contest = Contest(lake, FOLDER / f"compress-{arguments.scale}-others")
    rows = sum(file.rows for files in tables.published_days(lake, behaviors.TABLE).values() for file in files)
    figures = {"rows": rows, "scale": arguments.scale, "threads": THREADS, **measure(contest, arguments.rounds)}
    return {**figures, "plot": str(plot(figures, Path(arguments.plots), arguments.scale))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.compress", description=__doc__)
    parser.add_argument("--scale", type=int, choices=(1, 10), default=1, help="how many times the demo log's year")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, alternating (default: 3)")
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="lake for the log (default: var/bench/lake)")
    parser.add_argument("--plots", default=str(FOLDER), help="folder of the plot (default: var/bench)")
    run_command(main, parser)
