"""Releases are named by content and never changed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lake.registry import releases
from lake.registry.releases import (
    ADAPTOR,
    CLOSED_FORM,
    DOCUMENT,
    EXPERTS,
    EXPERTS_REFERENCES,
    EXPLAINER,
    REFERENCES,
    Release,
    adapter_files,
    file_digest,
)
from lake.store.location import Lake
from model_steps.agents.prompt_files import role_digests
from model_steps.explaining import prompt_files as caption_prompts
from runtime.errors import DataError, Exit, InfrastructureError, UsageError
from settings import LakeSettings

EverythingIn = Callable[[Lake, str], dict[str, tuple[int, int, bytes]]]

ROOT = Path(__file__).resolve().parents[2]
CONTENT = b"weights"


def release_of(content: bytes = CONTENT, training: object = "by hand") -> Release:
    return Release(
        "model-1",
        {"planner": "p-1", "expert": "e-1"},
        "embedder@1",
        {ADAPTOR: file_digest(content)},
        {"made": training},
    )


def edit(document: Path, **changed: Any) -> None:
    document.write_text(json.dumps({**json.loads(document.read_text()), **changed}))


# --- names


def test_a_name_follows_all_that_a_release_is_made_of() -> None:
    one = release_of()
    changed = [
        replace(one, model="model-2"),
        replace(one, prompts={**one.prompts, "planner": "p-2"}),
        replace(one, prompts={**one.prompts, "explainer": "x-1"}),
        replace(one, embedder="embedder@2"),
        replace(one, files={ADAPTOR: file_digest(b"others")}),
        replace(one, files={**one.files, "lora.safetensors": file_digest(b"")}),
        replace(one, training={"made": "otherwise"}),
        replace(one, files={}),
    ]
    assert len({release.name for release in (one, *changed)}) == 9
    assert release_of().name == one.name


def test_a_name_does_not_follow_the_order_in_which_things_are_told() -> None:
    files = {ADAPTOR: file_digest(b"a"), "lora.safetensors": file_digest(b"b")}
    one = replace(release_of(), files=files, training={"day": "2017-08-23", "users": 3})
    same = replace(one, files=dict(reversed(files.items())), training={"users": 3, "day": "2017-08-23"})
    assert one.name == same.name


def test_a_name_says_whether_there_is_an_adaptor() -> None:
    assert release_of().name.startswith("adaptor-")
    assert replace(release_of(), files={}).name.startswith("base-")
    assert len(release_of().name) == len("adaptor-") + releases.NAME_DIGITS


# --- folders


def test_a_saved_release_is_loaded_again(tmp_path: Path) -> None:
    training = {"losses": [{"until_step": 50, "self_perception": 0.1}], "users": 0, "digest": None, "shop": "Café"}
    files = {ADAPTOR: CONTENT, "lora.safetensors": bytes(range(256))}
    digests = {name: file_digest(content) for name, content in files.items()}
    release = Release("m", {"planner": "p"}, "e", digests, training)
    folder = releases.save(tmp_path / "releases", release, files)
    assert folder == tmp_path / "releases" / release.name
    assert releases.load(folder) == (release, files)


def test_a_release_without_files_is_one_too(tmp_path: Path) -> None:
    release = Release("m", {"planner": "p"}, "e")
    assert releases.load(releases.save(tmp_path, release, {})) == (release, {})


def test_a_folder_whose_document_was_changed_is_refused(shipped: Path) -> None:
    edit(shipped / DOCUMENT, model="model-2")
    with pytest.raises(UsageError) as refused:
        releases.load(shipped)
    by_content = replace(release_of(), model="model-2").name
    assert str(refused.value) == (
        f"{shipped} is not the release {shipped.name}: its document was changed, by its content it is {by_content}."
    )


def test_a_folder_under_another_name_is_refused(shipped: Path) -> None:
    other = shipped.rename(shipped.with_name("adaptor-000000000000"))
    with pytest.raises(UsageError, match=f"is not the release adaptor-000000000000: .+ it is {shipped.name}"):
        releases.load(other)


def test_a_folder_with_a_changed_file_is_refused(shipped: Path) -> None:
    (shipped / ADAPTOR).write_bytes(CONTENT + b"!")
    with pytest.raises(UsageError) as refused:
        releases.load(shipped)
    assert str(refused.value) == f"{shipped}/{ADAPTOR} is not the file that the release was made with: restore it."


@pytest.mark.parametrize("name", [DOCUMENT, ADAPTOR])
def test_a_folder_that_lacks_a_file_is_refused(shipped: Path, name: str) -> None:
    (shipped / name).unlink()
    with pytest.raises(UsageError, match=f"{shipped} is no release: .*No such file or directory.*{name}"):
        releases.load(shipped)


def test_a_place_without_a_folder_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{tmp_path}/nowhere is no release: "):
        releases.load(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"{tmp_path}/file is no release: .*Not a directory"):
        releases.load(tmp_path / "file")


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "[]",
        "null",
        '{"model": "m"}',
        '{"model": "m", "prompts": {}, "embedder": "e", "champion": true}',
        '{"model": "m", "prompts": ["planner"], "embedder": "e"}',
        '{"model": "m", "prompts": {"planner": 1}, "embedder": "e"}',
        '{"model": "m", "prompts": {"planner": null}, "embedder": "e"}',
    ],
)
def test_a_document_that_is_none_is_refused(shipped: Path, document: str) -> None:
    (shipped / DOCUMENT).write_text(document)
    with pytest.raises(UsageError, match=rf"{shipped} is no release: its {DOCUMENT} cannot be read \(.+\)\."):
        releases.load(shipped)


# --- releases on the lake


def test_an_installed_release_is_read_again(lake: Lake, shipped: Path) -> None:
    release, files = releases.load(shipped)
    releases.install(lake, release, files)
    assert releases.read(lake, release.name) == (release, files)
    assert list(lake.list("_releases")) == [f"_releases/{release.name}/{name}" for name in (ADAPTOR, DOCUMENT)]


def test_installing_again_changes_nothing_and_restores_what_is_missing(
    lake: Lake, shipped: Path, everything_in: EverythingIn
) -> None:
    release, files = releases.load(shipped)
    releases.install(lake, release, files)
    before = everything_in(lake, "_releases")
    releases.install(lake, release, files)
    assert everything_in(lake, "_releases") == before
    lake.delete(f"_releases/{release.name}/{ADAPTOR}")
    releases.install(lake, release, files)
    assert releases.read(lake, release.name) == (release, files)


def test_a_release_that_is_not_on_the_lake_is_refused(lake: Lake, shipped: Path) -> None:
    with pytest.raises(DataError) as refused:
        releases.read(lake, shipped.name)
    assert str(refused.value) == (
        f"The release {shipped.name} is not in {lake.root}: install it with `python -m lake promote FOLDER`, or name "
        "another."
    )


def test_a_release_whose_document_is_not_there_yet_is_none(lake: Lake, shipped: Path) -> None:
    """The document is written last, so a killed installation is seen."""
    lake.write(f"_releases/{shipped.name}/{ADAPTOR}", CONTENT)
    with pytest.raises(DataError, match=f"The release {shipped.name} is not in"):
        releases.read(lake, shipped.name)


def test_a_missing_file_of_an_installed_release_is_told(lake: Lake, shipped: Path) -> None:
    releases.install(lake, *releases.load(shipped))
    path = f"_releases/{shipped.name}/{ADAPTOR}"
    lake.delete(path)
    with pytest.raises(InfrastructureError) as refused:
        releases.read(lake, shipped.name)
    assert str(refused.value) == f"{lake.uri(path)} is missing: install the release {shipped.name} again."


def test_a_changed_file_of_an_installed_release_is_refused(lake: Lake, shipped: Path) -> None:
    releases.install(lake, *releases.load(shipped))
    path = f"_releases/{shipped.name}/{ADAPTOR}"
    lake.write(path, b"other weights")
    with pytest.raises(DataError) as refused:
        releases.read(lake, shipped.name)
    assert str(refused.value) == f"{lake.uri(path)} is not the file that the release was made with: restore it."


def test_a_changed_document_of_an_installed_release_is_refused(lake: Lake, shipped: Path) -> None:
    releases.install(lake, *releases.load(shipped))
    others = {"planner": "p-2"}
    edit(Path(lake.root, "_releases", shipped.name, DOCUMENT), prompts=others)
    by_content = replace(release_of(), prompts=others).name
    with pytest.raises(DataError, match=f"its document was changed, by its content it is {by_content}"):
        releases.read(lake, shipped.name)


def test_a_champion_of_an_earlier_version_ends_in_the_command_that_helps(
    lake: Lake, shipped: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A lake from then has it as champion: the sentence's own command makes its next refresh begin."""
    edit(shipped / DOCUMENT, prompts="c44f8cdd94b48735")
    lake.write(f"_releases/{shipped.name}/{DOCUMENT}", (shipped / DOCUMENT).read_bytes())
    record = {"number": 1, "release": shipped.name, "reason": "then", "by": "me", "at": "2026-01-01T00:00:00Z"}
    lake.write("_champion/000001.json", json.dumps(record).encode())
    refused = run_module("lake.champion", "--lake", lake.root)
    assert refused.returncode == Exit.DATA
    assert refused.stderr.count("is of an earlier version, with one digest for all prompts") == 1
    command = re.search("`python -m lake (.+)`", refused.stderr)
    assert command is not None
    promoted = run_module("lake", *shlex.split(command.group(1)))
    assert promoted.returncode == 0, promoted.stderr
    assert run_module("lake.champion", "--lake", lake.root).returncode == 0


