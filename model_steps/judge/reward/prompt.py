"""What the reward model reads: f_RM(y, U, I, S), the output with its customer and the season (PAPER 2.4).

The facts are those that evaluators are shown, in the same words. The customer comes first, whom all candidates of a
group share, and the candidate last: so what a group shares is computed once.
"""

from __future__ import annotations

from pathlib import Path

from model_steps.judge import prompt_files
from model_steps.judge.case import Case
from model_steps.judge.shown import Showing
from runtime.fingerprint import bytes_digest, digest

FILE = Path(__file__).with_name("reward.md")
# Shows the customer's purchases, as evaluators see them.
CUSTOMER = prompt_files.FOLDER / "customer.md"


def messages(case: Case, showing: Showing) -> tuple[str, str]:
    """System and user message of one candidate.

    Args:
        case: the output with its customer.
        showing: shows it; what counting expects has a line where its shop tells.
    """
    system, user = prompt_files.framed(FILE)
    return system, showing.filled(user, case)


def prompt_digest() -> str:
    """Digest of the prompt's files: a reward model speaks of what it learnt to read."""
    return digest([bytes_digest(file.read_bytes()) for file in (FILE, CUSTOMER)])
