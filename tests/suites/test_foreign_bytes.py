"""Every parser of bytes that others send: whatever they are, it reads them or refuses them in its own words, twice the
same. docs/security.md lists all parsers; feeds and pages have laws of their own in tests/unit/ingest/test_fuzz.py."""

import dataclasses
import gc
import gzip
import json
import re
import tomllib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import zstandard
from hypothesis import given as for_all
from hypothesis import strategies as st

from services import classify
from services.classify.adapters import gazetteer
from services.classify.core.reading.gazetteer import City
from services.classify.core.reading.lexicon import compile_lexicon
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.sites import site_lists, wikidata
from services.cli.evaluate import UnusableGold, read_gold
from services.console.core import browsing, etags, paging
from services.console.core.changes import Ring
from services.console.core.paging import BadCursor
from services.console.core.slack import NotUnderstood, read_click, why_not_signed
from services.contracts import codec, ids
from services.contracts.codec import Undecodable, decode, encode
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.ids import DeliveryId, FeedId, SubscriptionId
from services.contracts.topics import TOPICS
from services.ingest.core import caching, opml, robots, websub
from services.ingest.core.address import BadAddress, feed_url
from services.ingest.core.opml import OpmlError
from services.notify.core import retry
from services.notify.core.channels import CHANNELS
from services.notify.core.status import Answer
from services.replay.adapters.archive import manifest_of
from services.replay.backup import read_backup
from services.replay.core.recording import BadRecording
from services.runtime.settings import SettingsError, load_settings, setting_names
from tests.contracts.examples import ALERT, DEAD_LETTER, DELIVERY, EXAMPLES, FEED
from tests.suites.damage import damaged, damaged_json, fuzzed
from tests.unit.replay.recordings import recorded, written

RULES = Path(classify.__path__[0])
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclasses.dataclass(frozen=True)
class Parser:
    """`read` raises only `refusals`; `whole` are documents that it reads."""

    read: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    whole: Sequence[bytes]
    is_json: bool = False


def of_text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """A header comes as text, each byte a character (RFC 9110, 5.5)."""
    return lambda given: read(given.decode("latin-1"))


def of_file(name: str, read: Callable[[Path], object], directory: Path) -> Callable[[bytes], object]:
    def written_and_read(given: bytes) -> object:
        (directory / name).write_bytes(given)
        return read(directory / name)

    return written_and_read


