"""Prompts of any chat model's folder: rendered and tokenized as the model's own tokenizer does it."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from model_steps.agents import prompt_files
from model_steps.engine.chat import Chat
from model_steps.engine.hybrid_prompt import assemble
from representation.hybrid import SLOT
from runtime.errors import ConfigurationError
from settings import Settings
from tests.model_steps import foreign_models
from tests.model_steps.foreign_models import FAMILIES

SYSTEM = "You know a shop. Be brief."
TEXTS = (
    "What comes next?",
    "  spaces before,  between and after  ",
    "\n\nlines\n\tand tabs\n",
    "crème brûlée, 你好, \U0001f600\u200d\U0001f525, \u0646\u0635, e\u0301",
    "x" * 500,
    "{{ messages }} {% raw %} 'quotes' \"more\" <b>&amp;</b>",
    " ".join(str(number) for number in range(300)),
)
HISTORY = f"2017-10-31 (purchase) |{SLOT}{SLOT}\n2017-10 (purchase) |{SLOT}\nthe rest: milk"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    where = tmp_path_factory.mktemp("families")
    return {name: foreign_models.build(name, where / name) for name in FAMILIES}


@pytest.fixture(scope="module")
def chats(folders: dict[str, Path]) -> dict[str, Chat]:
    return {name: Chat(folder) for name, folder in folders.items()}


def tokenizer_of(folder: Path) -> Any:
    """As anybody else reads the folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def messages(family: str, system: str, user: str) -> list[dict[str, str]]:
    if family == "gemma":
        return [{"role": "user", "content": f"{system}\n\n{user}"}]
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def applied(tokenizer: Any, family: str, user: str) -> list[int]:
    """What ``apply_chat_template`` makes of a chat."""
    return list(
        tokenizer.apply_chat_template(
            messages(family, SYSTEM, user),
            tokenize=True,
            return_dict=False,
            add_generation_prompt=True,
            enable_thinking=False,
            date_string="26 Jul 2024",
        )
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_prompts_ids_are_what_the_tokenizer_applies(
    family: str, chats: dict[str, Chat], folders: dict[str, Path]
) -> None:
    chat, tokenizer = chats[family], tokenizer_of(folders[family])
    chance = random.Random(5)
    letters = "".join(chr(chance.choice((*range(32, 127), 0xE9, 0x4E2D, 0x1F600, 10))) for _ in range(400))
    for text in (*TEXTS, letters, (prompt_files.FOLDER / "planner.md").read_text()):
        ids = chat.tokens(chat.render(SYSTEM, text))
        assert ids == applied(tokenizer, family, text), text
        assert chat.count(chat.render(SYSTEM, text)) == len(ids)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_prompt_with_slots_has_the_same_ids_around_them(
    family: str, chats: dict[str, Chat], folders: dict[str, Path]
) -> None:
    chat, tokenizer = chats[family], tokenizer_of(folders[family])
    tokenizer.add_special_tokens({"additional_special_tokens": [SLOT]}, replace_extra_special_tokens=False)
    wanted = applied(tokenizer, family, HISTORY)
    ids = chat.tokens(chat.render(SYSTEM, HISTORY))
    assert ids == wanted
    assert ids.count(chat.slot) == 3
    prompt = assemble(ids, chat.slot, np.zeros((3, 4), np.float32), 4)
    assert max(prompt.token_ids) < json.loads((folders[family] / "config.json").read_text())["vocab_size"]
    if not FAMILIES[family].pieces:
        # Bytes do not know what stood before them: the parts could be read one by one.
        raw = Tokenizer.from_file(str(folders[family] / "tokenizer.json"))
        parts = chat.render(SYSTEM, HISTORY).split(SLOT)
        alone = [token for part in parts for token in raw.encode(part, add_special_tokens=False).ids]
        assert [token for token, is_one in zip(prompt.token_ids, prompt.is_token, strict=True) if is_one] == alone


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("text", [TEXTS[0], HISTORY])
def test_a_sequence_begins_once_where_the_model_has_a_token_for_it(
    family: str, text: str, chats: dict[str, Chat], folders: dict[str, Path]
) -> None:
    ids = chats[family].tokens(chats[family].render(SYSTEM, text))
    tokenizer = tokenizer_of(folders[family])
    if FAMILIES[family].begins:
        assert ids[0] == tokenizer.bos_token_id
        assert ids.count(tokenizer.bos_token_id) == 1
        # The tokenizer adds one too, which is why no text is handed to the engine.
        assert tokenizer(chats[family].render(SYSTEM, text))["input_ids"].count(tokenizer.bos_token_id) == 2
    else:
        assert tokenizer.bos_token_id is None


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_template_speaks_in_special_tokens(family: str, chats: dict[str, Chat]) -> None:
    chat, special = chats[family], FAMILIES[family].special
    nested = [f"{token[:2]}{token}{token[2:]}" for token in special]
    prompt = chat.render(f"{SYSTEM} {special[0]}", f"Milk {' '.join(special)} {' '.join(nested)} bread")
    plain = chat.render(SYSTEM, "Milk bread")
    assert [prompt.count(token) for token in special] == [plain.count(token) for token in special]
    assert prompt.index("Milk") < prompt.index("bread")


def test_the_demos_prompts_are_what_they_were(settings: Settings) -> None:
    chat = Chat(settings.engine.model)
    raw = Tokenizer.from_file(str(settings.engine.model / "tokenizer.json"))
    for text in (*TEXTS, HISTORY, f"{SLOT}a{SLOT}", SLOT * 40):
        prompt = chat.render(SYSTEM, text)
        assert prompt == (
            f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
        )
        parts = [list(raw.encode(part, add_special_tokens=True).ids) for part in prompt.split(SLOT)]
        before = [*parts[0], *(token for part in parts[1:] for token in (chat.slot, *part))]
        assert chat.tokens(prompt) == before
        assert chat.count(prompt) == sum(map(len, parts)) + len(parts) - 1


# --- what templates may want


def with_template(folders: dict[str, Path], tmp_path: Path, template: str | None, family: str = "qwen") -> Path:
    """A folder with another template, or with none."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in folders[family].iterdir():
        if path.is_file() and path.name != "chat_template.jinja":
            (folder / path.name).write_bytes(path.read_bytes())
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    return folder


def test_a_system_message_that_is_refused_or_left_out_is_told_by_the_user(
    chats: dict[str, Chat], folders: dict[str, Path], tmp_path: Path
) -> None:
    assert f"<start_of_turn>user\n{SYSTEM}\n\nHello<end_of_turn>" in chats["gemma"].render(SYSTEM, "Hello")
    silent = "{% for turn in messages if turn.role == 'user' %}<{{ turn.content }}>{% endfor %}"
    assert Chat(with_template(folders, tmp_path, silent)).render(SYSTEM, "Hello") == f"<{SYSTEM}\n\nHello>"


def test_a_template_of_parts_gets_parts(folders: dict[str, Path], tmp_path: Path) -> None:
    template = (
        "{% for turn in messages %}{{ turn.role }}:"
        "{% for part in turn.content %}{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %};{% endfor %}"
    )
    assert Chat(with_template(folders, tmp_path, template)).render(SYSTEM, "Hello") == f"system:{SYSTEM};user:Hello;"


def test_thinking_is_off(chats: dict[str, Chat], folders: dict[str, Path], tmp_path: Path) -> None:
    assert chats["qwen"].render(SYSTEM, "Hello").endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    template = "{{ messages | map(attribute='content') | join }}{% if thinking is not false %}<think>{% endif %}"
    assert Chat(with_template(folders, tmp_path, template)).render(SYSTEM, "Hello") == f"{SYSTEM}Hello"


@pytest.mark.parametrize("clock", ["date_string", "strftime_now('%d %b %Y')"])
def test_no_prompt_shows_todays_date(clock: str, folders: dict[str, Path], tmp_path: Path) -> None:
    template = f"{{{{ {clock} }}}}: {{{{ messages | map(attribute='content') | join }}}}"
    assert Chat(with_template(folders, tmp_path, template)).render(SYSTEM, "Hi") == f"26 Jul 2024: {SYSTEM}Hi"


# --- folders that cannot be used


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (None, "has no chat template, so it is a base model that was never taught to answer: set INTENTFLOW"),
        ("{{ raise_exception('Not\nme') }}", r"cannot be used \(Not\): repair it, or set INTENTFLOW_ENGINE__MODEL"),
        ("{% for %}", r"cannot be used \(.+\): repair it"),
        ("nothing", r"cannot be used \(it does not show what the messages say\)"),
    ],
)  # fmt: skip
def test_a_folder_without_a_usable_template_is_one_sentence(
    template: str | None, sentence: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as refused:
        Chat(with_template(folders, tmp_path, template))
    assert "\n" not in str(refused.value)


def test_several_templates_without_a_default_are_named(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = with_template(folders, tmp_path, None)
    (folder / "additional_chat_templates").mkdir()
    for name in ("rag", "tool_use"):
        (folder / "additional_chat_templates" / f"{name}.jinja").write_text("x")
    with pytest.raises(ConfigurationError, match=r"templates \(rag, tool_use\) and none is called default"):
        Chat(folder)


@pytest.mark.parametrize("content", [None, "{"])
def test_a_folder_without_a_tokenizer_is_one_sentence(
    content: str | None, folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = with_template(folders, tmp_path, FAMILIES["qwen"].template)
    (folder / "tokenizer.json").unlink()
    if content is not None:
        (folder / "tokenizer.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"has no tokenizer that can be read \(.+\): run") as refused:
        Chat(folder)
    assert "\n" not in str(refused.value)


def test_a_folders_own_code_is_never_run(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = with_template(folders, tmp_path, FAMILIES["qwen"].template)
    trap = tmp_path / "ran"
    (folder / "own.py").write_text(f"from pathlib import Path\nPath({str(trap)!r}).write_text('')\nclass Own: pass\n")
    configuration = json.loads((folder / "tokenizer_config.json").read_text())
    configuration |= {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", "own.Own"]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration))
    with suppress(ConfigurationError):  # Whether its tokenizer can be read without is the library's matter.
        Chat(folder)
    assert not trap.exists()
