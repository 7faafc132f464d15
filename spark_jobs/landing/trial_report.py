"""What a trial found, as lines for a person. No id is in them but pseudonyms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas import behaviors

_WIDTH = 16


def report(found: Mapping[str, Any]) -> str:
    """The text.

    Args:
        found: the manifest of ``spark_jobs.check``.
    """
    rows, nobodys, repeated = (found[name] for name in ("rows_in", "rows_anonymous", "rows_duplicate"))
    somebodys = rows - nobodys - repeated
    lines = [
        f"{found['day']} of {found['source']}",
        _line("arrival", found["arrival"] + _of_waiting(found)),
        _line("rows in", f"{rows:,}"),
        _line("behaviors", f"{found['rows']:,} of {found['users']:,} users"),
        _line("nobody's", f"{nobodys:,} (at most {found['rows_anonymous_allowed']:,})"),
        _line("repeated events", f"{repeated:,}"),
        _line(
            "rejected",
            f"{found['rows_rejected']:,}, which is {_percent(found['rows_rejected'], somebodys)} of what is somebody's "
            f"(at most {behaviors.MAXIMUM_REJECTED:.0%})",
        ),
    ]
    for rule, number in sorted(found["rejected"].items(), key=lambda item: (-item[1], item[0])):
        places = "; ".join(found["examples"].get(rule, ()))
        lines.append(_line("", f"{number:,} {rule}" + (f": {places}" if places else "")))
    if found["unknown_items"]:
        lines.append(_line("items", f"{found['unknown_items']:,} that the catalog does not have"))
    lines += _of_users(found["probably_no_persons"], found["users"])
    if units := found["time_units"]:
        lines.append(
            _line("times", "numbers since 1970, in " + ", ".join(f"{u} ({n:,} rows)" for u, n in units.items()))
        )
    if new := found["new_columns"]:
        lines.append(_line("not named", ", ".join(sorted(new))))
    catalog, counted = found["catalog"], ("items", "categories", "rows")
    broken = "".join(f", {number:,} {name}" for name, number in catalog.items() if name not in counted and number)
    lines.append(_line("catalog", f"{catalog['items']:,} items of {catalog['categories']:,} categories{broken}"))
    lines += ["It would land." if found["would_land"] else "It would be held.", *(f"- {why}" for why in found["held"])]
    return "\n".join(lines)


def _of_waiting(found: Mapping[str, Any]) -> str:
    waits = found["arrival"] != "arrived" and not found["held"]
    return " (a refresh waits for it, a landing from a shell does not)" if waits else ""


def _of_users(shares: Mapping[str, float], users: int) -> list[str]:
    if not shares:
        return []
    told = ", ".join(f"{user} has {share:.0%} of the rows" for user, share in shares.items())
    return [_line("no persons", f"probably {len(shares):,} of the users, {_percent(len(shares), users)}: {told}")]


def _line(name: str, text: str) -> str:
    return f"  {name:{_WIDTH}}{text}"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"
