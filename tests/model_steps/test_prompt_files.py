"""A role's digest follows the prompt files that it renders, and no others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from model_steps.agents import (
    arbiter,
    expert,
    planner,
    prompt_files,
    ranked_arbiter,
    ranked_expert,
    ranked_planner,
)
from model_steps.agents.evidence import CategoryFacts
from model_steps.agents.planner import Persona
from representation.evidence import CategoryEvidence

DAY = "2017-11-01"
FACT = CategoryFacts("milk", "milk", 2, DAY, ("whole milk",))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copied = tmp_path / "prompts"
    shutil.copytree(prompt_files.FOLDER, copied)
    monkeypatch.setattr(prompt_files, "FOLDER", copied)
    return copied


def rendered() -> dict[str, str]:
    """What each role's prompt is made of."""
    prompt_files.load.cache_clear()
    system, frame = prompt_files.load("context")
    context = system + frame.substitute(profile_and_history="history", signals="signals", task="")
    evidence = [CategoryEvidence("milk", "milk", 2, DAY, None, 1)]
    ranked = ranked_expert.messages("dairy", evidence, DAY, "season: autumn", "customer: age 35", len, 100)
    return {
        planner.ROLE: context + planner.task(2, 1) + ranked_planner.task(evidence),
        expert.ROLE: "".join([*expert.messages(Persona("dairy expert", "milk", (FACT,)), "age: 35", 3), *ranked]),
        arbiter.ROLE: "".join(
            [context, arbiter.task(["fresh milk"], 1), *ranked_arbiter.messages(["milk"], {}, DAY, "", "")]
        ),
    }


@pytest.mark.parametrize("name", sorted(file.stem for file in prompt_files.FOLDER.glob("*.md")))
def test_a_changed_file_changes_the_digests_of_the_roles_that_render_it(folder: Path, name: str) -> None:
    digests, prompts = prompt_files.role_digests(), rendered()
    assert digests.keys() == prompts.keys()
    file = folder / f"{name}.md"
    file.write_text(file.read_text().replace(prompt_files.SEPARATOR, f" Really.{prompt_files.SEPARATOR}Truly. "))
    changed = {role for role, prompt in rendered().items() if prompt != prompts[role]}
    assert changed
    assert {role for role, digest in prompt_files.role_digests().items() if digest != digests[role]} == changed
    prompt_files.load.cache_clear()


def test_another_roles_prompt_that_comes_later_changes_no_digest(folder: Path) -> None:
    before = prompt_files.role_digests()
    (folder / "explainer.md").write_text(f"Explain.{prompt_files.SEPARATOR}$item")
    assert prompt_files.role_digests() == before
