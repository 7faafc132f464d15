"""The judges of a lake with what their exams found, for people: pages and ``python -m lake judges``.

Whether code and prompts are still those of the exam cannot be told here, for they are no matter of the lake's. So each
judge stands here as its newest full record says; who judges compares (``model_steps/judge/judge_standing.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lake.delta import tables
from lake.registry import judge_records
from lake.registry.judge_records import FULL, CalibrationRecord, Standing
from lake.store.location import Lake
from schemas import behaviors
from settings import JudgeSettings

# An exam's plots lie at _judge_plots/<judge>/<record>/<plot>.svg.
PLOTS = "_judge_plots"
NOT_COMPARED = (
    "Whether code, prompts and settings are still those of the exam is not compared here: who judges does, and finds "
    "it outdated then."
)
_NAME = re.compile(r"\w[\w-]*", re.ASCII)
_PLOT = re.compile(r"\w[\w-]*\.svg", re.ASCII)


@dataclass(frozen=True)
class Examined:
    """A judge that was examined.

    Args:
        standing: if code, prompts and settings were those of its newest full record, or else of its newest one.
        records: all that it has, the one that saw the newest day first.
    """

    judge: str
    standing: Standing
    records: tuple[CalibrationRecord, ...]


def examined_judges(lake: Lake, settings: JudgeSettings) -> list[Examined]:
    """All judges that have a record on a lake, by name, as of the newest landed day.

    Raises:
        DataError: a record was changed.
    """
    paths = lake.list(judge_records.FOLDER)
    names = sorted({path.split("/")[1] for path in paths if path.count("/") == 2})
    landed = newest_day(lake) if names else ""
    return [_examined(lake, name, landed, settings) for name in names]


def newest_day(lake: Lake) -> str:
    """The newest landed day; empty where none is."""
    return max(tables.published_days(lake, behaviors.TABLE), default="")


def _examined(lake: Lake, judge: str, landed: str, settings: JudgeSettings) -> Examined:
    records = judge_records.records_of(lake, judge)
    return Examined(judge, standing_by(lake, deciding(records), landed, settings), tuple(reversed(records)))


def deciding(records: list[CalibrationRecord]) -> CalibrationRecord:
    """The newest full record; where there is none, the newest."""
    full = [record for record in records if record.preset == FULL]
    return (full or records)[-1]


def standing_by(lake: Lake, record: CalibrationRecord, landed: str, settings: JudgeSettings) -> Standing:
    """The standing of a record's judge, if what decides its judgements were as in the record.

    Args:
        landed: newest landed day; a record that saw a later one is looked at as of its own.
    """
    return judge_records.standing(
        lake,
        record.judge,
        record.decides,
        max(landed, record.day),
        settings.valid_days,
        settings.minimum_kappa,
    )


def find_record(lake: Lake, judge: str, name: str) -> CalibrationRecord | None:
    """A record by its name; None where there is none, or where one of the names is no name.

    Raises:
        DataError: it was changed.
    """
    if not _NAME.fullmatch(judge) or not _NAME.fullmatch(name):
        return None
    path = f"{judge_records.FOLDER}/{judge}/{name}.json"
    content = lake.read(path)
    return None if content is None else judge_records.parse(content, lake.uri(path))


def plots_of(lake: Lake, record: CalibrationRecord) -> list[str]:
    """File names of a record's plots, sorted."""
    names = (path.rpartition("/")[2] for path in lake.list(f"{PLOTS}/{record.judge}/{record.name}"))
    return sorted(name for name in names if _PLOT.fullmatch(name))


def read_plot(lake: Lake, judge: str, record: str, name: str) -> bytes | None:
    """A plot's SVG; None where there is none, or where one of the names is no name."""
    if not (_NAME.fullmatch(judge) and _NAME.fullmatch(record) and _PLOT.fullmatch(name)):
        return None
    return lake.read(f"{PLOTS}/{judge}/{record}/{name}")


def kappa_of(record: CalibrationRecord) -> Mapping[str, float | None]:
    """Kappa on outputs really written: value, low, high; each None where it was not measured."""
    found = record.figures
    for key in judge_records.DECIDING[:-1]:
        found = found.get(key) if isinstance(found, Mapping) else None  # type: ignore[assignment]
    known = found if isinstance(found, Mapping) else {}
    return {name: known.get(name) for name in ("value", "low", "high")}
