"""Every page, for everyone who may see it: rendered, escaped, and refused in words."""

import html
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from services.console.core.access import LEAST_ROLE
from services.console.pages.rendering import STATIC, country, span
from services.console.pages.table import NAVIGATION, PAGES, Page
from services.contracts.delivery import Attempt
from services.contracts.difference import Kind, Otherwise
from services.contracts.report import Count, PlacePrecision, Severity, Site
from services.contracts.shadow import Noticed
from services.contracts.silence import silence
from services.contracts.subscription import Filter
from services.contracts.token import Role
from services.contracts.topics import ARTICLES, FEEDS, SHADOWS, SILENCES, SUBSCRIPTIONS
from tests.contracts.examples import ARTICLE, SHADOW, TELLING
from tests.unit.console.house import House
from tests.unit.console.test_incidents import house_with, numbered
from tests.unit.console.test_letters import letter, readable
from tests.unit.console.test_topics import raw
from tests.unit.ingest.fakes import feed_at
from tests.unit.notify.given import NOW, alert, claim, delivery, subscription

EVIL = "<script>alert(1)</script>"
FEED = feed_at("https://user:secret@a.example/rss?<script>").model_copy(update={"title": EVIL})
FRENCH = claim(
    1, title=EVIL, quote=f'{EVIL} "onclick=alert(1) ', language="fr", url="javascript:alert(1)", claimed_by=EVIL
)
TOLD = numbered(7, claims=(FRENCH,), claimed_by=(EVIL,), weapon=EVIL, killed=Count(low=3))
PLACES = {"IQ": (33.3, 44.4), "FR": (48.9, 2.4), "KE": (-1.3, 36.8), "AR": (-32.9, -60.7)}
OTHERS = [
    numbered(
        20 + n,
        minutes=-47 * n,
        severity=list(Severity)[n % 4],
        site=Site(host_state=state, lat=lat, lon=lon, precision=PlacePrecision.CITY),
    )
    for n, (state, (lat, lon)) in enumerate(PLACES.items())
]
DESK = subscription(name=EVIL, endpoint_hint="https://hooks.example", filter=Filter(host_states=("IQ",)))
ATTEMPT = Attempt(at=NOW, took_s=0.21, http_status=503, outcome="failed", answer=EVIL)
ARTICLE_OF_IT = ARTICLE.model_copy(
    update={"article_id": FRENCH.article_id, "revision": 1, "title": EVIL, "text": f"Avant. {FRENCH.quote} Après."}
)
QUIET = silence(Filter(host_states=("IQ",)), reason=EVIL, author=EVIL, now=NOW, lasts=timedelta(days=999 * 365))
SENT = delivery(alert(7, about=TOLD), DESK, attempts=(ATTEMPT, ATTEMPT), reason=EVIL, redelivered_after=(1,))
LETTER = letter(EVIL.encode(), reason=EVIL, original_key=EVIL.encode())
EVIL_QUOTE = TELLING.quotes[0].model_copy(
    update={"quote": EVIL, "title": EVIL, "source": EVIL, "url": "javascript:alert(1)"}
)
EVIL_TELLING = TELLING.model_copy(update={"headline": EVIL, "reason": EVIL, "quotes": (EVIL_QUOTE, TELLING.quotes[0])})
EVIL_FIELD = Otherwise(field="headline", a=EVIL, b="")
FOLLOWED = SHADOW.model_copy(
    update={
        "name": "fewer",
        "other": SHADOW.other.model_copy(update={"name": EVIL}),
        "end": EVIL,
        "differences": (
            Noticed(kind=Kind.CHANGED, a=EVIL_TELLING, b=EVIL_TELLING, otherwise=(EVIL_FIELD,), at=NOW),
            Noticed(kind=Kind.LOST, a=EVIL_TELLING, b=None, otherwise=(), at=NOW),
            Noticed(kind=Kind.GAINED, a=None, b=EVIL_TELLING, otherwise=(), at=NOW),
        ),
    }
)
PARTS = {
    "feed_id": FEED.feed_id,
    "incident_id": TOLD.incident_id,
    "subscription_id": DESK.subscription_id,
    "delivery_id": SENT.delivery_id,
    "shadow_id": FOLLOWED.shadow_id,
    "dead_letter_id": LETTER.dead_letter_id,
    "name": "articles",
    "article_id": FRENCH.article_id,
}


