"""SFT steps: ours on trees of labels, TRL's SFTTrainer on rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.trainers.clock import Clock, Clocked, told
from bench.trainers.taught_steps import Lesson, padded
from model_steps.training.lora import loop
from model_steps.training.lora.taught import Taught
from model_steps.training.lora.tuned_model import TunedModel
from settings import LoraSettings


class Given:
    """A course of what is given, that tells a clock of its steps.

    Args:
        steps: what each learns.
    """

    names: Sequence[str] = ("personas",)

    def __init__(self, steps: Sequence[Sequence[Taught]], clock: Clock) -> None:
        self._steps, self._clock = steps, clock

    def parts(self, step: int) -> dict[str, Sequence[Taught]]:
        """The trees of a step. The one before has ended: the loop asks for a step's when it begins."""
        self._clock.end()
        self._clock.begin()
        return {"personas": self._steps[step]}

    def written(self, step: int) -> Sequence[loop.Written]:
        """No general examples, for TRL's side has none."""
        return ()


def ours(model: TunedModel, steps: Sequence[Sequence[Lesson]], settings: LoraSettings) -> dict[str, Any]:
    """Steps of ``model_steps.train_experts``; validation, states and general examples left out."""
    clock = Clock()
    trees = [[lesson.tree for lesson in step] for step in steps]

    def validate() -> dict[str, float]:
        clock.end()
        return {loop.DECIDES: 0.0}

    chosen = settings.model_copy(
        update={"steps": len(steps), "validation_steps": len(steps), "checkpoint_steps": len(steps)}
    )
    with TemporaryDirectory(prefix="intentflow-") as place:
        loop.train(model, Given(trees, clock), validate, chosen, Path(place), "benchmark")
    return told(clock, [len(some) * max(len(one.tokens) for one in some) for some in trees])


def plain(
    model: TunedModel,
    rows: Sequence[Mapping[str, Sequence[int]]],
    batch: int,
    tokenizer: Any,
    settings: LoraSettings,
) -> dict[str, Any]:
    """Steps of TRL's SFTTrainer with its own loss, on the same model, adapter, optimizer and number type.

    Args:
        rows: token ids with labels, in the order in which they are learnt. batch: rows a step.

    Of TRL's defaults two are not taken: it would recompute activations to save memory, and run in mixed precision; our
    step does neither.
    """
    from datasets import Dataset
    from transformers.trainer_callback import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    clock = Clock()
    with TemporaryDirectory(prefix="intentflow-") as place:
        trainer = SFTTrainer(
            model=model.peft,
            args=SFTConfig(
                output_dir=place,
                max_steps=len(rows) // batch,
                per_device_train_batch_size=batch,
                train_sampling_strategy="sequential",
                learning_rate=settings.learning_rate,
                weight_decay=0.0,
                max_grad_norm=loop.CLIP,
                bf16=False,
                gradient_checkpointing=False,
                use_cpu=model.device.type == "cpu",
                max_length=None,
                seed=settings.seed,
                save_strategy="no",
                logging_steps=1,
                disable_tqdm=True,
                report_to="none",
            ),
            train_dataset=Dataset.from_list([dict(row) for row in rows]),
            processing_class=tokenizer,
            callbacks=[Clocked(clock)],
        )
        # What it says would stand between the lines of the manifest.
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return told(clock, padded(rows, batch))
