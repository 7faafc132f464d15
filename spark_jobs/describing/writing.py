"""A description as TOML text: a line a guess, beside it what speaks for it; what is not known is to be filled in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from schemas.behaviors import ACTIONS, RELIABLE_ACTIONS
from spark_jobs.describing.groups import Group, Parts
from spark_jobs.describing.guesses import CatalogGuess, Guess, Guesses, guess_behaviors, guess_catalog
from spark_jobs.describing.names import action_of
from spark_jobs.describing.profiles import Profile, means_nothing
from spark_jobs.landing.sources.description import DAY_IN_NAME, FILL_IN

_COLUMN = 46
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-. ")


def description_text(parts: Parts, folder: Path) -> str:
    """The whole text.

    Args:
        folder: that the description will lie in.
    """
    parts, of_items, user, guesses = _guessed_parts(parts)
    lines = [
        "# A first description, made from some of the files: correct it. docs/own_log.md has every field.",
        "# A share is of the rows that were sampled.",
        *(f"# Not used: {_printable(group.pattern(folder))}" for group in parts.unused),
        "",
        _line("name", folder.name or "shop"),
        "",
        *_behaviors(parts.log, guesses, folder),
        *_items(parts, of_items, folder),
        *_users(parts.users, user, folder),
    ]
    return "\n".join(lines) + "\n"


def _guessed_parts(parts: Parts) -> tuple[Parts, CatalogGuess | None, Guess | None, Guesses]:
    """What is guessed of each part. Columns without names are called as what they are guessed to be."""
    items, users = parts.items, parts.users
    of_items = guess_catalog(items.profiles, items.has_names) if items else None
    if items and of_items and not items.has_names:
        called = {"item": of_items.item, "title": of_items.text}
        items = items.renamed({guess.column: name for name, guess in called.items() if guess})
        of_items = guess_catalog(items.profiles, False)
    user = _user_column(users)
    if users and user and not users.has_names:
        users, user = users.renamed({user.column: "user"}), replace(user, column="user")
    # A catalog inside the log tells nothing about which of the log's columns is the item.
    in_log = items is parts.log
    known = _ids(items, of_items.item) if of_items and not in_log else frozenset()
    log = parts.log
    guesses = guess_behaviors(log.profiles, known, _ids(users, user))
    if of_items and in_log and (found := guesses.found.get("item")):
        others = guesses.taken() - {found.column}
        left = {name: profile for name, profile in log.profiles.items() if name not in others}
        of_items = guess_catalog(left, True, found.column)
    if not log.has_names:
        log = log.renamed({guess.column: role for role, guess in guesses.found.items()})
        guesses.found = {role: replace(guess, column=role) for role, guess in guesses.found.items()}
    return Parts(log, log if in_log else items, users, parts.unused), of_items, user, guesses


def _ids(group: Group | None, guess: Guess | None) -> frozenset[str]:
    return group.profiles[guess.column].canonical() if group and guess else frozenset()


# -- lines -----------------------------------------------------------------------------------------------------------


def _line(key: str, value: Any, comment: str = "") -> str:
    text = f"{key} = {_toml(value)}"
    return f"{text:{_COLUMN}}  # {_printable(comment)}" if comment else text


def _printable(text: str) -> str:
    """What a comment may hold."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _toml(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name and all(c.isascii() and (c.isalnum() or c in "_-") for c in name) else _toml(name)


def _to_fill(key: str, comment: str) -> str:
    return _line(key, FILL_IN, comment)


def _guessed(role: str, guess: Guess) -> str:
    return _line(role, guess.column, f"{guess.share:.1%} of the rows have {guess.what}; {guess.why}")


def _form(group: Group, folder: Path, glob: bool = False) -> list[str]:
    pattern = group.pattern(folder)
    one = len(group.files) == 1
    whole = "all of it" if group.form.whole else "its beginning, middle and end" if one else "some of each"
    read = f"sampled: {whole}" if one else f"{len(group.files)} files, sampled: some of them"
    said = group.form.said
    lines = [_line("files", pattern.replace(DAY_IN_NAME, "*") if glob else pattern, read)]
    lines += [_line(key, value, why) for key, (value, why) in said.items()]
    if nothing := means_nothing(group.profiles.values()):
        lines.append(_line("nulls", nothing, "texts that mean nothing; of a user they mean nobody"))
    return lines


# -- the log ---------------------------------------------------------------------------------------------------------


def _behaviors(log: Group, guesses: Guesses, folder: Path) -> list[str]:
    profiles, found = log.profiles, guesses.found
    lines = ["[behaviors]", *_form(log, folder), *_time(profiles, found.get("at"))]
    lines += _numbers([profiles[found[role].column] for role in ("quantity", "amount") if role in found])
    if "action" not in found:
        lines.append(_to_fill("fixed_action", f"what every row is: {', '.join(ACTIONS)}; {_histories()}"))
    maybe = {name for role in ("at", "user", "item") if role not in found for name in guesses.candidates.get(role, ())}
    unused = [name for name in profiles if name not in guesses.taken() | maybe]
    if unused:
        lines.append(_line("known_columns", unused, "not used"))
    lines += ["", "[behaviors.columns]"]
    for role in ("at", "user", "item"):
        if role in found:
            lines.append(_guessed(role, found[role]))
        elif role != "item" or "query" not in found:
            lines.append(_to_fill(role, _choice(guesses.candidates.get(role, ()), profiles)))
    lines += [_guessed(role, guess) for role, guess in found.items() if role not in ("at", "user", "item")]
    if action := found.get("action"):
        lines += ["", *_actions(profiles[action.column])]
    return [*lines, ""]


