"""Publish a day as a whole: one row in ``days`` that pins the version of every table of that day.

``python -m lake.publish_day --day D --release NAME --figures JSON``: the last step of a refresh. Whoever wants a
consistent day reads the ``days`` row first and then the tables at the versions it names.

``verdicts`` are pinned where there are some of exactly these intents, and ``caption_verdicts`` where there are some of
exactly these captions; without them the day is published all the same, and says why. ``python -m lake.publish_day
--day D --verdicts`` pins verdicts of either kind that came later, and leaves everything else as the day was published.
``explanations`` are pinned where they are of the very work that the intents are of: a
day that is done without them has none, whatever an earlier run left in their table.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from lake.delta import audits, tables
from lake.delta.publishing import Contents, held, publish
from lake.delta.staging import Batch, StagedPartition, stage
from lake.delta.work import Step, plan
from lake.registry import champions, judged_captions, judged_days, sides
from lake.registry.canary import Canary, of_record, of_row
from lake.registry.days import history_of
from lake.registry.judged_days import JudgedDay
from lake.store.location import Lake
from runtime.entry import day_argument, run_command
from runtime.errors import DataError, UsageError
from schemas import (
    behaviors,
    caption_verdicts,
    contexts,
    days,
    explanations,
    failures,
    intents,
    personas,
    rejected_behaviors,
    rollups,
    signals,
    verdicts,
)
from schemas.table import Table
from settings import load_settings

log = logging.getLogger("intentflow")

STEP = Step("publish_day", __file__, (days.TABLE,))
DAY_TABLES = (
    behaviors.TABLE,
    rejected_behaviors.TABLE,
    rollups.TABLE,
    signals.TABLE,
    contexts.TABLE,
    intents.TABLE,
    personas.TABLE,
    failures.TABLE,
)


JUDGED_USERS = "judged_users"


def publish_day(
    lake: Lake,
    day: str,
    release: str,
    figures: Mapping[str, float],
    history: str | None = None,
    why_unjudged: str | None = None,
    canary: Canary | None = None,
    why_captions_unjudged: str | None = None,
) -> dict[str, Any]:
    """Write the day's row unless an equal one stands; returns the manifest.

    A run that changed nothing leaves the row as it is, figures included.

    Args:
        history: digest of the behaviors that the day's contexts rest on (default: of those landed now).
        why_unjudged: why this run brought no verdicts; said where the day has none of an earlier one either.
        canary: with which the day was inferred; none where one release served all.
        why_captions_unjudged: as ``why_unjudged``, of captions.

    Raises:
        DataError: a table of the day is not published, or a user was served by the wrong release of a canary.
    """
    versions = [*(_version(lake, table, day) for table in DAY_TABLES), *_explained(lake, day)]
    note, pin, why = judged_days.verdicts_for(lake, day, _digests(versions))
    if note is None:
        why = (why_unjudged or why).rstrip(".")
        log.warning("%s is published without verdicts: %s.", day, why)
    captions, captions_pin, why_none = judged_captions.verdicts_for(lake, day, _digests(versions))
    unjudged: list[str] = []
    if captions is None and why_none != judged_captions.NO_CAPTIONS:
        unjudged = [judged_captions.JUDGED]
        why_none = (why_captions_unjudged or why_none).rstrip(".")
        log.warning("%s is published without verdicts on its captions: %s.", day, why_none)
    row = {
        "day": day,
        "release": release,
        "history": history or history_of(lake, day),
        "judged": f"no: {why}" if note is None else "yes",
        "canary": canary.document() if canary else None,
        "versions": [*versions, *([pin] if note else []), *([captions_pin] if captions else [])],
    }
    of_sides = sides.of_intents(lake, day, canary) if canary else {}
    counted = {
        **_counts(lake, day, {pin["table"] for pin in versions}),
        **_judged_figures(lake, day, note, canary),
        **(captions.figures() if captions else dict.fromkeys(unjudged, 0.0)),
        **of_sides,
        **figures,
    }
    published = _publish_row(lake, {**row, "empty": counted["behaviors"] == 0}, counted)
    return {**published, "captions_judged": "yes" if captions else f"no: {why_none}"}


def pin_verdicts(lake: Lake, day: str) -> dict[str, Any]:
    """Publish a published day once more with the verdicts on it, all else as it was; returns the manifest.

    Verdicts on tags or on captions that are not there, or are of other rows, leave those that are pinned.

    Raises:
        DataError: the day is not published, or no verdicts are of the rows that it was published with.
        RaceLost: the day was published anew meanwhile, and stays so.
    """
    seen = held(lake, days.TABLE, {"day": day})
    rows = tables.read(lake, days.TABLE, day).to_pylist()
    if not rows:
        raise DataError(f"The day {day} is not published in {lake.root}: run daily_refresh for it first.")
    row = rows[0]
    versions = {entry["table"]: entry for entry in row["versions"]}
    figures = {figure["name"]: figure["value"] for figure in row["figures"]}
    note, pin, why = judged_days.verdicts_for(lake, day, _digests(row["versions"]))
    captions, captions_pin, why_none = judged_captions.verdicts_for(lake, day, _digests(row["versions"]))
    if note is None and captions is None:
        raise DataError(
            f"No verdicts can be pinned to the day {day}, for {why}: run `python -m model_steps.judge_sample --day "
            f"{day}` (of captions `python -m model_steps.judge_captions --day {day}`) and publish its batch, or "
            "daily_refresh where the day's tables have changed since."
        )
    for found, what, reason in ((note, "tags", why), (captions, "captions", why_none)):
        if found is None and reason != judged_captions.NO_CAPTIONS:
            log.warning("No verdicts on the %s of %s are pinned now: %s.", what, day, reason)
    if note:
        figures = {name: value for name, value in figures.items() if not _is_of_tags(name)}
        figures |= _judged_figures(lake, day, note, of_row(row))
        versions.pop(verdicts.TABLE.name, None)
        versions[verdicts.TABLE.name] = pin
        row = {**row, "judged": "yes"}
    if captions:
        figures = {name: value for name, value in figures.items() if not name.startswith(judged_captions.PREFIX)}
        figures |= captions.figures()
        versions.pop(caption_verdicts.TABLE.name, None)
        versions[caption_verdicts.TABLE.name] = captions_pin
    published = _publish_row(lake, {**row, "versions": list(versions.values())}, figures, seen)
    pinned = caption_verdicts.TABLE.name in versions
    return {**published, "captions_judged": "yes" if pinned else "no: there are no verdicts on its captions"}


def _is_of_tags(figure: str) -> bool:
    """Whether a figure changes when verdicts on tags come later."""
    return figure.startswith(judged_days.PREFIX) or sides.is_of_verdicts(figure)


def _publish_row(
    lake: Lake, row: Mapping[str, Any], figures: Mapping[str, float], seen: Contents | None = None
) -> dict[str, Any]:
    """Publish the row unless the same work stands there; returns the manifest.

    Args:
        seen: what the day's partition held when the row was made of the one that stood there.
    """
    day, release = row["day"], row["release"]
    served = {"canary": row["canary"]} if row["canary"] else {}
    inputs = {**_digests(row["versions"]), "history": row["history"]}
    name = STEP.work(inputs, {"day": day, "release": release, **served})
    manifest = {
        **{key: row[key] for key in ("day", "release", "empty", "judged")},
        **served,
        "fingerprint": name,
    }
    if not plan(lake, STEP, {day: name}).due:
        standing = tables.read(lake, days.TABLE, day, columns=["figures"]).to_pylist()
        kept = {figure["name"]: figure["value"] for figure in standing[0]["figures"]}
        return {**manifest, "reused": True, "figures": kept}
    told = [{"name": key, "value": float(value)} for key, value in sorted(figures.items())]
    data = pa.Table.from_pylist([{**row, "fingerprint": name, "figures": told}], days.TABLE.schema)
    staged = stage(lake, days.TABLE, data, fingerprint=name, partition={"day": day})
    batch = Batch(days.TABLE.name, "publish_day", (StagedPartition({"day": day}, name, (staged,)),))
    # Nothing is left to judge in a row that only points: its tables passed their own audits.
    verdict = {"success": True, "co_audited": [batch.digest], "reason": "the row points at audited tables"}
    audits.record(lake, batch, verdict)
    publish(lake, [batch], seen)
    return {**manifest, "reused": False, "figures": dict(figures)}


def _digests(versions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Content digest by table of what is pinned."""
    return {entry["table"]: entry["digest"] for entry in versions}


