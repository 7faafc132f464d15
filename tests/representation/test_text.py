"""The two forms of a context, on a small one written by hand."""

from __future__ import annotations

from dataclasses import replace

from representation import hybrid, text
from representation.cleaning import normalize_text
from representation.context import ActionGroup, Context, EntityCount, Period
from representation.fit import fit
from representation.hybrid import SLOT, Hybrid

TEXTS = {"milk": "whole milk", "bread": "rye bread", "oats": "rolled oats", "query": "gluten free"}


def _period(name: str, action: str, **counts: int) -> Period:
    return Period(name, (ActionGroup(action, tuple(EntityCount(e, n) for e, n in counts.items())),))


CONTEXT = Context(
    user_id="u1",
    periods=(
        _period("2017-11-01", "purchase", milk=2, bread=1),
        _period("2017-10-02", "search", query=1),
        _period("2017-09", "purchase", milk=1, oats=1),
    ),
    attributes=(("age", "35-44"),),
    interests=(("milk", 40), ("bread", 12)),
)


def test_items_with_the_same_times_and_actions_share_a_line() -> None:
    assert text.render_history(CONTEXT, TEXTS).splitlines() == [
        "2017-11-01 (purchase), 2017-09 (purchase) | whole milk x3",
        "2017-11-01 (purchase) | rye bread",
        "2017-10-02 (search) | gluten free",
        "2017-09 (purchase) | rolled oats",
    ]


def test_profile_leaves_out_what_is_not_known() -> None:
    assert text.render_profile(CONTEXT) == "profile: age 35-44\nlong-term interests: milk, bread"
    assert text.render_profile(replace(CONTEXT, attributes=())) == "long-term interests: milk, bread"
    assert text.render_profile(replace(CONTEXT, attributes=(), interests=())) == ""


def test_hybrid_replaces_every_entity_and_nothing_else() -> None:
    history = "2017-11-01 (purchase) |EE\n2017-10-02 (search) |E\n2017-09 (purchase) |EE".replace("E", SLOT)
    entities = ("milk", "bread", "query", "milk", "oats")
    assert hybrid.render_history(CONTEXT) == Hybrid(history, entities)
    profile = "profile: age 35-44\nlong-term interests: milk, bread\n"
    assert hybrid.render_hybrid(CONTEXT) == Hybrid(profile + history, entities)


def test_no_text_of_a_log_can_look_like_a_slot() -> None:
    assert SLOT not in normalize_text(f"milk{SLOT} bread", 100)


def words(context: Context) -> int:
    return len(text.render_text(context, TEXTS).split())


def test_oldest_periods_go_first_when_a_text_is_too_long() -> None:
    whole = words(CONTEXT)
    assert fit(CONTEXT, words, whole) == (CONTEXT, 0)
    cut, dropped = fit(CONTEXT, words, whole - 1)
    assert dropped == 1
    assert [period.name for period in cut.periods] == ["2017-11-01", "2017-10-02"]
    assert words(cut) < whole


def test_rarest_entities_of_the_newest_period_go_last() -> None:
    single = replace(CONTEXT, periods=CONTEXT.periods[:1], attributes=(), interests=())
    cut, _ = fit(single, words, 6)
    assert [e.entity_id for p in cut.periods for g in p.actions for e in g.entities] == ["milk"]
