"""Files that are written alike, and the part of a description that each group of them is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from spark_jobs.describing.forms import Form, form_of
from spark_jobs.describing.names import speaks_for
from spark_jobs.describing.profiles import Profile, profiles_of
from spark_jobs.landing.sources.description import DAY_IN_NAME

# Of a group so many files are looked into, spread over all of them.
MOST_FILES = 5
_DAY = re.compile(r"[0-9]{4}-[0-1][0-9]-[0-3][0-9]")


@dataclass(frozen=True)
class Group:
    """Files whose names differ in digits alone, and what is in some of them."""

    files: Sequence[Path]
    form: Form

    @cached_property
    def profiles(self) -> dict[str, Profile]:
        return profiles_of(self.form.columns, self.form.typed_times)

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.files)

    @property
    def has_names(self) -> bool:
        """Whether its columns are called anything."""
        return "header" not in self.form.said

    def renamed(self, names: Mapping[str, str]) -> Group:
        """The same files, some columns of which are called otherwise; for those that their header does not name."""
        columns = {names.get(name, name): values for name, values in self.form.columns.items()}
        header = (list(columns), self.form.said["header"][1])
        return replace(self, form=replace(self.form, columns=columns, said={**self.form.said, "header": header}))

    def has(self, role: str) -> bool:
        return any(speaks_for(role, name) for name in self.profiles)

    @property
    def first_is_unique(self) -> bool:
        """Whether a row is told by its first column, or by one that is called an item's or a user's."""
        first = next(iter(self.profiles.values()), None)
        of_ids = [p for p in self.profiles.values() if speaks_for("item", p.name) or speaks_for("user", p.name)]
        return any(
            p.is_unique and p.ids > 0 for p in [*filter(None, [first]), *of_ids] if not speaks_for("event", p.name)
        )

    @property
    def has_time(self) -> bool:
        return any(p.time and p.of_filled(p.time.share) >= 0.5 for p in self.profiles.values())

    def pattern(self, folder: Path) -> str:
        """The glob that means these files, below a folder where they are."""
        names = [_relative(path, folder) for path in self.files]
        if all(len(_DAY.findall(name)) == 1 for name in names) and len({_DAY.sub("", name) for name in names}) == 1:
            return _DAY.sub(DAY_IN_NAME, names[0])
        return names[0] if len(names) == 1 else re.sub("[0-9]+", "*", names[0])


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def groups_of(files: Sequence[Path]) -> list[Group]:
    """The groups of some files, the largest last.

    Raises:
        DataError: one cannot be read.
    """
    alike: dict[str, list[Path]] = {}
    for path in sorted(set(files)):
        alike.setdefault(re.sub("[0-9]+", "#", str(path)), []).append(path)
    found = [Group(paths, _looked_into([p for p in paths if p.stat().st_size] or paths)) for paths in alike.values()]
    return sorted(found, key=lambda group: group.size)


def _looked_into(files: Sequence[Path]) -> Form:
    """The form of the first of some files, with rows of all that are looked into."""
    step = max((len(files) - 1) / max(MOST_FILES - 1, 1), 1)
    chosen = [files[int(n * step)] for n in range(min(len(files), MOST_FILES))]
    forms = [form_of(path) for path in dict.fromkeys(chosen)]
    first = forms[0]
    names = list(dict.fromkeys(name for form in forms for name in form.columns))
    columns: dict[str, list[str | None]] = {name: [] for name in names}
    for form in forms:
        rows = len(next(iter(form.columns.values()), ()))
        for name in names:
            columns[name] += form.columns.get(name, [None] * rows)
    return Form(
        first.said,
        columns,
        min(form.readable for form in forms),
        all(form.whole for form in forms) and len(forms) == len(files),
        frozenset().union(*(form.typed_times for form in forms)),
    )


@dataclass(frozen=True)
class Parts:
    """The groups by what they are: the log, the items (the log's own files, where they say what an item is), users."""

    log: Group
    items: Group | None
    users: Group | None
    unused: Sequence[Group]


def parts_of(groups: Sequence[Group]) -> Parts:
    """What each group is: a log has times and names nothing once alone; the largest such is it."""
    log = max(groups, key=lambda g: (g.has_time and not g.first_is_unique, g.has_time, g.size))
    others = [group for group in groups if group is not log]
    of_users = [g for g in others if g.has("user") and not g.has("item")]
    candidates = [g for g in others if g not in of_users]
    titled = [g for g in candidates if g.has("item") or g.has("text") or (not g.has_names and _has_titles(g))]
    items = max(titled, key=lambda g: g.size, default=None)
    nameless = [g for g in candidates if g is not items and not g.has_names and g.first_is_unique]
    users = max([*of_users, *nameless], key=lambda g: g.size, default=None)
    if items is None and log.has("item") and (log.has("text") or log.has("path")):
        items = log
    return Parts(log, items, users, [g for g in others if g not in (items, users)])


def _has_titles(group: Group) -> bool:
    """Whether a column has texts that are nearly all different and have blanks."""
    return any(
        p.words > 0.5 and len(p.counts) > 0.8 * p.filled and p.share(lambda text: " " in text) > 0.3
        for p in group.profiles.values()
    )


def below(folder: Path, path: Path) -> str:
    """A path as a person would type it there."""
    return os.path.relpath(path, folder)