ROBOTS = (
    b"User-agent: *\nDisallow: /private*$\nCrawl-delay: 2\nSitemap: https://a.example/s\n\nUser-agent: x\nAllow: /\n"
)
OPML = opml.write([FEED, FEED.model_copy(update={"url": "https://b.example/", "title": "\u202e"})])
HUB = urlencode(
    {"hub.mode": "subscribe", "hub.topic": "https://a.example/", "hub.challenge": "x", "hub.lease_seconds": 9}
)
CLICK = json.dumps({
    "type": "block_actions", "user": {"id": "U024BE7LH", "username": "ana"}, "team": {"id": "T0001"},
    "actions": [{"action_id": "confirm", "value": "inc_1"}], "message": {"ts": "1714650000.000100"},
    "response_url": "https://hooks.example/",
}).encode()  # fmt: skip
CSV = b'name,lat,lon,radius_m,kind,sending_state,group\n"Embassy, US",33.3,44.4,500,embassy,US,a; b\nOffice,1,2,,,,\n'
GEOJSON = json.dumps(
    {"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [44.4, 33.3]}, "properties": {"name": "X"}}]}
).encode()  # fmt: skip
CELLS = {
    "mission": "http://www.wikidata.org/entity/Q1", "missionLabel": "Embassy", "coordinates": "Point(44.39 33.29)",
    "class": "http://www.wikidata.org/entity/Q3917681", "sender": "US", "host": "IQ", "cityLabel": "Baghdad",
}  # fmt: skip
MISSIONS = json.dumps({"results": {"bindings": [{name: {"value": text} for name, text in CELLS.items()}]}}).encode()
GOLD = json.dumps(
    {"id": 1, "text": "Two men.", "date": "2020-12-21", "lang": "en", "label_any_incident": True,
     "label_diplomatic": False,
     "incidents": [{"type": "BOMBING", "date_latest": "2020-12-20", "country": "Iraq", "city": "Baghdad",
                    "location": "IRAQ: BAGHDAD (CITY)", "killed": {"low": 1, "high": None}}]}
).encode()  # fmt: skip
EXPECTED = b'{"text": "x", "expect": {"alerts": 1, "report": [{"type": "bombing_ied", "killed": [1, 2], "city": "A"}]}}'
CASES = (
    b'[[case]]\nname = "a"\ntext = "b"\npublished = 2020-12-21\nkind = "negative"\n[[case.report]]\nkilled = [1, 2]\n'
)
ANSWERS = [
    b'{"ok":true,"ts":"1714650000.000100","channel":"C1"}', b'{"ok":false,"error":"invalid_blocks"}',
    b'{"code": 50035, "message": "no"}', b"250 2.0.0 queued as 1", b"550 5.1.1 no such user", b"ok",
    b'{"status":"success","dedup_key":"x"}', b'{"id":"abc","event":"message"}',
]  # fmt: skip
HEADERS = [
    b"120", b"Sun, 01 Mar 2026 14:00:00 GMT", b"Sunday, 01-Mar-26 14:00:00 GMT", b"Sun Mar  1 14:00:00 2026",
    b"Sun, 01 Mar 2026 14:00:00 +99999999999999999999", b"max-age=600, no-cache", b'W/"abc", "def"', b"*",
]  # fmt: skip
URLS = [b"https://user:pw@a.example:8080/x?y#z", b"feed://a.example/", b"http://[::1%25lo]/", b"http://a..b/\xc3\xa9"]


def endpoint_answer(given: bytes) -> object:
    told = []
    for rules in CHANNELS.values():
        for status in (200, 204, 400, 404, 429, None):
            answer = Answer(http_status=status, body=given.decode("utf-8", "replace"))
            told.append((rules.judge(answer), rules.receipt(DeliveryId("dlv_1"), b"{}", answer.body)))
    return told


def header(given: str) -> object:
    wait = retry.retry_after_s(given, NOW)
    assert wait is None or 0 <= wait <= retry.LONGEST_WAIT_S
    fresh = caching.freshness(given, expires=given, date=given, age=given, now=NOW)
    ring = Ring("epoch", 9)
    ring.add()
    return (
        caching.retry_after(given, NOW),
        caching.moment(given),
        fresh,
        caching.conditions(given, given),
        etags.is_current(given, '"x"'),
        etags.may_change(given, FEED),
        websub.Signature(given, b"key", FeedId("feed_a"), "https://hub.example/").holds,
        why_not_signed("secret", given, given, b"body", NOW) == "",
        ring.after(given) is None,
    )


def cursor(given: str) -> object:
    try:
        return paging.page(["a", "b"], lambda item: (item,), 1, given)
    except BadCursor:
        return browsing.positions_of(given)


def shown(topic_of: int) -> Callable[[bytes], object]:
    def show(given: bytes) -> object:
        raw = browsing.Raw(0, 1, NOW, given[:9], given, (("ce_id", given[:9]),))
        letter = DEAD_LETTER.model_copy(update={"original_value": given, "original_topic": f"x.{topic.name}"})
        return json.dumps(
            [dataclasses.asdict(browsing.seen(topic, raw, "x.")), dataclasses.asdict(browsing.original(letter, "x."))],
            default=str,
        )

    topic = TOPICS[topic_of]
    return show


def small(table: Any) -> Any:
    """Rules with a few words of each kind."""
    if isinstance(table, dict):
        return {key: small(value) for key, value in table.items() if not isinstance(value, date)}
    return [small(each) for each in table[:2]] if isinstance(table, list) else table


def rules_in(*names: str) -> bytes:
    """The tables of these files, small."""
    tables: dict[str, Any] = {}
    for name in names:
        tables |= small(tomllib.loads((RULES / name).read_text()))
    return json.dumps(tables).encode()


def lexicon(given: bytes) -> object:
    made = compile_lexicon("tr.toml", _table(given), STATE_NAMES, {"ocak": 1}, {"pazartesi": 0})
    return made.code, made.words


STATE_NAMES = {code: (code,) for code in gazetteer.STATES}
GAZETTEER = tuple(f"gazetteer/{name}.toml" for name in ("cities", "missions", "offices", "seats"))
FEW = frozenset({"Astana", "Ulan Bator", "Baghdad", "Kabul", "Rome", "Tel Aviv", "Jerusalem", "New York", "Geneva"})


def few_cities() -> tuple[Sequence[City], Sequence[tuple[str, ...]]]:
    """All of them would take a second each time."""
    cities, names = gazetteer._cities()
    kept = [number for number, city in enumerate(cities) if city.name in FEW]
    return [cities[number] for number in kept], [names[number] for number in kept]


def places(given: bytes) -> object:
    made = gazetteer.load_gazetteer({Path("places.toml"): _table(given)}, {}, [], [])
    return made.cities


def _table(given: bytes) -> Mapping[str, Any]:
    """What a TOML file may hold of it."""
    table = json.loads(given)
    return table if isinstance(table, dict) else {}


def recording_in(directory: Path) -> bytes:
    by_type = {topic.record_type: topic for topic in TOPICS}
    records = [recorded(number, each, by_type[type(each)]) for number, each in enumerate(EXAMPLES)]
    written(directory / "whole", records, *TOPICS)
    return (directory / "whole").read_bytes()


def resealed(lines: bytes, old: bytes, new: bytes) -> bytes:
    """A recording that says something else, and is whole."""
    *told, seal = lines.replace(old, new).splitlines(keepends=True)
    return b"".join(told) + re.sub(
        rb'"sha256":"[0-9a-f]+', b'"sha256":"' + sha256(b"".join(told)).hexdigest().encode(), seal
    )


@pytest.fixture(scope="module")
def parsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Parser]]:
    few = few_cities()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gazetteer, "_cities", lambda: few)
        yield all_parsers(tmp_path_factory)


