"""A replayed case as Markdown, and the part of a page that shows it. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from model_steps.replaying.case import Case
from runtime.errors import DataError
from schemas.explanations import STYLE_PARTS

BEGIN, END = "<!-- replayed case: begin -->", "<!-- replayed case: end -->"


def page_part(case: Case, replayed: Mapping[str, Any]) -> str:
    """What a replay came to, for people.

    Args:
        replayed: ``replay.document`` of the case.

    Raises:
        DataError: it is of another case.
    """
    if replayed["case"] != case.digest:
        raise DataError(
            f"What was replayed is the case {replayed['case'][:12]}, and the file now has {case.digest[:12]}: run "
            "`python -m model_steps.replay_case` again."
        )
    shown = f"{replayed['experts']} experts, histories as {replayed['representation']}"
    captions = [
        [one["item"], one["tag"], one["caption"], one["segment"], *_style(one["style"]), one["attempts"]]
        for one in replayed["captions"]
    ]
    parts = [
        f"{case.title}, as of {case.day}, by the release `{replayed['release']}` ({shown}).",
        "Signals: " + "; ".join(f"{signal.kind}: {signal.text}" for signal in case.signals) + ".",
        _table(
            ("expert", "persona", "need", "rests on"),
            ([one["expert"], one["persona"], one["need"], ", ".join(one["rests_on"])] for one in replayed["personas"]),
        ),
        _table(
            ("rank", "tag", "why", "expert"),
            ([one["rank"], one["tag"], one["why"], one["expert"]] for one in replayed["tags"]),
        ),
        _table(("item", "for the tag", "caption", "segment", *STYLE_PARTS, "tries"), captions),
    ]
    if replayed["dropped"]:
        parts.append(
            _table(
                ("without a caption, for the tag", "rule that the last try broke", "tries"),
                ([one["tag"], one["rule"], one["attempts"]] for one in replayed["dropped"]),
            )
        )
    return "\n\n".join(parts)


def _style(style: Mapping[str, str] | None) -> list[str]:
    return [style[part] if style else "" for part in STYLE_PARTS]


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def shown_in(page: str, where: str) -> str:
    """The part of a page between the two marks.

    Raises:
        DataError: it has not both of them, in order.
    """
    _, begin, rest = page.partition(BEGIN)
    part, end, _ = rest.partition(END)
    if not (begin and end):
        raise DataError(f"{where} has no place for a replayed case: put the lines {BEGIN} and {END} where it belongs.")
    return part.strip()


def renewed(page: str, part: str, where: str) -> str:
    """A page with another part between the marks.

    Raises:
        DataError: as ``shown_in``.
    """
    shown_in(page, where)
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{part}\n{END}{rest.partition(END)[2]}"
