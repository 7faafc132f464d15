"""Where logs come from. A source hands over raw rows, whatever the shop; landing does the rest."""

from __future__ import annotations

from spark_jobs.sources.source import Part, Source, open_source

__all__ = ["Part", "Source", "open_source"]
