"""Options to choose from: what is refused, what their digest follows, and the trie of their tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_steps.engine.chat import Chat
from model_steps.engine.options import Options, nodes
from runtime.errors import DataError
from settings import Settings

END = 0


def letters(text: str) -> list[int]:
    """A token a letter, and an end."""
    return [*map(ord, text), END]


def test_what_nobody_could_choose_is_refused() -> None:
    with pytest.raises(DataError, match="no options"):
        Options((), letters)
    with pytest.raises(DataError, match="no text"):
        Options(("corn", " "), letters)
    with pytest.raises(DataError, match=r"'corn' stands 2 times"):
        Options(("corn", "oil", "corn"), letters)
    with pytest.raises(DataError, match=r"'CORN' and 'corn' apart"):
        _ = Options(("corn", "CORN"), lambda text: letters(text.lower())).root
    with pytest.raises(DataError, match=r"'corn' begin another"):
        _ = Options(("corn", "corn oil"), lambda text: list(map(ord, text))).root


def test_the_digest_is_of_the_set() -> None:
    assert Options(("a", "b"), letters).digest == Options(("b", "a"), letters).digest
    assert Options(("a", "b"), letters).digest != Options(("a", "c"), letters).digest


def test_what_has_one_way_on_is_no_node() -> None:
    options = Options(("corn oil", "corn", "corner"), letters)
    assert options.parting_nodes == 1
    assert options.root.path == tuple(map(ord, "corn"))
    assert {token: child.option for token, child in options.root.children.items()} == {
        END: "corn",
        ord(" "): "corn oil",
        ord("e"): "corner",
    }
    alone = Options(("corn",), letters).root
    assert (alone.option, alone.children) == ("corn", {})


@given(st.sets(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=40))
def test_every_option_ends_once_and_every_node_parts(texts: set[str]) -> None:
    found = list(nodes(Options(tuple(texts), letters).root))
    assert sorted(node.option for node in found if node.option is not None) == sorted(texts)
    assert all(node.path == tuple(letters(node.option)) for node in found if node.option is not None)
    assert all(len(node.children) >= 2 for node in found if node.option is None)
    for node in found:
        for token, child in node.children.items():
            assert child.path[: len(node.path) + 1] == (*node.path, token)


def test_an_answers_tokens_are_those_that_the_tokenizer_makes_of_the_whole_chat(settings: Settings) -> None:
    chat = Chat(settings.engine.model)
    prompt = chat.render("You are brief.", "What comes next?")
    for answer in ("corn oil", "Cornish hen", "milk & cheese (mixed)"):
        assert [*chat.tokens(prompt), *chat.answer_tokens(answer)] == chat.tokens(f"{prompt}{answer}<|im_end|>")


def test_a_filled_prompt_ends_with_the_first_token_of_a_block(settings: Settings) -> None:
    chat = Chat(settings.engine.model)
    for words in range(0, 70, 3):
        user = "milk " * words + "What comes next?"
        filled = chat.render_to_block("You are brief.", user, 32)
        assert chat.count(filled) % 32 == 1
        assert filled.startswith(chat.render("You are brief.", user).partition("next?")[0])
        assert chat.count(filled) - chat.count(chat.render("You are brief.", user)) < 32
