"""Scale on paper: sums that can be checked by hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.paper.gpu_cost import (
    Accelerator,
    LanguageModel,
    UserTokens,
    gpu_hours,
    memory_batch,
    prefill_flops,
)
from bench.scale import ACCELERATORS, QWEN3_14B, SMOLLM2_135M
from runtime.errors import Exit, UsageError

ROOT = Path(__file__).resolve().parents[2]

# 1 GB of weights; a position takes 2 x 10 x 2 x 5 x 1 = 200 bytes.
MODEL = LanguageModel("round", 1e9, 10, 2, 5, 100, bytes_per_weight=1, bytes_per_cache_element=1)
# Two calls that each compute their whole prompt of 500 and write 50.
TOKENS = UserTokens(prefill=1000, context=500, output=100, calls=2)
# Prefill reaches 5e11 operations a second, decode reads 5e11 bytes a second. Beside the weights fit ten sequences of
# 550 x 200 = 110,000 bytes, and half of an eleventh.
MACHINE = Accelerator("round", 1e14, 1e12, 1e9 + 10.5 * 110_000, 0.005, 0.5)


def test_prefill_by_hand() -> None:
    # Weights: 2 x 1e9 x 1000. Attention: 2 calls x 500 x 500 / 2 pairs, x 4 x 10 x 100.
    assert prefill_flops(TOKENS, MODEL) == 2e12 + 250_000 * 4_000
    assert gpu_hours(TOKENS, MODEL, MACHINE, 1).prefill_seconds == pytest.approx(4.002)


def test_a_reused_prefix_is_attended_to_and_not_computed() -> None:
    # 2 calls compute the last 100 of 500 positions: each token attends to 400, and to half of the 100.
    assert prefill_flops(replace(TOKENS, prefill=200), MODEL) == 2e9 * 200 + 2 * 100 * 450 * 4_000


def test_attention_is_quadratic_in_the_length() -> None:
    def attention(length: float) -> float:
        return prefill_flops(UserTokens(length, length, 1, 1), MODEL) - 2e9 * length

    assert attention(20_000) == pytest.approx(4 * attention(10_000))


def test_decode_by_hand() -> None:
    found = gpu_hours(TOKENS, MODEL, MACHINE, 1)
    assert found.batch == memory_batch(TOKENS, MODEL, MACHINE) == 10
    # A tenth of the weights and 525 positions, 100 times.
    assert found.decode_seconds == pytest.approx(100 * (1e8 + 525 * 200) / 5e11)


def test_decode_is_never_faster_than_its_arithmetic() -> None:
    roomy = replace(MACHINE, memory=1e15, bandwidth=1e18)
    assert gpu_hours(TOKENS, MODEL, roomy, 1).decode_seconds == pytest.approx(100 * (2e9 + 4_000 * 525) / 1e14)


def test_hours_are_linear_in_users() -> None:
    # 4.002 s and 0.020021 s a user.
    assert gpu_hours(TOKENS, MODEL, MACHINE, 3_600).gpu_hours == pytest.approx(4.022021)
    assert gpu_hours(TOKENS, MODEL, MACHINE, 360_000_000).gpu_hours == pytest.approx(402_202.1)


@pytest.mark.parametrize(
    "less",
    [replace(TOKENS, prefill=900), replace(TOKENS, prefill=500, context=250), replace(TOKENS, output=50)],
    ids=["prefill", "context", "output"],
)
def test_less_costs_less(less: UserTokens) -> None:
    assert gpu_hours(less, MODEL, MACHINE, 7).gpu_hours < gpu_hours(TOKENS, MODEL, MACHINE, 7).gpu_hours


def test_more_memory_costs_no_more() -> None:
    costs = [gpu_hours(TOKENS, MODEL, replace(MACHINE, memory=memory), 7).gpu_hours for memory in (1.001e9, 2e9, 4e9)]
    assert costs == sorted(costs, reverse=True)


def test_what_bounds_it() -> None:
    assert gpu_hours(TOKENS, MODEL, MACHINE, 1).bound == "prefill FLOPs"
    # Ten times as fast in prefill as decode: 0.002 s against 0.02 s, of which the weights are nearly all.
    fast = replace(MACHINE, flops=1e15, prefill_utilization=1)
    assert gpu_hours(TOKENS, MODEL, fast, 1).bound == "cache memory"
    # Slow memory that holds 20,000 sequences: 50,000 bytes of weights a token, 105,000 of cache.
    fast = replace(fast, bandwidth=1e8)
    assert gpu_hours(TOKENS, MODEL, replace(fast, memory=1e9 + 20_000 * 110_000), 1).bound == "decode bandwidth"
    # With 5,000 sequences weights are the larger part again: 200,000 bytes.
    assert gpu_hours(TOKENS, MODEL, replace(fast, memory=1e9 + 5_000 * 110_000), 1).bound == "cache memory"
    # 1,000 times slower in decode's arithmetic than in prefill's.
    slow = replace(MACHINE, memory=1e12, prefill_utilization=1, decode_utilization=0.001)
    assert gpu_hours(TOKENS, MODEL, slow, 1).bound == "decode FLOPs"


def test_the_models_are_as_published() -> None:
    assert QWEN3_14B.weight_bytes == 29.6e9
    assert QWEN3_14B.position_bytes == 163_840
    # As model_steps/engine/cache_capacity.py counts it for the folder in float32.
    assert SMOLLM2_135M.with_precision(4).position_bytes == 46_080
    assert QWEN3_14B.with_precision(1).weight_bytes == 14.8e9


def test_every_named_accelerator_holds_qwen3() -> None:
    for accelerator, bytes_each in ACCELERATORS:
        assert gpu_hours(TOKENS, QWEN3_14B.with_precision(bytes_each), accelerator, 1).gpu_hours > 0


@pytest.mark.parametrize("number", [0, -1, float("nan"), float("inf")])
def test_numbers_are_above_zero(number: float) -> None:
    with pytest.raises(UsageError, match="Tokens: output must be a number above 0, got"):
        replace(TOKENS, output=number)
    with pytest.raises(UsageError, match="round: bandwidth must be a number above 0, got"):
        replace(MACHINE, bandwidth=number)
    with pytest.raises(UsageError, match="round: bytes per weight must be a number above 0, got"):
        replace(MODEL, bytes_per_weight=number)


@pytest.mark.parametrize("users", [0, -5])
def test_a_day_has_users(users: int) -> None:
    with pytest.raises(UsageError, match=f"users must be a number above 0, got {users}"):
        gpu_hours(TOKENS, MODEL, MACHINE, users)


def test_a_share_is_at_most_one() -> None:
    with pytest.raises(UsageError, match=r"prefill utilization is a share of 1, got 17\.04"):
        replace(MACHINE, prefill_utilization=17.04)


def test_the_longest_prompt_is_no_shorter_than_the_mean() -> None:
    with pytest.raises(UsageError, match=r"\(context, 499\) is shorter than .* \(prefill / calls, 500\)"):
        replace(TOKENS, context=499)


def test_a_model_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"its weights take 1\.0 GB, round has 1\.0 GB"):
        gpu_hours(TOKENS, MODEL, replace(MACHINE, memory=1e9), 1)
    with pytest.raises(UsageError, match="Not one sequence fits beside round"):
        gpu_hours(TOKENS, MODEL, replace(MACHINE, memory=1e9 + 109_999), 1)
    assert memory_batch(TOKENS, MODEL, replace(MACHINE, memory=1e9 + 110_000)) == 1


def test_the_page_says_what_the_function_gives() -> None:
    page = (ROOT / "docs/scale.md").read_text()
    number = r" \*{0,2}([\d,]+)\*{0,2} \|"
    rows = re.findall(rf"^\| [^|]*? \|{number * 7}", page, flags=re.MULTILINE)
    assert len(rows) == 7
    for row in rows:
        prefill, context, output, calls, *printed = (int(cell.replace(",", "")) for cell in row)
        tokens = UserTokens(prefill, context, output, calls)
        found = [
            gpu_hours(tokens, QWEN3_14B.with_precision(bytes_each), accelerator, 100_000_000)
            for accelerator, bytes_each in ACCELERATORS
        ]
        assert [round(one.gpu_hours) for one in found] == printed
        assert {one.bound for one in found} == {"prefill FLOPs"}


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.scale", "--prefill", "1600", "--context", "400", "--calls", "5"]
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_command() -> None:
    done = _run("--output", "900", "--users", "1000", "--users", "2000", "--bandwidth-utilization", "0.5")
    assert done.returncode == Exit.OK, done.stderr
    *table, last = done.stdout.splitlines()
    manifest = json.loads(last)
    assert len(table) == 1 + len(ACCELERATORS)
    for line, row, (named, bytes_each) in zip(table[1:], manifest["estimates"], ACCELERATORS, strict=True):
        accelerator = replace(named, bandwidth_utilization=0.5)
        expected = gpu_hours(UserTokens(1600, 400, 900, 5), QWEN3_14B.with_precision(bytes_each), accelerator, 1000)
        assert line.startswith(accelerator.name)
        assert line.endswith(row["bound"])
        assert row["bound"] == expected.bound
        assert row["gpu_hours"] == pytest.approx({"1000": expected.gpu_hours, "2000": 2 * expected.gpu_hours})


def test_the_command_refuses_in_one_sentence() -> None:
    done = _run("--output", "0")
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "Tokens: output must be a number above 0, got 0.0." in done.stderr
    assert "Traceback" not in done.stderr
