"""The pipeline from an article's text to its classification: pure, deterministic, total, linear.

What is read is bounded: the first `MAX_CHARACTERS` of title and text. Words after that are not looked at.
"""

import datetime as dt
import re
from collections.abc import Callable
from operator import itemgetter

from services.classify.core.reading.article import MAX_CHARACTERS, ArticleText, Explanation, Work
from services.classify.core.reading.coreference import refer_back
from services.classify.core.reading.findings import finding_of, rejection_of
from services.classify.core.reading.gist import Gist, Mention
from services.classify.core.reading.incidents import group, is_rejected_elsewhere
from services.classify.core.reading.language import Profile, identify, script_of
from services.classify.core.reading.matcher import SUPPORT_LAYERS, TRIGGER_LAYERS
from services.classify.core.reading.mentions import read_mentions
from services.classify.core.reading.places import article_focus, find_places, without_stray_cities
from services.classify.core.reading.rules import Rules
from services.classify.core.reading.scan import Resolver, collect, find
from services.classify.core.reading.site_mentions import SiteReader
from services.classify.core.reading.specificity import Specificity, specificity, tone_of
from services.classify.core.reading.standings import set_standings
from services.classify.core.reading.text import fold, indexes_at, split_sentences
from services.classify.core.reading.towns import with_namesakes, with_references, with_unlisted, without_regions
from services.contracts.report import Classification, DatePrecision, Relation

Stage = Callable[["Reader", Work], bool]
"""Does its part and says whether there is reason to go on."""


def _fold(reader: "Reader", work: Work) -> bool:
    work.folded = fold(work.article.full_text[:MAX_CHARACTERS])
    return True


def _identify(reader: "Reader", work: Work) -> bool:
    work.language = identify(work.folded.norm, work.folded.clean, reader.profiles, work.article.language_hint)
    work.lexicon = work.rules.lexicons.get(work.language)
    return work.lexicon is not None


def _scan(reader: "Reader", work: Work) -> bool:
    assert work.lexicon is not None
    work.matches = find(work.lexicon.matcher, work.folded)
    return not work.lexicon.matcher.triggers.isdisjoint(map(_PATTERN, work.matches))


_PATTERN = itemgetter(0)


def _starts(work: Work) -> list[int]:
    """Where the sentences begin; they are cut when first asked for, since most articles end before."""
    if not work.sentences:
        assert work.lexicon is not None
        work.sentences = split_sentences(
            work.folded.clean, _title_length(work), work.lexicon.abbreviations, work.lexicon.months
        )
        work.starts = [sentence.start for sentence in work.sentences]
    return work.starts


def _title_length(work: Work) -> int:
    title = len(work.article.title) if work.article.title else 0
    if work.folded.offsets is not None and title:
        return next((i for i, offset in enumerate(work.folded.offsets) if offset >= title), 0)
    return title


def _collect(reader: "Reader", work: Work) -> bool:
    assert work.lexicon is not None
    gate = work.lexicon.matcher.triggers_and_masks
    work.resolver = Resolver(work.lexicon.matcher, work.folded)
    work.resolver.resolve([match for match in work.matches if match[0] in gate], lambda: _starts(work))
    return work.resolver.has(*TRIGGER_LAYERS)  # else there were only the first words of longer terms


def _name(reader: "Reader", work: Work) -> bool:
    assert work.lexicon is not None
    assert work.resolver is not None
    matcher, resolver = work.lexicon.matcher, work.resolver
    names = work.rules.gazetteer.part(reader.profiles[work.lexicon.code].script).matcher
    work.named = collect(names, work.folded, find(names, work.folded))
    strong = "events" in resolver.layers or bool(work.named.all("special"))
    # A weak word tells nothing without a site or, for an impact, a weapon.
    if not strong and matcher.supports.isdisjoint(map(_PATTERN, work.matches)):
        return False
    gate = matcher.triggers_and_masks
    resolver.resolve([match for match in work.matches if match[0] not in gate], lambda: _starts(work))
    work.hits = hits = resolver.hits()
    supports = (*(hits.all(layer) for layer in ("events", *SUPPORT_LAYERS)), work.named.all("special"))
    return any(supports)