def all_parsers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Parser]:
    directory = tmp_path_factory.mktemp("foreign")
    recording = recording_in(directory)
    lines = zstandard.ZstdDecompressor().stream_reader(recording, read_across_frames=True).read(10_000_000)
    packer = zstandard.ZstdCompressor(level=1)

    def packed(read: Callable[[bytes], object]) -> Callable[[bytes], object]:
        return lambda given: read(packer.compress(given))

    of_recording, of_backup = (of_file("r", read, directory) for read in (manifest_of, read_backup))
    gold = {kind: of_file(f"gold.{kind}", read_gold, directory) for kind in ("jsonl", "jsonl.gz", "toml")}
    return {
        "OPML": Parser(opml.read, (OpmlError,), [OPML]),
        "robots.txt": Parser(lambda b: robots.permission(b, "https://a.example/private", "x/1"), (), [ROBOTS]),
        "an address": Parser(of_text(feed_url), (BadAddress,), URLS),
        "a header": Parser(of_text(header), (), HEADERS),
        "a hub's question": Parser(websub.intent, (), [HUB.encode()]),
        "a hub's path": Parser(of_text(websub.callback), (), [b"/x/websub/feed_a/0f0f"]),
        "a press of a button": Parser(read_click, (NotUnderstood,), [urlencode({"payload": CLICK}).encode()]),
        "what is in it": Parser(
            lambda b: read_click(urlencode({"payload": b}).encode()), (NotUnderstood,), [CLICK], True
        ),
        "an endpoint's answer": Parser(endpoint_answer, (), ANSWERS),
        "a cursor": Parser(of_text(cursor), (BadCursor,), [b"WyJhIl0", browsing.cursor_of({0: 1, 3: 2**40}).encode()]),
        "a recording": Parser(of_recording, (BadRecording,), [recording]),
        "its lines": Parser(packed(of_recording), (BadRecording,), [lines]),
        "a back-up": Parser(packed(of_backup), (BadRecording,), [resealed(lines, b'"whole":false', b'"whole":true')]),
        "a list of sites": Parser(lambda b: site_lists.read(b, "list"), (site_lists.UnreadableList,), [CSV]),
        "one as GeoJSON": Parser(
            lambda b: site_lists.read(b, "list", 9.0), (site_lists.UnreadableList,), [GEOJSON], True
        ),
        "the query service": Parser(wikidata.sites_in, (site_lists.UnreadableList,), [MISSIONS], True),
        "gold": Parser(gold["jsonl"], (UnusableGold,), [GOLD, EXPECTED], True),
        "packed gold": Parser(gold["jsonl.gz"], (UnusableGold,), [gzip.compress(GOLD + b"\n" + EXPECTED)]),
        "golden cases": Parser(gold["toml"], (UnusableGold,), [CASES]),
        "a lexicon": Parser(lexicon, (LexiconError,), [rules_in("lexicons/tr.toml")], True),
        "a gazetteer": Parser(places, (LexiconError,), [rules_in(*GAZETTEER)], True),
    }  # fmt: skip


NAMES = (
    "OPML", "robots.txt", "an address", "a header", "a hub's question", "a hub's path", "a press of a button",
    "what is in it", "an endpoint's answer", "a cursor", "a recording", "its lines", "a back-up", "a list of sites",
    "one as GeoJSON", "the query service", "gold", "packed gold", "golden cases", "a lexicon", "a gazetteer",
)  # fmt: skip


