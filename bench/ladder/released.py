"""The ladder's releases: which of them stand on rungs, where they are shipped, and which are not there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.comparison import CEILINGS
from evaluation.snapshots import BASELINES
from runtime.errors import UsageError
from settings import ROOT

V1 = "v1_routes"
COMBINED = "combined"
WITHOUT = "combined_without_intents"
BASE, SFT, SUM, CRS = "base", "sft", "grpo_sum", "grpo_crs"
RELEASES = ROOT / "releases"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class ShippedRung:
    """A release of the published ladder (PAPER 3.2).

    Args:
        name: the rung's.
        folder: below ``releases``; none: it is not shipped yet.
        made: with what, for whoever has to make it.
    """

    name: str
    folder: str | None
    made: str


SHIPPED = (
    ShippedRung(BASE, "adaptor-db3b5bcf172d", "python -m model_steps.train_adaptor"),
    ShippedRung(SFT, "experts-024e829c0755", "python -m model_steps.train_experts"),
    ShippedRung(SUM, "experts-32a54d485040", "python -m model_steps.reinforce_experts --shaping sum --last"),
    ShippedRung(CRS, "experts-85d1aedd2433", "python -m model_steps.reinforce_experts --shaping crs"),
)


@dataclass(frozen=True)
class Found:
    """Which releases the ladder has.

    Args:
        folders: by rung, in the ladder's order.
        absent: sentences by rung: why it is left out.
    """

    folders: Mapping[str, Path]
    absent: Mapping[str, str]


def find(named: Sequence[str], shipped: Sequence[ShippedRung] = SHIPPED, below: Path = RELEASES) -> Found:
    """The ladder's releases: those that are named, and the shipped ones of the other rungs.

    Args:
        named: each ``NAME=FOLDER``; a name that is no shipped rung's is one more rung, above these.
        shipped: the rungs that there always are. below: the folder of their releases.

    Raises:
        UsageError: an entry is of another form, a rung is named twice or is not a release's, or a folder is not there.
    """
    given: dict[str, Path] = {}
    taken = {*BASELINES, *CEILINGS, V1, COMBINED, WITHOUT}
    for entry in named:
        name, divided, folder = entry.partition("=")
        if not (divided and folder and _NAME.fullmatch(name)):
            raise UsageError(f"--release {entry} is not NAME=FOLDER: write it as in sft=releases/experts-024e829c0755.")
        if name in taken or name in given:
            raise UsageError(f"--release {entry}: the ladder has a rung {name} already, give it another name.")
        if not Path(folder).is_dir():
            raise UsageError(f"--release {entry}: there is no folder {folder}.")
        given[name] = Path(folder)
    folders: dict[str, Path] = {}
    absent: dict[str, str] = {}
    for rung in shipped:
        if rung.name in given:
            folders[rung.name] = given.pop(rung.name)
        elif rung.folder is None:
            absent[rung.name] = f"No release is shipped: make one (`{rung.made}`), and name it with --release."
        elif not (below / rung.folder).is_dir():
            absent[rung.name] = f"{below.name}/{rung.folder} is not here: restore it, or name another with --release."
        else:
            folders[rung.name] = below / rung.folder
    return Found({**folders, **given}, absent)


def to_combine(found: Found, wanted: str | None, first_release: Path) -> str | None:
    """The rung that is combined with the strongest system without a model; none where no release is there.

    It is the one that is shipped, for that was chosen on validation users. Where that one is no rung it is the last.

    Args:
        wanted: a rung's name; none: by this rule.
        first_release: what a new lake begins with.

    Raises:
        UsageError: the wanted one is no release of this ladder.
    """
    if wanted is not None:
        if wanted not in found.folders:
            raise UsageError(f"--combine {wanted}: the ladder's releases are {', '.join(found.folders) or 'none'}.")
        return wanted
    champion = [name for name, folder in found.folders.items() if folder.resolve() == first_release.resolve()]
    return next(reversed(champion or list(found.folders)), None)
