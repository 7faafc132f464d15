"""Gates, days and users in Airflow: behind its login and permissions, escaped, read-only, on a real small lake."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lake.delta import tables
from lake.registry import champions, evidence
from lake.registry.canary import Canary, of_record
from lake.registry.champions import Record, Terms
from lake.registry.evidence import Evidence
from plugins import gates_page
from runtime.imports import ROOT
from schemas import days
from tasks import review_page
from tasks.review import GATE
from tests.plugins.shop import ANNA, BEN, DAY, EARLIER, EVIL, Shop, _put

ROUTES = [
    "/",
    "/evidence/0123456789abcdef",
    "/days",
    f"/days/{DAY}",
    "/users",
    f"/user?user={ANNA}",
    f"/users/{ANNA}",
    "/run?dag_id=review&run_id=r",
    "/nothing",
    "/docs",
    "/openapi.json",
]


class Asked:
    """An auth manager that lets people see the runs of some DAGs."""

    def __init__(self) -> None:
        self.allowed = {"daily_refresh", "review"}

    def is_authorized_dag(self, *, method: str, access_entity: Any, details: Any, user: Any) -> bool:
        return method == "GET" and details.id in self.allowed


class Results:
    """Airflow's database, of which only a run's results are wanted."""

    def __init__(self) -> None:
        self.results: list[Any] = []
        self.asked: list[str] = []

    def scalars(self, query: Any) -> Results:
        self.asked.append(str(query.compile(compile_kwargs={"literal_binds": True})))
        return self

    def unique(self) -> list[Any]:
        return [SimpleNamespace(value=result) for result in self.results]


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Asked:
    from airflow.api_fastapi.core_api import security
    from airflow.models.dag import DagModel

    asked = Asked()
    monkeypatch.setattr(security, "get_auth_manager", lambda: asked)
    monkeypatch.setattr(DagModel, "get_team_name", lambda _dag: None)
    return asked


@pytest.fixture
def app(shop: Shop, manager: Asked, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("settings.load_settings", lambda: shop.settings)
    return gates_page._app.__wrapped__()


@pytest.fixture
def results() -> Results:
    return Results()


@pytest.fixture
def browser(app: Any, results: Results) -> Iterator[Any]:
    """Somebody who is logged in."""
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi.testclient import TestClient

    app.dependency_overrides[get_user] = lambda: SimpleNamespace(name="reviewer")
    app.dependency_overrides[gates_page.open_session] = lambda: results
    with TestClient(app, follow_redirects=False) as client:
        yield client


def words(page: Any) -> str:
    """What a page says, without its marks."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text.partition("<body>")[2])))


# --- who may see


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_sees_anything_without_a_login(app: Any, route: str) -> None:
    from fastapi.testclient import TestClient

    answer = TestClient(app).get(route)
    assert answer.status_code == (404 if route in ("/nothing", "/docs", "/openapi.json") else 401), answer.text
    assert ANNA not in answer.text


def test_every_route_is_among_those_that_are_tried(app: Any) -> None:
    tried = {re.sub(r"\{\w+\}", "", route.split("?")[0]) for route in ROUTES}
    known = [route.path for route in app.routes if hasattr(route, "methods")]
    assert len(known) == 8
    for path in known:
        assert any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), one) for one in tried), path


@pytest.mark.parametrize(
    ("taken", "hidden", "shown"),
    [
        ("daily_refresh", ["/days", f"/days/{DAY}", "/users", f"/users/{ANNA}", f"/user?user={ANNA}"], ["/"]),
        ("review", ["/", "/evidence/0123456789abcdef", "/run?dag_id=review&run_id=r"], ["/days"]),
    ],
)
def test_who_may_not_see_the_runs_sees_no_page_of_them(
    browser: Any, manager: Asked, taken: str, hidden: list[str], shown: list[str]
) -> None:
    manager.allowed.discard(taken)
    assert [browser.get(route).status_code for route in hidden] == [403] * len(hidden)
    assert [browser.get(route).status_code for route in shown] == [200] * len(shown)


