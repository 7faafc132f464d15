"""A file's rows as raw behaviors: ids in one form, times in UTC, exact numbers, and why a row cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import polars as pl
from polars.datatypes import DataTypeClass

from spark_jobs.landing.sources import identity
from spark_jobs.landing.sources.alternatives import first_given
from spark_jobs.landing.sources.description import Behaviors
from spark_jobs.landing.sources.file_rows import PROBLEM, FileRows
from spark_jobs.landing.sources.numbers import DECIMALS, number, split_quantity
from spark_jobs.landing.sources.times import read_times

# Characters kept of a value that is carried along.
EXTRA_LIMIT = 1_000
_READ: dict[str, pl.DataType | DataTypeClass] = {
    "text": pl.String,
    "whole": pl.Int64,
    "fraction": pl.Decimal(38, 18),
    "value": pl.Float64,
    "wrong": pl.String,
}


def raw_rows(rows: FileRows, behaviors: Behaviors) -> pl.DataFrame:
    """Columns of ``schemas.behaviors.RAW`` but those of the delivery; what cannot be used is named in ``problem``."""
    named = first_given(rows.named, identity.tokens((*behaviors.anonymous, *behaviors.nulls)))
    frame = named.with_columns(
        pl.lit(None, pl.String).alias(name)
        for name in ("user", "at", "action", "item", "query", "quantity", "amount", "session")
        if name not in named.columns
    )
    times = read_times(frame["at"], behaviors)
    quantity, amount = (_numbers(frame[name], function) for name, function in _readers(behaviors).items())
    given = pl.col("at").is_not_null()
    told, odd, unread = pl.lit(times["told"]), pl.lit(times["odd_year"]), pl.lit(times["at"].is_null())
    years = f"is of a year outside {behaviors.first_year} to {behaviors.last_year}"
    problems = (
        *(identity.problem(name) for name in identity.IDS),
        pl.when(given & odd).then(pl.format(f"the time {{}} {years}", told)),
        pl.when(given & unread).then(pl.format("the time {} cannot be read", told)),
        _sentence("quantity", quantity),
        _sentence("amount", amount),
    )
    cut = [problem.str.slice(0, 200) for problem in problems]
    nobodys = identity.is_anonymous((*behaviors.anonymous, *behaviors.nulls))
    action = pl.lit(behaviors.fixed_action) if behaviors.fixed_action else pl.col("action").str.strip_chars()
    return frame.select(
        user=pl.when(~nobodys).then(identity.canonical("user")),
        anonymous=nobodys,
        ignored=action.is_in(behaviors.ignored).fill_null(False),
        at=pl.lit(times["at"]),
        time_unit=pl.lit(times["time_unit"]),
        action=action.replace(behaviors.actions) if behaviors.actions else action,
        item=identity.canonical("item"),
        query="query",
        quantity=pl.lit(quantity["whole"]),
        measure=pl.lit(quantity["fraction"]),
        amount=pl.lit(amount["value"]),
        session=identity.canonical("session"),
        problem=pl.coalesce(PROBLEM, *cut),
        **_unnamed(rows, behaviors),
    )


def _readers(behaviors: Behaviors) -> dict[str, Callable[[str], dict[str, object]]]:
    """What a text of a quantity and of an amount is."""

    def read(text: str) -> Decimal | None:
        return number(text, behaviors.decimal, behaviors.thousands)

    def of_quantity(text: str) -> dict[str, object]:
        value = read(text)
        if value is None:
            return {"wrong": "is no number"}
        whole, fraction = split_quantity(value)
        fine = whole is not None or fraction is not None
        return {"whole": whole, "fraction": fraction, "wrong": None if fine else f"has more than {DECIMALS} decimals"}

    def of_amount(text: str) -> dict[str, object]:
        value = read(text)
        found = None if value is None else float(value)
        usable = found is not None and abs(found) != float("inf")
        return {"value": found if usable else None, "wrong": None if usable else "is no number"}

    return {"quantity": of_quantity, "amount": of_amount}


def _numbers(column: pl.Series, read: Callable[[str], dict[str, object]]) -> pl.DataFrame:
    """What each text is: its distinct ones are read once."""
    distinct = column.drop_nulls().unique().to_list()
    found = pl.DataFrame([{"text": text, **read(text)} for text in distinct], schema=_READ)
    return column.to_frame("text").join(found, on="text", how="left", maintain_order="left")


def _sentence(name: str, read: pl.DataFrame) -> pl.Expr:
    return pl.format(f"the {name} {{}} {{}}", pl.col(name), pl.lit(read["wrong"]))


def _unnamed(rows: FileRows, behaviors: Behaviors) -> dict[str, pl.Expr]:
    """Which columns nobody named, in each row that could be read, and their values if they are carried along."""
    new = [name for name in rows.new if name not in behaviors.known_columns]
    nothing = pl.lit(None, pl.String)
    names = pl.when(pl.col(PROBLEM).is_null()).then(pl.lit(json.dumps(sorted(new)))) if new else nothing
    carried = [name for name in sorted(new) if name in rows.unnamed.columns]
    if not carried:
        return {"new_columns": names, "extra": nothing}
    values = rows.unnamed.select(
        pl.col(name) if kind.is_nested() else pl.col(name).cast(pl.String, strict=False).str.slice(0, EXTRA_LIMIT)
        for name, kind in rows.unnamed.select(carried).schema.items()
    )
    there = pl.any_horizontal(pl.all().is_not_null())
    extra = values.select(pl.when(there).then(pl.struct(pl.all()).struct.json_encode()).alias("extra"))["extra"]
    return {"new_columns": names, "extra": pl.lit(extra)}
