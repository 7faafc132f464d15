"""The day as a person reads it: three users' intents, the figures of the run, and three captions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lake.delta import tables
from lake.registry.days import read_day
from lake.store.location import Lake
from launcher.watch import Say, say
from schemas import caption_verdicts, days, explanations, intents, items, verdicts
from settings import Settings

SHOWN_USERS = SHOWN_CAPTIONS = 3
WIDTH = 110
TASK_WIDTH = 26
COLUMNS = {"rank": 4, "tag": 32, "category": 32, "persona": 26, "chosen_by": 11}

# Figures from which the time is split: the whole run, and what of it went by with users in the engine.
RUN_SECONDS, USER_SECONDS, USERS = "run.seconds", "infer.shard.seconds_users", "infer.shard.users_in"
# Seconds that explanations added to these, and figures of what they came to.
EXPLAINED_SECONDS, EXPLAINED = "infer.shard.seconds_explanations", "infer.shard.explanations."
# Figures of the verdicts begin with it.
JUDGED, JUDGED_CAPTIONS = f"{verdicts.TABLE.name}.", f"{caption_verdicts.TABLE.name}."

Row = Mapping[str, Any]


def report(day: str, settings: Settings, say: Say = say) -> None:
    """Print what is published for the day."""
    lake = Lake.open(settings.lake.uri)
    published = tables.read(lake, days.TABLE, day).to_pylist()
    if not published:
        say(f"Nothing is published for {day}.")
        return
    if published[0]["empty"]:
        say(f"The log has no usable behavior on {day}: the day is published as empty.")
    rows = read_day(lake, intents.TABLE, day).to_pylist()
    explained, texts = _explained(lake, published[0])
    told = (figures_lines, judged_lines, explained_lines, judged_captions_lines)
    of_day = [line for lines in told for line in lines(published[0])]
    verdicts_on = _verdicts(lake, published[0])
    for line in [*users_lines(rows), *of_day, *captions_lines(explained, texts, verdicts_on)]:
        say(line)


def _explained(lake: Lake, day: Row) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Some of the day's captions, and the texts of their items; nothing of a day that was published without."""
    if not any(entry["table"] == explanations.TABLE.name for entry in day["versions"]):
        return [], {}
    chosen = some_captions(read_day(lake, explanations.TABLE, day["day"]).to_pylist())
    wanted = [("item_id", "in", sorted({row["item_id"] for row in chosen}))]
    known = tables.read(lake, items.TABLE, columns=["item_id", "text"], filters=wanted)
    return chosen, dict(zip(known["item_id"].to_pylist(), known["text"].to_pylist(), strict=True))


def _verdicts(lake: Lake, day: Row) -> dict[tuple[str, str], Row]:
    """The day's verdicts on captions, by user and item."""
    if not any(entry["table"] == caption_verdicts.TABLE.name for entry in day["versions"]):
        return {}
    rows = read_day(lake, caption_verdicts.TABLE, day["day"]).to_pylist()
    return {(row["user_id"], row["item_id"]): row for row in rows}


def some_captions(rows: Sequence[Row], shown: int = SHOWN_CAPTIONS) -> list[Any]:
    """Captions of as many users as there are, the best tags first."""
    turns: dict[str, int] = {}
    in_turn = []
    for row in sorted(rows, key=lambda one: (one["user_id"], one["rank"], one["item_id"])):
        turns[row["user_id"]] = turn = turns.get(row["user_id"], 0) + 1
        in_turn.append((turn, row["user_id"], row))
    return [row for _, _, row in sorted(in_turn, key=lambda one: one[:2])][:shown]


def captions_lines(
    rows: Sequence[Row], texts: Mapping[str, str], verdicts_on: Mapping[tuple[str, str], Row] | None = None
) -> list[str]:
    """Captions, each with its item, the style it was written in, and what its judge found.

    Args:
        texts: of items, by id. verdicts_on: rows of ``caption_verdicts`` by user and item.
    """
    lines: list[str] = [f"Captions, {len(rows)} of them:"] if rows else []
    for row in rows:
        style = ", ".join(row["style"].values()) if row["style"] else "none"
        lines += [
            f'  User {row["user_id"]}: "{row["caption"]}"',
            *_wrapped(f"item: {texts.get(row['item_id'], row['item_id'])} (tag {row['rank']}, {row['tag']})"),
            *_wrapped(f"style: {style}"),
            *_wrapped(_verdict_line((verdicts_on or {}).get((row["user_id"], row["item_id"])))),
        ]
    return lines


def _verdict_line(verdict: Row | None) -> str:
    """What a judge found of a caption, its defects by name."""
    if verdict is None:
        return ""
    bad = [finding["dimension"] for finding in verdict["findings"] if finding["label"] == "negative"]
    return f"judged: {verdict['tier']}{', for its ' + ', '.join(bad) if bad else ''}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="      ")


def explained_lines(day: Row) -> list[str]:
    """How many captions the day has and which seconds they added; nothing where the last run wrote none."""
    figures = {figure["name"]: figure["value"] for figure in day["figures"]}
    names = (EXPLAINED + one for one in ("captions", "pairs_dropped", "style_cache_hit_rate"))
    seconds, (captions, dropped, reused) = figures.get(EXPLAINED_SECONDS), map(figures.get, names)
    if seconds is None or captions is None:
        return []
    told = f"{captions:.0f} captions, {dropped or 0:.0f} items without one"
    styles = "" if reused is None else f"; {reused:.0%} of their styles were another caption's, too"
    return textwrap.wrap(
        f"Explained: {told}; they added {seconds:.1f} s to inference{styles}.", WIDTH, subsequent_indent="  "
    )