def test_nothing_is_written(browser: Any, shop: Shop) -> None:
    before = {file.path: file.changed for file in shop.lake.files()}
    for route in ROUTES:
        browser.get(route)
        for method in ("post", "put", "delete", "patch"):
            assert getattr(browser, method)(route).status_code in (404, 405)
    assert {file.path: file.changed for file in shop.lake.files()} == before


@pytest.mark.parametrize("route", ["/", "/days", f"/days/{DAY}", "/users", f"/users/{ANNA}", "/days/2016-01-01"])
def test_pages_have_no_script_and_bring_nothing_from_elsewhere(browser: Any, route: str) -> None:
    page = browser.get(route)
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "sandbox" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "<script" not in page.text
    assert "http" not in page.text


# --- a day


def test_a_day_stands_beside_those_before_it(browser: Any) -> None:
    page = browser.get(f"/days/{DAY}")
    said = words(page)
    assert page.status_code == 200
    assert "published with the release experts-2" in said
    assert "Published days among the 14 before it, which stand beside it: 1." in said
    # Two behaviors, and rows that were rejected: three copies of one and one of another.
    assert "6 rows came in, 2 became behaviors, 4 were rejected." in said
    assert "absurd_quantity 3 unknown_item 1" in said
    assert "intents 3 4 4 4 1" in said  # This day, then median, least and most of one day.
    assert "infer.shard.seconds 12.5 s 10 s 10 10 1" in said
    assert "infer.shard.users_failed 1 no day before has it 0" in said
    assert "infer deadbeefdeadbeef no answer 2" in said
    assert f"{DAY} not judged: the judge failed" in said
    assert '{"item": "4711"}' not in page.text, "the shop's own row is nobody's matter"


@pytest.mark.parametrize(
    ("day", "said"), [("2017-11-03", "It is landed"), ("2017-12-31", "Nothing of it was landed either")]
)
def test_a_day_that_is_not_published_is_told_kindly(browser: Any, day: str, said: str) -> None:
    page = browser.get(f"/days/{day}")
    assert page.status_code == 404
    assert f"{day} is not published" in words(page)
    assert said in words(page)


@pytest.mark.parametrize(
    "route", ["/days/yesterday", "/days/20171102", "/users?day=x", f"/users/{ANNA}?beside=2017-1-1"]
)
def test_what_is_no_day_is_refused(browser: Any, route: str) -> None:
    page = browser.get(route)
    assert page.status_code == 422
    assert "A day is written as YYYY-MM-DD." in words(page)


def test_all_days_are_listed_the_newest_first(browser: Any) -> None:
    said = words(browser.get("/days"))
    assert "2 of 3 landed days are published" in said
    assert said.index("2017-11-03 landed") < said.index(f"{DAY} published 2 2 1") < said.index(f"{EARLIER} published")


# --- a user


def test_a_user_is_shown_with_context_personas_tags_and_verdicts(browser: Any) -> None:
    page = browser.get(f"/users/{ANNA}?day={EARLIER}")
    said = words(page)
    assert "Release experts-1" in said
    assert "1 soup soup Bought often. cook, expert 1, by arbiter S 90.0% relevance: positive" in said
    assert "(80.0%, by model): fits" in said
    assert "judge judge-1 2 milk dairy 0.75 like it" in said
    assert "cook expert 1, 2 of the tags Likely to need soup." in said
    assert "Rests on Days Actions Last dairy 3 2017-10-30 tea 7 2017-09" in said
    assert "dairy 3 2017-10-30 7" in said
    assert "2 events on 2 days" in said
    assert "profile: age 30-39 long-term interests: dairy 2017-11-01 (purchase) | whole milk x2" in said


