"""``make calibrate``: the exam of a judge on a real Airflow, and what it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lake.auditing.figure_tables import tables_of, text_of
from lake.registry.judge_records import CalibrationRecord
from lake.registry.judges import find_record, kappa_of
from lake.store.location import Lake
from launcher.airflow_processes import Airflow
from launcher.one_run import one_run
from launcher.rest import DagRun
from launcher.watch import say
from settings import Settings

DAG_ID = "calibrate_judge"
EXAM = "exam"
# What the judges are compared by; all else is on the record's page.
SHOWN = ("The exam", "real outputs")
DECIDES = "kappa"
CELL = 30


def calibrate(preset: str, judge: str, seed: int | None, settings: Settings, *, force: bool = False) -> int:
    """Run the exam of a preset and show the record; returns the exit code, 0 also when the judge did not pass.

    Args:
        preset: ``small`` or ``full``. judge: ``shipped``, or ``tune`` to tune one first.
        seed: of the attacks; none: as the exam has it.
    """

    def show(airflow: Airflow, run: DagRun) -> None:
        manifest = airflow.rest.result(DAG_ID, run.run_id, EXAM)
        lake = Lake.open(settings.lake.uri)
        record = find_record(lake, manifest["judge"], manifest["record"])
        page = f"{airflow.rest.address}/data-docs/judges/{manifest['judge']}/{manifest['record']}"
        for line in result_lines(manifest, record, page):
            say(line)

    return one_run(settings, "calibrate", DAG_ID, exam_conf(preset, judge, seed, force), show)


def exam_conf(preset: str, judge: str, seed: int | None, force: bool) -> dict[str, Any]:
    """What a run is asked for."""
    return {"preset": preset, "judge": judge, "force": force, **({} if seed is None else {"seed": seed})}


def result_lines(manifest: Mapping[str, Any], record: CalibrationRecord | None, page: str) -> list[str]:
    """An exam as a person reads it.

    Args:
        manifest: of the exam. record: that it left, on the lake; none where the lake is not within reach.
        page: address of the record's page.
    """
    lines = [
        f"Judge {manifest['judge']}, preset {manifest['preset']}: {manifest['standing']}",
        *([f"  {reason}"] if (reason := manifest.get("standing_reason")) else []),
    ]
    if record is not None:
        lines += [f"  Kappa on outputs really written: {text_of(kappa_of(record))}", *_figures(record)]
    return [*lines, "", f"The record {manifest['record']}, with plots, while `make ui` runs: {page}"]


def _figures(record: CalibrationRecord) -> Iterator[str]:
    """The headlines of all judges, side by side."""
    for table in tables_of(record.figures):
        if table.title not in SHOWN or DECIDES not in [name for name, _texts in table.rows]:
            continue
        yield ""
        yield "  " + "".join(f"{name:<{CELL}}" for name in (table.title, *table.columns)).rstrip()
        for name, texts in table.rows:
            yield "  " + "".join(f"{text:<{CELL}}" for text in (name, *texts)).rstrip()
