"""The assets that this project's DAGs produce, for other DAGs to be scheduled by."""

from __future__ import annotations

from airflow.sdk import Asset

# One event a published day: partition key = day, extra = day, release, fingerprint, empty, judged, figures.
INTENTS = Asset("intents", group="intentflow")

# One event a candidate: extra = release, the champion it was made beside, preset, digests of its files, address of its
# record, and of each step of its training which work it was and its figures.
CANDIDATES = Asset("candidates", group="intentflow")
