"""What a command understands, without running it. For tests of what tasks tell commands."""

from __future__ import annotations

import argparse
import runpy

import pytest


def parser_of(module: str, monkeypatch: pytest.MonkeyPatch) -> argparse.ArgumentParser:
    """The parser that a command has."""
    found: list[argparse.ArgumentParser] = []
    monkeypatch.setattr("runtime.entry.run_command", lambda _main, parser, **_reads: found.append(parser))
    runpy.run_module(module, run_name="__main__")
    return found[0]
