"""What the model may write: each role's grammar takes whole answers of its form and refuses all others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from model_steps.agents import arbiter, expert, planner
from model_steps.agents.evidence import CategoryFacts, label_of
from model_steps.agents.planner import Offer

Takes = Callable[[str, str], bool]

# --- planner

BREAD, MILK, WINE, HAM = (
    CategoryFacts(name, name, count, "2017-10-31", (f"{name} 6 oz",))
    for name, count in (("bread", 3), ("milk", 2), ("wine", 1), ("ham", 1))
)
WORDS = ("fresh", "whole", "white")


def persona(
    *evidence: str,
    name: str = "fresh white expert",
    need: str = "Likely to need white and fresh because it goes with bread.",
) -> dict[str, object]:
    return {"evidence": list(evidence), "name": name, "need": need}


def test_a_persona_rests_on_as_many_categories_as_asked_each_once_and_in_order(takes: Takes) -> None:
    grammar = planner.grammar([Offer((BREAD, MILK, WINE), WORDS)], 2)
    taken = {
        chosen: takes(grammar, json.dumps([persona(*chosen)]))
        for chosen in (
            ("bread", "milk"),
            ("bread", "wine"),
            ("milk", "wine"),
            ("milk", "bread"),
            ("bread", "bread"),
            ("bread",),
            ("bread", "milk", "wine"),
            ("bread", "ham"),
            (),
        )
    }
    assert {chosen for chosen, accepted in taken.items() if accepted} == {
        ("bread", "milk"),
        ("bread", "wine"),
        ("milk", "wine"),
    }


def test_a_group_with_fewer_categories_than_asked_offers_all_of_them(takes: Takes) -> None:
    grammar = planner.grammar([Offer((BREAD,), WORDS)], 3)
    assert takes(grammar, json.dumps([persona("bread")]))
    assert not takes(grammar, json.dumps([persona("bread", "bread")]))


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ({}, True),
        ({"name": "fresh expert"}, True),
        ({"name": "fresh"}, False),
        ({"name": "cheap expert"}, False),
        ({"name": "fresh white whole expert"}, False),
        ({"need": "Likely to need white because bread is bought again and again."}, True),
        ({"need": "Likely to need fresh white and whole because it goes with milk."}, True),
        ({"need": "Likely to need white because milk is bought again and again."}, True),
        # Wine was bought once; ham not at all; a need has a reason; a sentence ends.
        ({"need": "Likely to need white because wine is bought again and again."}, False),
        ({"need": "Likely to need white because it goes with ham."}, False),
        ({"need": "Likely to need white."}, False),
        ({"need": "Likely to need white because it goes with bread"}, False),
        ({"need": "Likely to need white because it goes with bread. Or not."}, False),
        ({"need": "Likely to need cheap because it goes with bread."}, False),
    ],
)
def test_words_and_reasons_of_a_persona_are_those_offered(
    takes: Takes, changed: Mapping[str, str], taken: bool
) -> None:
    grammar = planner.grammar([Offer((BREAD, MILK, WINE), WORDS)], 2)
    assert takes(grammar, json.dumps([persona("bread", "milk", **changed)])) is taken


def test_each_persona_has_its_own_group_and_their_number_is_fixed(takes: Takes) -> None:
    grammar = planner.grammar([Offer((BREAD, MILK), WORDS), Offer((WINE, HAM), ("red", "dry"))], 1)
    first = persona("bread")
    second = persona("ham", name="dry red expert", need="Likely to need red because it goes with ham.")
    assert takes(grammar, json.dumps([first, second]))
    assert not takes(grammar, json.dumps([second, first]))
    assert not takes(grammar, json.dumps([first, first]))
    assert not takes(grammar, json.dumps([first]))
    assert not takes(grammar, json.dumps([first, second, second]))


def test_without_words_any_letters_and_no_signs(takes: Takes) -> None:
    grammar = planner.grammar([Offer((BREAD, MILK), ())], 1)
    need = "Wants 12 rolls for the week's breakfast."
    assert takes(grammar, json.dumps([persona("milk", name="early baker expert", need=need)]))
    assert not takes(grammar, json.dumps([persona("milk", name="Early Baker expert", need=need)]))
    assert not takes(grammar, json.dumps([persona("milk", name="early baker expert", need="Bread.")]))
    assert not takes(grammar, json.dumps([persona("milk", name="early baker expert", need=f"{need[:-1]} <|im_end|>.")]))


def test_what_the_planner_may_write_is_what_it_is_read_as(takes: Takes) -> None:
    facts = (BREAD, MILK, WINE)
    answer = json.dumps([persona("bread", "wine")])
    assert takes(planner.grammar([Offer(facts, WORDS)], 2), answer)
    (found,), completed = planner.parse(answer, facts, 1)
    assert (found.name, found.evidence, completed) == ("fresh white expert", (BREAD, WINE), 0)


def test_a_label_with_signs_of_json_and_of_grammars_stays_readable(takes: Takes) -> None:
    label = label_of('12" pan \\ [a-z] {x} | "y"')
    answer = json.dumps([persona(label, need=f"Likely to need white because it goes with {label}.")])
    facts = (CategoryFacts("pan", label, 1, "2017-10", ()),)
    assert takes(planner.grammar([Offer(facts, WORDS)], 1), answer)
    (found,), _ = planner.parse(answer, facts, 1)
    assert found.evidence == facts


# --- experts


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (["fresh milk", "whole white bread"], True),
        (["fresh milk", "fresh milk"], True),
        (["fresh milk"], False),
        (["fresh milk", "white bread", "whole bread"], False),
        (["milk", "white bread"], False),
        (["fresh whole white milk", "white bread"], False),
        (["fresh milk", "red wine"], False),
        (["Fresh milk", "white bread"], False),
        (["fresh  milk", "white bread"], False),
        ([], False),
    ],
)
def test_an_expert_writes_so_many_tags_of_two_or_three_words(takes: Takes, answer: list[str], taken: bool) -> None:
    grammar = expert.grammar(("fresh", "whole", "white", "milk", "bread"), 2)
    assert takes(grammar, json.dumps(answer)) is taken
    if taken:
        assert expert.parse(json.dumps(answer)) == list(dict.fromkeys(answer))


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ('["green tea", "oat drink"]', True),
        ('["green tea"]', False),
        ('["green t", "oat drink"]', False),
        ('["green tea 2", "oat drink"]', False),
        ('["green-tea bags", "oat drink"]', False),
        ('["green tea","oat drink"]', False),
        ('["green tea", "oat drink"', False),
        ('["green tea", "oat drink"] ', False),
        ("green tea, oat drink", False),
        ("", False),
    ],
)
def test_without_words_an_expert_writes_lower_case_letters(takes: Takes, answer: str, taken: bool) -> None:
    assert takes(expert.grammar((), 2), answer) is taken


# --- arbiter

POOL = ["fresh milk", "whole milk", "red wine"]


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ('["red wine", "fresh milk"]', True),
        ('["whole milk", "whole milk"]', True),  # a penalty, not the grammar, keeps it from repeating itself
        ('["red wine"]', False),
        ('["red wine", "fresh milk", "whole milk"]', False),
        ('["red wine", "green tea"]', False),
        ('["red wine", "milk"]', False),
        ('["red wine", "fresh milk"', False),
        ('["red wine", "fresh milk"]]', False),
        ("[0, 2]", False),
        ("[]", False),
    ],
)
def test_the_arbiter_chooses_so_many_of_the_pool(takes: Takes, answer: str, taken: bool) -> None:
    assert takes(arbiter.grammar(POOL, 2), answer) is taken
    if taken:
        assert {POOL[number] for number in arbiter.parse(answer, POOL)} == set(json.loads(answer))


def test_the_largest_pool_that_settings_allow_compiles(takes: Takes) -> None:
    pool = [f"tag {chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(arbiter.MAXIMUM_POOL)]
    assert takes(arbiter.grammar(pool, 30), json.dumps(pool[:30]))
    assert not takes(arbiter.grammar(pool, 30), json.dumps(pool[:29]))
