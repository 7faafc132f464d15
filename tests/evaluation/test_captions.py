"""ROUGE-L and the diversity of captions, by hand."""

from __future__ import annotations

import pytest

from evaluation.captions import caption_words, diversity, longest_common_subsequence, rouge_l


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Warm wool, every day.", ["warm", "wool", "every", "day"]),
        ("Children's pears: 14.5 oz!", ["children's", "pears", "14.5", "oz"]),
        ("Children\u2019s \uff30ears", ["children's", "pears"]),
        ("... !", []),
        ("12/3 oz soup's on", ["12/3", "oz", "soup's", "on"]),
    ],
)
def test_words_are_letters_and_numbers(text: str, words: list[str]) -> None:
    assert caption_words(text) == words


@pytest.mark.parametrize(
    ("first", "second", "length"),
    [("abcbdab", "bdcaba", 4), ("abc", "abc", 3), ("abc", "cba", 1), ("abc", "", 0), ("axbycz", "abc", 3)],
)
def test_the_common_subsequence_is_the_longest(first: str, second: str, length: int) -> None:
    assert longest_common_subsequence(first, second) == length
    assert longest_common_subsequence(second, first) == length


def test_rouge_l_is_the_share_in_common_order() -> None:
    # police ... the gunman of four words each: Lin's own example, 3/4 and 2/4.
    assert rouge_l("police killed the gunman", "police kill the gunman") == pytest.approx(0.75)
    assert rouge_l("police killed the gunman", "the gunman kill police") == pytest.approx(0.5)
    # 2 of 3 and 2 of 5: 2 * 2 / 8.
    assert rouge_l("warm wool socks", "warm feet in thick socks") == pytest.approx(0.5)
    assert rouge_l("Warm wool.", "warm, WOOL!") == 1.0
    assert (rouge_l("warm wool", "cold milk"), rouge_l("", ""), rouge_l("", "milk")) == (0.0, 1.0, 0.0)


def test_diversity_is_the_mean_over_items_of_the_mean_over_pairs() -> None:
    milk = ["fresh milk now", "fresh milk today", "cold milk now"]
    # Pairs: fresh milk 2/3; milk now 2/3; milk 1/3: mean 5/9.
    assert diversity([milk]) == pytest.approx(1 - 5 / 9)
    same = ["wool socks", "Wool socks."]
    # An item counts once however many pairs it has; one with a single caption does not count.
    assert diversity([milk, same, ["alone"]]) == pytest.approx(1 - (5 / 9 + 1) / 2)
    assert diversity([["a b", "c d"]]) == 1.0
    assert diversity([]) is None
    assert diversity([["alone"], []]) is None
