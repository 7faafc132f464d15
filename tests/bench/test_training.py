"""The benchmark of training steps: sides that learn the same, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest

from bench import training
from bench.trainers.clock import Clock, told
from bench.trainers.sft import Given
from bench.trainers.taught_steps import IGNORED, Lesson, flat_rows, padded, written_rows
from model_steps.engine.options import Options
from model_steps.training.lora.taught import packed, teach

OPTIONS = Options(("milk", "corn"), lambda text: [*map(ord, text), 0])


@pytest.fixture
def lesson() -> Lesson:
    """Two personas of one customer, whose prompts begin with one token alike."""
    prompts = ((1, 2, 3), (1, 4, 5))
    trees = [teach(prompt, {"milk": 1.0}, OPTIONS) for prompt in prompts]
    return Lesson(packed(trees), [(prompt, (9, 9)) for prompt in prompts])


def test_a_flat_row_has_the_trees_tokens_and_as_many_losses(lesson: Lesson) -> None:
    (row,) = flat_rows([[lesson]])
    assert row["input_ids"] == list(lesson.tree.tokens)
    asked = [label for label in row["labels"] if label != IGNORED]
    # Each persona asks once: milk and corn part at their first token.
    assert len(asked) == len(lesson.tree.questions) == 2
    assert all(label in (IGNORED, token) for label, token in zip(row["labels"], row["input_ids"], strict=True))


def test_written_rows_learn_their_targets_alone(lesson: Lesson) -> None:
    assert written_rows([[lesson]]) == [
        {"input_ids": [1, 2, 3, 9, 9], "labels": [IGNORED] * 3 + [9, 9]},
        {"input_ids": [1, 4, 5, 9, 9], "labels": [IGNORED] * 3 + [9, 9]},
    ]


def test_a_batch_computes_what_fills_it_up_too() -> None:
    rows = [{"input_ids": [1] * length} for length in (3, 5, 2, 2)]
    assert padded(rows, 2) == [10, 4]


def test_a_step_lasts_until_the_next_one_begins(lesson: Lesson) -> None:
    clock = Clock()
    clock.end()
    assert clock.seconds == []  # no step was open
    course = Given([[lesson.tree], [lesson.tree]], clock)
    course.parts(0)
    assert clock.seconds == []
    assert course.parts(1) == {"personas": [lesson.tree]}
    assert len(clock.seconds) == 1
    clock.end()
    assert len(clock.seconds) == 2
    assert not course.written(0)


def test_the_first_step_does_not_count() -> None:
    assert told(Clock([9.0, 1.0, 2.0, 3.0], [8.0, 1.0]), [4])["seconds_a_step"] == 2.0
    assert told(Clock([9.0, 1.0, 2.0, 3.0], [8.0, 1.0]), [4])["cpu_seconds_a_step"] == 1.0
    assert told(Clock([9.0], [8.0]), [4])["seconds_a_step"] == 9.0


def side(seconds: float, mib: int = 100) -> dict[str, Any]:
    return {"seconds_a_step": seconds, "cpu_seconds_a_step": 2 * seconds, "peak_mib": mib}


def test_sides_are_compared_within_a_round() -> None:
    # The second round's machine was twice as slow, for all.
    rounds = [
        {"sft_ours": side(1, 50), "sft_trl": side(2), "sft_trl_written": side(4)},
        {"sft_ours": side(2, 50), "sft_trl": side(4), "sft_trl_written": side(8)},
    ]
    figures = training.summary(rounds)
    assert figures["sft_step_ratio"] == 0.5
    assert figures["sft_step_ratio_of_rounds"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert figures["sft_step_ratio_written"] == 0.25
    assert figures["sft_memory_ratio"] == 0.5
    assert "grpo_step_ratio" not in figures
    both = [{**one, "grpo_ours": side(3), "grpo_trl": side(2)} for one in rounds]
    assert training.summary(both)["grpo_step_ratio"] == 1.5