def test_a_users_captions_are_shown_with_items_and_styles(browser: Any) -> None:
    said = words(browser.get(f"/users/{ANNA}?day={EARLIER}"))
    styled = "warm, families, question, joy, autumn fond of soup"
    assert f"1 Time for soup? meta, closed, 1 attempt item gone-2 for soup, 0.5 like it {styled}" in said
    assert (
        f"1 How about whole milk this week? meta, closed, 1 attempt whole milk, 1 l for soup, 0.5 like it {styled}"
        in said
    )
    # What is shown beside them is what failed on this user's items, and nobody else's.
    assert said.count("failed explain of tea-3: No caption kept the rule length. (3 attempts)") == 1
    assert "None on this day." in words(browser.get(f"/users/{BEN}?day={EARLIER}"))
    without_style = words(browser.get(f"/users/{ANNA}?day={DAY}"))
    assert "v1, closed, 1 attempt whole milk, 1 l" in without_style
    assert "none fond of soup" in without_style


def test_a_users_captions_are_shown_with_their_verdicts(browser: Any) -> None:
    page = browser.get(f"/users/{ANNA}?day={EARLIER}")
    said = words(page)
    assert "B does not pass relevance: positive (80.0%, by rule) attractiveness: negative (80.0%, by rule)" in said
    assert EVIL not in page.text, "the judge's name is a text like others"
    assert f"judge {EVIL}" in said
    # The other caption of the day was not in the sample, and the day after was not judged.
    captions = said.partition("Captions")[2].partition("Personas")[0]
    assert captions.count("does not pass") == 1
    assert "does not pass" not in words(browser.get(f"/users/{ANNA}?day={DAY}"))


def test_a_days_captions_are_shown_by_tier_beside_the_days_before(browser: Any, shop: Shop) -> None:
    said = words(browser.get(f"/days/{DAY}")).partition("Captions of the last days, as judged")[2]
    assert f"{DAY} its captions were not judged" in said
    assert (
        f"{EARLIER} 25.0% (10.0% to 40.0%) alarm out of its usual band 25.0% 25.0% 25.0% 1 captions of 1 users" in said
    )
    shop.forget(DAY, "explanations")
    shop.forget(EARLIER, "explanations")
    assert "Captions of the last days" not in words(browser.get(f"/days/{DAY}"))


def test_a_day_published_without_captions_says_so(browser: Any, shop: Shop) -> None:
    shop.forget(EARLIER, "explanations")
    said = words(browser.get(f"/users/{ANNA}?day={EARLIER}"))
    assert "This day was published without captions." in said
    assert "1 soup soup" in said


def test_a_day_counts_its_captions_and_lists_those_that_were_lost(browser: Any) -> None:
    said = words(browser.get(f"/days/{EARLIER}"))
    assert "explanations 2" in said
    assert f"explain {ANNA} tea-3 No caption kept the rule length. 3" in said


def test_an_item_without_a_caption_is_no_user_of_the_day(browser: Any) -> None:
    said = words(browser.get(f"/users?day={EARLIER}"))
    assert f"{ANNA} 2 {BEN} 2" in said
    assert "tea-3" not in said


def test_a_script_in_a_text_shows_as_text(browser: Any) -> None:
    page = browser.get(f"/users/{ANNA}?day={DAY}")
    assert page.text.count("&lt;script&gt;alert(") >= 7  # Tag, category, persona twice, context, caption, its tag.
    assert EVIL not in page.text
    assert "<script" not in page.text
    assert EVIL in words(page)


def test_two_days_stand_side_by_side(browser: Any) -> None:
    page = browser.get(f"/user?user={ANNA}&day={DAY}&beside={EARLIER}")
    said = words(page)
    assert "1 tags are the same; the context is another one." in said
    assert page.text.count("only here</span><") >= 2
    assert said.index("Release experts-2") < said.index("Release experts-1")


def test_a_user_of_whom_only_a_failure_is_known(browser: Any) -> None:
    said = words(browser.get("/users/deadbeefdeadbeef"))
    assert "failed infer: no answer (2 attempts)" in said
    assert "Context None on this day." in said


def test_a_day_from_before_personas_were_kept_is_shown_without(browser: Any, shop: Shop) -> None:
    shop.forget(EARLIER, "personas")
    said = words(browser.get(f"/users/{ANNA}?day={EARLIER}"))
    assert "This day is from before personas were kept" in said
    assert "1 soup soup" in said
    assert "Likely to need soup." in words(browser.get(f"/users/{ANNA}?day={DAY}"))


