"""The pages of judges: all of them with their records, and one record with its figures and plots.

In the style of the Data Docs, and like them without a script; everything shown is escaped. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence

from lake.auditing.data_docs import PAGES
from lake.auditing.figure_tables import tables_of, text_of
from lake.registry.judge_records import FULL, CalibrationRecord, Standing
from lake.registry.judges import NOT_COMPARED, Examined, kappa_of


def judges_page(judges: Sequence[Examined]) -> str:
    """All judges of a lake with their standing and their records, as HTML."""
    rows = [
        {
            "judge": judge.judge,
            "standing": judge.standing,
            "records": [{"record": record, "kappa": text_of(kappa_of(record))} for record in judge.records],
        }
        for judge in judges
    ]
    return PAGES.get_template("judges.html").render(title="Judges and their exams", judges=rows, note=NOT_COMPARED)


def record_page(record: CalibrationRecord, standing: Standing, plots: Sequence[str], valid_days: int) -> str:
    """A calibration record as HTML.

    Args:
        standing: of its judge, as of ``judges.standing_by`` this record.
        plots: file names, which lie below the record's own address.
        valid_days: days of the log on which a record holds.
    """
    return PAGES.get_template("record.html").render(
        title=f"{record.judge} · exam {record.name}",
        record=record,
        proves_nothing=record.preset != FULL,
        standing=standing,
        note=NOT_COMPARED,
        kappa=text_of(kappa_of(record)),
        expires=record.expires(valid_days),
        plots=plots,
        tables=tables_of(record.figures),
    )
