"""The model's own chat template, applied by its own tokenizer, without the model: prompts are rendered and counted
before it starts.

Any chat model's folder will do: the template may stand in ``chat_template.jinja``, in ``tokenizer_config.json``, or
among several named ones; it may refuse system messages, and it may think unless it is told not to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from representation.hybrid import SLOT
from runtime.errors import ConfigurationError

# Templates that show a date show this one, or every midnight would change all prompts, and with them all answers.
DATE = date(2024, 7, 26)
# What templates may ask for; those that do not know a name ignore it. Answers are held by a form from their first
# character on, which leaves no room for thoughts.
_OPTIONS: dict[str, Any] = {
    "enable_thinking": False,
    "thinking": False,
    "date_string": f"{DATE:%d %b %Y}",
    "strftime_now": DATE.strftime,
}

# One token in the tokenizers that we know, and not merged with its like.
FILLER = " ."

Message = dict[str, Any]
# A system and a user message as the list of messages that a template takes.
Arrangement = Callable[[str, str], list[Message]]


def _apart(system: str, user: str) -> list[Message]:
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def _folded(system: str, user: str) -> list[Message]:
    return [{"role": "user", "content": f"{system}\n\n{user}"}]


def _in_parts(arrangement: Arrangement) -> Arrangement:
    """Messages whose content is a list of parts, as templates of models want it that also see."""

    def arranged(system: str, user: str) -> list[Message]:
        messages = arrangement(system, user)
        return [{**message, "content": [{"type": "text", "text": message["content"]}]} for message in messages]

    return arranged


# By preference: the first one that shows both messages is used.
_ARRANGEMENTS: tuple[Arrangement, ...] = (_apart, _folded, _in_parts(_apart), _in_parts(_folded))


class Chat:
    """Renders prompts for the model of a folder.

    Args:
        model: the folder.

    Raises:
        ConfigurationError: the folder has no tokenizer, no chat template, or one that cannot show our messages.
    """

    def __init__(self, model: Path) -> None:
        self._model = model
        self._tokenizer = _load_tokenizer(model)
        self._template = _template_of(self._tokenizer, model)
        self._special = _special_tokens(self._tokenizer)
        self._arrangement = self._arrangement_that_shows_all()
        # A slot counts as a special token: so the texts around it are read as they are around any of the model's own.
        self._backend = self._tokenizer.backend_tokenizer
        self._backend.add_special_tokens([SLOT])
        self.slot: int = self._backend.token_to_id(SLOT)

    def _arrangement_that_shows_all(self) -> Arrangement:
        """How the template takes a system and a user message: some refuse the former, and some leave it out unsaid."""
        system, user = "intentflowsystem", "intentflowuser"
        reason: object = "it does not show what the messages say"
        for arrangement in _ARRANGEMENTS:
            try:
                shown = self._apply(arrangement(system, user))
            except Exception as error:  # A template is a program: it may fail in any way.
                reason = _first_line(error)
                continue
            if system in shown and user in shown:
                return arrangement
        raise ConfigurationError(
            f"The chat template of {self._model} cannot be used ({reason}): repair it, or set "
            "INTENTFLOW_ENGINE__MODEL to another chat model's folder."
        )

    def _apply(self, messages: list[Message]) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                messages, chat_template=self._template, tokenize=False, add_generation_prompt=True, **_OPTIONS
            )
        )

    def render(self, system: str, user: str) -> str:
        """A prompt of a system and a user message that ends where the model's answer begins.

        Args:
            system: what holds for the whole conversation.
            user: the question. The model's special tokens stay in neither: only the template speaks in them.

        Raises:
            ConfigurationError: the template refuses these very messages.
        """
        try:
            return self._apply(self._arrangement(self._without_special(system), self._without_special(user)))
        except Exception as error:
            raise ConfigurationError(
                f"The chat template of {self._model} refuses a prompt: {_first_line(error)}"
            ) from None

    def render_to_block(self, system: str, user: str, block: int) -> str:
        """A prompt as ``render`` makes it, filled up so that it ends with the first token of a block.

        The prefix cache holds whole blocks and the engine computes a last token always: so a step behind the prompt
        computes one token of it, where it would else compute half a block.

        Args:
            user: the question; what fills up stands at its end and is part of the prompt, so of what is asked.
            block: tokens of a block (INTENTFLOW_ENGINE__BLOCK_TOKENS).

        Raises:
            ConfigurationError: the template refuses these very messages.
        """
        prompt = plain = self.render(system, user)
        filled = 0
        # A tokenizer may take fewer tokens for what fills up than it has parts, so it is counted again.
        for _ in range(2 * block):
            missing = (1 - self.count(prompt)) % block
            if missing == 0:
                return prompt
            filled += missing
            prompt = self.render(system, user + FILLER * filled)
        return plain

    def _without_special(self, text: str) -> str:
        # Again and again, until nothing is left that a removal put together.
        while self._special and (cleaned := self._special.sub(" ", text)) != text:
            text = cleaned
        return text

    def tokens(self, text: str) -> list[int]:
        """Token ids of a rendered prompt or of a part of one; a slot's is ``slot``.

        Nothing is added: a template writes the token that begins a sequence itself, where the model has one.
        """
        return list(self._backend.encode(text, add_special_tokens=False).ids)

    def answer_tokens(self, answer: str) -> list[int]:
        """Token ids of a whole answer where it stands, after a prompt's end: the tokenizer's own, and the end of turn.

        Args:
            answer: its text.
        """
        begun, _ = self._turn
        before, whole = self.tokens(begun), self.tokens(begun + answer)
        # A tokenizer that merges the prompt's end with what follows never sees them apart; a model that writes does.
        own = whole[len(before) :] if whole[: len(before)] == before else self.tokens(answer)
        return [*own, self._turn[1]]

    @cached_property
    def _turn(self) -> tuple[str, int]:
        """A prompt's end, and the token that the template ends an answer with."""
        begun, answer = self.render("system", "user"), "intentflowanswer"
        told = [*self._arrangement("system", "user"), {"role": "assistant", "content": answer}]
        try:
            shown = str(
                self._tokenizer.apply_chat_template(
                    told, chat_template=self._template, tokenize=False, add_generation_prompt=False, **_OPTIONS
                )
            )
            following = self.tokens(shown.partition(answer)[2])
        except Exception:  # A template is a program, and need not show answers.
            following = []
        special = {token for token, added in self._tokenizer.added_tokens_decoder.items() if added.special}
        end = next((token for token in following[:1] if token in special), self._tokenizer.eos_token_id)
        if end is None:
            raise ConfigurationError(f"The tokenizer of {self._model} has no token that ends an answer.")
        return begun, int(end)

    def count(self, text: str) -> int:
        """Positions of a text in a prompt: its tokens, and its slots."""
        return len(self.tokens(text))


