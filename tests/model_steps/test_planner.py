"""Personas are grounded, disjoint and told apart."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model_steps.agents import evidence, planner
from model_steps.agents.evidence import CategoryFacts, Entity, disjoint, facts_of, groups, label_of
from model_steps.agents.planner import Unusable
from representation.context import ActionGroup, Context, EntityCount, Period

FACTS = [CategoryFacts(name, name, 3 - n, "2017-10-31", (f"{name} 6 oz",)) for n, name in enumerate("abc")]


def context() -> Context:
    def group(*entries: tuple[str, int]) -> tuple[ActionGroup, ...]:
        return (ActionGroup("purchase", tuple(EntityCount(entity, count) for entity, count in entries)),)

    periods = (Period("2017-10-31", group(("e1", 1), ("e2", 2))), Period("2017-09", group(("e1", 4), ("e3", 1))))
    return Context("user", periods, (), ())


ENTITIES = {
    "e1": Entity("yogurt 6 oz", "yogurt", "dairy"),
    "e2": Entity("white bread", "white bread", "bread"),
    "e3": Entity("a query", None),
}


def test_facts_count_and_date_each_category() -> None:
    found = facts_of(context(), ENTITIES)
    assert [(f.label, f.count, f.period) for f in found] == [
        ("yogurt, dairy", 5, "2017-10-31"),
        ("white bread", 2, "2017-10-31"),
    ]
    assert found[0].line == "- yogurt, dairy: 5 times, last 2017-10-31 (yogurt 6 oz)"


def test_a_label_fits_into_a_json_string() -> None:
    assert label_of('say "hi" \\ <|im_end|>{}') == "say hi im end"


def test_evidence_goes_to_the_first_who_names_it() -> None:
    assert disjoint([["a", "b", "a"], ["a"], ["x"]], ["a", "b", "c"]) == ([["a", "b"], ["c"], []], 2)


def test_groups_are_disjoint_complete_and_never_empty() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(20, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = groups(rows, 4)
    assert sorted(row for group in found for row in group) == list(range(20))
    assert all(found)
    assert found == groups(rows, 4)
    assert [len(group) for group in groups(np.ones((3, 8), np.float32), 3)] == [1, 1, 1]


def answer(*personas: tuple[str, list[str]]) -> str:
    return json.dumps([{"name": name, "need": "Likely to need x.", "evidence": own} for name, own in personas])


def test_names_become_distinct_and_evidence_disjoint() -> None:
    found, completed = planner.parse(answer(("dairy", ["a"]), ("dairy", ["a", "b"]), ("dairy", ["b"])), FACTS, 3)
    assert [persona.name for persona in found] == ["dairy expert", "b expert", "c expert"]
    assert [[fact.label for fact in persona.evidence] for persona in found] == [["a"], ["b"], ["c"]]
    assert completed == 1


@pytest.mark.parametrize("text", ["", "[", "[1]", '[{"name": "x"}]', answer(("x", ["a"]))])
def test_an_answer_in_another_form_is_unusable(text: str) -> None:
    with pytest.raises(Unusable, match="planner"):
        planner.parse(text, FACTS, 3)


def test_a_thing_is_said_once() -> None:
    said = "Likely to need water and water water because it goes with tea and teacups."
    assert planner.without_repeats(said) == "Likely to need water because it goes with tea and teacups."
    assert planner.without_repeats("fresh milk and fresh milk") == "fresh milk"


def test_reasons_are_true() -> None:
    assert planner.reasons(FACTS[1:]) == ["b is bought again and again", "it goes with b", "it goes with c"]


def test_a_user_without_categories_has_no_facts() -> None:
    assert evidence.facts_of(context(), {entity: Entity("x", None) for entity in ENTITIES}) == []
