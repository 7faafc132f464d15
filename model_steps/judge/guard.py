"""What makes an output no plain tag: the look before any judge reads it (PAPER 2.3, arXiv 2507.08794).

The guard knows no attack. It knows what the shop publishes: a tag is a label of its catalog or a few of its words,
persona and reason have one of few forms, and labels are the catalog's. Whatever cannot be read so is flagged, and the
flag's name says what was seen first. What is plain may still be a bad tag: that is for the evaluators.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from model_steps.agents.data_text import delimit
from model_steps.judge.case import Case
from model_steps.judge.plain_forms import Form, persona_form, reads, reason_form
from model_steps.judge.vocabulary import VERDICTS, Vocabulary, joints_of, scripts_of, words_of
from representation.cleaning import visible
from representation.evidence import MAXIMUM_LABEL, category_label

# Characters that are looked at one by one, of a text that is not plain already: nothing published is nearly as long.
LOOKED_AT = 1_000
# Words of a tag that is no label: written ones have two or three, five may be read (agents/expert.py).
FEWEST_WORDS, MOST_WORDS = 2, 5


def flags(case: Case, vocabulary: Vocabulary, maximum_why: int = 300) -> tuple[str, ...]:
    """Names of what is not plain, sorted, each once; none where an output is plain.

    A name is the part (``tag``, ``persona``, ``why``, ``evidence``) and what is wrong with it:

    - ``empty``, ``short`` (a word that is no label), ``long``, ``repeated`` (a word twice), ``no_letters``;
    - ``invisible`` (control, format and private characters, spaces that are no space), ``combining`` (marks apart from
      their letters), ``mixed_scripts`` (within a word), ``foreign_script``, ``imitation`` (of a prompt's delimiters or
      a chat's special tokens);
    - ``signs`` (that no label has, or where none has them), ``unknown_words`` (also those that were cut), ``verdict``
      (a word that a judge answers);
    - ``form``: not as labels, personas or reasons are written;
    - ``evidence_label``: the customer is shown to have bought from what is no category; ``category_unknown_words``:
      the category's name is none of this catalog.

    Outputs of written agents with free letters (``word_categories = 0``) have no such form and are flagged.

    Args:
        case: an output.
        vocabulary: of the catalog that it was made from.
        maximum_why: characters after which published reasons are cut (settings: inference.maximum_why).
    """
    persona, reason = _forms(vocabulary)
    cut = len(case.why) == maximum_why and reason.is_cut(case.why, 0)
    found = {f"tag_{name}" for name in tag_flags(case.text, vocabulary)}
    if not reads(persona, case.persona):
        found |= {f"persona_{name}" for name in ("form", *_surface(case.persona, vocabulary))}
    if not cut and not reads(reason, case.why):
        found |= {f"why_{name}" for name in ("form", *_surface(case.why, vocabulary))}
    if any(one.label not in vocabulary.labels for one in case.customer.evidence):
        found.add("evidence_label")
    named = words_of(category_label(case.category or ""))
    if any(word not in vocabulary.words and word not in VERDICTS for word in named):
        found.add("category_unknown_words")
    return tuple(sorted(found))


def tag_flags(text: str, vocabulary: Vocabulary) -> set[str]:
    """What makes a text no plain tag. A label of the catalog is one whatever its words; else some of its words are."""
    if text in vocabulary.labels:
        return set()
    if not visible(text).strip():
        return {"empty", *_surface(text, vocabulary)}
    words = words_of(text)
    wrong = {
        "form": category_label(text) != text,
        "short": len(words) < FEWEST_WORDS,
        "long": len(text) > MAXIMUM_LABEL or len(words) > MOST_WORDS,
        "repeated": len(words) != len({word.lower() for word in words}),
        "no_letters": not any(map(str.isalpha, text)),
        "unknown_words": any(word not in vocabulary.words for word in words),
        "verdict": any(word.lower() in VERDICTS for word in words),
        "signs": not text[0].isalnum() or not text[-1].isalnum() or not vocabulary.joints.issuperset(joints_of(text)),
    }
    return {name for name, is_wrong in wrong.items() if is_wrong} | _surface(text, vocabulary)


def _surface(text: str, vocabulary: Vocabulary) -> set[str]:
    """What characters and words alone tell of a text that is not plain."""
    text = text[:LOOKED_AT]
    foreign = [word for word in words_of(text) if word not in vocabulary.words]
    scripts = [scripts_of(word) for word in foreign]
    kinds = [unicodedata.category(character) for character in text]
    line = " ".join(visible(unicodedata.normalize("NFKC", text)).split())
    wrong = {
        "empty": not text.strip(),
        "invisible": any(kind[0] in "CZ" and character != " " for kind, character in zip(kinds, text, strict=True)),
        "combining": any(kind[0] == "M" for kind in kinds),
        "mixed_scripts": any(len(of_word) > 1 for of_word in scripts),
        "foreign_script": any(of_word - vocabulary.scripts for of_word in scripts),
        "imitation": delimit(line, max(len(line), 1)) != line,
        # A single letter may be any word's rest.
        "verdict": any(len(word) > 1 and word.lower() in VERDICTS for word in foreign),
    }
    return {name for name, is_wrong in wrong.items() if is_wrong}


@lru_cache(maxsize=8)
def _forms(vocabulary: Vocabulary) -> tuple[Form, Form]:
    return persona_form(vocabulary), reason_form(vocabulary)
