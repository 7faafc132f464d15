"""Whether a release fits what a run has: model folder, embedder, and the prompts of the roles that it serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lake.registry.releases import ADAPTOR, REFERENCES, Release
from model_steps.embedding import adaptor, references
from model_steps.embedding.adaptor import Adaptor, model_width
from model_steps.embedding.embedder import Embedder
from model_steps.embedding.references import References
from model_steps.engine.model_digest import model_digest
from model_steps.serving.prompts import digest_of
from runtime.errors import DataError


def refuse_foreign(release: Release, model: Path, embedder: str, roles: Sequence[str]) -> None:
    """Refuse a release that was made for something else than this run has.

    Args:
        release: to be used.
        model: folder of the language model.
        embedder: name and digest of the embedder.
        roles: those that the run asks; prompts of others are not looked at.

    Raises:
        DataError: naming what differs, and what to do.
    """
    if missing := [role for role in roles if role not in release.prompts]:
        raise DataError(
            f"The release {release.name} serves {', '.join(release.prompts) or 'no role'}, and not the {missing[0]}: "
            "promote one that does, or make one of what is here (`python -m model_steps.release --help`)."
        )
    parts = [
        (
            "the language model",
            release.model,
            model_digest(model),
            "set INTENTFLOW_ENGINE__MODEL to that model's folder",
        ),
        ("the embedder", release.embedder, embedder, "set INTENTFLOW_EMBEDDER__MODEL to that embedder's folder"),
        *(
            (f"the {role}'s prompts", release.prompts[role], digest_of(role), "check out the code with those prompts")
            for role in roles
        ),
    ]
    for part, made_with, present, remedy in parts:
        if made_with != present:
            raise DataError(
                f"The release {release.name} was made with {part} {made_with[:40]}, and here it is {present[:40]}: "
                f"{remedy}, or make a release of what is here (`python -m model_steps.release --help`) and promote it."
            )


def adaptor_of(
    release: Release, files: Mapping[str, bytes], model: Path, embedder: Embedder, file: str = ADAPTOR
) -> Adaptor:
    """The entity adaptor of a release that ``refuse_foreign`` has let pass.

    Args:
        release: that has the adaptor.
        files: the release's.
        model: folder of the language model.
        embedder: whose embeddings it gets.
        file: which of the release's adaptors.

    Raises:
        DataError: it has none, or one that does not fit.
    """
    if file not in files:
        raise DataError(
            f"The release {release.name} has no entity adaptor: set INTENTFLOW_INFERENCE__REPRESENTATION=text, or "
            "train one with `python -m model_steps.train_adaptor`."
        )
    widths = (embedder.dimensions, model_width(model))
    return adaptor.load(files[file], embedder.name, release.model, widths, f"{release.name}/{file}")


def references_of(release: Release, files: Mapping[str, bytes], embedder: Embedder) -> References:
    """What the catalog looked like that a release's adaptor was trained on.

    Raises:
        DataError: it does not say, or what it says is damaged.
    """
    if REFERENCES not in files:
        raise DataError(
            f"The release {release.name} does not say which catalog its entity adaptor was trained on: set "
            "INTENTFLOW_INFERENCE__REPRESENTATION to hybrid or text, or promote a release that has a "
            f"{REFERENCES}."
        )
    return references.load(files[REFERENCES], embedder.dimensions, f"{release.name}/{REFERENCES}")
