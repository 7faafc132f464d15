"""Fine-tune the experts: ``python -m model_steps.train_experts [--out FOLDER]`` (PAPER 1.4).

A LoRA adapter learns from the table ``examples`` which categories of a persona's field its user bought next. The
language model's weights stay as they are. Only users of the train split are learnt from, users of validation stop
training, and nothing reaches past the split. It begins with no change, or with experts that were tuned before
(``--start``). A killed run goes on where it was, or is ended there (``--finish``); what was trained already is not
trained again.

Leaves ``adapter_model.safetensors``, ``adapter_config.json``, ``references.safetensors`` (what the catalog looked like)
and the record ``experts.json`` in the folder.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lake.registry.evaluation_file import read_rule
from lake.registry.releases import NAME_DIGITS, REFERENCES
from lake.store.location import Lake
from model_steps.agents import arbiter, ranked_expert
from model_steps.agents.prompt_files import role_digest
from model_steps.embedding.embedder import Embedder
from model_steps.engine.environment import prepare_environment
from model_steps.engine.model_digest import model_digest
from model_steps.training.catalog import read_catalog
from model_steps.training.experts.start import KEPT_OF_A_START, about, finished, read_start
from model_steps.training.picture import write_picture
from model_steps.training.record import EXPERTS_RECORD, made_folder
from runtime import atomic, processor
from runtime.entry import day_argument, run_command
from runtime.errors import CommandError, ConfigurationError
from runtime.fingerprint import bytes_digest, digest
from settings import ExpertsSettings, MixSettings, Settings, load_settings

log = logging.getLogger("intentflow")

GENERAL = "general.json"
CHANCES = "chances.json"


def refuse_missing_sources(mix: MixSettings) -> None:
    """See that each source that the mix names has examples.

    Raises:
        ConfigurationError: one has none.
    """
    wanted = {"trends": mix.trends, "weather": mix.weather, "situations": mix.situations}
    if missing := [name for name, share in wanted.items() if share]:
        raise ConfigurationError(
            f"The training mix wants {wanted[missing[0]]:.2%} of examples of {missing[0]}, and nothing makes such "
            f"examples of this log: set INTENTFLOW_EXPERTS__MIX__{missing[0].upper()}=0, and the others so that they "
            "sum to 1."
        )
    if not mix.behavior:
        raise ConfigurationError(
            "The training mix has no examples of behavior: raise INTENTFLOW_EXPERTS__MIX__BEHAVIOR."
        )


def train_experts(
    lake: Lake,
    days: Sequence[str],
    out: Path | None,
    settings: Settings,
    finish: bool = False,
    start: Path | None = None,
) -> dict[str, Any]:
    """Train on a lake's examples, unless that was done; returns the record.

    Args:
        days: training days; none: the newest ones that the split allows, as many as the settings say.
        out: folder of the training; none: one below the settings' folder, named after what decides about the result.
        start: folder of tuned experts, or of a release with such, to begin with; none: the language model as it is.
        finish: end a training that was stopped, with the best adapter that it validated.

    Raises:
        SourceMissing: examples are missing.
        DataError: an example touches the holdout, or the folder holds another training's state.
        ConfigurationError: the mix names a source that there is not. UsageError: the folder cannot be one.
        As ``read_start``, and ConfigurationError: the start is of another rank or of other layers.
    """
    chosen, rule = settings.experts, read_rule(settings.source)
    refuse_missing_sources(chosen.mix)
    begun = None if start is None else read_start(start, lake, rule, settings)
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.training.experts import general, teacher
    from model_steps.training.experts.material import Material
    from model_steps.training.lora import ended, loop
    from model_steps.training.lora.tuned_model import TunedModel

    material = Material.read(lake, rule, days, settings)
    dtype = processor.resolve(chosen.dtype, settings.engine.model)
    roles = (ranked_expert.ROLE, arbiter.ROLE) if chosen.reviews else (ranked_expert.ROLE,)
    record: dict[str, Any] = {
        **about(lake, rule, material.days, material.learnt),
        "model": model_digest(settings.engine.model),
        "roles": list(roles),
        "prompts": {role: role_digest(role) for role in roles},
        "tags": material.options.digest,
        "settings": {
            **chosen.model_dump(exclude={"folder"}),
            "dtype": dtype,
            "examples": settings.examples.model_dump(),
        },
        "validation_users": len(material.validated),
    }
    if begun is not None:
        record["trained_until"] = max(record["trained_until"], begun.record["trained_until"])
        record["started_from"] = {name: begun.record.get(name) for name in KEPT_OF_A_START}
    if chosen.expected:
        record["expected_from"] = teacher.log_digest(lake, rule, material.learnt, settings.source.first_day.isoformat())
    record["work"] = digest(record)
    folder = made_folder(chosen.folder / record["work"][:NAME_DIGITS] if out is None else out)
    if (known := finished(folder, record["work"])) is not None:
        log.info("Trained already, in %s.", folder)
        return {**known, "folder": str(folder), "reused": True}
    log.info(
        "%d examples of %d users; %d users are validated on.",
        len(material.learnt), record["users"], len(material.validated),
    )  # fmt: skip
    model = TunedModel(settings.engine.model, dtype, chosen)
    if begun is not None:
        model.start_from(begun.weights, str(start))
    before = ended.base_digest(model.peft)
    instructions = general.read_instructions()[: chosen.instructions or None]
    taught, apart = general.parted(general.answers_of(model, material.chat, instructions, folder / GENERAL))
    with model.peft.disable_adapter():
        likelihood = general.log_likelihood(model, apart)
    chances: teacher.Chances = {}
    if chosen.expected:
        first_day = settings.source.first_day.isoformat()
        chances = teacher.chances_of(lake, rule, material.learnt, first_day, folder / CHANCES)
    kept = {name: bytes_digest((folder / name).read_bytes()) for name in (GENERAL, *([CHANCES] if chances else []))}
    course = material.course(taught, chances)
    parts = (*course.names, loop.GENERAL)
    history = loop.train(
        model,
        course,
        material.validation(model),
        chosen,
        folder,
        digest({**record, "kept": kept}),
        finish,
    )
    if ended.base_digest(model.peft) != before:
        raise CommandError("Training changed the language model, which must stay frozen: this is a mistake of ours.")
    record["general_log_likelihood"] = {
        "before": round(likelihood, 4),
        "after": round(general.log_likelihood(model, apart), 4),
    }
    record["calibration"] = material.calibration(model)
    record["losses"] = ended.averages(history, parts)
    record["validation"] = {
        int(row["step"]) + 1: {name: value for name, value in row.items() if name not in ("step", *parts)}
        for row in history
        if loop.DECIDES in row
    }
    record["adapter"] = ended.save_adapter(model.peft, folder)
    record |= write_picture(folder / REFERENCES, read_catalog(lake, Embedder(settings.embedder.model).name), rule)
    atomic.write(folder / EXPERTS_RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return {**record, "folder": str(folder), "reused": False}


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake or settings.lake.uri)
    if arguments.newest is not None:
        chosen = {**settings.experts.model_dump(), "days": arguments.newest}
        settings = settings.model_copy(update={"experts": ExpertsSettings(**chosen)})
    days = tuple(arguments.day or ())
    return train_experts(lake, days, arguments.out, settings, arguments.finish, arguments.start)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.train_experts", description=__doc__)
    parser.add_argument(
        "--out", type=Path, help="folder of the adapter, its record and its state (default: one of its own, by setting)"
    )
    parser.add_argument(
        "--day", type=day_argument, action="append", help="a training day, repeatable (default: newest)"
    )
    parser.add_argument("--newest", type=int, help="without --day: how many days (default: the setting)")
    parser.add_argument(
        "--start", type=Path, help="folder of tuned experts, or of a release with such, to go on from (default: none)"
    )
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--finish", action="store_true", help="end a stopped training with the best that it validated")
    run_command(main, parser)
