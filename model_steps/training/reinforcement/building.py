"""TRL's trainer with what is ours handed in: the only place that knows which of its settings the paper's are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import AutoTokenizer
from transformers.trainer_callback import PrinterCallback
from trl import GRPOConfig

from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement.optimizer import MasterAdamW
from model_steps.training.reinforcement.policy import ListPolicy
from model_steps.training.reinforcement.subject import Subject
from model_steps.training.reinforcement.thresholds import WarmedUp
from model_steps.training.reinforcement.trainer import ListTrainer
from runtime.errors import ConfigurationError
from settings import ReinforcementSettings

STATES = "trainer"


def arguments(settings: ReinforcementSettings, folder: Path, on_cpu: bool) -> GRPOConfig:
    """TRL's settings.

    TRL 1.16 would give the KL no weight, divide advantages by the group's deviation and take the loss of `dapo`: here
    they are the paper's. Lists have equally many actions, so that all ways to average over them are one.

    Args:
        folder: of the training; states are kept below it.
    """
    lists = settings.generations * settings.personas
    return GRPOConfig(
        output_dir=str(folder / STATES),
        max_steps=settings.steps,
        num_generations=settings.generations,
        per_device_train_batch_size=lists,
        generation_batch_size=lists,
        gradient_accumulation_steps=1,
        num_iterations=settings.iterations,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=0,
        weight_decay=0.0,
        max_grad_norm=settings.gradient_norm,
        beta=settings.beta,
        epsilon=settings.epsilon,
        loss_type="grpo",
        scale_rewards=settings.scale_rewards,
        temperature=settings.temperature,
        seed=settings.seed,
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=on_cpu,
        save_strategy="steps",
        save_steps=settings.checkpoint_steps,
        save_total_limit=2,
        logging_steps=1,
        disable_tqdm=True,
        report_to="none",
        shuffle_dataset=False,
    )


def build(model: TunedModel, folder: Path, subject: Subject, thresholds: WarmedUp, tokenizer: Path) -> ListTrainer:
    """A trainer that goes on from the model's adapter, which is its reference too.

    Args:
        model: that it starts from. folder: of the training. subject: what is reinforced. thresholds: of each step.
        tokenizer: folder of the language model.

    Raises:
        ConfigurationError: it is started as one of several processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigurationError(
            "Reinforcement was started as one of several processes, and their gradients would not be summed: start it "
            "as one."
        )
    settings = subject.settings
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    trainer = ListTrainer(
        ListPolicy(model, subject.spaces, settings.temperature),
        subject.rollouts(
            model, subject.spaces, subject.examples, subject.scoring, thresholds, subject.combine, settings
        ),
        args=arguments(settings, folder, model.device.type == "cpu"),
        # A step draws its personas itself, so these rows only say how many lists it wants.
        train_dataset=Dataset.from_dict({"prompt": ["persona"] * settings.personas}),
        processing_class=_tokenizer(tokenizer),
        optimizers=(MasterAdamW(model, settings.learning_rate), None),
    )
    # What it says goes to the log: stdout is the manifest's.
    trainer.remove_callback(PrinterCallback)
    return trainer


def _tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
