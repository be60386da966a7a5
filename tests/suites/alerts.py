"""Alerts as bad as they can be: hostile, long and strange texts in every place that holds one."""

from datetime import UTC

from hypothesis import strategies as st

from services.contracts.alert import Alert, ChangeKind, Urgency
from services.contracts.article import Source
from services.contracts.feed import SourceGrade
from services.contracts.ids import FeedId
from services.contracts.incident import Incident, SourceClaim, TimeLedger
from services.contracts.report import Certainty, Count, DatePrecision, IncidentType, Outcome, Relation, Severity, Site
from tests.unit.notify import given

HOSTILE = (
    "<!channel>",
    "<!here|here>",
    "<@U024BE7LH>",
    "@channel @here @everyone",
    "<https://evil.example/|https://bank.example/>",
    "[bank](https://evil.example)",
    "https://evil.example/\u202egnp.exe",
    "&amp;lt;!channel&amp;gt;",
    "&<>\"'\\",
    "*bold* _it_ ~no~ `code` ```block```",
    "line\nline\r\n\u2028line\u0085",
    "\u202e\u2066\u2067\u200b\ufeff\u00ad",
    "\x00\x07\x1b[31m",
    "𝕏𐍈🧨🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "e\u0301\u0302\u0303",
    "‏سقطت ثلاثة صواريخ",
    "使馆附近发生爆炸",
    ":skull: :white_check_mark:",
    "> quoted",
    "{{{DATE(2017-02-14T06:08:39Z,SHORT)}}}",
    "e" + "\u0301" * 8 + "\u200d" * 8,
    "word ",
    "x",
    "",
    '{"a": 1}, </script><script>',
)
texts = st.one_of(
    st.text(max_size=60),
    st.builds(lambda piece, times: piece * times, st.sampled_from(HOSTILE), st.integers(1, 3_000)),
    st.lists(st.sampled_from(HOSTILE), max_size=8).map("".join),
)
maybe_texts = st.none() | texts
urls = st.one_of(
    st.none(),
    texts,
    st.builds(lambda tail: f"https://news.example/{tail}", texts),
    st.sampled_from(
        (
            "https://bank.example@evil.example/",
            "https://evil.example\\@bank.example/",
            "https://evil.example|bank.example/",
            "https://ex\u0430mple.example/",
            "https://[::1]/",
            "https://[",
            "javascript:alert(1)",
            "https://news.example:99999/",
            "https://news.example/<!channel>|x",
        )
    ),
)
counts = st.none() | st.builds(
    lambda low, more: Count(low=low, high=None if more is None else low + more),
    st.integers(0, 10**9),
    st.none() | st.integers(0, 10**9),
)
moments = st.datetimes(timezones=st.just(UTC))
dates = st.none() | st.dates()
ledgers = st.builds(
    TimeLedger,
    event_date=dates,
    published_at=st.none() | moments,
    fetched_at=moments,
    reported_at=moments,
    correlated_at=moments,
)
sites = st.builds(
    Site, sending_state=maybe_texts, host_state=maybe_texts, city=maybe_texts, area=maybe_texts, lat=st.none()
)
sources = st.builds(Source, feed_id=st.just(FeedId("feed_1")), name=texts, grade=st.sampled_from(SourceGrade))
claims: st.SearchStrategy[SourceClaim] = st.builds(
    lambda number, changes: given.claim(number, **changes),
    st.integers(1, 500),
    st.fixed_dictionaries({"source": sources, "url": urls, "title": texts, "quote": texts, "language": texts}),
)


@st.composite
def _claims(draw: st.DrawFn) -> tuple[SourceClaim, ...]:
    few = draw(st.lists(claims, max_size=4))
    copies = draw(st.sampled_from((1, 1, 1, 40)))
    return tuple(
        claim.model_copy(update={"url": f"{claim.url}{copy}" if copy else claim.url})
        for copy in range(copies)
        for claim in few
    )


incidents: st.SearchStrategy[Incident] = st.builds(
    lambda changes: given.incident(**changes),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(IncidentType),
            "outcome": st.sampled_from(Outcome),
            "relation": st.sampled_from(Relation),
            "severity": st.sampled_from(Severity),
            "certainty": st.sampled_from(Certainty),
            "date": dates,
            "date_precision": st.sampled_from(DatePrecision),
            "site": sites,
            "killed": counts,
            "wounded": counts,
            "weapon": maybe_texts,
            "damage": maybe_texts,
            "defence": maybe_texts,
            "claimed_by": st.lists(texts, max_size=12).map(tuple),
            "independent_sources": st.integers(0, 10**6),
            "claims": _claims(),
            "ledger": ledgers,
        }
    ),
)
alerts: st.SearchStrategy[Alert] = st.builds(
    lambda about, changes: given.alert(about=about, **changes),
    incidents,
    st.fixed_dictionaries(
        {
            "change": st.sampled_from(ChangeKind),
            "urgency": st.sampled_from(Urgency),
            "reason": texts,
            "headline": texts,
            "exercise": st.booleans(),
        }
    ),
)
