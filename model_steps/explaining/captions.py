"""What the explainer is asked: e = f_exp(g, U, I, S), and V1's e = LLM_RE(U, I), its rival (PAPER 1.5, 7.4).

Both are held to the same form and asked with the same sampling. Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from evaluation.captions import caption_words
from model_steps.agents.data_text import delimit
from model_steps.engine.asking import Request, Sampling
from model_steps.engine.drawing import drawn
from model_steps.engine.options import Options, Tokenizes
from model_steps.explaining import frames, prompt_files
from model_steps.explaining.candidates import Candidate
from model_steps.explaining.segments import knows, segment_of
from model_steps.explaining.styles import Style, facts_text
from model_steps.explaining.surroundings import Surroundings
from representation.context import Context
from settings import ExplanationsSettings

# A cap: what the form allows ends by itself, and a caption that is cut is no sentence.
TOKENS = 160


@dataclass(frozen=True)
class Pair:
    """A user and an item that a caption is wanted for."""

    context: Context
    candidate: Candidate
    segment: str

    @classmethod
    def of(cls, context: Context, candidate: Candidate, settings: ExplanationsSettings) -> Pair:
        return cls(context, candidate, segment_of(context, candidate.tag, settings.segment_attributes))

    @property
    def known(self) -> bool:
        """Whether the user bought such things before."""
        return knows(self.context, self.candidate.tag.category)


def messages(
    pair: Pair, style: Style | None, surroundings: Surroundings, settings: ExplanationsSettings
) -> tuple[str, str]:
    """System and user message: what all of a day share first, then the user, then the item, then the task.

    Args:
        style: none for V1's prompt.
    """
    system, frame = prompt_files.load("caption")
    opening, task = prompt_files.load("explainer_v1" if style is None else "explainer")
    asked = task.substitute(
        style="" if style is None else style.line, fewest=settings.fewest_words, most=settings.most_words
    )
    about = [f"customer: {delimit(pair.segment, 200)}", *_interests(pair.context, settings.interests)]
    item = facts_text(pair.candidate.item.facts)
    return system, frame.substitute(
        signals=surroundings.lines, customer="\n".join(about), item=item, task=f"{opening}\n{asked}"
    )


def _interests(context: Context, most: int) -> Sequence[str]:
    named = [delimit(category, 60) for category, _ in context.interests[:most]]
    return [f"interests: {', '.join(named)}"] if named else []


def options(pair: Pair, style: Style | None, surroundings: Surroundings, most_words: int) -> tuple[str, ...]:
    """What a caption of the closed form is chosen from, the same for both ways.

    Args:
        most_words: that a caption may have; where an item's name leaves room for none, all are given, and rules drop
            the pair.
    """
    filled = frames.slots(pair.candidate.item, style, surroundings)
    every = frames.captions(frames.offered(style, pair.known, tuple(filled)), filled)
    return tuple(caption for caption in every if len(caption_words(caption)) <= most_words) or every


def request(
    pair: Pair,
    style: Style | None,
    surroundings: Surroundings,
    settings: ExplanationsSettings,
    render: Callable[[str, str], str],
    tokenizes: Tokenizes,
    seed: int,
    attempt: int = 0,
    tried: Collection[str] = (),
) -> Request | None:
    """What the explainer is asked for a pair, by the settings' way and in their form.

    Args:
        render: a system and a user message as the model's prompt. tokenizes: an answer's tokens, its end among them.
        tried: captions of the closed form that are not wanted again; where they are all of them, there is no request.
    """
    user, role = pair.context.user_id, prompt_files.RIVAL if settings.way == "v1" else prompt_files.EXPLAINER
    prompt = render(*messages(pair, style, surroundings, settings))
    if settings.form == "free":
        form = free_grammar(settings.fewest_words, settings.most_words)
        sampling = Sampling(TOKENS, settings.caption_temperature, settings.top_p, grammar=form)
        return Request.seeded(user, role, prompt, sampling, seed, attempt)
    left = sorted(set(options(pair, style, surroundings, settings.most_words)) - set(tried))
    if not left:
        return None
    return drawn(user, role, prompt, Options(tuple(left), tokenizes), settings.caption_temperature, seed, attempt)


def free_grammar(fewest: int, most: int) -> str:
    """One sentence of so many words, of the signs that captions are made of: a model that does not end is ended."""
    return "\n".join(
        [
            f"root ::= first (between word){{{fewest - 1},{most - 1}}} [.!?]",
            "first ::= [A-Z] [a-z']{0,13}",
            "word ::= [a-zA-Z0-9] [a-zA-Z0-9'&%-]{0,13}",
            'between ::= " " | ", "',
            "",
        ]
    )
