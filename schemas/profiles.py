"""profiles: what a shop knows of its users (PAPER 1.1: U_attr)."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Column, Table

ATTRIBUTES = pa.list_(pa.struct([pa.field("name", pa.string(), False), pa.field("value", pa.string(), False)]))

TABLE = Table(
    name="profiles",
    meaning="A user's attributes; users without any have no row.",
    columns=(
        Column("user_id", pa.string(), "Pseudonym of the shop's user id."),
        Column("attributes", ATTRIBUTES, "Names and values, as the shop gives them."),
    ),
    key=("user_id",),
)
