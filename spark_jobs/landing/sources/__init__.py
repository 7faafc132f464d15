"""Where logs come from. A source hands over raw rows, whatever the shop; landing does the rest."""

from __future__ import annotations

from pathlib import Path

from runtime.errors import ConfigurationError
from settings import ROOT, SourceSettings, load_settings
from spark_jobs.landing.sources.source import Source, SourcePart

__all__ = ["DEMO", "Source", "SourcePart", "open_source"]

DEMO = "completejourney"


def open_source(settings: SourceSettings) -> Source:
    """The source that the settings name: the demo log, or a TOML file that describes a shop's own.

    Raises:
        ConfigurationError: there is no such source, or its description is wrong.
    """
    if settings.name == DEMO:
        from spark_jobs.landing.sources.completejourney import CompleteJourney

        return CompleteJourney(settings.readable_labels)
    if settings.name.endswith(".toml"):
        from spark_jobs.landing.sources.files import Files

        path = Path(settings.name)
        path = path if path.is_absolute() else ROOT / path
        piece_bytes = load_settings().spark.piece_bytes
        return Files(path, settings.late_days, settings.first_day, settings.last_day, piece_bytes)
    raise ConfigurationError(
        f"There is no source {settings.name!r} (INTENTFLOW_SOURCE__NAME): it is {DEMO!r} or the path of a .toml file."
    )
