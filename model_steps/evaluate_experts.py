"""Experts on validation users: ``python -m model_steps.evaluate_experts --candidate FOLDER [--before FOLDER]
[--champion RELEASE]``.

What was just trained beside what it was trained from, the champion's experts and the language model as it is, on users
of the split validation whom none of these trainings looked at, as of one or more training days. Lists are made as a
day's are: of each persona the most probable tags, pooled. The holdout stays closed: only the gate opens it. The table
``examples`` knows a persona's outcomes without their order, so recall is measured and no hit rate of the next purchase.

Leaves ``comparison.json`` in a folder of its own; what was compared already is not compared again.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evaluation.leaks import Learnt, refuse_other_people, refuse_other_rule
from lake.registry import releases
from lake.registry.evaluation_file import read_rule
from lake.registry.releases import EXPERTS, NAME_DIGITS
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.agents import ranked_expert
from model_steps.engine.adapters import Adapter, read_adapter
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.engine.model_digest import model_digest
from model_steps.engine.options import Options
from model_steps.evaluating.unseen_users import LENGTHS, Asked, Lists, compare, unseen
from model_steps.training.record import TunedExperts, made_folder, read_experts
from runtime import atomic, processor
from runtime.entry import day_argument, run_command
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import code_of, digest
from runtime.progress import Progress
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

FILE = "comparison.json"
CANDIDATE, BEFORE, CHAMPION, BASE = "candidate", "before", "champion", "base"
USERS = 64


def champions_experts(lake: Lake, release: str, rule: SplitRule) -> TunedExperts | None:
    """The experts of a release of the lake; None, with a line in the log, where they cannot be compared.

    Raises:
        DataError: the lake has no such release.
    """
    found, files = releases.read(lake, release)
    if EXPERTS not in found.training:
        log.info("The champion %s has no tuned experts: it is the language model as it is.", release)
        return None
    with TemporaryDirectory() as folder:
        tuned = read_experts(releases.save(Path(folder), found, files))
    try:
        _refuse_acquainted(lake, f"The champion {release}", tuned, rule)
    except (UsageError, SourceMissing) as error:
        log.warning("The champion is not compared, for it may have learnt from these very users. %s", error)
        return None
    return tuned


def evaluate_experts(
    lake: Lake,
    experts: Mapping[str, TunedExperts],
    days: Sequence[str],
    users: int,
    out: Path | None,
    settings: Settings,
) -> dict[str, Any]:
    """Compare experts on users of validation, unless that was done; returns the figures.

    Args:
        experts: by name, ``candidate`` among them.
        days: training days; none: the newest that the candidate learnt of.
        users: how many at most. out: folder of the comparison; none: one below the settings' folder.

    Raises:
        SourceMissing: a day has no examples. DataError: one touches the holdout, or an adapter is none of ours.
        UsageError: experts may have learnt from these users, or no user is left.
    """
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.training.experts import personas
    from model_steps.training.experts.material import read_labels

    rule, model = read_rule(settings.source), settings.engine.model
    for name in experts.keys() - {CHAMPION}:
        _refuse_acquainted(lake, f"What --{name} names", experts[name], rule)
    days = sorted(set(days)) or [max(experts[CANDIDATE].record["days"])]
    rows = personas.read_days(lake, days)
    personas.refuse_leaks(rows, rule)
    # Trainings drew of the newest day's, so whom they left follows from that day.
    newest = [row for row in rows if row["day"] == days[-1]]
    validated = {row["user_id"] for row in newest if row["split"] == "validation"}
    looked_at = max(int(one.record.get("validation_users", 0)) for one in experts.values())
    telling = {row["user_id"] for row in newest if row["outcomes"]}
    chosen = unseen(validated, looked_at, users, telling)
    if not chosen:
        raise UsageError(
            f"Trainings looked at {looked_at} of the {len(validated)} validation users of {days[-1]}, so none with an "
            "outcome is left to compare experts on: train with fewer INTENTFLOW_EXPERTS__VALIDATION_USERS."
        )
    chat, labels = Chat(model), read_labels(lake)
    options = ranked_expert.tag_space(labels.values(), chat.answer_tokens)
    some = sorted(
        (row for row in rows if row["user_id"] in chosen), key=lambda row: (row["user_id"], row["day"], row["persona"])
    )
    dtype = processor.resolve(settings.experts.dtype, model)
    adapters = {name: read_adapter(EXPERTS, one.weights, one.form, model, name) for name, one in experts.items()}
    asked = {
        "days": days,
        "examples": digest(some),
        "labels": sorted(labels.items()),
        "model": model_digest(model),
        "dtype": dtype,
        "adapters": {name: adapter.digest for name, adapter in adapters.items()},
        "tokens": settings.examples.tokens,
        "block": settings.engine.block_tokens,
        "code": code_of("model_steps.evaluate_experts").digest,
    }
    work = digest(asked)
    folder = made_folder(settings.retraining.folder / f"comparison-{work[:NAME_DIGITS]}" if out is None else out)
    if (known := finished(folder, work)) is not None:
        log.info("Compared already, in %s.", folder)
        return {**known, "folder": str(folder), "reused": True}
    log.info("%d validation users are compared on, none of the %d that trainings looked at.", len(chosen), looked_at)
    encoded = [personas.example_of(row, labels, chat, settings) for row in some]
    prompts: dict[Asked, list[Sequence[int]]] = {}
    truth: dict[Asked, set[str]] = {}
    for one in encoded:
        prompts.setdefault(Asked(one.user_id, one.day), []).append(one.prompt)
        truth.setdefault(Asked(one.user_id, one.day), set()).update(one.outcomes)
    # Of a user as of a day without outcomes nothing can be said.
    prompts = {asked: prompts[asked] for asked in prompts if truth[asked]}
    lists = _lists(adapters, prompts, options, dtype, settings)
    record = {
        "days": days,
        "split": "validation",
        "looked_at": looked_at,
        **compare(lists, truth, CANDIDATE),
        "adapters": asked["adapters"],
        "work": work,
    }
    atomic.write(folder / FILE, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return {**record, "folder": str(folder), "reused": False}


def finished(folder: Path, work: str) -> dict[str, Any] | None:
    """The comparison that a folder has, if it is this one."""
    try:
        found = dict(json.loads((folder / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.get("work") == work else None


def _lists(
    adapters: Mapping[str, Adapter],
    prompts: Mapping[Asked, Sequence[Sequence[int]]],
    options: Options,
    dtype: str,
    settings: Settings,
) -> dict[str, Lists]:
    """By name of the experts each list; equal adapters are asked once, and the language model without any."""
    from model_steps.training.experts.validation import MOST_A_PERSONA, pooled
    from model_steps.training.lora.adapted import adapted

    found: dict[str, Lists] = {}
    names: dict[str, list[str]] = {}
    for name, adapter in adapters.items():
        names.setdefault(adapter.digest, []).append(name)
    progress = Progress(len(prompts) * (len(names) + 1), "lists", every_seconds=20)

    def ask(tuned: Any) -> Lists:
        lists = {}
        for asked, of_asked in prompts.items():
            lists[asked] = pooled(tuned.rank_all(of_asked, options, MOST_A_PERSONA))[: max(LENGTHS)]
            progress.advance()
        return lists

    tuned: Any = None
    for same in names.values():
        tuned = adapted(settings.engine.model, dtype, adapters[same[0]], settings.experts)
        tuned.peft.eval()
        found |= dict.fromkeys(same, ask(tuned))
    with tuned.peft.disable_adapter():
        found[BASE] = ask(tuned)
    return found


def _refuse_acquainted(lake: Lake, who: str, tuned: TunedExperts, rule: SplitRule) -> None:
    part = Learnt(who, tuned.record, outcomes=True)
    refuse_other_rule(part, rule)
    refuse_other_people(lake, part)


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.users < 1:
        raise UsageError(f"--users is {arguments.users}: give how many, 1 at least.")
    settings = load_settings()
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake or settings.lake.uri)
    experts = {CANDIDATE: read_experts(arguments.candidate)}
    if arguments.before is not None:
        experts[BEFORE] = read_experts(arguments.before)
    if arguments.champion is not None:
        champion = champions_experts(lake, arguments.champion, read_rule(settings.source))
        experts |= {} if champion is None else {CHAMPION: champion}
    here = model_digest(settings.engine.model)
    if other := [name for name, one in experts.items() if one.record.get("model") != here]:
        raise DataError(
            f"The experts of --{other[0]} were tuned on another language model than {settings.engine.model}: set "
            "INTENTFLOW_ENGINE__MODEL to that one's folder."
        )
    return evaluate_experts(lake, experts, arguments.day or (), arguments.users, arguments.out, settings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.evaluate_experts", description=__doc__)
    parser.add_argument("--candidate", type=Path, required=True, help="folder of tuned experts, or of such a release")
    parser.add_argument("--before", type=Path, help="what they were trained from, likewise (default: none)")
    parser.add_argument("--champion", metavar="RELEASE", help="name of a release on the lake (default: none)")
    parser.add_argument(
        "--day", type=day_argument, action="append", help="training day, repeatable (default: the newest learnt of)"
    )
    parser.add_argument("--users", type=int, default=USERS, help=f"validation users at most (default: {USERS})")
    parser.add_argument("--out", type=Path, help="folder of the comparison (default: one of its own, by setting)")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
