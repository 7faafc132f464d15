"""A policy says what it decides by, or is refused with a sentence."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from evaluation.gate.gating import captions_of
from evaluation.gate.policy import Policy, parse_policy, policy_text
from runtime.errors import ConfigurationError
from settings import ROOT

SHIPPED = ROOT / "policies" / "shipped.yaml"


def document() -> dict[str, Any]:
    """A policy of one metric."""
    metric = {
        "name": "recall",
        "tier": "critical",
        "floor": 0.2,
        "allowed_loss": 0.1,
        "gain": 0,
        "least_users": 5,
        "slices": [{"cut": "activity", "value": "light", "tier": "critical", "allowed_loss": 0.1, "least_users": 2}],
    }
    limits = {"load_seconds": 60, "answer_seconds": 60, "memory_gib": 8, "catalog_near": 0.5}
    return {
        "name": "test",
        "holdout_openings": 3,
        "judge_minimum_kappa": 0.4,
        "release": limits,
        "metrics": [metric],
    }


def parsed(said: dict[str, Any]) -> Policy:
    return parse_policy(yaml.safe_dump(said), "test.yaml")


def test_the_shipped_policy_is_one() -> None:
    policy = parse_policy(policy_text(SHIPPED), "shipped.yaml")
    assert (policy.name, policy.level) == ("shipped", 0.05)
    assert [metric.name for metric in policy.superiority] == ["recall_at_30", "hr_at_30", "recall_new_at_30"]
    assert policy.superiority_level == pytest.approx(0.05 / 3)
    new = [part for metric in policy.metrics for part in metric.slices if part.value == "new"]
    assert [part.tier for part in new] == ["advisory"]
    captions = captions_of(policy)
    assert captions is not None
    # What the judge of captions says decides nothing before it was examined on more of what releases write.
    assert (captions.tier, captions.allowed_loss, captions.floor) == ("advisory", 0.05, 0.5)


def test_spelling_decides_nothing_and_values_do() -> None:
    said = document()
    assert parse_policy("# a remark\n" + yaml.safe_dump(said, sort_keys=False), "x").digest == parsed(said).digest
    said["metrics"][0]["allowed_loss"] = 0.11
    assert parsed(said).digest != parsed(document()).digest


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda said: said.update(naem="x"), "naem: Extra inputs"),
        (lambda said: said.update(level=0.5), "level: Input should be less than or equal to 0.1"),
        (lambda said: said["metrics"][0].update(tier="important"), "metrics.0.tier: Input should be 'critical'"),
        (lambda said: said["metrics"][0].update(tier="supporting"), "no critical metric has an allowed_loss"),
        (lambda said: said["metrics"][0].update(floor=None), "no critical metric has a floor"),
        (lambda said: said["metrics"][0].update(gain=None), "no metric has a gain"),
        (
            lambda said: said["metrics"][0].update(floor=float("nan")),
            "metrics.0.floor: Input should be a finite number",
        ),
        (lambda said: said["metrics"].append(said["metrics"][0]), "the metric recall stands there more than once"),
        (
            lambda said: said["metrics"].append({"name": "x", "tier": "advisory", "gain": 0, "least_users": 2}),
            "x is advisory and has a gain",
        ),
        (
            lambda said: said["metrics"].append({"name": "x", "tier": "critical", "least_users": 2}),
            "x has neither a floor, an allowed_loss nor a gain",
        ),
        (lambda said: said["metrics"][0]["slices"][0].update(value="tiny"), "a slice by activity is one of light"),
        (lambda said: said["metrics"][0]["slices"][0].update(allowed_loss=None), "has neither a floor nor an allowed"),
        (lambda said: said.update(level=0.005, resamples=1_000), "1,000 resamples are too few"),
    ],
)
def test_a_policy_that_cannot_decide_is_refused(change: Any, sentence: str) -> None:
    said = document()
    change(said)
    with pytest.raises(ConfigurationError, match=sentence):
        parsed(said)


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="The policy x is no YAML"):
        parse_policy("a: [", "x")
    with pytest.raises(ConfigurationError, match="the file: Input should be"):
        parse_policy("- 1", "x")
    with pytest.raises(ConfigurationError, match=r"cannot be read .* name one with INTENTFLOW_GATE__POLICY"):
        policy_text(SHIPPED.with_name("none.yaml"))
