"""What a judge's training learns in each step follows from the seed and the step's number."""

from __future__ import annotations

from model_steps.engine.options import Options
from model_steps.training.judge.course import Graded, JudgeCourse, together
from model_steps.training.lora.batches import SORTED
from schemas.judge_labels import FINDINGS
from settings import LoraSettings


def letters(text: str) -> list[int]:
    return [*map(ord, text), 0]


LABELS = Options(FINDINGS, letters)


def graded(prompt: str, label: str) -> Graded:
    return Graded(tuple(map(ord, prompt)), {label: 1.0}, LABELS)


def group(customer: int, outputs: int) -> list[Graded]:
    return [graded(f"customer {customer} {'x' * customer}: tag {number}?", "positive") for number in range(outputs)]


def lengths(course: JudgeCourse, steps: int) -> list[list[int]]:
    return [[len(one.tokens) for one in course.parts(step)["findings"]] for step in range(steps)]


def test_a_groups_beginning_stands_once_and_each_output_is_taught() -> None:
    own = [graded("customer: milk?", "positive"), graded("customer: soap?", "negative")]
    taught = together(own)
    assert taught.examples == 2
    assert taught.prompt_tokens == len("customer: ")
    # negative, neutral, positive part at their first letter and, of the first two, at the third.
    first = [each for each in taught.questions if len(each.node.children) == 2 and not each.node.path]
    assert [each.shares for each in first] == [(0.0, 1.0), (1.0, 0.0)]


def test_steps_follow_from_the_seed_and_go_through_all_groups() -> None:
    groups = [group(customer, 2) for customer in range(2 * SORTED)]
    course = JudgeCourse(groups, 2, LoraSettings(seed=3))
    found = lengths(course, SORTED)
    assert found == lengths(JudgeCourse(groups, 2, LoraSettings(seed=3)), SORTED)
    assert found != lengths(JudgeCourse(groups, 2, LoraSettings(seed=4)), SORTED)
    assert sorted(number for step in found for number in step) == sorted(len(together(own).tokens) for own in groups)
    assert course.written(0) == ()
    assert [one.examples for one in course.parts(0)["findings"]] == [2, 2]


def test_a_batchs_groups_are_of_like_lengths() -> None:
    course = JudgeCourse([group(customer, 2) for customer in range(2 * SORTED)], 2, LoraSettings())
    assert max(abs(first - second) for first, second in lengths(course, SORTED)) <= 3
