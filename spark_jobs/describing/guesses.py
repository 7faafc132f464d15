"""Which column is which: by its name where that speaks, else by its values; weak guesses are not taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from spark_jobs.describing.names import says_id, speaks_for
from spark_jobs.describing.profiles import Profile

# Of the values of a column, so many have to be what they are guessed to be.
LEAST = 0.5
LEAST_WITHOUT_A_NAME = 0.95
BY_NAME, BY_VALUES = "by its name and values", "by its values alone: look at it"


@dataclass(frozen=True)
class Guess:
    """A column for one of ours.

    Attributes:
        share: of the rows that it explains. what: their values are, in words. why: it is this one.
    """

    column: str
    share: float
    what: str
    why: str


@dataclass
class Guesses:
    """Columns by our names, and of those that could not be guessed the columns that they may be."""

    found: dict[str, Guess] = field(default_factory=dict)
    candidates: dict[str, list[str]] = field(default_factory=dict)

    def taken(self) -> set[str]:
        return {guess.column for guess in self.found.values()}


# What a column's values have to be for one of ours: the share that is, and the words for it.
_MEASURES: dict[str, tuple[Callable[[Profile], float], str]] = {
    "event": (lambda p: p.ids if p.is_unique else 0.0, "an id of its own"),
    "at": (lambda p: p.time.share if p.time else 0.0, "a time"),
    "user": (lambda p: p.ids, "an id"),
    "action": (lambda p: p.actions, "an event that is known"),
    "item": (lambda p: p.ids, "an id"),
    "query": (lambda p: p.share(lambda text: any(map(str.isalpha, text))), "words"),
    "quantity": (lambda p: p.number_form[2], "a number"),
    "amount": (lambda p: p.number_form[2], "a number"),
    "session": (lambda p: p.ids, "an id"),
}
NEEDED = ("at", "user", "item")


def guess_behaviors(profiles: Mapping[str, Profile], items: frozenset[str], users: frozenset[str]) -> Guesses:
    """Columns of a log.

    Args:
        items, users: the distinct ids of a catalog of these, none where there is no such file.
    """
    guesses = Guesses()
    for role, (measure, what) in _MEASURES.items():
        named = [p for p in _free(profiles, guesses) if speaks_for(role, p.name)]
        fine = [p for p in named if p.filled and p.of_filled(measure(p)) >= LEAST]
        if fine:
            best = max(fine, key=lambda p: (what == "an id" and says_id(p.name), round(measure(p), 2), len(p.counts)))
            guesses.found[role] = Guess(best.name, measure(best), what, BY_NAME)
    _time_by_values(profiles, guesses)
    _action_by_values(profiles, guesses)
    _ids_by_values(profiles, guesses, items, users)
    return guesses


def _free(profiles: Mapping[str, Profile], guesses: Guesses) -> list[Profile]:
    return [p for p in profiles.values() if p.name not in guesses.taken()]


def _time_by_values(profiles: Mapping[str, Profile], guesses: Guesses) -> None:
    if "at" in guesses.found:
        return
    fine = [p for p in _free(profiles, guesses) if p.time and p.time.share >= LEAST_WITHOUT_A_NAME]
    if len(fine) == 1 and fine[0].time:
        guesses.found["at"] = Guess(fine[0].name, fine[0].time.share, "a time", BY_VALUES)
    guesses.candidates["at"] = [p.name for p in fine]


def _action_by_values(profiles: Mapping[str, Profile], guesses: Guesses) -> None:
    fine = [p for p in _free(profiles, guesses) if p.actions >= LEAST]
    if "action" not in guesses.found and len(fine) == 1:
        guesses.found["action"] = Guess(fine[0].name, fine[0].actions, "an event that is known", BY_VALUES)


def _ids_by_values(
    profiles: Mapping[str, Profile], guesses: Guesses, items: frozenset[str], users: frozenset[str]
) -> None:
    """User and item where no name says them: whose ids those of the catalog are, more of them than any other's."""
    fine = [p for p in _free(profiles, guesses) if p.looks_like_ids and not p.is_unique]
    for role, known in (("item", items), ("user", users)):
        if role in guesses.found:
            continue
        guesses.candidates[role] = [p.name for p in fine]
        within = (
            {p.name: len(p.canonical() & known) / len(known) for p in fine if _mostly_in(p, known)} if known else {}
        )
        ranked = sorted(within, key=lambda name: -within[name])
        if ranked and (len(ranked) == 1 or within[ranked[0]] > 1.2 * within[ranked[1]]):
            best = profiles[ranked[0]]
            why = f"it has {within[best.name]:.0%} of the ids of the {role}s' file, more than any other"
            guesses.found[role] = Guess(best.name, best.ids, "an id", why)
            fine.remove(best)
    # What is left when the item is known, if it is one alone.
    if "user" not in guesses.found and "item" in guesses.found and len(fine) == 1:
        guesses.found["user"] = Guess(fine[0].name, fine[0].ids, "an id", "the only other ids: look at it")


