"""GRPO steps: ours on lists that are drawn from the ranking, TRL's GRPOTrainer on text that transformers generates.

The same personas, G, optimizer and KL, the same number of tokens of a completion, and no reward model on either side:
what is compared is drawing, probabilities, loss and the update.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.trainers.clock import Clock, Clocked, told
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement.building import arguments, build
from model_steps.training.reinforcement.material import ReinforcementMaterial
from model_steps.training.reinforcement.subject import of_lists
from model_steps.training.reinforcement.thresholds import WarmedUp
from settings import ReinforcementSettings, Settings

# Always reached: a gate costs a comparison.
OPEN = {"diversity": 0.0, "length": 0.0}


def chosen(settings: Settings, steps: int, personas: int, tags: int) -> Settings:
    """Settings of a few steps without spare personas, so that each step draws as many lists as TRL generates."""
    few = settings.reinforcement.model_dump() | {
        "steps": steps, "personas": personas, "tags": tags, "spare": 0, "warm_up": 0, "checkpoint_steps": steps,
        "iterations": 1,
    }  # fmt: skip
    return settings.model_copy(update={"reinforcement": ReinforcementSettings(**few)})


def ours(model: TunedModel, lake: Lake, rule: SplitRule, day: str, settings: Settings) -> dict[str, Any]:
    """Steps of ``model_steps.reinforce_experts``; validation, canary and states left out."""
    asked = settings.reinforcement
    material, clock = ReinforcementMaterial.read(lake, rule, [day], settings), Clock()
    generated: list[int] = []
    scoring = material.scoring(None)
    with TemporaryDirectory(prefix="intentflow-") as place:
        trainer = build(
            model,
            Path(place),
            of_lists(material.personas(), scoring, material.material.options, material.validation(scoring), asked),
            WarmedUp(OPEN, OPEN, 0),
            settings.engine.model,
        )
        trainer.add_callback(Clocked(clock))
        drawn_by: Any = trainer.rollout_func

        def listening(prompts: Sequence[Any], of: Any) -> Any:
            """What the trainer draws, counted."""
            found: Any = drawn_by(prompts, of)
            generated.extend(map(len, found["completion_ids"]))
            return found

        trainer.rollout_func = listening
        trainer.train()
    drawn = [row["drawn/tokens"] for row in trainer.state.log_history if "drawn/tokens" in row]
    return {
        **told(clock, [round(each) for each in drawn]),
        "lists_a_step": asked.personas * asked.generations,
        "completion_tokens": round(sum(generated) / len(generated), 2),
        "prompts": prompts_of(material, asked),
    }


def prompts_of(material: ReinforcementMaterial, asked: ReinforcementSettings) -> list[list[int]]:
    """The prompts of all steps, in their order."""
    personas = material.personas()
    return [list(one.prompt) for step in range(asked.steps) for one in personas.of(step, asked.personas)]


def plain(
    model: TunedModel, prompts: Sequence[str], tokens: int, tokenizer: Any, settings: ReinforcementSettings
) -> dict[str, Any]:
    """Steps of TRL's GRPOTrainer with transformers' generation, under the same settings of ours.

    Args:
        prompts: of all steps. tokens: that each completion has, no more and no fewer.
    """
    from datasets import Dataset
    from transformers.trainer_callback import PrinterCallback
    from trl import GRPOTrainer

    clock, generated = Clock(), list[int]()

    def reward(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
        """How many of its tokens are different ones: cheap, and not the same for all."""
        generated.extend(map(len, completion_ids))
        return [len(set(own)) / max(len(own), 1) for own in completion_ids]

    with TemporaryDirectory(prefix="intentflow-") as place:
        args = arguments(settings, Path(place), model.device.type == "cpu")
        args.max_completion_length = tokens
        args.generation_kwargs = {"min_new_tokens": tokens}
        trainer = GRPOTrainer(
            model=model.peft,
            reward_funcs=reward,
            args=args,
            train_dataset=Dataset.from_dict({"prompt": list(prompts)}),
            processing_class=tokenizer,
            callbacks=[Clocked(clock)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    lists = settings.personas * settings.generations
    longest = max(len(tokenizer(prompt)["input_ids"]) for prompt in prompts)
    return {
        **told(clock, [lists * (longest + tokens)] * settings.steps),
        "lists_a_step": lists,
        "completion_tokens": round(sum(generated) / max(len(generated), 1), 2),
    }


def keep_prompts(place: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Write the prompts of our side for the other's; returns what is told without them."""
    prompts = found.pop("prompts")
    place.write_text(json.dumps(prompts))
    return {**found, "prompt_tokens": sum(map(len, prompts)) / len(prompts)}
