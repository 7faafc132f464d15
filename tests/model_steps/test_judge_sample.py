"""The day's sample judged on a small lake by a stand-in for the engine: staged, reused, resumed, stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from evaluation.judged.regression import Regression
from lake.auditing import expectations
from lake.delta import tables, writing
from lake.delta.staging import Batch, read_staged
from lake.registry import releases
from lake.registry.releases import Release, adapter_files, file_digest
from lake.store.location import Lake
from model_steps import embed, judge_sample
from model_steps.embedding.embedder import Embedder
from model_steps.engine.asking import Answer, Request
from model_steps.engine.model_digest import model_digest
from model_steps.judge import day_inputs, prompt_files, ready
from model_steps.judge.counting import Counting
from model_steps.judge.features import NAMES
from model_steps.judge.judge_release import Judge, choose_judge
from representation.cleaning import entity_id
from runtime.errors import ConfigurationError, DataError, InfrastructureError, SourceMissing, UsageError
from schemas import answers, contexts, entities, entity_vectors, intents, signals
from schemas.judge_labels import FINDINGS, item_id
from schemas.verdicts import TABLE
from settings import JudgeSettings, Settings
from tests.model_steps.judged_shop import ranked, sure
from tests.model_steps.test_real_model import CATALOG, DAY, USERS, context_row, publish
from tests.model_steps.test_tuned_day import tune

BASE = Judge("base-judge")


class Model:
    """Stands in for the engine: finds everything positive but yogurt irrelevant; breaks when told to."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.starts, self.seconds, self.chunks_left = 0, 0.0, -1

    def __call__(self, slots: Any) -> Model:
        assert slots is None
        self.starts += 1
        return self

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        if self.chunks_left == 0:
            raise InfrastructureError("The engine was killed.")
        self.chunks_left -= 1
        self.asked += requests
        return [ranked(sure(self._label(request))) for request in requests]

    def _label(self, request: Request) -> str:
        bad = "suggested product: plain yogurt" in request.prompt and "Will the customer buy" in request.prompt
        return "negative" if bad else "positive"

    def reset_prefix_cache(self) -> None:
        pass


def intent(user: str, rank: int, tag: str) -> dict[str, Any]:
    named = {"category": tag, "category_similarity": 1.0, "persona": f"{CATALOG[tag]} expert", "expert": 1}
    own = {"day": DAY, "user_id": user, "rank": rank, "tag": tag, "why": f"Bought before: {tag} on 9 days."}
    return {**own, **named, "chosen_by": "probability", "release": "experts-1"}