def test_rows_are_those_that_the_day_was_published_with(browser: Any, shop: Shop) -> None:
    shop.replace_intents(EARLIER, ANNA, "newcomer")
    said = words(browser.get(f"/users/{ANNA}?day={EARLIER}"))
    assert "1 soup soup" in said
    assert "newcomer" not in said


@pytest.mark.parametrize("user", ["4711", "shop@example.org", "ANNA000000000001", "0" * 17])
def test_what_is_no_pseudonym_is_refused_and_not_repeated(browser: Any, user: str) -> None:
    page = browser.get("/user", params={"user": user})
    assert page.status_code == 422
    assert "spark_jobs.pseudonymize" in words(page)
    assert user not in page.text


def test_nobody_is_told_kindly(browser: Any) -> None:
    page = browser.get(f"/users/{'f' * 16}?day={DAY}&beside={EARLIER}")
    assert page.status_code == 404
    assert f"Nobody of this pseudonym has a context or intents on {DAY} or {EARLIER}." in words(page)
    assert browser.get(f"/users/{ANNA}?day=2017-11-03").status_code == 404


def test_users_of_a_day_are_paged(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    said = words(browser.get(f"/users?day={DAY}"))
    assert f"{ANNA} 2 {BEN} 1 deadbeefdeadbeef failed" in said
    monkeypatch.setattr("lake.pages.user.SIZE", 2)
    first, second = (browser.get(f"/users?day={DAY}&page={number}") for number in (1, 2))
    assert f"{ANNA} 2 {BEN} 1 1 to 2 of 3. Next" in words(first)
    assert f'href="/gates/users?day={DAY}&amp;page=2"' in first.text or f"/gates/users?day={DAY}&page=2" in first.text
    assert "deadbeefdeadbeef failed 3 to 3 of 3. Previous" in words(second)
    assert BEN not in second.text
    assert words(browser.get(f"/users?day={DAY}&page=99")) == words(second)


# --- gates


def test_the_page_on_gates_shows_champion_decisions_trend_budget_and_judge(browser: Any, shop: Shop) -> None:
    said = words(browser.get("/"))
    assert "experts-1 by record 1 (promote)" in said
    assert said.index("experts-2 experts-1 2017-11-01 shipped") < said.index("experts-1 nobody yet 2017-11-01 shipped")
    assert "promote by rita, record 1: looks right" in said
    assert "recall_at_30: 0.2 to 0.32" in said
    assert "activity light" not in said.partition("Main metrics")[2].partition("Holdout budget")[0]
    # The policy of the newest decision allows two looks, and two were taken.
    assert "2017-11-01 2 2 used up" in said
    assert "judge-1" in said


@pytest.fixture
def canary(shop: Shop) -> Canary:
    """The lake's newest promotion serves anna and not ben, and did so on one of its two days."""
    champions.append(shop.lake, Record(2, "experts-2", "better", "ci", "2017-11-08", "override", canary=Terms(2, 0.3)))
    found = of_record(champions.log_of(shop.lake), 2)
    (row,) = tables.read(shop.lake, days.TABLE, DAY).to_pylist()
    figures = {"canary.users": 1.0, "beside.users": 1.0, "canary.tags_per_user": 2.0, "beside.tags_per_user": 1.0}
    told = [{"name": name, "value": value} for name, value in figures.items()]
    row |= {"canary": found.document(), "figures": [*row["figures"], *told]}
    _put(shop.lake, days.TABLE, [row], "canary", day=DAY)
    return found


def test_a_canary_is_shown_with_both_sides(browser: Any, shop: Shop, canary: Canary) -> None:
    said = words(browser.get("/"))
    assert "Canary 1 of 2 days The champion serves 30.0% of the users, and experts-1 the others." in said
    assert f"Day Canary Beside {DAY} users 1 1 tags_per_user 2 1" in said
    assert "override, canary of 30.0% for 2 days" in said
    of_day = words(browser.get(f"/days/{DAY}"))
    assert "A canary: experts-2 (record 2 of the champion log) served 30.0% of the users, and experts-1 the" in of_day
    assert "no difference between them is paired. Canary Beside users 1 1 tags_per_user 2 1" in of_day
    assert "Canary" not in words(browser.get(f"/days/{EARLIER}"))
    for user, release in ((ANNA, "experts-2"), (BEN, "experts-1")):
        assert canary.release_for(user) == release
        assert f"Release {release} ; judged" in words(browser.get(f"/users/{user}?day={DAY}"))


def test_a_canary_that_is_over_or_taken_back_is_said_to_be(browser: Any, shop: Shop, canary: Canary) -> None:
    (row,) = tables.read(shop.lake, days.TABLE, EARLIER).to_pylist()
    _put(shop.lake, days.TABLE, [{**row, "canary": canary.document()}], "canary", day=EARLIER)
    assert "2 of 2 days It is over: the champion serves all users of the days to come." in words(browser.get("/"))
    champions.append(shop.lake, Record(3, "experts-1", "worse", "ci", "2017-11-09", "rollback"))
    assert "Canary" not in words(browser.get("/")).partition("Champion log")[0]


def test_evidence_that_was_changed_is_refused_and_blinds_nobody(browser: Any, shop: Shop) -> None:
    file = Path(shop.lake.root, "_evidence", shop.go, "evidence.json")
    file.write_text(file.read_text().replace("2017-11-01", "2017-11-02"))
    page = browser.get("/")
    assert page.status_code == 200
    assert "was changed since the gate decided" in words(page)
    assert shop.no_go in page.text
    assert browser.get(f"/evidence/{shop.go}").status_code == 503


def test_figures_and_budget_come_from_no_file_that_was_changed(browser: Any, shop: Shop) -> None:
    folder = Path(shop.lake.root, "_evidence", shop.no_go)
    (folder / "decision.json").write_text((folder / "decision.json").read_text().replace("0.2", "0.9"))
    (folder / "policy.yaml").write_text("holdout_openings: 99\n")
    said = words(browser.get("/"))
    assert "recall_at_30: 0.28 to 0.32" in said
    assert "2017-11-01 2 no gate said yet" in said


def test_decisions_are_paged(browser: Any, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lake.pages.gates.SIZE", 1)
    assert shop.no_go in browser.get("/").text
    second = browser.get("/?page=2")
    assert f"/gates/evidence/{shop.no_go}" not in second.text
    assert f"/gates/evidence/{shop.go}" in second.text


def test_a_report_stands_alone_in_a_sandbox(browser: Any, shop: Shop) -> None:
    page = browser.get(f"/evidence/{shop.go}")
    assert page.text == "<p>report</p>"
    policy = page.headers["content-security-policy"]
    assert "img-src data:" in policy
    assert policy.endswith("sandbox")
    assert "script" not in policy


@pytest.mark.parametrize("name", ["0123456789abcdef", "..%2F_champion", "x", "0123456789ABCDEF"])
def test_there_is_no_other_evidence(browser: Any, name: str) -> None:
    assert browser.get(f"/evidence/{name}").status_code == 404


def test_a_report_with_another_byte_is_not_shown(browser: Any, shop: Shop) -> None:
    Path(shop.lake.root, "_evidence", shop.go, "report.html").write_text("<p>better</p>")
    page = browser.get(f"/evidence/{shop.go}")
    assert page.status_code == 503
    assert "was changed since the gate decided" in words(page)
    assert "better" not in page.text


def test_evidence_without_a_report_is_told(browser: Any, shop: Shop) -> None:
    bare = Evidence("c", "", 0, DAY, "GO", ("Because.",), "shipped", {}, "2017-11-05T00:00:00Z", "me")
    kept = evidence.put(shop.lake, bare, {"policy.yaml": b"[]"})
    assert browser.get(f"/evidence/{kept.name}").status_code == 404
    assert browser.get("/").status_code == 200


# --- runs


@pytest.mark.parametrize(
    ("found", "leads_to"),
    [
        ([{"x": 1}, {"evidence": "0123456789abcdef", "verdict": "GO"}], "/gates/evidence/0123456789abcdef"),
        ([None, [1], {"day": DAY, "judged": "yes", "fingerprint": "f"}], f"/gates/days/{DAY}"),
        ([{"evidence": "//elsewhere.org"}], None),
        ([{"day": DAY, "batches": []}], None),
        ([], None),
    ],
)
def test_a_run_leads_to_what_it_did(browser: Any, results: Results, found: list[Any], leads_to: str | None) -> None:
    results.results = found
    answer = browser.get("/run", params={"dag_id": "review", "run_id": "manual__1", "task_id": "{TASK_ID}"})
    if leads_to:
        assert (answer.status_code, answer.headers["location"]) == (307, leads_to)
    else:
        assert answer.status_code == 200
        assert "decided nothing and published no day" in words(answer)
    query = results.asked[0]
    for wanted in ("xcom.dag_id = 'review'", "xcom.run_id = 'manual__1'", "xcom.task_id = '{TASK_ID}'"):
        assert wanted in query


def test_the_run_of_a_dag_that_one_may_not_see_is_not_shown(browser: Any, results: Results) -> None:
    assert browser.get("/run?dag_id=payroll&run_id=r").status_code == 403
    assert results.asked == []


def test_results_are_found_in_airflows_own_tables(app: Any) -> None:
    from airflow.api_fastapi.core_api.security import get_user
    from airflow.models.base import Base
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from fastapi.testclient import TestClient
    from sqlalchemy import create_engine, insert
    from sqlalchemy.orm import Session
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
    Base.metadata.create_all(engine, tables=[DagRun.__table__, XComModel.__table__])
    with Session(engine) as session:
        run = {
            "id": 1,
            "dag_id": "review",
            "run_id": "r",
            "run_type": "manual",
            "state": "success",
            "log_template_id": 1,
        }
        session.execute(insert(DagRun.__table__).values(**run, run_after=datetime.now(UTC)))
        second = {**run, "id": 2, "dag_id": "daily_refresh"}
        session.execute(insert(DagRun.__table__).values(**second, run_after=datetime.now(UTC)))
        for number, dag in ((1, "review"), (2, "daily_refresh")):
            for task, value in (("gate", {"evidence": "0123456789abcdef"}), ("other", {"rows": 1})):
                xcom = {"dag_run_id": number, "task_id": task, "key": "return_value", "dag_id": dag, "run_id": "r"}
                session.execute(insert(XComModel.__table__).values(**xcom, value=value, timestamp=datetime.now(UTC)))
        app.dependency_overrides[get_user] = lambda: None
        app.dependency_overrides[gates_page.open_session] = lambda: session
        client = TestClient(app, follow_redirects=False)
        # A reviewer is asked by a task that left nothing yet: what the gate decided on stands there, too.
        for asked in ("run_id=r", "run_id=r&task_id=gate", "run_id=r&task_id=approval", "run_id=r&task_id=other"):
            answer = client.get(f"/run?dag_id=review&{asked}")
            assert answer.headers.get("location") == "/gates/evidence/0123456789abcdef", asked
        for asked in ("review&run_id=another&task_id=gate", "review&run_id=", "daily_refresh&run_id=r&task_id=other"):
            assert "No gate here" in client.get(f"/run?dag_id={asked}").text, asked


def test_pages_and_review_mean_the_same() -> None:
    """Who may see decisions is asked of the DAG that makes them; its links lead here; its gate is found by name."""
    assert {f"dags/{dag}.py" for dag in (gates_page.REFRESH, gates_page.REVIEW)} <= {
        str(file.relative_to(ROOT)) for file in ROOT.glob("dags/*.py")
    }
    assert review_page.report_page("0123456789abcdef") == f"{gates_page.PREFIX}/evidence/0123456789abcdef"
    assert gates_page.GATE_TASK == GATE


def test_the_entry_stands_at_the_top_and_the_tabs_name_their_run() -> None:
    views = gates_page.Gates.external_views
    assert [view["destination"] for view in views] == ["nav", "dag_run", "task_instance"]
    assert views[0]["nav_top_level"]
    assert "category" not in views[0]
    assert len({view["url_route"] for view in views}) == 3
    assert views[2]["href"] == "/gates/run?dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}"
