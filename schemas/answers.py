"""answers: what a model said, keyed by what it was asked. The resume after a kill, and the carrying forward."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Column, Table

TABLE = Table(
    name="answers",
    meaning="One model answer, keyed by what was asked.",
    columns=(
        Column("key", pa.string(), "Digest of rendered prompt, release, sampling and output schema."),
        Column("user_id", pa.string(), "Pseudonym of the user it was asked for."),
        Column("role", pa.string(), "planner, expert, arbiter."),
        Column(
            "release", pa.string(), "What answered: a release, or for a role without an adapter what releases share."
        ),
        Column("text", pa.string(), "The answer."),
        Column("prompt_tokens", pa.int32(), "Tokens of the prompt."),
        Column("output_tokens", pa.int32(), "Tokens of the answer."),
        Column("day", pa.string(), "The day of the refresh that asked first."),
    ),
    key=("key", "user_id"),
    publication="insert",
)