def users_lines(rows: Sequence[Row], shown: int = SHOWN_USERS) -> list[str]:
    """The ranked tags of the first few users, each with the personas they come from."""
    users = sorted({row["user_id"] for row in rows})
    lines: list[str] = []
    for user in users[:shown]:
        own = sorted((row for row in rows if row["user_id"] == user), key=lambda row: row["rank"])
        lines += [f"User {user}", *_persona_lines(own), "", *_table(own), ""]
    if len(users) > shown:
        lines += [f"... and {len(users) - shown} users more, in the table `{intents.TABLE.name}`.", ""]
    return lines


def _persona_lines(rows: Iterable[Row]) -> list[str]:
    whys: dict[str, str] = {}
    for row in rows:
        whys.setdefault(row["persona"], row["why"])
    return ["  " + textwrap.shorten(f"{persona}: {why}", WIDTH, placeholder=" ...") for persona, why in whys.items()]


def _table(rows: Iterable[Row]) -> list[str]:
    header = {name: name.replace("_", " ") for name in COLUMNS}
    rule = {name: "-" * width for name, width in COLUMNS.items()}
    return [
        "  " + "  ".join(_cell(row[name], width) for name, width in COLUMNS.items()).rstrip()
        for row in (header, rule, *rows)
    ]


def _cell(value: object, width: int) -> str:
    text = str(value)
    return (text if len(text) <= width else text[: width - 3] + "...").ljust(width)


def figures_lines(day: Row) -> list[str]:
    """What the run cost and did, a task a line: its seconds, then the counts of its manifest.

    A figure is named ``<task>.<field>``, and every task has the field ``seconds``.
    """
    figures = {figure["name"]: figure["value"] for figure in day["figures"]}
    tasks = sorted(name.removesuffix(".seconds") for name in figures if name.endswith(".seconds"))
    lines = [f"Figures of {day['day']}, release {day['release']}:"]
    for task in tasks:
        own = {name.removeprefix(f"{task}."): value for name, value in figures.items() if name.startswith(f"{task}.")}
        seconds = own.pop("seconds")
        counts = ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in own.items())
        head = f"  {task:<{TASK_WIDTH}}{seconds:>7.1f} s  "
        lines += textwrap.wrap(head + counts, WIDTH, subsequent_indent=" " * len(head)) if counts else [head.rstrip()]
    return [*lines, *_time_lines(figures)]


def judged_lines(day: Row) -> list[str]:
    """What a judge found of a sample, or why there is none; nothing of rows from before days were judged."""
    judged = day.get("judged")
    if judged is None:
        return []
    if judged != "yes":
        return textwrap.wrap(f"Judged: {judged}.", WIDTH, subsequent_indent="  ")
    found = {figure["name"].removeprefix(JUDGED): figure["value"] for figure in day["figures"]}
    shares = {name: found.get(figure) for name, figure in (("S", "superior"), ("A", "average"), ("B", "bad"))}
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share is not None)
    corrected = found.get("superior_corrected")
    beside = "S corrected: not estimable" if corrected is None else f"S corrected {corrected:.0%}"
    alarm = f"; ALARM, {found['alarms']:.0f} out of their usual band" if found.get("alarms") else ""
    sample = f"{found.get('outputs', 0):.0f} tags of {found.get('judged_users', 0):.0f} users"
    return [f"Judged: {sample}: {told} ({beside}){alarm}."]


def judged_captions_lines(day: Row) -> list[str]:
    """What a judge found of a sample's captions; nothing of days whose captions nobody judged."""
    found = {
        figure["name"].removeprefix(JUDGED_CAPTIONS): figure["value"]
        for figure in day["figures"]
        if figure["name"].startswith(JUDGED_CAPTIONS)
    }
    if not found.get("captions") or "passing" not in found:
        return []
    tiers = ", ".join(
        f"{tier} {found[name]:.0%}"
        for tier, name in (("S", "superior"), ("A", "average"), ("B", "bad"))
        if name in found
    )
    alarm = "; ALARM, out of their usual band" if found.get("alarms") else ""
    sample = f"{found['captions']:.0f} captions of {found.get('users', 0):.0f} users"
    return [f"Captions judged: {sample}: {found['passing']:.0%} pass all seven dimensions ({tiers}){alarm}."]


def _time_lines(figures: Mapping[str, float]) -> list[str]:
    """The run's seconds as a fixed part, which a day costs anyway, and a part that each user adds."""
    total, user_seconds, users = (figures.get(name) for name in (RUN_SECONDS, USER_SECONDS, USERS))
    if total is None or user_seconds is None or not users:
        return []
    user_seconds += figures.get(EXPLAINED_SECONDS, 0.0)
    return [
        f"Time: {total:.0f} s, of which {total - user_seconds:.0f} s are fixed "
        f"and {user_seconds / users:.2g} s come with each of {users:.0f} users."
    ]


def number(value: float) -> str:
    """A count as a whole number, anything else with three digits that count."""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"