_DATELINE = re.compile(
    r"^[^\n.]{2,60}?(?:\([^)]{2,30}\)|\d{1,2} \w{3,9}\.? \d{2,4})?\s*(?:--|[–—]| - |: )"
    r"|^[^\n.]{2,60}?(?:\.[^\n.]{0,12})?\.\s?[-–—]+\s"  # "Lima, 18 dic. (EFE).- "
    r"|^[^\n。，]{0,20}?[社报報网網综綜][^\n。，]{0,24}?[电電讯訊](?:报道|報導)?[）)】，]"  # 新华社利马12月17日电
)

_SECOND_DATELINE = re.compile(r"[^\W\d_a-zà-ý][^\n.,a-zà-ý]{1,30}, \d{1,2} \w{3,9}\.?(?: \d{2,4})? ?[-–—]+ ")
"""What may follow an agency's name: "(ANSA) - BAGHDAD, 21 DIC - ..."."""


def _sentences(reader: "Reader", work: Work) -> bool:
    _starts(work)
    title = _title_length(work)
    body = title + 1 if title else 0
    match = _DATELINE.match(work.folded.clean[body : body + 120])
    end = body + match.end() if match else 0
    second = _SECOND_DATELINE.match(work.folded.clean[end : end + 60]) if match else None
    end += second.end() if second else 0
    # "Bomb alert at the embassy in Rome: ..." begins like a dateline but tells something.
    work.dateline_end = 0 if work.hits.triggers(body, end) else end
    published = work.article.published_at
    work.published = published.date() if published else None
    return True


def _places(reader: "Reader", work: Work) -> bool:
    assert work.lexicon is not None
    hint = work.article.country_hint
    found = find_places(work.folded, work.hits, work.named, work.lexicon, work.rules.gazetteer, hint)
    found = without_regions(work.folded, found, work.lexicon)
    work.places = without_stray_cities(work.folded, found, work.lexicon, hint, work.dateline_end)
    work.focus = article_focus(work.folded, work.hits, work.places, work.lexicon, hint, work.dateline_end)
    work.places = with_namesakes(work.folded, work.hits, work.places, work.lexicon, work.focus, work.dateline_end)
    work.places = with_unlisted(work.folded, work.hits, work.places, work.lexicon, work.focus)
    work.places = with_references(work.folded, work.hits, work.places, work.lexicon, work.focus, work.rules.gazetteer)
    return True


def _sites(reader: "Reader", work: Work) -> bool:
    assert work.lexicon is not None
    site_reader = SiteReader(work.folded, work.hits, work.places, work.lexicon, work.focus, work.rules.gazetteer)
    named = (place.start for place in work.places if place.special)
    for index in indexes_at(work.starts, (*(hit.start for hit in work.hits.all("sites")), *named)):
        found = site_reader.read(work.sentences[index])
        if found:
            work.sites[index] = found
    return True


def _refer_back(reader: "Reader", work: Work) -> bool:
    refer_back(work.sites)
    return True


_DATELINE_DAYS = 3
"""An article appears within so many days of its dateline."""


def _day_of_writing(work: Work) -> dt.date | None:
    """The day that "today" means: that of the dateline, if it tells one, for papers print it a day late."""
    assert work.lexicon is not None
    if work.published is None or not work.dateline_end:
        return work.published
    dates = work.rules.dates[work.lexicon.code]
    told = dates.read(work.folded.norm, _title_length(work), work.dateline_end, work.published)
    days = [when.date for when in told if when.date and when.precision is DatePrecision.DAY]
    return days[-1] if days and 0 <= (work.published - days[-1]).days <= _DATELINE_DAYS else work.published


