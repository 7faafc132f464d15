"""A user's page, by pseudonym: what was known of them on a published day, and what the day's release said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.delta import tables
from lake.pages.paging import Paged, paged
from lake.pages.published import Row, newest_days, pinned, row_of
from lake.pages.templates import rendered
from lake.registry.canary import of_row
from lake.registry.sides import INFERENCE
from lake.store.location import Lake
from runtime.errors import SourceMissing
from schemas import (
    caption_verdicts,
    contexts,
    entities,
    explanations,
    failures,
    intents,
    items,
    personas,
    verdicts,
)
from schemas.table import Table

# Users on one page, and lines of a user's evidence.
SIZE = 100
EVIDENCE_SIZE = 30

# A row of ``contexts`` and each entity's text: the context as text. The room that renders lies beside this one.
Render = Callable[[Mapping[str, Any], Mapping[str, str]], str]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class UserDay:
    """A user on a published day.

    Args:
        release: of the day. context: its row; none where the user had none that day. text: the context as text.
        evidence: what experts may be shown; none in contexts from before it was kept.
        personas: its rows; none where the day was published before they were kept.
        tags: rows of ``intents``, the best first. verdicts: by rank, where the tag was judged.
        captions: rows of ``explanations``, each with the item's text as ``item`` and its row of ``caption_verdicts``,
            or none, as ``verdict``; none where the day was published without.
        judged: what the day's row says of judging. failures: what failed on the user, or on one of the user's items.
    """

    day: str
    release: str
    context: Mapping[str, Any] | None
    text: str
    evidence: Paged[Mapping[str, Any]] | None
    personas: Sequence[Mapping[str, Any]] | None
    tags: Sequence[Mapping[str, Any]]
    verdicts: Mapping[int, Mapping[str, Any]]
    captions: Sequence[Mapping[str, Any]] | None
    judged: str
    failures: Sequence[Mapping[str, Any]]

    @property
    def names(self) -> set[str]:
        """The tags' names, to be held against another day's."""
        return {tag["tag"] for tag in self.tags}


def user_day(lake: Lake, row: Row, user: str, render: Render, number: int) -> UserDay:
    """All that a published day says of a user.

    Args:
        row: of ``days``. number: which page of the evidence, from 1.

    Raises:
        DataError: a table cannot be read as the day pins it.
    """
    context = next(iter(_rows(lake, row, contexts.TABLE, "user_id", user)), None)
    evidence = context["evidence"] if context else None
    return UserDay(
        row["day"],
        canary.release_for(user) if (canary := of_row(row)) else row["release"],
        context,
        render(context, _texts(lake, context)) if context else "",
        None if evidence is None else paged(evidence, number, EVIDENCE_SIZE),
        _rows(lake, row, personas.TABLE, "user_id", user) if _has(row, personas.TABLE) else None,
        _rows(lake, row, intents.TABLE, "user_id", user),
        {verdict["rank"]: verdict for verdict in _rows(lake, row, verdicts.TABLE, "user_id", user)},
        _captions(
            lake,
            _rows(lake, row, explanations.TABLE, "user_id", user),
            _rows(lake, row, caption_verdicts.TABLE, "user_id", user),
        )
        if _has(row, explanations.TABLE)
        else None,
        row["judged"] or "",
        _failures(lake, row, user),
    )


def _captions(lake: Lake, rows: Rows, judged: Rows) -> list[dict[str, Any]]:
    """Explanations with the text of their items and their verdicts, by the rank of their tags; of an item that left the
    catalog its id."""
    wanted = sorted({row["item_id"] for row in rows})
    known = tables.read(lake, items.TABLE, columns=["item_id", "text"], filters=[("item_id", "in", wanted)])
    texts = dict(zip(known["item_id"].to_pylist(), known["text"].to_pylist(), strict=True))
    found = {verdict["item_id"]: verdict for verdict in judged}
    shown = [
        {**row, "item": texts.get(row["item_id"], f"item {row['item_id']}"), "verdict": found.get(row["item_id"])}
        for row in rows
    ]
    return sorted(shown, key=lambda row: (row["rank"], row["item_id"]))


def _failures(lake: Lake, row: Row, user: str) -> list[dict[str, Any]]:
    """Failures whose key is the user, or begins with the user: then it is an item for which no caption came."""
    # From the user's id on to whatever follows it and a space.
    of_user = [("key", ">=", user), ("key", "<", f"{user}!")]
    found = pinned(lake, row, failures.TABLE, failures.TABLE.schema.names, of_user)
    return [] if found is None else [one for one in found.to_pylist() if one["key"].partition(" ")[0] == user]


def _rows(lake: Lake, row: Row, table: Table, column: str, value: str) -> list[dict[str, Any]]:
    """A table's rows of one user, as the day pins them; none where the day is without the table."""
    found = pinned(lake, row, table, table.schema.names, [(column, "=", value)])
    return [] if found is None else found.to_pylist()