def _load_tokenizer(model: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        if not (model / "tokenizer.json").is_file():
            raise FileNotFoundError("there is no tokenizer.json")
        return AutoTokenizer.from_pretrained(model, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise ConfigurationError(
            f"{model} has no tokenizer that can be read ({_first_line(error)}): run `python -m model_steps.weights`, "
            "or set INTENTFLOW_ENGINE__MODEL to a chat model's folder."
        ) from None


def _template_of(tokenizer: Any, model: Path) -> str:
    """The folder's chat template; of several the default one."""
    template = tokenizer.chat_template
    if isinstance(template, dict):
        names = ", ".join(sorted(template))
        template = template.get("default")
        if template is None:
            raise ConfigurationError(
                f"{model} has several chat templates ({names}) and none is called default: name one of them default."
            )
    if not template:
        raise ConfigurationError(
            f"{model} has no chat template, so it is a base model that was never taught to answer: set "
            "INTENTFLOW_ENGINE__MODEL to the folder of its chat or instruct version."
        )
    return str(template)


def _special_tokens(tokenizer: Any) -> re.Pattern[str] | None:
    """Matches the texts of the model's special tokens; none where it has none."""
    tokens: Sequence[Any] = tokenizer.added_tokens_decoder.values()
    texts = sorted((token.content for token in tokens if token.special and token.content.strip()), key=len)
    return re.compile("|".join(re.escape(text) for text in reversed(texts))) if texts else None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
