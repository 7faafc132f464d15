"""The model's own chat template and tokenizer, without the model: prompts are rendered and counted before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from representation.hybrid import SLOT
from runtime.errors import ConfigurationError


class Chat:
    """Renders prompts for the model of a folder.

    Raises:
        ConfigurationError: the folder has no tokenizer or no chat template.
    """

    def __init__(self, model: Path) -> None:
        try:
            template = (model / "chat_template.jinja").read_text()
            self._tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
            self._template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(template)
        except Exception as error:
            raise ConfigurationError(
                f"{model} has no tokenizer.json and chat_template.jinja that can be read ({error}): run "
                "`python -m model_steps.weights`, or set INTENTFLOW_ENGINE__MODEL to a chat model's folder."
            ) from None

    def render(self, system: str, user: str) -> str:
        """A prompt of a system and a user message that ends where the model's answer begins."""
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": system},
            {"role": "user", "content": user},
        ]
        try:
            return str(self._template.render(messages=messages, add_generation_prompt=True))
        except TemplateError as error:
            raise ConfigurationError(
                f"The model's chat template refuses a system and a user message: {error}"
            ) from None

    def tokens(self, text: str) -> list[int]:
        """A text's token ids."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def beginning(self, text: str) -> list[int]:
        """The ids of a prompt's beginning: with what the tokenizer puts before every text, as the engine does."""
        return list(self._tokenizer.encode(text, add_special_tokens=True).ids)

    def count(self, text: str) -> int:
        """Positions of a text in a prompt: its tokens, and its slots."""
        parts = text.split(SLOT)
        return sum(len(self.tokens(part)) for part in parts) + len(parts) - 1
