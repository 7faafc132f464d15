"""Progress in the log: done of total, rate, time left."""

from __future__ import annotations

import logging
import time

log = logging.getLogger("intentflow")


class Progress:
    """Counts units of work and says so every few seconds, and once at the end.

    Args:
        total: units there are; unit: their plural name; every_seconds: the least time between two lines.
    """

    def __init__(self, total: int, unit: str, every_seconds: float = 5.0) -> None:
        self.total, self.unit, self.every_seconds = total, unit, every_seconds
        self.count = 0
        self._started = self._said = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        self.count += count
        now = time.monotonic()
        if now - self._said >= self.every_seconds or self.count >= self.total:
            self._said = now
            self._say(now, note)

    def done(self, note: str = "") -> None:
        """Say how many it were in the end, unless the last line said so."""
        if self.count < self.total or not self.total:
            self._say(time.monotonic(), note)

    def _say(self, now: float, note: str) -> None:
        elapsed = max(now - self._started, 1e-9)
        rate = self.count / elapsed
        left = f", {max((self.total - self.count) / rate, 0.0):.0f} s left" if rate else ""
        share = f"{self.count:,} of {self.total:,} {self.unit}"
        log.info("%s, %.1f/s%s%s", share, rate, left, f" ({note})" if note else "")