def _read(reader: "Reader", work: Work) -> bool:
    lexicon = work.lexicon
    assert lexicon is not None
    work.published = _day_of_writing(work)
    work.gist = Gist(
        work.folded, lexicon, work.hits, work.sentences, work.places, work.focus, work.rules.dates[lexicon.code],
        work.rules.numbers[lexicon.code], work.published, work.dateline_end,
    )  # fmt: skip
    work.told = list(read_mentions(work.gist, work.sites))
    return bool(work.told)


def _group(reader: "Reader", work: Work) -> bool:
    assert work.gist is not None
    work.incidents = group(work.gist, work.told)
    set_standings(work.gist, work.incidents)
    return True


def _weigh(reader: "Reader", work: Work) -> bool:
    """Keep what concerns no diplomatic site only where it is told as a concrete incident."""
    assert work.gist is not None
    if not work.hits.all("actors"):
        return True
    tone = tone_of(work.gist, sum(isinstance(item, Mention) for item in work.told))
    for incident in work.incidents:
        if incident.relation is Relation.NONE:
            best = max((specificity(work.gist, mention, tone) for mention in incident.mentions), key=_points)
            incident.rejected = is_rejected_elsewhere(incident) or not best.enough
            incident.unspecific = None if best.enough else best.reason
    return True


def _points(measured: Specificity) -> float:
    return measured.points


def _conclude(reader: "Reader", work: Work) -> bool:
    for incident in work.incidents:
        if incident.rejected:
            work.rejections.append(rejection_of(work, incident))
        else:
            work.findings.append(finding_of(work, incident))
    return True


STAGES: tuple[tuple[str, Stage], ...] = (
    ("fold", _fold),
    ("identify", _identify),  # before the scan: each language has its own automaton
    ("scan", _scan),  # most of the world's news ends here, without a word that could begin an incident
    ("collect", _collect),  # the triggers among the words seen
    ("name", _name),  # of places, and all other words; what has only weak ones and nothing that makes them count ends
    ("sentences", _sentences),
    ("places", _places),
    ("sites", _sites),  # after places: a site is composed of a noun and the places around it
    ("coreference", _refer_back),
    ("read", _read),
    ("group", _group),
    ("weigh", _weigh),  # after group: the most concrete telling speaks for its incident
    ("conclude", _conclude),  # last: standing depends on all incidents of the article
)


class Reader:
    """Reads articles by one set of rules. Build once; `read` never raises and keeps no state."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

        self.profiles = {
            code: Profile(
                lexicon.words,
                lexicon.letters,
                script_of(" ".join(sorted(lexicon.words))),
                vocabulary=lexicon.vocabulary,
            )
            for code, lexicon in rules.lexicons.items()
        }
        for code, (words, letters) in rules.strangers.items():
            if code not in self.profiles:
                script = script_of(" ".join(sorted(words)) or letters)
                self.profiles[code] = Profile(words, letters, script, stranger=True)

    def prepare(self) -> None:
        """Build now what the first article of each language would have to wait for. Changes no reading."""
        for code, lexicon in self.rules.lexicons.items():
            places = self.rules.gazetteer.part(self.profiles[code].script)
            matcher = lexicon.matcher
            _ = matcher.automaton, places.matcher.automaton
            _ = matcher.triggers, matcher.triggers_and_masks, matcher.supports

    def read(self, article: ArticleText) -> Classification:
        """What the article says happened."""
        return self._classification(self._work(article))

    def explain(self, article: ArticleText) -> Explanation:
        """The classification, and every candidate that was rejected with the gates that spoke."""
        work = self._work(article)
        return Explanation(self._classification(work), tuple(work.rejections), work.stopped_at)

    def _work(self, article: ArticleText) -> Work:
        work = Work(article, self.rules)
        for name, stage in STAGES:
            if not stage(self, work):
                work.stopped_at = name
                break
        return work

    def _classification(self, work: Work) -> Classification:
        return Classification(
            id=work.article.id,
            language=work.language,
            ruleset_version=self.rules.version,
            reports=tuple(work.findings),
        )
