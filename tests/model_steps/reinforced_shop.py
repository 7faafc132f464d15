"""A small shop whose users' personas can be learnt from, with experts that were tuned on it, as their record says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from evaluation.leaks import population_digest
from lake.delta import writing
from lake.delta.publishing import _replace
from lake.delta.staging import StagedPartition, stage
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps import embed
from model_steps.agents.prompt_files import role_digest
from model_steps.agents.ranked_expert import ROLE
from model_steps.embedding.embedder import Embedder
from model_steps.engine.model_digest import model_digest
from model_steps.training.lora import ended
from model_steps.training.lora.tuned_model import TunedModel
from representation.cleaning import entity_id
from schemas import contexts, entities, examples
from settings import LoraSettings, load_settings
from tests.model_steps.test_real_model import context_row

CATALOG = ("plain yogurt", "whole milk", "white bread", "corn chips", "baby food", "mixed nuts")
DAY, UNTIL = "2017-08-23", "2017-09-07"
USERS = [f"user {number}" for number in range(40)]


def publish(lake: Lake, table: Any, rows: list[dict[str, Any]]) -> None:
    """Make rows readable without the audit, which is not what this is about."""
    file = stage(lake, table, pa.Table.from_pylist(rows, table.schema), fingerprint="test", partition={"day": DAY})
    _replace(writing.create(lake, table), table, [StagedPartition({"day": DAY}, "test", (file,))], {(DAY,): []})


def example(user: str, number: int, rule: SplitRule) -> dict[str, Any]:
    """A row of ``examples``."""
    own = [CATALOG[(number + step) % len(CATALOG)] for step in range(3)]
    evidence = [
        {"category": name, "label": name, "days": 4 - n, "last_day": DAY, "usual_interval": None, "rank": n + 1}
        for n, name in enumerate(own)
    ]
    return {
        "day": DAY,
        "user_id": user,
        "split": rule.split_of(user),
        "persona": 0,
        "names": ["shop"],
        "evidence": evidence,
        "outcomes": own[:2],
        "outcomes_until": UNTIL,
        "season": "season: summer",
        "attributes": [],
        "source": examples.BEHAVIOR,
    }


def land(lake: Lake, planted: Sequence[dict[str, Any]] = (), bought: Sequence[str] = CATALOG[:3]) -> Lake:
    """Catalog, contexts, vectors and examples of one day.

    Args:
        planted: further rows of ``examples``. bought: categories that everybody's context knows.
    """
    rule = read_rule(load_settings().source)
    catalog = [
        {
            "entity_id": entity_id("category", name),
            "text": name,
            "kind": "category",
            "category": name,
            "category_path": f"shop > {name}",
        }
        for name in CATALOG
    ]
    catalog += [{**row, "entity_id": entity_id("item", row["text"]), "kind": "item"} for row in catalog]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(catalog, entities.TABLE.schema))
    known = [user for user in USERS if rule.split_of(user) in examples.SPLITS]
    publish(lake, contexts.TABLE, [{**context_row(user, bought), "day": DAY} for user in known])
    publish(lake, examples.TABLE, [example(user, number, rule) for number, user in enumerate(known)] + list(planted))
    embed.embed(lake, Embedder(), DAY)
    return lake


def tuned_experts(lake: Lake, model: Path, folder: Path) -> Path:
    """Experts with an adapter that is not zero, in a folder as ``train_experts`` leaves one."""
    rule = read_rule(load_settings().source)
    tuned = TunedModel(model, "float32", LoraSettings(rank=4, first_layer=28))
    torch.manual_seed(3)
    with torch.no_grad():
        for each in tuned.master.values():
            each.copy_(torch.randn_like(each) * 0.01)
    tuned.take_over()
    record = {
        "adapter": ended.save_adapter(tuned.peft, folder),
        "calibration": {"own": {"intercept": 1.0, "slope": 0.5}, "other": {"intercept": 0.5, "slope": 0.5}},
        "day": DAY,
        "days": [DAY],
        "model": model_digest(model),
        "population": population_digest(lake, DAY),
        "prompts": {ROLE: role_digest(ROLE)},
        "registry": rule.digest,
        "roles": [ROLE],
        "trained_until": UNTIL,
    }
    (folder / "experts.json").write_text(json.dumps(record))
    return folder
