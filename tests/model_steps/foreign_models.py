"""Tiny models with random weights in the manner of four families: how each writes, keeps and limits its chat template.

Templates and tokenizers are written here after what the families' folders do; nothing of theirs is copied.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PROMPTS = Path(__file__).parents[2] / "model_steps" / "agents" / "prompts"
# Beside the prompts they read what the shop of the tests sells, or its words would be cut into letters.
WORDS = (
    "plain yogurt",
    "shredded cheese",
    "whole milk",
    "cream cheese",
    "white bread",
    "wheat bagels",
    "chocolate muffins",
    "potato chips",
    "corn chips",
    "mixed nuts",
    "baby diapers",
    "baby food",
    "dairy",
    "bakery",
    "snacks",
    "baby",
)
VOCABULARY = 1_500
WINDOW = 4_096

# Begins with the token of the sequence's beginning, which its tokenizer adds too; shows today's date.
LLAMA = """\
{{- bos_token -}}
{%- if date_string is not defined -%}
  {%- set date_string = strftime_now("%d %b %Y") -%}
{%- endif -%}
{%- if messages[0].role == "system" -%}
  {%- set system = messages[0].content | trim -%}
  {%- set turns = messages[1:] -%}
{%- else -%}
  {%- set system = "" -%}
  {%- set turns = messages -%}
{%- endif -%}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: " ~ date_string ~ "\\n\\n" ~ system ~ "<|eot_id|>" -}}
{%- for turn in turns -%}
  {{- "<|start_header_id|>" ~ turn.role ~ "<|end_header_id|>\\n\\n" ~ turn.content | trim ~ "<|eot_id|>" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- "<|start_header_id|>assistant<|end_header_id|>\\n\\n" -}}
{%- endif -%}
"""

# Has no token of a beginning, and thinks unless it is told not to.
QWEN = """\
{%- for turn in messages -%}
  {{- "<|im_start|>" ~ turn.role ~ "\\n" ~ turn.content ~ "<|im_end|>\\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- "<|im_start|>assistant\\n" -}}
  {%- if enable_thinking is defined and enable_thinking is false -%}
    {{- "<think>\\n\\n</think>\\n\\n" -}}
  {%- endif -%}
{%- endif -%}
"""

# Refuses a system message, and calls the assistant the model.
GEMMA = """\
{{- bos_token -}}
{%- for turn in messages -%}
  {%- if turn.role == "system" -%}
    {{- raise_exception("There is no system role") -}}
  {%- endif -%}
  {%- if (turn.role == "user") != (loop.index0 % 2 == 0) -%}
    {{- raise_exception("Roles must alternate") -}}
  {%- endif -%}
  {%- set name = "model" if turn.role == "assistant" else turn.role -%}
  {{- "<start_of_turn>" ~ name ~ "\\n" ~ turn.content | trim ~ "<end_of_turn>\\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- "<start_of_turn>model\\n" -}}
{%- endif -%}
"""

# Demands that roles alternate, and tells the system's part with the last question.
MISTRAL = """\
{%- set turns = messages | rejectattr("role", "equalto", "system") | list -%}
{%- set system = (messages | selectattr("role", "equalto", "system") | list | first).content -%}
{{- bos_token -}}
{%- for turn in turns -%}
  {%- if (turn.role == "user") != (loop.index0 % 2 == 0) -%}
    {{- raise_exception("Roles must alternate") -}}
  {%- endif -%}
  {%- if turn.role == "user" -%}
    {{- "[INST] " ~ (system ~ "\\n\\n" if loop.last and system else "") ~ turn.content ~ "[/INST]" -}}
  {%- else -%}
    {{- " " ~ turn.content ~ eos_token -}}
  {%- endif -%}
{%- endfor -%}
"""


@dataclass(frozen=True)
class Family:
    """How a family's folders are made.

    Args:
        template: of its chats.
        special: its special tokens; the first begins a sequence where ``begins``.
        end: the token that ends a turn.
        begins: its tokenizer puts the first special token before every text.
        pieces: its tokens are pieces of text with a sign for a space, not bytes.
        keep: puts the template where the family keeps it: the configuration, a file, among several, in a folder.
        config: the class of its configuration, and what it needs beside sizes.
    """

    template: str
    special: tuple[str, ...]
    end: str
    begins: bool
    pieces: bool
    keep: Callable[[Path, str], None]
    config: tuple[str, dict[str, Any]]


def _edit_configuration(folder: Path, template: Any) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "chat_template": template}, indent=2))


def keep_inline(folder: Path, template: str) -> None:
    _edit_configuration(folder, template)


def keep_file(folder: Path, template: str) -> None:
    (folder / "chat_template.jinja").write_text(template)


def keep_named(folder: Path, template: str) -> None:
    other = {"name": "tool_use", "template": "{{ raise_exception('This is for tools') }}"}
    _edit_configuration(folder, [other, {"name": "default", "template": template}])


def keep_beside_others(folder: Path, template: str) -> None:
    keep_file(folder, template)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text("{{ raise_exception('This is for tools') }}")


FAMILIES = {
    "llama": Family(
        LLAMA,
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|eot_id|>",
        begins=True,
        pieces=False,
        keep=keep_inline,
        config=("LlamaConfig", {"rope_theta": 500_000.0}),
    ),
    "qwen": Family(
        QWEN,
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        "<|im_end|>",
        begins=False,
        pieces=False,
        keep=keep_file,
        config=("Qwen3Config", {}),
    ),
    "gemma": Family(
        GEMMA,
        ("<bos>", "<eos>", "<pad>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
        "<end_of_turn>",
        begins=True,
        pieces=True,
        keep=keep_named,
        config=("Gemma3TextConfig", {"sliding_window": 512, "query_pre_attn_scalar": 32}),
    ),
    "mistral": Family(
        MISTRAL,
        ("<s>", "</s>", "<unk>", "[INST]", "[/INST]"),
        "</s>",
        begins=True,
        pieces=True,
        keep=keep_beside_others,
        config=("MistralConfig", {"sliding_window": None}),
    ),
}


def train_tokenizer(family: Family) -> Tokenizer:
    """A small tokenizer that has read this repository's prompts."""
    texts = [*(path.read_text() for path in sorted(PROMPTS.glob("*.md"))), *WORDS * 20]
    if family.pieces:
        tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
        if family is FAMILIES["mistral"]:
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        else:
            tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        special = [*family.special, *(f"<0x{byte:02X}>" for byte in range(256))]
        # Words by themselves, each after its space, as pieces do not span them.
        texts = [f" {word}" for text in texts for word in text.split(" ")]
        trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=list(family.special),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    tokenizer.train_from_iterator(texts, trainer)
    if family.pieces:
        # Training knows no other way to get the bytes into a vocabulary; special they are not.
        written = json.loads(tokenizer.to_str())
        written["added_tokens"] = [token for token in written["added_tokens"] if token["content"] in family.special]
        tokenizer = Tokenizer.from_str(json.dumps(written))
    if family.begins:
        first = family.special[0]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first} $A", special_tokens=[(first, tokenizer.token_to_id(first))]
        )
    return tokenizer


def build(name: str, folder: Path) -> Path:
    """Write the folder of a family's tiny model, without its weights; returns it."""
    import transformers

    family = FAMILIES[name]
    trained = train_tokenizer(family)
    tokens = {"eos_token": family.end, "pad_token": family.end}
    if family.begins:
        tokens["bos_token"] = family.special[0]
    if "<unk>" in family.special:
        tokens["unk_token"] = "<unk>"
    extra = [token for token in family.special if token not in tokens.values()]
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained, additional_special_tokens=extra, **tokens
    ).save_pretrained(folder)
    family.keep(folder, family.template)
    kind, details = family.config
    end = trained.token_to_id(family.end)
    getattr(transformers, kind)(
        vocab_size=trained.get_vocab_size(),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=WINDOW,
        bos_token_id=trained.token_to_id(family.special[0]) if family.begins else None,
        eos_token_id=end,
        pad_token_id=end,
        **details,
    ).save_pretrained(folder)
    return folder


def fill_with_random_weights(folder: Path) -> None:
    """Make a model of a folder's configuration."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(folder)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
