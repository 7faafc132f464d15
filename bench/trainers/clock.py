"""Seconds of each step, and the most memory that the process ever held."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from transformers import TrainerCallback

# Of ru_maxrss on Linux, in MiB.
KIB = 1 / 1024


@dataclass
class Clock:
    """When steps began and ended.

    Args:
        seconds: of each step that ended. cpu: seconds of processor time of each, whatever else the machine did.
    """

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    _since: tuple[float, float] | None = None

    def begin(self) -> None:
        self._since = time.monotonic(), time.process_time()

    def end(self) -> None:
        """Count the step that is open; without one nothing happens."""
        if self._since is not None:
            self.seconds.append(time.monotonic() - self._since[0])
            self.cpu.append(time.process_time() - self._since[1])
            self._since = None


class Clocked(TrainerCallback):
    """Tells a clock of the steps of transformers' loop, which hands batches over before a step begins."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._clock.begin()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self._clock.end()


def told(clock: Clock, tokens: Sequence[int]) -> dict[str, Any]:
    """What a side says of its run.

    Args:
        tokens: that each step computed, filled up to the longest row.
    """
    # The first step also starts threads and fills caches.
    counted, cpu = (found[1:] or found for found in (clock.seconds, clock.cpu))
    return {
        "seconds_a_step": round(median(counted), 3),
        "cpu_seconds_a_step": round(median(cpu), 3),
        "seconds_of_steps": [round(each, 3) for each in clock.seconds],
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB),
        "tokens_a_step": list(tokens),
    }
