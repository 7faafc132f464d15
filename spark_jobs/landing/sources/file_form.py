"""How files are written: fields that every group of files of a description has."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Format = Literal["csv", "jsonl", "parquet", "delta"]
Compression = Literal["by name", "none", "gz", "zst"]
ColumnName = Annotated[str, Field(min_length=1)]
SEPARATORS_OF_THOUSANDS = ("", ".", ",", " ", "'", "’", "_")


class FieldGroup(BaseModel):
    """A group of fields; a field that nobody knows is a mistake and refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FileForm(FieldGroup):
    """Where files are and how to read them. What does not fit is a problem of its row, never guessed."""

    files: str = Field(
        min_length=1,
        description="Glob, absolute, below the description's folder, or s3://; delta: the table's folder",
    )
    format: Format
    encoding: str = Field(default="utf-8", description="Of text; a byte that is none of it makes its line unreadable")
    compression: Compression = Field(default="by name", description="Of text files; by name: .gz, .zst, else none")
    delimiter: str = Field(default=",", min_length=1, description="CSV: between fields")
    quote: str = Field(default='"', max_length=1, description="CSV: around a field; empty: none")
    escape: str = Field(default="", max_length=1, description="CSV: before a sign that is meant as itself")
    quoted_lines: int = Field(default=1, ge=1, le=1_000, description="CSV: lines that a quoted field may span")
    header: tuple[ColumnName, ...] = Field(default=(), description="CSV without a header: its columns in order")
    decimal: Literal[".", ","] = Field(default=".", description="Text: the sign before a fraction")
    thousands: str = Field(default="", description="Text: the sign between groups of three digits")
    nulls: tuple[str, ...] = Field(default=(), description="Text that means nothing, beside empty text")
    version: int | None = Field(default=None, ge=0, description="Delta: read this version; none: the newest")

    @property
    def is_text(self) -> bool:
        """Whether files have lines."""
        return self.format in ("csv", "jsonl")

    @field_validator("encoding")
    @classmethod
    def _is_of_text(cls, encoding: str) -> str:
        sample = "a,b\n1"
        try:
            known = codecs.lookup(encoding)
            if sample.encode(encoding).decode(encoding) == sample and known.name not in ("utf-7", "unicode_escape"):
                return encoding
        except (LookupError, ValueError, TypeError, AttributeError):
            pass
        raise ValueError(f"{encoding!r} is no encoding of text; use a name such as utf-8, utf-16, latin-1 or cp1252")

    @field_validator("delimiter", "quote", "escape")
    @classmethod
    def _ends_no_line(cls, sign: str) -> str:
        if "\n" in sign or "\r" in sign:
            raise ValueError("a line end cannot be a sign of a field")
        return sign

    @model_validator(mode="after")
    def _signs_differ(self) -> FileForm:
        if len(self.delimiter) > 1 and (self.quote or self.escape):
            raise ValueError('a delimiter of several signs needs quote = "" and no escape')
        signs = [sign for sign in (self.delimiter, self.quote, self.escape) if sign]
        if len(set(signs)) < len(signs):
            raise ValueError("delimiter, quote and escape must differ")
        if self.thousands not in SEPARATORS_OF_THOUSANDS or self.thousands == self.decimal:
            allowed = " ".join(sign for sign in SEPARATORS_OF_THOUSANDS if sign.strip() and sign != self.decimal)
            raise ValueError(f"thousands is empty, a space, or one of {allowed}")
        if len(set(self.header)) < len(self.header):
            raise ValueError("header names a column twice")
        if self.header and self.format != "csv":
            raise ValueError("header is of csv alone")
        if not self.is_text and self.compression != "by name":
            raise ValueError("a Parquet file says its compression itself")
        if self.format == "delta" and any(sign in self.files for sign in "*?[{"):
            raise ValueError("files of a Delta table is its folder, without wild cards and {day}: its log names files")
        if self.format != "delta" and self.version is not None:
            raise ValueError("version is of delta alone")
        return self