def house() -> House:
    """A console that has something to show on every page, some of it hostile."""
    made = house_with(TOLD, *OTHERS, alert(7, about=TOLD))
    made.kept.records.append(ARTICLE_OF_IT)
    made.records.put(FEEDS, FEED)
    made.records.put(SUBSCRIPTIONS, DESK)
    made.desk.put(SENT)
    made.records.put(SILENCES, QUIET)
    made.records.put(SHADOWS, FOLLOWED)
    made.letters.bury(LETTER, readable(offset=3))
    made.topics.on[ARTICLES] = [raw(ARTICLE, 1), raw(EVIL.encode(), 2), raw(None, 3)]
    return made


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
async def test_a_page_shows_what_it_has_and_runs_nothing_that_came_with_it(page: Page, role: Role) -> None:
    async with house().client(role) as client:
        answer = await client.get(page.path.format(**PARTS))
    if not all(role.may(LEAST_ROLE["GET", place.partition("?")[0]]) for place in page.needs.values()):
        assert (answer.status_code, "this needs the role" in answer.text) == (403, True)
        return
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert EVIL not in answer.text
    assert "javascript:" not in answer.text
    assert "user:secret" not in answer.text
    # what the policy would not let happen is not there either
    assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text)
    assert re.findall(r"<script[^>]*>", answer.text) == [f'<script src="{_address("chancery.js", answer.text)}" defer>']


def _address(name: str, page: str) -> str:
    found = re.search(rf'"(/static/{re.escape(name)}\?[0-9a-f]+)"', page)
    assert found
    return found[1]


async def test_forms_for_changes_are_for_who_may_change() -> None:
    async with house().client(Role.ANALYST) as analyst, house().client(Role.OPERATOR) as operator:
        path = f"/feeds/{FEED.feed_id}"
        assert f"DELETE /v1{path}" not in (await analyst.get(path)).text
        assert f"DELETE /v1{path}" in (await operator.get(path)).text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
async def test_a_form_for_the_script_goes_nowhere_without_it(page: Page) -> None:
    """As a GET of this page it would put a secret that was typed into an address, and so into logs."""
    async with house().client(Role.ADMIN) as client:
        text = (await client.get(page.path.format(**PARTS))).text
    assert all('method="dialog"' in form for form in re.findall(r"<form[^>]*>", text) if "data-api" in form)
    assert not any(
        'type="password"' in form for form in re.findall(r'<form[^>]*method="get".*?</form>', text, re.DOTALL)
    )


async def test_links_keep_what_is_asked_and_ask_nothing_of_what_was_left_empty() -> None:
    more = house_with(*(numbered(n, minutes=n) for n in range(3)))
    async with more.client(Role.VIEWER) as client:
        asked = "severity=severe&severity=extreme&certainty=&since=2024-01-01T00:00:00Z&q=&limit=2"
        text = (await client.get(f"/incidents?{asked}")).text
        links = [html.unescape(link) for link in re.findall(r'href="([^"]*severity=[^"]+)"', text)]
        assert len(links) == 3
        for link in links:
            kept = parse_qs(urlsplit(link).query)
            assert (kept["severity"], kept["since"]) == (["severe", "extreme"], ["2024-01-01T00:00:00Z"])
            assert (await client.get(link if link[0] == "/" else f"/incidents{link}")).status_code == 200


async def test_records_are_shown_in_the_letters_of_their_language() -> None:
    shown = house()
    article = ARTICLE.model_copy(update={"title": "Посольство 大使馆"})
    shown.topics.on[ARTICLES] = [raw(article, 1)]
    async with shown.client(Role.OPERATOR) as client:
        assert "Посольство 大使馆" in (await client.get("/topics/articles")).text


async def test_what_the_api_refuses_the_page_says_in_words() -> None:
    async with house().client(Role.VIEWER) as client:
        missing = await client.get("/feeds/feed_" + "a" * 26)
        assert (missing.status_code, "is watched" in missing.text) == (404, True)
        bad = await client.get("/feeds?limit=none")
        assert (bad.status_code, "query limit" in bad.text) == (422, True)


async def test_files_of_the_page_are_there_and_its_start_leads_to_the_first_page() -> None:
    async with house().client(Role.VIEWER) as client:
        page = (await client.get("/feeds")).text
        for name in (each.name for each in STATIC.iterdir()):
            assert (await client.get(_address(name, page))).status_code == 200
        assert (await client.get("/")).headers["location"] == NAVIGATION[0][0]
        assert (await client.get("/static/../rendering.py")).status_code == 404


def test_every_page_of_the_navigation_is_one() -> None:
    assert {address for address, _ in NAVIGATION} <= {page.path for page in PAGES}


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (5_400, "2 h"), (86_400, "1 d"), (0.4, "0 s")]
)
def test_spans(seconds: float, told: str) -> None:
    assert span(seconds) == told


def test_countries_have_names() -> None:
    assert [country(code) for code in ("IQ", "ZZZ", None)] == ["Iraq", "ZZZ", ""]