@pytest.fixture
def shop(lake: Lake) -> Lake:
    """A lake with a small shop, three customers and their published intents."""
    catalog = [
        {
            "entity_id": entity_id(kind, text),
            "text": text if kind == "item" else f"{text}, {parent}",
            "kind": kind,
            "category": text,
            "category_path": f"{parent} > {text}",
        }
        for text, parent in CATALOG.items()
        for kind in ("item", "category")
    ]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(catalog, entities.TABLE.schema))
    chance, ids = np.random.default_rng(0), pa.array([row["entity_id"] for row in catalog])
    vectors = chance.normal(size=(len(ids), 8)).astype(np.float32)
    rows = embed.vector_rows(ids, Embedder().name, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    writing.insert_new(lake, entity_vectors.TABLE, rows)
    publish(lake, contexts.TABLE, [context_row(user, items) for user, items in USERS.items()])
    season = {"day": DAY, "week": "2017-10-30", "kind": "season", "text": "autumn", "weight": 1.0}
    publish(lake, signals.TABLE, [season])
    given = [intent(user, rank, tag) for user, tags in USERS.items() for rank, tag in enumerate(tags[:2], 1)]
    publish(lake, intents.TABLE, given)
    return lake


@pytest.fixture
def model() -> Model:
    return Model()


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(shop: Lake, settings: Settings, model: Model) -> Run:
    """``run(force=..., judged_by=..., SETTING=...)``: judges the day, two users a chunk."""

    def run(judged_by: Judge = BASE, **wanted: Any) -> dict[str, Any]:
        given = {name: wanted.pop(name) for name in ("force", "rules", "guard") if name in wanted}
        # Settings that cannot be read from an environment are spelt as code has them.
        told = {"chunk_users": 2, "rules": (), "without_standing": True, **(wanted.pop("asked", {})), **wanted}
        asked = JudgeSettings(**told)
        return judge_sample.judge_sample(
            shop, DAY, settings.model_copy(update={"judge": asked}), judged_by, start=model, **given
        )

    return run


def staged(lake: Lake, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    (path,) = manifest["batches"]
    (partition,) = Batch.load(lake, path).partitions
    rows: list[dict[str, Any]] = read_staged(lake, TABLE, partition).to_pylist()
    return rows


def test_a_days_sample_is_judged_and_staged(shop: Lake, run: Run, model: Model) -> None:
    manifest = run(guard=lambda case: ["tag_signs"] if case.text == "potato chips" else [])
    rows = {(row["user_id"], row["rank"]): row for row in staged(shop, manifest)}
    given = {(user, rank): tag for user, tags in USERS.items() for rank, tag in enumerate(tags[:2], 1)}
    assert {place: row["tag"] for place, row in rows.items()} == given
    assert {row["tag"] for row in rows.values() if row["tier"] == "B"} == {"plain yogurt", "potato chips"}
    assert {row["tag"]: row["flags"] for row in rows.values() if row["flags"]} == {"potato chips": ["tag_signs"]}
    yogurt = rows["u1", 1]
    assert {finding["dimension"]: finding["label"] for finding in yogurt["findings"]}["relevance"] == "negative"
    assert (yogurt["judge"], yogurt["release"]) == ("base-judge", "experts-1")
    # Under the id that the labels of the same output have, in which persona and reason count.
    told = intent("u1", 1, "plain yogurt")
    named = [told[name] for name in ("tag", "category", "persona", "why")]
    assert yogurt["item_id"] == item_id("tag", DAY, "u1", *named)
    assert {name: manifest[name] for name in ("sampled_outputs", "judged_outputs", "flagged_outputs")} == {
        "sampled_outputs": 6,
        "judged_outputs": 6,
        "flagged_outputs": 1,
    }
    assert (manifest["judge"], manifest["standing"], manifest["adapters"]) == ("base-judge", "missing", {})
    assert manifest["tier_shares"] == {"S": 0.6667, "A": 0.0, "B": 0.3333}
    assert (manifest["alarm"], manifest["model_calls"], model.starts) == (False, 24, 1)
    # Everything that was known is in the prompts: purchases, season, profile, popularity among three.
    shown = next(request.prompt for request in model.asked if "Will the customer buy" in request.prompt)
    assert "9, weekly, this week: plain yogurt" in shown
    assert "season: autumn\ncustomer: age 35-44\n" in shown
    assert "about 30 of 100 customers buy it" in shown


def test_what_is_staged_passes_the_tables_own_rules(shop: Lake, run: Run) -> None:
    manifest = run()
    (found,) = expectations.collect(shop, [Batch.load(shop, manifest["batches"][0])])
    (partition,) = found.partitions
    for rule in expectations.rules(TABLE):
        value = partition.metrics[rule.metric]
        assert value is not None, rule.metric
        assert rule.minimum is None or value >= rule.minimum, rule.metric
        assert rule.maximum is None or value <= rule.maximum, rule.metric


def test_a_smaller_sample_has_whole_users(shop: Lake, run: Run) -> None:
    manifest = run(sample_users=1)
    rows = staged(shop, manifest)
    assert len({row["user_id"] for row in rows}) == manifest["users_sampled"] == 1
    assert sorted(row["rank"] for row in rows) == [1, 2]


def test_answers_are_asked_once_and_a_killed_run_goes_on(shop: Lake, run: Run, model: Model) -> None:
    model.chunks_left = 1
    with pytest.raises(InfrastructureError, match="killed"):
        run()
    kept = tables.read(shop, answers.TABLE)
    assert kept.num_rows == 16
    model.chunks_left = -1
    whole = run()
    assert (whole["model_calls"], whole["cached_answers"]) == (8, 16)
    again = run(force=True)
    assert (again["model_calls"], again["cached_answers"], again["fingerprint"]) == (0, 24, whole["fingerprint"])
    assert again["batches"] == whole["batches"]
    other = run(replace(BASE, name="other-judge"))
    assert (other["model_calls"], other["cached_answers"]) == (24, 0)
    assert other["fingerprint"] != whole["fingerprint"]


def test_what_is_published_and_unchanged_is_not_judged_again(shop: Lake, run: Run, model: Model) -> None:
    from lake.delta.publishing import _replace

    partitions = Batch.load(shop, run()["batches"][0]).partitions
    _replace(writing.create(shop, TABLE), TABLE, list(partitions), {(DAY,): []})
    asked = len(model.asked)
    again = run()
    assert (again["reused"], again["batches"], len(model.asked)) == (True, [], asked)
    # Limits and bands shape no verdict; the threshold does, and costs no answer.
    assert run(time_limit_seconds=1e6, minimum_kappa=0.1, superior_band={"high": 0.5})["reused"]
    changed = run(threshold=1.0)
    assert (changed["reused"], changed["model_calls"]) == (False, 0)


def test_judging_ends_at_its_limit_and_keeps_its_answers(
    run: Run, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A chunk of two users takes five minutes.
    clock = SimpleNamespace(monotonic=lambda: 150.0 * len(model.asked) / 8)
    for module in (judge_sample, ready):
        monkeypatch.setattr(module, "time", clock)
    with pytest.raises(InfrastructureError, match="longer than 299 s, with 4 of 6 tags judged: run it again"):
        run(time_limit_seconds=299)
    again = run(time_limit_seconds=301)
    assert (again["judged_outputs"], again["cached_answers"], again["model_calls"]) == (6, 16, 8)


def test_a_sample_that_is_all_of_one_tier_sets_off_an_alarm(
    run: Run, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "_label", lambda _request: "negative")
    manifest = run()
    assert manifest["alarm"]
    assert [sentence.split(" is")[0] for sentence in manifest["alarms"]] == ["The share of S", "The share of B"]


def test_rules_are_computed_where_they_are_given(run: Run, model: Model) -> None:
    with pytest.raises(ConfigurationError, match="RULES names validity, and no rules are known"):
        run(rules={}, asked={"rules": ("validity",)})
    asked = len(model.asked)
    assert asked == 0


def test_what_the_judges_counting_expects_is_told_where_it_brings_any(run: Run, model: Model) -> None:
    of_nobody = Regression(
        NAMES, FINDINGS, np.zeros(len(NAMES)), np.ones(len(NAMES)), np.log([0.6, 0.1, 0.3]), np.zeros((3, len(NAMES)))
    )
    counts = replace(BASE, counting=Counting(of_nobody))
    run(expected=False, judged_by=counts)
    run(judged_by=BASE)
    assert not any("by counting" in request.prompt for request in model.asked)
    asked = len(model.asked)
    run(judged_by=counts)
    told = [request.prompt for request in model.asked[asked:] if "Will the customer buy" in request.prompt]
    assert told
    assert all("by counting negative: about 30 of 100 such customers buy it" in prompt for prompt in told)


def test_declared_rules_are_asked_of_nobody(shop: Lake, run: Run, model: Model) -> None:
    manifest = run(asked={"rules": ("consistency", "specificity", "validity")})
    assert manifest["rules"] == ["consistency", "specificity", "validity"]
    assert len(model.asked) == manifest["judged_outputs"]
    by = {finding["dimension"]: finding["by"] for row in staged(shop, manifest) for finding in row["findings"]}
    assert by == {"relevance": "model", "consistency": "rule", "specificity": "rule", "validity": "rule"}


def test_a_day_that_is_not_published_is_named(lake: Lake, settings: Settings, model: Model) -> None:
    asked = settings.model_copy(update={"judge": JudgeSettings(without_standing=True)})
    with pytest.raises(SourceMissing, match=f"table intents has no day {DAY}"):
        judge_sample.judge_sample(lake, DAY, asked, BASE, start=model)
    assert model.starts == 0


def test_an_empty_day_is_staged_as_such(shop: Lake, run: Run, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_sample, "sample", lambda *_given: [])
    manifest = run()
    assert staged(shop, manifest) == []
    assert (manifest["judged_outputs"], manifest["alarm"], model.starts) == (0, False, 0)


def test_popularity_is_a_share_of_the_days_customers(shop: Lake) -> None:
    buyers = day_inputs.read_buyers(shop, DAY)
    assert buyers["plain yogurt"] == pytest.approx(1 / 3, abs=1e-3)
    assert buyers["cream cheese"] == pytest.approx(2 / 3, abs=1e-3)
    assert len(buyers) == len(CATALOG)


# --- which judge


def tuned_judge(folder: Path, language_model: Path, **changed: Any) -> Path:
    """The folder of a judge's release with a random adapter."""
    trained = tune(folder / "trained", language_model, 0)
    weights, form = adapter_files("judge")
    files = {
        weights: (trained / "adapter_model.safetensors").read_bytes(),
        form: (trained / "adapter_config.json").read_bytes(),
    }
    made_of = {
        "model": model_digest(language_model),
        "prompts": prompt_files.role_digests(),
        "embedder": "embedder@1",
        "files": {name: file_digest(content) for name, content in files.items()},
        "training": {},
        "adapters": {prompt_files.ROLE: "judge"},
    }
    return releases.save(folder, Release(**{**made_of, **changed}), files)


def test_a_judge_is_a_release_by_its_folder_or_its_name(lake: Lake, settings: Settings, tmp_path: Path) -> None:
    folder = tuned_judge(tmp_path, settings.engine.model)
    judge = choose_judge(lake, str(folder), settings.engine.model)
    assert (judge.name, judge.standing, list(judge.adapters)) == (folder.name, "unknown", ["judge"])
    assert judge.manifest()["adapters"] == {"judge": judge.adapters["judge"].digest}
    with pytest.raises(DataError, match="not in"):
        choose_judge(lake, folder.name, settings.engine.model)
    releases.install(lake, *releases.load(folder))
    assert choose_judge(lake, folder.name, settings.engine.model) == judge


def test_without_a_release_the_untuned_model_judges_without_standing(lake: Lake, settings: Settings) -> None:
    judge = choose_judge(lake, None, settings.engine.model)
    assert judge == Judge(f"base-{model_digest(settings.engine.model)}", {}, "none")


def test_what_is_no_judge_or_another_ones_is_refused(lake: Lake, settings: Settings, tmp_path: Path) -> None:
    model = settings.engine.model
    wrong: dict[str, dict[str, Any]] = {
        "is tuned for expert, and is no judge": {"adapters": {"expert": "judge"}},
        "was tuned on the language model other": {"model": "other"},
        "was tuned on other prompts of the role judge": {"prompts": {**prompt_files.role_digests(), "judge": "old"}},
        "was tuned on other prompts of the role one_shot": {
            "prompts": {"judge": prompt_files.role_digest("judge")},
            "adapters": {"judge": "judge", "one_shot": "judge"},
        },
    }
    for number, (words, changed) in enumerate(wrong.items()):
        place = tmp_path / str(number)
        place.mkdir()
        with pytest.raises(DataError, match=words):
            choose_judge(lake, str(tuned_judge(place, model, **changed)), model)
    (tmp_path / "document").mkdir()
    (tmp_path / "document/release.json").write_text("{}")
    with pytest.raises(UsageError, match="is no release"):
        choose_judge(lake, str(tmp_path / "document"), model)
