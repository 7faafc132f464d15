"""The record of a caption judge's exam, and whether the judge may judge here and now.

A judge is a folder: ``combination.json`` and, below ``calibration/``, its record under the digest of what it says, so a
changed byte is noticed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from lake.registry.judge_records import SHIPPED, Standing
from model_steps.caption_judge.combination import Combination
from model_steps.caption_judge.dimensions import DIMENSIONS
from model_steps.caption_judge.exam import JUDGE, NOT_CALIBRATED, WRITTEN
from runtime import atomic
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import digest

COMBINATION = "combination.json"
NAME_DIGITS = 16


@dataclass(frozen=True)
class CaptionRecord:
    """What an exam found.

    Args:
        judge: name of the combination. model: digest of the language model that was asked.
        decides: digest of what else decides a verdict (``decides.decides``).
        data: digests of the labelled set, by name.
        day: last day of the log that the labelled set knows, as YYYY-MM-DD.
        minimum_kappa: what the lower bound of kappa had to exceed.
        figures: of ``exam.examine``, and how the ways were chosen.
    """

    judge: str
    model: str
    decides: str
    data: Mapping[str, str]
    day: str
    minimum_kappa: float
    figures: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Digest of all that it says."""
        return digest(asdict(self))[:NAME_DIGITS]

    @property
    def kappa_low(self) -> float | None:
        """Lower bound of kappa of passing all dimensions on captions really written; None where it was not measured."""
        found: Any = self.figures
        for key in (WRITTEN, "passes", JUDGE, "kappa", "low"):
            found = found.get(key) if isinstance(found, Mapping) else None
        return float(found) if isinstance(found, int | float) and math.isfinite(found) else None

    @property
    def not_calibrated(self) -> tuple[str, ...]:
        """Dimensions in which the judge is no better than the most frequent answer."""
        said = self.figures.get("calibrated", {})
        return tuple(name for name in DIMENSIONS if said.get(name, NOT_CALIBRATED) == NOT_CALIBRATED)

    def expires(self, days: int) -> str:
        """The first day of the log on which the record no longer holds, as YYYY-MM-DD."""
        return (date.fromisoformat(self.day) + timedelta(days=days)).isoformat()


def ship(folder: Path, judged_by: Combination, record: CaptionRecord) -> Path:
    """Write a judge with its record, in the place of older ones; returns the record's file.

    Raises:
        UsageError: the folder cannot be written.
    """
    file = folder / SHIPPED / f"{record.name}.json"
    try:
        atomic.write(folder / COMBINATION, judged_by.content())
        atomic.write(file, json.dumps(asdict(record), sort_keys=True, indent=1) + "\n")
        for older in set(file.parent.glob("*.json")) - {file}:
            older.unlink()
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}.") from None
    return file


def read_judge(folder: Path) -> Combination:
    """The judge of a folder.

    Raises:
        SourceMissing: there is none. DataError: it is damaged.
    """
    file = folder / COMBINATION
    try:
        return Combination.read(file.read_bytes(), str(file))
    except OSError:
        raise SourceMissing(
            f"There is no caption judge in {folder}: make it with `python -m model_steps.calibrate_caption_judge`, or "
            "set INTENTFLOW_CAPTION_JUDGE__RELEASE to its folder."
        ) from None


def read_record(folder: Path) -> CaptionRecord | None:
    """The record of a judge's folder; None where there is none. Of several the one that saw the newest day.

    Raises:
        DataError: one was changed since it was written, or is none.
    """
    found = [_read(file) for file in sorted((folder / SHIPPED).glob("*.json"))]
    return max(found, key=lambda record: (record.day, record.name), default=None)


def _read(file: Path) -> CaptionRecord:
    try:
        record = CaptionRecord(**json.loads(file.read_text()))
        named = record.name
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is no record of a caption judge ({error}): restore it.") from None
    if file.stem != named:
        raise DataError(f"{file} was changed since it was written, by its content it is {named}: restore it.")
    return record


def standing(
    record: CaptionRecord | None, judge: str, model: str, decides: str, day: str, valid_days: int, minimum_kappa: float
) -> Standing:
    """Whether a caption judge may judge as of a day.

    Args:
        record: of its folder. judge: name of the combination that would judge.
        model: digest of the language model here.
        decides: digest of what else would decide. day: of the log, as YYYY-MM-DD.
        valid_days: days of the log after the record's day on which it holds. minimum_kappa: that is demanded now.
    """
    if record is None:
        return Standing("missing", f"The caption judge {judge} was never examined.")
    if (record.judge, record.model, record.decides) != (judge, model, decides):
        wrong = (
            "of other regressions" if record.judge != judge
            else "with another language model" if record.model != model
            else "with other code, words, prompts or settings than these"
        )  # fmt: skip
        return Standing("outdated", f"The caption judge {judge} was examined {wrong}.", record.name)
    low = record.kappa_low
    if low is None or low <= minimum_kappa:
        said = "was not measured" if low is None else f"is {low}"
        return Standing(
            "failing",
            f"The lower bound of kappa of {judge} on captions really written {said}, and it must exceed "
            f"{minimum_kappa}.",
            record.name,
        )
    if day >= record.expires(valid_days):
        return Standing(
            "expired",
            f"The exam of {judge} knows the log until {record.day}, and holds for {valid_days} days.",
            record.name,
        )
    return Standing("valid", f"The caption judge {judge} passed its exam as of {record.day}.", record.name)
