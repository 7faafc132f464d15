"""Typed errors: each says in one sentence what was wrong, where, and what to do."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes, after sysexits.h. Airflow retries INTERNAL and INFRASTRUCTURE, never the user's data."""

    OK = 0
    USAGE = 64
    DATA = 65
    NO_INPUT = 66
    GATE = 69
    INTERNAL = 70
    INFRASTRUCTURE = 75
    RACE_LOST = 76
    CONFIG = 78


RETRYABLE = frozenset({Exit.INTERNAL, Exit.INFRASTRUCTURE})


class CommandError(Exception):
    """An error whose message is meant for the person who ran the command."""

    exit_code = Exit.INTERNAL


class UsageError(CommandError):
    exit_code = Exit.USAGE


class DataError(CommandError):
    """The data are unusable; a retry cannot help."""

    exit_code = Exit.DATA


class SourceMissing(CommandError):
    """An input has not arrived (yet)."""

    exit_code = Exit.NO_INPUT


class GateBroken(CommandError):
    """A gate failed by itself, which says nothing of the candidate; nobody passes it."""

    exit_code = Exit.GATE


class InfrastructureError(CommandError):
    """A disk, a network, an engine failed; a retry may help."""

    exit_code = Exit.INFRASTRUCTURE


class RaceLost(CommandError):
    """Another writer published the same day first; nothing of ours is visible."""

    exit_code = Exit.RACE_LOST


class WorkerFailed(CommandError):
    """A worker failed in a way it should not; its message shows no value of the log."""


class ConfigurationError(CommandError):
    exit_code = Exit.CONFIG