def test_every_parser_is_tried_and_reads_what_is_whole(parsers: Mapping[str, Parser]) -> None:
    assert tuple(parsers) == NAMES
    for parser in parsers.values():
        for whole in parser.whole:
            parser.read(whole)


def holds(parser: Parser, given: bytes) -> None:
    def ended() -> object:
        try:
            return parser.read(given)
        except parser.refusals as refusal:
            return str(refusal)

    end = ended()
    assert end == ended()
    assert end != "", "a refusal says why"


@pytest.mark.parametrize("name", NAMES)
def test_whatever_comes_is_read_or_refused(name: str, parsers: Mapping[str, Parser]) -> None:
    parser = parsers[name]

    @fuzzed(100)
    @for_all(damaged_json(parser.whole) if parser.is_json else damaged(parser.whole))
    def law(given: bytes) -> None:
        holds(parser, given)

    law()


@pytest.mark.parametrize("number", range(len(TOPICS)), ids=[topic.name for topic in TOPICS])
def test_whatever_lies_on_a_topic_is_a_record_or_a_dead_letter_and_can_be_looked_at(number: int) -> None:
    topic = TOPICS[number]
    whole = [encode(each) for each in EXAMPLES if isinstance(each, topic.record_type)]
    records = Parser(lambda given: decode(given, topic.record_type), (Undecodable,), whole)
    window = Parser(shown(number), (), whole)

    @fuzzed(50)
    @for_all(damaged(whole) | damaged_json(whole))
    def law(given: bytes) -> None:
        holds(records, given)
        holds(window, given)

    law()


@fuzzed(300)
@for_all(st.sampled_from(sorted(setting_names())), damaged([b"1", b"true", b"127.0.0.1:9092", b"a,b", b'["a"]', b"{}"]))
def test_whatever_the_environment_says_is_taken_or_named(name: str, given: bytes) -> None:
    holds(Parser(of_text(lambda text: load_settings({name: text})), (SettingsError,), []), given)


class WholeDelivery(Delivery):
    """Decoded in one go."""

    SHARED = None


PENDING = DELIVERY.model_copy(update={"state": DeliveryState.PENDING, "alert": ALERT, "reason": ',"alert":{'})
AS_WRITTEN = encode(PENDING)
TWICE = AS_WRITTEN[:-1] + b"," + AS_WRITTEN[AS_WRITTEN.rindex(b'"alert":{') :]


@pytest.mark.parametrize("value", [AS_WRITTEN, AS_WRITTEN + b"}", AS_WRITTEN[:-1], AS_WRITTEN + b" ", TWICE])
def test_an_alert_that_was_decoded_before_is_what_it_would_be(value: bytes) -> None:
    assert decoded(value, Delivery) == decoded(value, WholeDelivery)


@fuzzed(300)
@for_all(
    damaged([AS_WRITTEN, encode(DELIVERY)])
    | damaged_json([AS_WRITTEN], lambda value: json.dumps(value, separators=(",", ":")).encode())
)
def test_whatever_is_written_beside_an_alert_it_is_decoded_as_in_one_go(value: bytes) -> None:
    assert decoded(value, Delivery) == decoded(value, WholeDelivery)


def decoded(value: bytes, record_type: type[Delivery]) -> bytes | str:
    """The record as it would be written, or why there is none."""
    try:
        return encode(decode(value, record_type))
    except Undecodable as error:
        return error.reason


def test_one_alert_on_its_way_to_many_is_held_once() -> None:
    others = [ids.delivery_id(ALERT.alert_id, SubscriptionId(f"sub_{number}")) for number in range(2)]
    one, other = (
        decode(encode(PENDING.model_copy(update={"delivery_id": each, "subscription_id": f"sub_{number}"})), Delivery)
        for number, each in enumerate(others)
    )
    assert one.alert is other.alert is not None


def test_an_alert_is_held_once_for_as_long_as_it_is_on_its_way() -> None:
    """Of a backlog there are more alerts than are kept for records to come, and each comes once a partition."""
    codec._shared.cache_clear()
    one = decode(AS_WRITTEN, Delivery)
    codec._shared.cache_clear()
    assert decode(AS_WRITTEN, Delivery).alert is one.alert
    codec._shared.cache_clear()
    assert one.alert is not None
    held = weakref.ref(one.alert)
    del one
    gc.collect()
    assert held() is None
