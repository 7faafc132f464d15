"""Scale on paper: GPU-hours a day from measured tokens a user. Arithmetic; nothing here runs on a GPU.

``python -m bench.scale --prefill 1600 --context 400 --output 900 --calls 5 [--users 100000000]`` prints a table of
accelerators. What is measured, public or assumed stands in docs/scale.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from bench.paper.gpu_cost import Accelerator, DayCost, LanguageModel, UserTokens, gpu_hours
from runtime.entry import run_command

USERS = (1_000_000, 100_000_000)

# Public: model cards and configurations. Both are published in BF16.
QWEN3_14B = LanguageModel("Qwen3-14B", 14.8e9, layers=40, key_value_heads=8, head_dimension=128, hidden_size=5120)
SMOLLM2_135M = LanguageModel("SmolLM2-135M", 134.5e6, layers=30, key_value_heads=3, head_dimension=64, hidden_size=576)
MODELS = {"qwen3-14b": QWEN3_14B, "smollm2-135m": SMOLLM2_135M}

# PAPER 1.3, on H20: before and after the two measures for the infrastructure, one of which is FP8. That the first is of
# BF16, and that each is a share of its own precision's peak, is our reading.
BEFORE, AFTER = 0.1156, 0.1704
# Assumed; nobody measured it here.
BANDWIDTH_UTILIZATION = 0.6

# Public: NVIDIA's data sheets. The paper's utilization is H20's; for H100 it is assumed.
H20_BF16 = Accelerator("H20, BF16", 148e12, 4.0e12, 96e9, BEFORE, BANDWIDTH_UTILIZATION)
H20_FP8 = Accelerator("H20, FP8", 296e12, 4.0e12, 96e9, AFTER, BANDWIDTH_UTILIZATION)
H100_FP8 = Accelerator("H100 SXM, FP8", 1979e12, 3.35e12, 80e9, AFTER, BANDWIDTH_UTILIZATION)
# With the bytes that a weight and a cache element take there.
ACCELERATORS = ((H20_BF16, 2), (H20_FP8, 1), (H100_FP8, 1))


def table(estimates: Sequence[tuple[Accelerator, Sequence[DayCost]]], users: Sequence[int]) -> str:
    """Estimates as text: a line an accelerator, a column a number of users."""
    hours = [f"GPU-hours, {number:,} users" for number in users]
    lines = [f"{'accelerator':16} {'batch':>7} {'prefill s a user':>17} {'decode s a user':>16}  " + "  ".join(hours)]
    for accelerator, row in estimates:
        costs = "  ".join(f"{one.gpu_hours:>{len(head)},.1f}" for one, head in zip(row, hours, strict=True))
        first = row[0]
        lines.append(
            f"{accelerator.name:16} {first.batch:>7,} {first.prefill_seconds:>17.5f} {first.decode_seconds:>16.5f}  "
            f"{costs}  {first.bound}"
        )
    return "\n".join(lines)


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    tokens = UserTokens(arguments.prefill, arguments.context, arguments.output, arguments.calls)
    users = tuple(dict.fromkeys(arguments.users or USERS))
    model = MODELS[arguments.model]

    def chosen(given: float | None, own: float) -> float:
        return own if given is None else given

    estimates = []
    for named, bytes_each in ACCELERATORS:
        accelerator = replace(
            named,
            prefill_utilization=chosen(arguments.prefill_utilization, named.prefill_utilization),
            bandwidth_utilization=chosen(arguments.bandwidth_utilization, named.bandwidth_utilization),
            decode_utilization=chosen(arguments.decode_utilization, named.decode_utilization),
        )
        served = model.with_precision(bytes_each)
        estimates.append((accelerator, [gpu_hours(tokens, served, accelerator, number) for number in users]))
    print(table(estimates, users))
    return {
        "model": model.name,
        "tokens": asdict(tokens),
        "estimates": [
            {
                "accelerator": asdict(accelerator),
                "batch": row[0].batch,
                "bound": row[0].bound,
                "prefill_seconds": row[0].prefill_seconds,
                "decode_seconds": row[0].decode_seconds,
                "gpu_hours": {str(number): one.gpu_hours for number, one in zip(users, row, strict=True)},
            }
            for accelerator, row in estimates
        ],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--prefill", type=float, required=True, help="prompt tokens computed a user and day, all calls")
    parser.add_argument("--context", type=float, required=True, help="positions of the longest call's prompt")
    parser.add_argument("--output", type=float, required=True, help="tokens written a user and day, all calls")
    parser.add_argument("--calls", type=float, required=True, help="model calls a user and day")
    parser.add_argument("--users", type=int, action="append", help="users a day, repeatable (1 and 100 million)")
    parser.add_argument("--model", choices=sorted(MODELS), default="qwen3-14b", help="the model (qwen3-14b)")
    of_each = "share of 1, instead of each accelerator's"
    parser.add_argument("--prefill-utilization", type=float, help=f"{of_each} model FLOPs utilization in prefill")
    parser.add_argument("--bandwidth-utilization", type=float, help=f"{of_each} bandwidth utilization in decode")
    parser.add_argument("--decode-utilization", type=float, help=f"{of_each} FLOPs utilization that decode can reach")
    run_command(main, parser)
