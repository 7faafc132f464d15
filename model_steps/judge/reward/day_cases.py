"""What a published day tells its customers to buy, as cases."""

from __future__ import annotations

from dataclasses import asdict

from lake.delta import tables
from lake.registry.days import read_day
from lake.store.location import Lake
from model_steps.agents.inputs import SHOWN
from model_steps.agents.ranked_inputs import season_text
from model_steps.judge.case import Case, Customer, tag_case
from representation.context import from_row
from representation.evidence import CategoryEvidence, label_in_catalog
from runtime.errors import SourceMissing
from schemas import contexts, entities, intents


def cases_of(lake: Lake, day: str) -> list[Case]:
    """The day's intents with what was known of their customers, in the order of customers and ranks.

    Raises:
        DataError: the day is not published. SourceMissing: it has no intents, or a customer no context, none
            with evidence, or evidence of categories that the catalog has not.
    """
    rows = read_day(lake, intents.TABLE, day).to_pylist()
    if not rows:
        raise SourceMissing(f"The day {day} in {lake.root} has no intents to score: name another day.")
    customers = _customers(lake, day, {row["user_id"] for row in rows})
    return [
        tag_case(customers[row["user_id"]], row["tag"], row["category"], row["persona"], row["why"], row["release"])
        for row in rows
    ]


def _customers(lake: Lake, day: str, users: set[str]) -> dict[str, Customer]:
    """What was known of each user, as the day was published with it."""
    season, labels = season_text(lake, day), _labels(lake)
    rows = read_day(lake, contexts.TABLE, day, SHOWN).to_pylist()
    people = [from_row(row) for row in rows if row["user_id"] in users]
    if lost := users - {person.user_id for person in people}:
        raise SourceMissing(f"{len(lost)} customers of {day} have intents and no context, {min(lost)} first.")
    found = {}
    for person in people:
        if person.evidence is None or not {one.category for one in person.evidence} <= labels.keys():
            raise SourceMissing(
                f"The context of {person.user_id} on {day} has no evidence, or some of categories that the catalog has "
                f"not: run `python -m spark_jobs.compress --day {day}` and publish."
            )
        evidence = (CategoryEvidence(label=labels[one.category], **asdict(one)) for one in person.evidence)
        found[person.user_id] = Customer(person.user_id, day, person.attributes, tuple(evidence), season)
    return found


def _labels(lake: Lake) -> dict[str, str]:
    """Each category's label, as prompts show it."""
    columns = ["text", "category", "category_path"]
    rows = tables.read(lake, entities.TABLE, columns=columns, filters=[("kind", "=", "category")]).to_pylist()
    return {row["category"]: label_in_catalog(row["text"], row["category_path"]) for row in rows}
