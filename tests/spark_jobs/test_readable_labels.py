"""The list of readable labels over the whole catalog of the demo log: complete, one to one, English."""

from __future__ import annotations

import logging
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from lake.registry.evaluation_file import read_rule
from runtime.errors import ConfigurationError
from settings import SourceSettings
from spark_jobs.landing.catalog import build_items
from spark_jobs.landing.sources import open_source
from spark_jobs.landing.sources.completejourney import CompleteJourney
from spark_jobs.landing.sources.readable_labels import (
    LEVELS,
    Labels,
    read_labels,
    readable_path,
    report_unlisted,
    unlisted,
)

ALLOWED = re.compile(r"[a-z0-9'-]+( ([a-z0-9'-]+|& [a-z0-9'-]+))*")
# Words of the abbreviated labels that no customer says; "c" is the vitamin's.
ABBREVIATIONS = frozenset(
    """
    acc acces access accs asst bev bkd bkngwares bnls brd brskt brst btl btr cand carb chix choc chp ckys cnd
    cndy cntrl conc conv cran crkr decaffinated del dept dinr dl dnr dnrs drnk dsh dxm exc excep excl excp fd
    fem flv flvr flvrd frd fre frt frz frzn gds gm gng grnd hbc hh hygn incl indr iqf iws jce juic liq liqs
    lnchmt lndry lss ltr marin mfg misc mlk mlt mnr mt must nat natrl nf nfood ntrtnl oj org orgnzrs oth pk
    pkg pkgd plstc pnt ppk prem prep preportnd presc presclcd preslc prod promo prpck prslc pse ptty pwdr
    pwdrs qsr refrgratd refrig rtd rts rtw rw sal sald saus sce seafd sft sgl sh shldr shlf slc sld slg smi
    sngl snks snsl spec spt srv ss stk stw supp sv sw swt syrp tiss tort trad trsh veg w wh whl wo wt wtr xmas
    yng
    """.split()  # noqa: SIM905
)


@pytest.fixture(scope="module")
def labels() -> Labels:
    return read_labels()


@pytest.fixture(scope="module")
def products() -> pl.DataFrame:
    return CompleteJourney(True)._scan("products").select(LEVELS).collect()


@pytest.fixture(scope="module")
def both() -> pl.DataFrame:
    """Every item under both forms: item_id, category, category_path, text, and the same of the readable form."""
    off, on = (pl.DataFrame(pl.from_arrow(build_items(CompleteJourney(on).items(), 200))) for on in (False, True))
    return off.join(on, on="item_id", suffix="_readable", validate="1:1", maintain_order="left")


def faults(readable: str) -> list[str]:
    """What is no English of a label."""
    words = [word for word in re.split(r"[ -]", readable) if word != "&"]
    found = [word for word in words if word in ABBREVIATIONS]
    found += [word for word in words if word != "c" and not word.isdigit() and not re.search("[aeiouy]", word)]
    return found if ALLOWED.fullmatch(readable) else [*found, readable]


def test_it_lists_every_label_of_the_catalog_and_no_other(labels: Labels, products: pl.DataFrame) -> None:
    assert unlisted(labels, products) == []
    for level in LEVELS:
        assert set(labels[level]) == set(products[level].drop_nulls())


@pytest.mark.parametrize("level", LEVELS)
def test_within_a_level_no_two_labels_become_one(labels: Labels, level: str) -> None:
    assert [name for name, times in Counter(labels[level].values()).items() if times > 1] == []


def test_every_name_is_made_of_words(labels: Labels) -> None:
    found = {(level, name): faults(name) for level in LEVELS for name in labels[level].values()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("name", ["sft drinks", "soft  drinks", "brst roast", "dvds", "cookies (bulk)", "& nuts", ""])
def test_what_is_no_english_is_seen(name: str) -> None:
    assert faults(name)


def test_every_category_keeps_its_identity(both: pl.DataFrame) -> None:
    assert both.height > 93_000
    pairs = both.select("category", "category_readable").unique()
    assert pairs["category"].n_unique() == pairs["category_readable"].n_unique() == pairs.height
    paths = both.select("category_path", "category_path_readable").unique()
    assert paths["category_path"].n_unique() == paths["category_path_readable"].n_unique() == paths.height
    texts = both.select("entity_id", "entity_id_readable").unique()
    assert texts["entity_id"].n_unique() == texts["entity_id_readable"].n_unique() == texts.height


def test_the_map_of_leaves_gives_the_categories_made_anew(both: pl.DataFrame, labels: Labels) -> None:
    """What carries a frozen holdout over: type, else category, else department, through the list."""
    by_leaf: dict[str, str] = {}
    for level in LEVELS:
        by_leaf |= {" ".join(label.split()).lower(): name for label, name in labels[level].items()}
    depth = both["category_path"].str.count_matches(" > ", literal=True)
    types = both.filter(depth == len(LEVELS) - 1)
    assert types["category"].replace_strict(by_leaf).equals(types["category_readable"], check_names=False)
    assert types.height > 0.99 * both.height


def test_departments_left_out_are_left_out_in_both_forms(both: pl.DataFrame) -> None:
    for department in read_rule(SourceSettings()).leave_out:
        off, on = (pl.col(path).str.split(" > ").list.first() == department for path in
                   ("category_path", "category_path_readable"))  # fmt: skip
        assert both.filter(off).height > 0
        assert both.filter(off != on).height == 0


def test_a_coupon_is_named_in_english(both: pl.DataFrame) -> None:
    coupons = both.filter(pl.col("item_id").str.starts_with("coupon"))
    expected = "coupon for " + coupons["category_readable"]
    assert coupons["text_readable"].equals(expected, check_names=False)


def test_the_catalogs_digest_holds_the_list_when_it_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "labels.tsv"
    other.write_text("level\tlabel\treadable\n")
    off, on = SourceSettings(readable_labels=False), SourceSettings()
    first, second = (open_source(settings).catalog_digest() for settings in (off, on))
    monkeypatch.setattr("spark_jobs.landing.sources.completejourney.LIST", other)
    # The list is no part of it where it is off: a lake of before has this digest in its fingerprints.
    assert open_source(off).catalog_digest() == first == "0bf876ddc21ab425"
    assert len({first, second, open_source(on).catalog_digest()}) == 3


def test_an_unknown_label_stays_and_is_counted(labels: Labels, caplog: pytest.LogCaptureFixture) -> None:
    new = pl.DataFrame({"department": ["GROCERY"], "product_category": [None], "product_type": ["NEW THNG"]},
                       dict.fromkeys(LEVELS, pl.String))  # fmt: skip
    with caplog.at_level(logging.WARNING):
        report_unlisted(labels, new)
    assert [record.getMessage() for record in caplog.records] == [
        "1 labels of the catalog are not in completejourney_labels.tsv and stay abbreviated, the first: product_type "
        "'NEW THNG'."
    ]
    path = new.select(path=pl.concat_list(LEVELS)).select(readable_path(labels))["path"].to_list()
    assert path == [["grocery", None, "NEW THNG"]]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("label\treadable\n", "begin with the columns"),
        ("level\tlabel\treadable\nproduct_type\tSOUP\n", "line 2: a level, a label and its English"),
        ("level\tlabel\treadable\naisle\tSOUP\tsoup\n", "line 2: a level"),
        ("level\tlabel\treadable\nproduct_type\tSOUP\tsoup\nproduct_type\tSOUP\tsoups\n", "line 3: .* stands there"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, lines: str, said: str) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text(lines)
    with pytest.raises(ConfigurationError, match=said):
        read_labels(path)