def _has(row: Row, table: Table) -> bool:
    """Whether a day was published with a table."""
    return any(entry["table"] == table.name for entry in row["versions"])


def _texts(lake: Lake, context: Mapping[str, Any]) -> dict[str, str]:
    """The text of each entity of a context; one that is not there is shown by its id."""
    wanted = {
        entry["entity_id"]
        for period in context["periods"]
        for action in period["actions"]
        for entry in action["entities"]
    }
    known = tables.read(
        lake, entities.TABLE, columns=["entity_id", "text"], filters=[("entity_id", "in", sorted(wanted))]
    )
    texts = dict(zip(known["entity_id"].to_pylist(), known["text"].to_pylist(), strict=True))
    return {entity: texts.get(entity, f"entity {entity}") for entity in wanted}


def user_page(lake: Lake, user: str, day: str, beside: str, render: Render, number: int) -> str:
    """A user on a day, and on another one beside it, as HTML.

    Args:
        user: the pseudonym. day: a published day; the newest one where it is empty. beside: another, or empty.
        render: a context as text. number: which page of the evidence, from 1.

    Raises:
        SourceMissing: one of the days is not published, or nobody of this pseudonym is known on any of them.
        DataError: a table cannot be read as a day pins it.
    """
    days = newest_days(lake)
    day = day or next(iter(days), "")
    shown = [user_day(lake, _published(lake, one), user, render, number) for one in (day, beside) if one]
    if not any(one.context or one.tags or one.failures for one in shown):
        when = " or ".join(one.day for one in shown)
        raise SourceMissing(f"Nobody of this pseudonym has a context or intents on {when}.")
    compared = len(shown) == 2
    return rendered(
        "user.html",
        title=f"User {user}",
        user=user,
        day=day,
        beside=beside,
        shown=shown,
        newest=days[:SIZE],
        kept=shown[0].names & shown[1].names if compared else set(),
        same_context=compared and _digest(shown[0]) == _digest(shown[1]),
    )


def _digest(shown: UserDay) -> str | None:
    return shown.context["digest"] if shown.context else None


def _published(lake: Lake, day: str) -> Row:
    row = row_of(lake, day) if day else None
    if row is None:
        what = f"The day {day} is not published" if day else "No day is published yet"
        raise SourceMissing(f"{what}: run daily_refresh for it first.")
    return row


def users_page(lake: Lake, day: str, number: int) -> str:
    """The users of whom a day says something, with their number of tags, as HTML; and where to ask for one.

    Args:
        day: a published day; the newest one where it is empty. number: which page of the users, from 1.

    Raises:
        SourceMissing: the day is not published. DataError: a table cannot be read as the day pins it.
    """
    days = newest_days(lake)
    row = _published(lake, day or next(iter(days), ""))
    found: dict[str, int] = {}
    said = pinned(lake, row, intents.TABLE, ["user_id"])
    failed = pinned(lake, row, failures.TABLE, ["key"], [("step", "=", INFERENCE)])
    for user in said["user_id"].to_pylist() if said else []:
        found[user] = found.get(user, 0) + 1
    for key in failed["key"].to_pylist() if failed else []:
        found.setdefault(key, 0)
    users = paged(sorted(found.items()), number, SIZE)
    return rendered("users.html", title=f"Users of {row['day']}", day=row["day"], users=users, newest=days[:SIZE])