def _choice(maybe: Sequence[str], profiles: dict[str, Profile]) -> str:
    names = list(maybe) or [name for name, profile in profiles.items() if profile.filled]
    told = [f"{name} ({len(profiles[name].counts):,} different)" for name in names[:12]]
    return f"the column of it: {' or '.join(told) if len(told) < 4 else ', '.join(told)}"


def _histories() -> str:
    return f"{', '.join(RELIABLE_ACTIONS)} make histories. Or remove the line, and below say action = its column"


def _time(profiles: dict[str, Profile], at: Guess | None) -> list[str]:
    time = profiles[at.column].time if at else None
    if time is None:
        return []
    seen = f"{time.first:%Y-%m-%d} to {time.last:%Y-%m-%d} in the sample" if time.first and time.last else ""
    if time.unit:
        return [_line("time_unit", time.unit, f"{time.share:.1%} of the rows; {seen}")]
    lines = []
    if len(time.formats) > 1:
        lines.append(_to_fill("time_format", f"{' or '.join(time.formats)}: both read {time.share:.1%} of the rows"))
    elif time.formats:
        lines.append(_line("time_format", time.formats[0], f"{time.share:.1%} of the rows; {seen}"))
    else:
        lines.append(f"# times are ISO 8601 or have a type of their own: {seen}")
    if not time.zoned:
        lines.append(_to_fill("time_zone", "of times that say none, such as Europe/Berlin or UTC"))
    return lines


def _numbers(profiles: Sequence[Profile]) -> list[str]:
    forms = [profile.number_form for profile in profiles if profile.filled]
    decimal = next((d for d, _, _ in forms if d != "."), ".")
    thousands = next((t for d, t, _ in forms if t and d == decimal), "")
    lines = [_line("decimal", decimal, "numbers are read so")] if decimal != "." else []
    return lines + ([_line("thousands", thousands, "between groups of digits")] if thousands else [])


def _actions(profile: Profile) -> list[str]:
    """The kinds of events that the log names; one that is no word is not shown, for it may be anything."""
    lines = ["[behaviors.actions]"]
    for value, rows in profile.counts.most_common():
        share = f"{rows / max(profile.rows, 1):.1%} of the rows"
        action = action_of(value)
        if action and value != action:
            lines.append(_line(_key(value), action, share))
        elif not action and len(value) <= 40 and set(value) <= _WORD:
            lines.append(
                f"# {_key(value)} is none of ours, {share}: its rows are rejected unless a line says what it is"
            )
    return lines


# -- the catalog -----------------------------------------------------------------------------------------------------


def _items(parts: Parts, guess: CatalogGuess | None, folder: Path) -> list[str]:
    if parts.items is None or guess is None:
        return [
            "[items]",
            _to_fill("files", "the catalog: a file that says of each item its text and its category"),
            _to_fill("format", "csv, jsonl or parquet"),
            "",
            "[items.columns]",
            _to_fill("item", "the column of the item's id"),
            _to_fill("text", "the column of its title"),
            f"path = [{_toml(FILL_IN)}]  # the columns of its category, from department to leaf",
            "",
        ]
    lines = ["[items]", *_form(parts.items, folder, glob=True)]
    if guess.separator:
        lines.append(_line("path_separator", guess.separator, "between the levels of a category"))
    lines += ["", "[items.columns]"]
    lines.append(_guessed("item", guess.item) if guess.item else _to_fill("item", "the column of the item's id"))
    lines.append(_guessed("text", guess.text) if guess.text else _to_fill("text", "the column of its title"))
    if guess.path:
        shares = ", ".join(f"{one.share:.1%}" for one in guess.path)
        told = f"{shares} of the rows have one; from department to leaf, {guess.path[0].why}"
        lines.append(_line("path", [one.column for one in guess.path], told))
    elif not guess.flags:
        lines.append(f"path = [{_toml(FILL_IN)}]  # the columns of its category, from department to leaf")
    if guess.brand:
        lines.append(_guessed("brand", guess.brand))
    if guess.flags and not guess.path:
        lines += _flags(guess.flags, parts.items.has_names)
    return [*lines, ""]


def _flags(flags: Sequence[tuple[str, float]], named: bool) -> list[str]:
    lines = ["", "[items.columns.flags]   # columns of 0 and 1, and the category that a 1 means; the first such counts"]
    for name, share in flags:
        told = f"{share:.1%} of the rows have a 1"
        lines.append(_line(_key(name), name, told) if named else _to_fill(_key(name), told))
    return lines


def _user_column(users: Group | None) -> Guess | None:
    if users is None:
        return None
    found = guess_behaviors(users.profiles, frozenset(), frozenset()).found.get("user")
    if found:
        return found
    first = next(iter(users.profiles.values()))
    return Guess(first.name, first.ids, "an id", "the first column: look at it")


def _users(users: Group | None, user: Guess | None, folder: Path) -> list[str]:
    if users is None or user is None:
        return []
    # What is another in nearly every row is a name or an address, and says nothing of what somebody wants.
    few = [p for p in users.profiles.values() if p.name != user.column and 1 < len(p.counts) <= max(p.filled // 3, 2)]
    if not few:
        return []
    attributes = _line("attributes", [p.name for p in few], "columns with few different values")
    return ["[users]", *_form(users, folder, glob=True), _guessed("user", user), attributes, ""]
