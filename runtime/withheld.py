"""An error that nobody foresaw, told without what it says: its message may show values of a log.

Commands that read a shop's log tell of such errors the kind and where they came from; whoever has the log can see the
rest by running the same command under a debugger.
"""

from __future__ import annotations

import traceback
from pathlib import Path

# Of each error's calls, the innermost ones.
TOLD_CALLS = 6


def told(error: BaseException) -> str:
    """Kind and innermost calls of an error, and of those that it came from, on one line."""
    parts = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        calls = traceback.extract_tb(error.__traceback__)[-TOLD_CALLS:]
        where = ", ".join(f"{_short(call.filename)}:{call.lineno} {call.name}" for call in reversed(calls))
        parts.append(f"{type(error).__name__} at {where or 'no call of ours'}")
        following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if following is None:
            break
        error = following
    return "; after ".join(parts)


def _short(path: str) -> str:
    return "/".join(Path(path).parts[-3:])