def _judged_figures(lake: Lake, day: str, note: JudgedDay | None, canary: Canary | None) -> dict[str, float]:
    """What the verdicts come to, also on each side of a canary; of a day without them that nobody was judged."""
    if note is None:
        return {JUDGED_USERS: 0.0}
    of_sides = sides.of_verdicts(lake, day, canary) if canary else {}
    return {JUDGED_USERS: float(note.users), **note.figures(), **of_sides}


def _version(lake: Lake, table: Table, day: str) -> dict[str, Any]:
    delta = tables.open_table(lake, table)
    files = tables.live_files(delta, table, {"day": day})
    if delta is None or not files:
        raise DataError(f"The table {table.name} has no {day}: run the day's earlier steps first.")
    return {"table": table.name, "version": delta.version(), "digest": tables.content_digest(files)}


def _explained(lake: Lake, day: str) -> list[dict[str, Any]]:
    """The pin of the day's explanations; none where there are none of its intents."""
    of_explanations, of_intents = (_works(lake, table, day) for table in (explanations.TABLE, intents.TABLE))
    if not of_explanations:
        return []
    if of_explanations != of_intents:
        log.warning("%s is published without explanations: those that are there are of other intents.", day)
        return []
    return [_version(lake, explanations.TABLE, day)]


def _works(lake: Lake, table: Table, day: str) -> frozenset[str]:
    """Fingerprints of the work that a day's rows are of."""
    files = tables.live_files(tables.open_table(lake, table), table, {"day": day})
    return frozenset(work for file in files for work in file.works)


