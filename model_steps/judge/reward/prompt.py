"""What the reward model reads: f_RM(y, U, I, S), the output with its customer and the season (PAPER 2.4).

The facts are those that evaluators are shown, in the same words, and what counting expects among them. Customer and
question come first, which all candidates of a group share, and the candidate last: so what a group shares is computed
once. A reward needs no texts of the catalog: which levels it has tells what it does not have.
"""

from __future__ import annotations

from model_steps.judge import prompt_files
from model_steps.judge.case import Case
from model_steps.judge.evaluators import Asking
from model_steps.judge.shown import Showing
from runtime.fingerprint import bytes_digest, digest

NAME = "reward"
# Prompt files that it reads.
FILES = ("case", "customer", NAME)


def rendered(case: Case, asking: Asking, showing: Showing) -> str:
    """The prompt of one candidate.

    Args:
        case: the output with its customer.
        asking: with what evaluators ask. showing: of the same.
    """
    return asking.prompt(showing.message(NAME, case, asking.question(NAME, case)))


def prompt_digest() -> str:
    """Digest of the prompt's files: a reward model speaks of what it learnt to read."""
    return digest([[name, bytes_digest((prompt_files.FOLDER / f"{name}.md").read_bytes())] for name in FILES])
