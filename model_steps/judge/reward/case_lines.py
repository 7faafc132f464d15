"""Cases as JSON Lines, for people: one object a line with the fields of ``judge.case.Case``.

``item_id`` may be left out; so may ``persona``, ``why``, ``category`` and ``release``, and of the customer
``attributes``, ``evidence`` and ``season``, where nothing is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model_steps.judge.case import Case, Customer, tag_case
from representation.evidence import CategoryEvidence
from runtime.errors import DataError

DAY = r"^\d{4}-\d{2}-\d{2}$"
# Lines of a file that are told of; of more their number.
TOLD = 20


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Evidence(_Part):
    category: str
    label: str
    days: int = Field(ge=1)
    last_day: str = Field(pattern=DAY)
    usual_interval: float | None = None
    rank: int = Field(ge=1)


class _Customer(_Part):
    user_id: str = Field(min_length=1)
    day: str = Field(pattern=DAY)
    attributes: tuple[tuple[str, str], ...] = ()
    evidence: tuple[_Evidence, ...] = ()
    season: str = ""

    @model_validator(mode="after")
    def _nothing_later(self) -> _Customer:
        day = date.fromisoformat(self.day)
        if later := [one for one in self.evidence if date.fromisoformat(one.last_day) > day]:
            raise ValueError(f"{later[0].category} was bought on {later[0].last_day}, after the day {self.day}")
        return self


class _Case(_Part):
    item_id: str | None = None
    customer: _Customer
    text: str
    category: str | None = None
    persona: str = ""
    why: str = ""
    release: str = ""

    def case(self) -> Case:
        own = self.customer
        evidence = tuple(CategoryEvidence(**one.model_dump()) for one in own.evidence)
        customer = Customer(own.user_id, own.day, own.attributes, evidence, own.season)
        case = tag_case(customer, self.text, self.category, self.persona, self.why, self.release)
        return replace(case, item_id=self.item_id) if self.item_id else case


def read_cases(rows: Iterable[str], where: str) -> list[Case]:
    """Cases of a file's lines; empty lines are passed over.

    Args:
        rows: the lines. where: they are, for the sentence.

    Raises:
        DataError: a line is no case, or there is none.
    """
    cases: list[Case] = []
    problems: list[str] = []
    for number, row in enumerate(rows, start=1):
        if not row.strip():
            continue
        try:
            cases.append(_Case.model_validate_json(row).case())
        except ValidationError as error:
            problems.append(f"line {number}: {_sentence(error)}")
    if problems:
        more = f"; and {len(problems) - TOLD} more" if len(problems) > TOLD else ""
        raise DataError(f"{where} holds lines that are no cases: {'; '.join(problems[:TOLD])}{more}.")
    if not cases:
        raise DataError(f"{where} holds no case: give one JSON object a line, with customer and text.")
    return cases


def _sentence(error: ValidationError) -> str:
    return ", ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'the object'}: {problem['msg']}"
        for problem in error.errors(include_url=False)
    )


def score_line(case: Case, score: float) -> str:
    """What is said of a case, as one line of JSON."""
    said: dict[str, Any] = {
        "item_id": case.item_id,
        "day": case.customer.day,
        "user_id": case.customer.user_id,
        "text": case.text,
        "release": case.release,
        "score": round(score, 6),
    }
    return json.dumps(said, ensure_ascii=False)
