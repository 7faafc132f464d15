"""The key of an answer, the answer cache, the shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lake.store.location import Lake
from model_steps.agents.population import chunks_of, draw, parse_shard, shard_of
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.asking import Answer, Request, RoleCounts, Sampling
from model_steps.engine.options import Options
from model_steps.engine.untuned import Untuned
from runtime.errors import InfrastructureError, UsageError


class Echo:
    """Answers with what it was asked, and counts."""

    def __init__(self) -> None:
        self.started = self.asked = self.resets = 0
        self.broken = False

    def __call__(self) -> Echo:
        self.started += 1
        return self

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        if self.broken:
            raise InfrastructureError("The engine failed.")
        self.asked += len(requests)
        return [Answer(f"said {request.prompt}", 10, 4, 2) for request in requests]

    def reset_prefix_cache(self) -> None:
        self.resets += 1


def request(prompt: str, user: str = "u1", attempt: int = 0) -> Request:
    return Request.seeded(user, "planner", prompt, Sampling(5, temperature=0.5), seed=1, attempt=attempt)


def test_a_key_follows_all_that_decides_about_the_answer() -> None:
    one = request("p")
    changed = [
        request("q").key("r", "e"),
        request("p", attempt=1).key("r", "e"),
        one.key("other", "e"),
        one.key("r", "other"),
        replace(one, sampling=replace(one.sampling, regex="[A]")).key("r", "e"),
        replace(one, role="arbiter").key("r", "e"),
    ]
    assert len({one.key("r", "e"), *changed}) == 7
    assert one.key("r", "e") == request("p", user="u2").key("r", "e")


def test_a_rankings_key_follows_the_set_and_how_many_are_wanted() -> None:
    def ranked(texts: tuple[str, ...], most: int) -> str:
        return Request.ranked("u1", "expert", "p", Options(texts, lambda text: [*map(ord, text), 0]), most).key(
            "r", "e"
        )

    assert ranked(("milk", "corn"), 2) == ranked(("corn", "milk"), 2)
    written = Request("u1", "expert", "p", Sampling(maximum_tokens=1)).key("r", "e")
    others = {ranked(("milk", "corn"), 1), ranked(("milk", "rice"), 2), written}
    assert len({ranked(("milk", "corn"), 2), *others}) == 4


def test_steps_of_rankings_are_counted() -> None:
    counts = RoleCounts()
    counts.add(Answer("[]", 700, 640, 7, steps=7))
    counts.add(Answer("written", 100, 0, 5))
    assert (counts.calls, counts.steps, counts.computed_tokens, counts.output_tokens) == (2, 7, 160, 12)


def cache_of(lake: Lake, model: Echo, release: str = "r") -> AnswerCache:
    return AnswerCache(lake, ["u1", "u2"], "2017-10-31", release, "e", model)


def test_answers_are_asked_once_and_the_model_starts_late(lake: Lake) -> None:
    first, second, other = Echo(), Echo(), Echo()
    cache = cache_of(lake, first)
    assert first.started == 0
    assert [answer.text for answer in cache.ask([request("p"), request("q", "u2")])] == ["said p", "said q"]
    assert cache.end_chunk() == 2
    assert (cache.counts.of("planner").computed_tokens, cache.asked_users) == (12, {"u1", "u2"})
    again = cache_of(lake, second)
    assert [answer.text for answer in again.ask([request("p"), request("q", "u2")])] == ["said p", "said q"]
    assert (second.started, again.counts.of("planner").cached_answers, again.asked_users) == (0, 2, set())
    cache_of(lake, other, "r2").ask([request("p")])
    assert other.asked == 1


def test_answers_of_an_unfinished_chunk_are_not_kept(lake: Lake) -> None:
    model = Echo()
    cache = cache_of(lake, model)
    cache.begin_chunk()
    cache.ask([request("p")])
    cache.end_chunk()
    cache.begin_chunk()
    cache.ask([request("q")])
    model.broken = True
    with pytest.raises(InfrastructureError):
        cache.ask([request("r")])
    resumed = Echo()
    cache_of(lake, resumed).ask([request("p"), request("q")])
    assert resumed.asked == 1
    assert model.resets == 2


def test_what_no_adapter_answered_is_asked_once_for_all_releases(lake: Lake) -> None:
    """A rung of the ladder costs its experts alone: the planner's answers are those of the rungs before."""
    persona = replace(request("p"), role="expert")
    slots = replace(request("h"), entities=("milk",))

    def asked(release: str, untuned: Untuned) -> list[str]:
        """What a run of this release had to ask; the rest it found."""
        model = Recorder()
        cache = AnswerCache(lake, ["u1", "u2"], "2017-10-31", release, "e", model, untuned)
        cache.ask([request("p"), persona, slots])
        cache.end_chunk()
        assert cache.counts.total("cached_answers") == 3 - len(model.prompts)
        return model.prompts

    tuned = Untuned(frozenset({"expert"}), "model", "adaptor")
    assert asked("sft", tuned) == ["planner p", "expert p", "planner h"]
    assert asked("grpo", tuned) == ["expert p"]
    assert asked("grpo", tuned) == []
    # Another adaptor makes other vectors of the slots, and leaves text alone; another model answers anew.
    assert asked("sft2", replace(tuned, adaptor="other")) == ["expert p", "planner h"]
    assert asked("sft3", replace(tuned, model="other")) == ["planner p", "expert p", "planner h"]
    # An untuned expert's answers are nobody's own, and no tuned one's.
    base = replace(tuned, tuned=frozenset())
    assert asked("base", base) == ["expert p"]
    assert asked("base of another release", base) == []


class Recorder(Echo):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[str] = []

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        self.prompts += [f"{each.role} {each.prompt}" for each in requests]
        return super().generate(requests)


def test_shards_are_counted_from_one() -> None:
    assert (parse_shard("1/3"), parse_shard("3/3")) == ((0, 3), (2, 3))


def test_shards_are_contiguous_and_complete() -> None:
    parts = [shard_of(range(10), number, 3) for number in range(3)]
    assert [number for part in parts for number in part] == list(range(10))
    assert {len(part) for part in parts} == {3, 4}
    assert chunks_of(list(range(5)), 2) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("text", ["4/3", "1", "a/b", "-1/2", "0/1"])
def test_a_wrong_shard_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="1/1"):
        parse_shard(text)


def test_more_users_keep_the_earlier_ones() -> None:
    users = [f"user{n}" for n in range(100)]
    assert set(draw(users, 5)) < set(draw(users, 20)) < set(draw(users, 0))
    assert draw(list(reversed(users)), 7) == draw(users, 7)
