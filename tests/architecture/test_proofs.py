"""What takes minutes is no part of ``make test``: each such test has a target of its own, and the page says which."""

from __future__ import annotations

import re

from tests.architecture.source import ROOT


def test_every_long_test_is_run_by_a_target_that_the_operations_page_lists() -> None:
    marked = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if "pytest.mark.proof" in path.read_text() and path.name != "test_proofs.py"
    }
    recipes = re.findall(r"^(prove-[a-z]+):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    run = {target: set(re.findall(r"-m proof (\S+)", recipe)) for target, recipe in recipes}
    assert set().union(*run.values()) == marked
    assert all(run.values())
    listed = re.findall(r"^\| `make (prove-[a-z]+)` \|", (ROOT / "docs/operations.md").read_text(), flags=re.MULTILINE)
    assert listed == list(run)