def test_a_folder_of_an_earlier_version_is_told_how_to_be_made_anew(shipped: Path) -> None:
    edit(shipped / DOCUMENT, prompts="c44f8cdd94b48735")
    with pytest.raises(UsageError, match=rf"make it anew with `python -m model_steps\.release --adaptor {shipped} "):
        releases.load(shipped)


# --- the release that is shipped


def test_the_release_that_is_shipped_loads_and_has_the_prompts_of_the_code() -> None:
    folder = LakeSettings().first_release
    assert folder.parent == ROOT / "releases"
    release, files = releases.load(folder)
    assert release.name == folder.name
    assert release.prompts == role_digests() | {EXPLAINER: caption_prompts.role_digest(EXPLAINER)}
    tuned = {*adapter_files(EXPERTS), *adapter_files(EXPLAINER)}
    assert files.keys() == {ADAPTOR, CLOSED_FORM, REFERENCES, EXPERTS_REFERENCES, *tuned}


def test_every_release_of_the_repository_loads() -> None:
    # Reward models and the judge of captions lie beside them and are none (tests/model_steps/test_shipped_reward.py,
    # test_shipped_caption_judge.py).
    others = ("reward-", "caption-judge")
    folders = [path for path in (ROOT / "releases").iterdir() if path.is_dir() and not path.name.startswith(others)]
    assert LakeSettings().first_release in folders
    found = [releases.load(folder)[0] for folder in folders]
    assert [release.name for release in found] == [folder.name for folder in folders]
    # The untuned one stays, for whatever is compared with it.
    assert any(not release.adapters and release.prompts == role_digests() for release in found)


def test_a_release_cannot_reach_beyond_its_folder(tmp_path: Path) -> None:
    for name in ("../../evil", "sub/file", "/etc/passwd", ".hidden", "release.json"):
        release = Release("m", {"planner": "p"}, "e", {name: releases.file_digest(b"x")})
        place = tmp_path / release.name
        place.mkdir()
        (place / "release.json").write_text(json.dumps(release.document()))
        with pytest.raises(UsageError, match="names the file"):
            releases.load(place)
