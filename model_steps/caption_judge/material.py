"""What a caption judge learns from and is examined on: built captions, really written ones, and people's labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model_steps.caption_judge import labelled_files, people, sentences
from model_steps.caption_judge.building import build
from model_steps.caption_judge.case import CaptionCase
from model_steps.caption_judge.dimensions import DIMENSIONS
from model_steps.caption_judge.labelled_files import FOLDER, PEOPLE_FILE
from model_steps.caption_judge.splits import refuse_shared
from model_steps.explaining.lexicon import Lexicon
from runtime.errors import DataError
from runtime.fingerprint import digest

BUILT = "built"


@dataclass(frozen=True)
class LabelledCaption:
    """A caption with what is known of it.

    Args:
        origin: ``built``, or the form that a model wrote it in. kind: of a built one, what was done to it; of a written
            one its way. labels: by dimension, those that are known.
        before_rules: of a written one, whether the rules may have been made after it.
    """

    case: CaptionCase
    split: str
    origin: str
    kind: str
    labels: Mapping[str, str]
    before_rules: bool = False

    @property
    def is_written(self) -> bool:
        return self.origin != BUILT


@dataclass(frozen=True)
class Material:
    """A labelled set.

    Args:
        lexicon: of the catalog that its items are of. digests: of all that it was made of. people: labels of people
            that count.
    """

    captions: tuple[LabelledCaption, ...]
    lexicon: Lexicon
    digests: Mapping[str, str]
    people: int

    @property
    def day(self) -> str:
        """The last day of the log that it knows."""
        return max(one.case.day for one in self.captions)

    def of(self, split: str) -> list[LabelledCaption]:
        return [one for one in self.captions if one.split == split]

    @classmethod
    def read(cls, folder: Path = FOLDER, corruptions: int = 3) -> Material:
        """The labelled set of a folder.

        Args:
            corruptions: that are built of each pair.

        Raises:
            SourceMissing: a file is missing. DataError: one is damaged, nothing is labelled, or two splits share an
            item or a customer.
        """
        written = labelled_files.read_written(folder)
        pairs = labelled_files.read_pairs(folder)
        said = people.counted(_people_rows(folder))
        captions = [
            LabelledCaption(one.case, one.split, BUILT, one.kind, _outranked(one.case, one.labels, said))
            for one in build(pairs, corruptions)
        ]
        captions += [
            LabelledCaption(
                one.case, one.split, one.form, one.way, _outranked(one.case, one.labels, said), one.before_rules
            )
            for one in written
        ]
        if not any(one.labels for one in captions if one.is_written):
            raise DataError(f"No caption in {folder / labelled_files.WRITTEN_FILE} is labelled: read them first.")
        refuse_shared((one.case, one.split) for one in captions)
        items = [one.case.item for one in captions]
        lexicon = Lexicon.of([item.category_path for item in items], [item.brand for item in items if item.brand])
        digests = {
            **labelled_files.digests(folder),
            sentences.FILE.name: sentences.file_digest(),
            "cases": digest(
                [[one.case.case_id, one.split, one.origin, one.kind, dict(one.labels)] for one in captions]
            ),
        }
        return cls(tuple(captions), lexicon, digests, sum(label is not None for label in said.values()))


def _people_rows(folder: Path) -> Sequence[Mapping[str, str]]:
    file = folder / PEOPLE_FILE
    return [row for _, row in labelled_files.lines_of(file)] if file.is_file() else []


def _outranked(
    case: CaptionCase, labels: Mapping[str, str], said: Mapping[tuple[str, str], str | None]
) -> dict[str, str]:
    """Labels with people's in the place of others; where people tie there is none."""
    if not said:
        return dict(labels)
    name = case.case_id
    people = {dimension: said[name, dimension] for dimension in DIMENSIONS if (name, dimension) in said}
    return {dimension: label for dimension, label in {**labels, **people}.items() if label is not None}
