"""days: one published day. Whoever wants a consistent day reads through it."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import DAY, Column, Table

VERSIONS = pa.list_(
    pa.struct(
        [
            pa.field("table", pa.string(), False),
            pa.field("version", pa.int64(), False),
            pa.field("digest", pa.string(), True),
        ]
    )
)
# Whole or null. Its fields may be null all the same: Arrow reads no null struct of fields that may not.
CANARY = pa.struct(
    {"record": pa.int64(), "release": pa.string(), "beside": pa.string(), "share": pa.float64()},
)
FIGURES = pa.list_(pa.struct([pa.field("name", pa.string(), False), pa.field("value", pa.float64(), False)]))

TABLE = Table(
    name="days",
    meaning="One published day: the versions of its tables, fingerprint, release, figures.",
    columns=(
        DAY,
        Column(
            "fingerprint", pa.string(), "Digest of the contents of the day's tables, of its history and the release."
        ),
        Column(
            "release",
            pa.string(),
            "The model release of the day's intents; where there was a canary, the promoted one, which wrote some.",
        ),
        Column("empty", pa.bool_(), "True when the day's log held no usable behavior."),
        Column(
            "history",
            pa.string(),
            "Digest of the behaviors of all days up to this one; null in old rows.",
            nullable=True,
        ),
        Column(
            "judged",
            pa.string(),
            "`yes` where verdicts on a sample of the day's intents are pinned, else `no: ` and why; null in old rows.",
            nullable=True,
        ),
        Column(
            "canary",
            CANARY,
            "Where two releases served the day: number of the promotion's record in the champion log, the promoted "
            "release, the one beside it that served everybody else, and the share of users of the first; else null.",
            nullable=True,
        ),
        Column("versions", VERSIONS, "The version of each table that holds this day, and the day's content digest."),
        Column("figures", FIGURES, "Counts, shares and seconds of the run."),
    ),
    key=("day",),
    partition_by=("day",),
)