def _mostly_in(profile: Profile, known: frozenset[str]) -> bool:
    seen = profile.canonical()
    return len(seen & known) >= 0.9 * len(seen)


@dataclass(frozen=True)
class CatalogGuess:
    """Columns of a catalog: its path from department to leaf, or its flags, each of which may name a category."""

    item: Guess | None
    text: Guess | None
    path: Sequence[Guess]
    flags: Sequence[tuple[str, float]]
    brand: Guess | None
    separator: str | None


def guess_catalog(profiles: Mapping[str, Profile], named: bool, item: str | None = None) -> CatalogGuess:
    """Columns of a file of items.

    Args:
        named: whether the columns have names. item: the column of the ids, where it is known.
    """
    every = list(profiles.values())
    ids = [p for p in every if speaks_for("item", p.name) and p.ids >= LEAST] or [p for p in every if p.is_unique]
    found = profiles[item] if item else (max(ids, key=lambda p: says_id(p.name)) if ids else None)
    of_item = (
        Guess(found.name, found.ids, "an id", BY_NAME if named else "the first without two alike") if found else None
    )
    free = [p for p in every if found is None or p.name != found.name]
    text = _best(free, "text", named)
    free = [p for p in free if text is None or p.name != text.column]
    flags = [p for p in free if p.is_flag]
    brand = next((_guess(p, "words") for p in free if speaks_for("brand", p.name) and p.filled), None)
    levels = [p for p in free if speaks_for("path", p.name) and p.filled and not p.is_flag]
    if not levels and len(flags) < 3 and not named:
        levels = [p for p in free if p.words >= 0.8 and 1 < len(p.counts) <= max(p.rows // 2, 2)][:1]
    levels.sort(key=lambda p: len(p.counts))
    why = BY_NAME if named else BY_VALUES
    path = [Guess(p.name, p.filled / max(p.rows, 1), "a category", why) for p in levels]
    separator = _separator(levels[-1]) if len(levels) == 1 else None
    return CatalogGuess(
        of_item, text, path, [(p.name, p.share("1".__eq__)) for p in flags] if len(flags) >= 3 else [], brand, separator
    )


def _best(free: Sequence[Profile], role: str, named: bool) -> Guess | None:
    fine = [p for p in free if (speaks_for(role, p.name) if named else p.words > 0.3) and p.filled and not p.is_flag]
    fine = [p for p in fine if p.words >= 0.3 or named]
    if not fine:
        return None
    best = max(fine, key=lambda p: (len(p.counts) / max(p.rows, 1) > 0.5, "title" in p.name.lower(), p.words))
    return _guess(best, "words", BY_NAME if named else BY_VALUES)


def _guess(profile: Profile, what: str, why: str = BY_NAME) -> Guess:
    return Guess(profile.name, profile.filled / max(profile.rows, 1), what, why)


def _separator(profile: Profile) -> str | None:
    """The text between the levels of a path that stands in one column."""
    for sign in (" > ", ">", "|", " / ", "/", "."):
        several = profile.share(lambda value, sign=sign: sign in value.strip(sign))  # type: ignore[misc]
        if profile.of_filled(several) >= 0.3:
            return sign
    return None