def _counts(lake: Lake, day: str, pinned: Collection[str]) -> dict[str, float]:
    """Rows of the day by table, of those that are pinned, and users with intents."""
    counts: dict[str, float] = {
        table.name: sum(file.rows for file in tables.live_files(tables.open_table(lake, table), table, {"day": day}))
        for table in (*DAY_TABLES, explanations.TABLE)
        if table.name in pinned
    }
    wanted = tables.read(lake, intents.TABLE, day, columns=["user_id"])
    counts["users"] = len(set(wanted["user_id"].to_pylist()))
    return counts


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    lake = Lake.open(arguments.lake or load_settings().lake.uri)
    if arguments.verdicts:
        return pin_verdicts(lake, arguments.day)
    if not arguments.release:
        raise UsageError("--release is needed: the name of the release that the day's intents were made with.")
    try:
        figures = dict(json.loads(arguments.figures))
        numbers = {str(key): float(value) for key, value in figures.items()}
    except (ValueError, TypeError):
        raise UsageError(f"--figures must be a JSON object of numbers, got {arguments.figures[:80]!r}.") from None
    canary = None if arguments.canary is None else of_record(champions.log_of(lake), arguments.canary)
    if canary and canary.release != arguments.release:
        raise UsageError(
            f"The record {canary.record} promoted {canary.release}, so a day of its canary is published with that "
            f"--release, not with {arguments.release}."
        )
    return publish_day(
        lake,
        arguments.day,
        arguments.release,
        numbers,
        arguments.history,
        arguments.why_unjudged,
        canary,
        arguments.why_captions_unjudged,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m lake.publish_day", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True)
    parser.add_argument("--release", help="name of the release that the day's intents were made with")
    parser.add_argument("--canary", type=int, help="number of the record whose canary the intents were made with")
    parser.add_argument("--history", help="digest of the behaviors that were rolled up (default: of those landed now)")
    parser.add_argument("--figures", default="{}", help="numbers of the run, as a JSON object")
    parser.add_argument("--why-unjudged", help="why this run brings no verdicts, said where the day has none")
    parser.add_argument("--why-captions-unjudged", help="as --why-unjudged, of verdicts on captions")
    parser.add_argument(
        "--verdicts", action="store_true", help="pin verdicts that came after the day, and leave all else as it was"
    )
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
