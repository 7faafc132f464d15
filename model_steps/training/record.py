"""What a training leaves: the adaptor's files, and the record of how they were made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lake.registry.releases import ADAPTOR, CLOSED_FORM, DOCUMENT, REFERENCES, file_digest
from runtime.errors import DataError, UsageError

RECORD = "adaptor.json"


def read_trained(folder: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of a trained adaptor and their record, of a training's folder or of a release's.

    Raises:
        UsageError: the folder is neither. DataError: a file is not the one of the record.
    """
    try:
        files = {name: (folder / name).read_bytes() for name in (ADAPTOR, CLOSED_FORM, REFERENCES)}
        if (folder / RECORD).is_file():
            record = dict(json.loads((folder / RECORD).read_text()))
        else:
            # Read without a release's other parts: an earlier version's document has them in another form.
            record = dict(json.loads((folder / DOCUMENT).read_text())["training"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"--adaptor {folder} is no folder that a training has finished: {error}.") from None
    for name, part in ((ADAPTOR, "adaptor"), (REFERENCES, "references")):
        if record.get(part) != file_digest(files[name]):
            raise DataError(f"{folder / name} is not the file of the training's record: run the training again.")
    return files, record
