"""The small shop of the evaluation's tests, for benchmarks."""

from tests.evaluation.conftest import land

__all__ = ["land"]
