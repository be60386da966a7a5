"""Places and diplomatic sites, composed from what stands around a site noun.

Direction is read from the links between words ("of", "in" and their like in `roles`), not from order alone:
"Iraqi embassy in Washington" and "US embassy in Iraq" have the same words. A state inside its own embassy's address
is refused, so a government's capital with a speech verb never becomes a host city.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from services.classify.core.reading.gazetteer import City, Gazetteer, SpecialPlace, best_city
from services.classify.core.reading.lexicon import Lexicon
from services.classify.core.reading.places import Focus, Place, is_known, is_located
from services.classify.core.reading.scan import Hit, Hits
from services.classify.core.reading.text import MOST_IN_A_SENTENCE, Folded, Sentence, fold_term
from services.classify.core.reading.towns import name_after
from services.contracts.report import PlacePrecision, SiteKind

_BEFORE, _AFTER = 70, 90


_MAX_LINK = 3


_MAX_MARKED, _MAX_GAP = 8, 4
"""Characters, where no spaces are written: of a word for "in" with what may stand before it (将驻, 暂时关闭驻), and
between a place and its noun at most."""


ABROAD = frozenset({SiteKind.EMBASSY, SiteKind.CONSULATE, SiteKind.CHANCERY, SiteKind.RESIDENCE, SiteKind.NUNCIATURE})


_IN_REACH, _TO_CITY = 16, 4
"""Characters: from a site to the end of the word for "in" behind it, from a quarter's name to that of its city."""


_HOSTLESS = frozenset({"UN", "EU"})
"""Senders that are no places."""


class SiteMention(NamedTuple):
    """A diplomatic site as one place in the text names it. Spans are offsets of `clean`."""

    start: int
    end: int
    kind: SiteKind | None
    sender: str | None = None
    host: str | None = None
    city: City | None = None
    area: str | None = None
    lat: float | None = None
    lon: float | None = None
    precision: PlacePrecision | None = None
    senders: tuple[str, ...] = ()
    spans: Mapping[str, tuple[int, int]] = MappingProxyType({})
    noun: tuple[int, int] = (0, 0)
    referring: bool = False
    """Whether all that is known of it comes from the site it refers back to."""

    @property
    def named(self) -> bool:
        """Whether the words themselves say whose or where; a bare "the embassy" does not."""
        return bool(self.senders or self.sender or self.city or self.host)


class SiteReader:
    """Composes the site mentions of one article."""

    def __init__(
        self, folded: Folded, hits: Hits, places: list[Place], lexicon: Lexicon, focus: Focus, gazetteer: Gazetteer
    ) -> None:
        self.folded = folded
        self.hits = hits
        self.places = places
        self.starts = [place.start for place in places]
        # "said that": what follows is another's.
        self._joins = (lexicon.of | lexicon.words) - lexicon.that
        self.lexicon = lexicon
        self.focus = focus
        self.gazetteer = gazetteer

    def read(self, sentence: Sentence) -> list[SiteMention]:
        """The sites that `sentence` mentions, in order."""
        nouns = [hit for hit in self.hits.within("sites", sentence.start, sentence.end) if hit.value != "home"]
        nouns = nouns[:MOST_IN_A_SENTENCE]
        founded = self.hits.values("guards", sentence.start, sentence.end, "diplomacy")
        if founded:
            # A mission that is opened or moved is what the states deal with, not where something happened.
            nouns = [noun for noun in nouns if not any(_overlap(noun, hit) for hit in founded)]
        first = bisect_left(self.starts, sentence.start)
        places = self.places[first : bisect_left(self.starts, sentence.end, first)]
        if not nouns and not any(place.special for place in places):
            return []
        named = [place for place in places if place.special and place.special.kind]
        offices = {place.start: place.special for place in named if place.special and place.special.is_office}
        nouns = sorted(
            [noun for noun in nouns if not any(place.start <= noun.start and noun.end <= place.end for place in named)]
            + [Hit(place.start, place.end, "sites", _kind_of(place)) for place in named if place.start in offices]
        )
        places = [place for place in places if place.start not in offices]
        found = []
        taken = 0
        for index, noun in enumerate(nouns):
            left = max(nouns[index - 1].end, taken) if index else sentence.start
            right = nouns[index + 1].start if index + 1 < len(nouns) else sentence.end
            site = self._compose(noun, places, left, right, offices.get(noun.start))
            taken = site.end  # a place that one site has is not the next one's too
            if (noun.value != "bare" or site.senders) and not _is_at_home(site, offices.get(noun.start)):
                found.append(site)
        found.extend(self._special(place) for place in named if place.start not in offices)
        found.sort(key=lambda site: site.start)
        return self._joined(found)

    def _special(self, place: Place) -> SiteMention:
        special = place.special
        assert special is not None
        quarter = special.kind is SiteKind.DIPLOMATIC_QUARTER
        return SiteMention(
            place.start,
            place.end,
            special.kind,
            special.sending_state,
            special.host,
            special.city,
            special.name if quarter else None,
            special.lat,
            special.lon,
            special.precision,
            spans={"site": (place.start, place.end)},
            noun=(place.start, place.end),
        )

    def _joined(self, sites: list[SiteMention]) -> list[SiteMention]:
        """ "the chancery of the embassy", "the ambassador's residence": neighbours that are one site."""
        joined: list[SiteMention] = []
        for site in sites:
            if joined:
                last = joined[-1]
                if (
                    last.kind is SiteKind.STAFF
                    and site.kind in ABROAD
                    and last.sender != site.sender
                    and self._belongs(last, site)
                ):
                    # The nationality of "an Afghan guard of the embassy" is not the embassy's.
                    last = last._replace(sender=site.sender, senders=site.senders, host=site.host, city=site.city)
                link = self.folded.norm[last.end : site.start].split()
                if site.start < last.end:
                    if site.end > last.end:
                        # "A driver of the Italian embassy": both nouns took the adjective.
                        belongs = last.kind in (SiteKind.STAFF, SiteKind.CONVOY, SiteKind.CHANCERY)
                        joined[-1] = (_merge_neighbours(last, site) if belongs else None) or site
                    continue
                apart = any(mark in self.folded.clean[last.end : site.start] for mark in ",;:")
                if len(link) <= 2 and not apart and all(word in self._joins for word in link):
                    merged = _merge_neighbours(last, site)
                    if merged:
                        joined[-1] = merged
                        continue
            joined.append(site)
        return joined

    def _belongs(self, staff: SiteMention, site: SiteMention) -> bool:
        link = self._link(staff.end, site.start)
        return bool(link) and any(word in self.lexicon.of for word in link[:2])

    def _link(self, start: int, end: int) -> list[str]:
        return self.folded.norm[start:end].split()

    def _compose(
        self, noun: Hit, places: list[Place], left: int, right: int, office: SpecialPlace | None
    ) -> SiteMention:
        kind = None if noun.value in ("mission", "diplomatic", "bare") else SiteKind(noun.value)
        span = (noun.start, noun.end)
        site = SiteMention(*span, kind, spans={"site": span}, noun=span)
        if office and office.sending_state:
            spans = {**site.spans, "sending_state": span}
            site = site._replace(sender=office.sending_state, senders=(office.sending_state,), spans=spans)
        before = [
            place
            for place in places
            if left <= place.start < noun.start
            and place.end <= (noun.start if self.lexicon.spaced else noun.end)  # 美驻伊使馆: 美驻 reaches into its noun
            and noun.start - place.end < _BEFORE
        ]
        after = [place for place in places if noun.end <= place.start < right and place.start - noun.end < _AFTER]
        inside = [place for place in places if noun.start <= place.start and place.end <= noun.end]
        for place in inside:
            # Where no spaces are written, both may be in the noun: 美使馆 is theirs, 驻美使馆 is there.
            hosted = place.start > noun.start and self._preceded_by_in(place)
            site = self._as_host(site, place) if hosted else self._as_sender(site, place)
        # Where the verb comes last, what sends and hosts stands before the noun.
        ways = (self._read_after, after), (self._read_before, before)
        # The verb may come last and the place still follow its noun (Persian): only languages that mark a place
        # behind its name put it before.
        before_first = self.lexicon.order == "sov" and self.lexicon.in_after
        for read, found in reversed(ways) if before_first else ways:
            site = read(site, found)
        return self._in_town(self._completed(self._owned(site, places)), places)

    def _in_town(self, site: SiteMention, places: list[Place]) -> SiteMention:
        """ "The consulate in X": a town that no place of the text is, by an ordinary word's name or in no list.

        Its state is the only other one that the sentence names: never that of another city.
        """
        if site.city or site.area or site.kind not in ABROAD or not self.lexicon.spaced:
            return site
        word = next(iter(self._link(site.end, site.end + _IN_REACH)), "")
        if word not in self.lexicon.in_ or word in self.lexicon.ways:
            return site
        span = name_after(self.folded, self.hits, self.lexicon, self.folded.norm.index(word, site.end) + len(word))
        if span is None or self._is_no_town(span, places):
            return site
        name = self.folded.clean[slice(*span)]
        states = {p.states for p in places if p.kind in ("state", "adjective")} - {(site.sender,)}
        host = site.host or (next(iter(states))[0] if len(states) == 1 else None)
        known = best_city(self.gazetteer.candidates(fold_term(name)), host, site.sender, self.focus.near)
        if known is not None and is_known(known):
            city, host = known, known.state
        else:
            city = City(name, host or "", 0.0, 0.0, 0, listed=False)
        return site._replace(city=city, host=host, end=span[1], spans={**site.spans, "city": span})

    def _is_no_town(self, span: tuple[int, int], places: list[Place]) -> bool:
        """Whether a name is none of a town: in capitals like all around it, a place's, a street's, a part of a city."""
        start, end = span
        words = self.folded.norm[start:end].split()
        following = self._link(end, end + _IN_REACH)[:1]
        lexicon = self.lexicon
        if self.folded.clean[start:end].isupper() or not (
            lexicon.streets | lexicon.districts | lexicon.regions
        ).isdisjoint((words[-1], *following)):
            return True
        return any(place.start < end + _TO_CITY and start < place.end and place.kind == "city" for place in places)

    def _owned(self, site: SiteMention, places: list[Place]) -> SiteMention:
        """ "Canada closed its embassy in Kyiv": the state told before is the one whose embassy it is."""
        # The possessive may follow its noun: the window goes past it, what it holds must touch the noun.
        found = self.hits.values("roles", site.noun[0] - 16, site.noun[1] + 16, "own")
        own = [hit for hit in found if hit.end >= site.noun[0] and hit.start <= site.noun[1]]
        if site.senders or not own:
            return site
        for place in reversed([place for place in places if place.end <= own[-1].start]):
            state = _as_capital(place) if place.kind == "city" and not self._is_in(place) else place
            if state and len(state.states) == 1 and state.states[0] != site.host and not self._is_in(place):
                spans = {**site.spans, "sending_state": (place.start, place.end)}
                return site._replace(senders=state.states, spans=spans)
        return site

    def _is_in(self, place: Place) -> bool:
        return is_located(self.folded, place, self.lexicon)

    def _read_after(self, site: SiteMention, places: list[Place]) -> SiteMention:
        position = site.end
        for place in places:
            link = self._link(position, place.start)
            if len(link) > _MAX_LINK or (not self.lexicon.spaced and place.start - position > 3):
                break
            place_link = link[0] if link else ""
            fillers = all(word in self.lexicon.of or word in self.lexicon.articles for word in link)
            gap = self.folded.clean[position : place.start]
            if any(mark in gap for mark in ";:.；：。"):
                break
            comma = any(mark in gap for mark in ",،，")
            if comma and place_link not in self.lexicon.in_ and (link or place.kind != "city"):
                break
            if len(link) > 1 and self.hits.values("roles", position, place.start, "speech"):
                break  # "Embassy condemns shooting in Pittsburgh": the place is that of what the site speaks of
            if place.prefix in self.lexicon.and_prefixes and site.senders and not link:
                pass  # "the embassies of Switzerland and Chile in Rome": another sender, not the host
            elif any(word in self.lexicon.in_ for word in link) or self._marked_in(place):
                site = self._as_host(site, place)
            elif not self.lexicon.spaced and link:
                break
            elif place.kind == "city":
                if not fillers:
                    break
                sends = self._sending_capital(site, place, places)
                site = self._as_sender(site, sends) if sends else self._as_host(site, place)
            elif fillers and place.kind in ("state", "adjective"):
                if not site.senders and not (
                    place.kind == "state" and "," in self.folded.clean[position : place.start]
                ):
                    site = self._as_sender(site, place)
                elif site.city and not place_link:
                    site = self._as_host(site, place)
                elif place.kind == "adjective" and not link:
                    site = site._replace(end=place.end)
                elif (
                    place.kind == "state"
                    and site.senders
                    and site.host is None
                    and not link
                    and place.states[0] != site.senders[0]
                ):
                    site = self._as_host(site, place)
                else:
                    break
            elif place.area is not None and fillers:
                site = self._as_host(site, place)
            else:
                break
            position = place.end
        return site

    def _read_before(self, site: SiteMention, places: list[Place]) -> SiteMention:
        """Nearest first. "US embassy", "Iran's consulate", "ABD'nin Bağdat Büyükelçiliği", 美国驻伊拉克大使馆."""
        position = site.noun[0]
        for place in reversed(places):
            link = self._link(place.end, position)
            if len(link) > _MAX_LINK or (
                any(mark in self.folded.clean[place.end : position] for mark in ",;:.(«“") and position - place.end > 3
            ):
                break
            gap = self.folded.clean[place.end : position]
            if any(mark in gap for mark in ",،，、：；。"):
                break
            marked = self._marked_in(place) or any(word in self.lexicon.in_after for word in link)
            if not self.lexicon.spaced and len(gap) > _MAX_GAP and not self._ends_in(gap):
                break
            if not (self.lexicon.spaced or site.senders) and len(gap) <= _MAX_MARKED and self._ends_in(gap):
                # "sender 驻 ... noun": what stands before the marker sends.
                site = self._as_sender(site, place)
            elif marked or self._preceded_by_in(place):
                site = self._as_host(site, place)
            elif place.kind == "city":
                if link and not self._is_suffix(place.end, position):
                    break
                sends = _as_capital(place) if site.city and not site.senders else None
                site = self._as_sender(site, sends) if sends else self._as_host(site, place)
            elif place.kind == "state" and not link and self._sends_before(place, places):
                site = self._as_host(site, place)
            elif place.kind in ("state", "adjective"):
                if (
                    not site.senders
                    and len(link) <= 2
                    and not any(word.isdigit() for word in link)
                    and (place.kind == "adjective" or self._is_suffix(place.end, position, first=True))
                ):
                    site = self._as_sender(site, place)
                elif site.senders and site.host is None and place.kind == "state" and not self.lexicon.spaced:
                    site = self._as_host(site, place)
                elif self._is_owner(site, place, link):
                    # "ABD'nin Libya Büyükelçisi": the state beside the noun is only where the sender's envoy is.
                    host = place._replace(states=site.senders, start=site.start, end=site.noun[0])
                    site = self._as_host(self._as_sender(site, place), host)
                else:
                    break
            elif place.area is not None and not link:
                site = self._as_host(site, place)
            else:
                break
            if place.start < site.start:
                site = site._replace(start=place.start)
            position = place.start
        return site

    def _is_owner(self, site: SiteMention, place: Place, link: list[str]) -> bool:
        """Whether a state before the sender has the case of an owner, in a language that marks it behind the name."""
        unplaced = bool(site.senders) and site.host is None and site.city is None
        return unplaced and place.kind == "state" and len(link) == 1 and link[0] in self.lexicon.of

    def _sending_capital(self, site: SiteMention, place: Place, places: list[Place]) -> Place | None:
        """ "The embassy of Washington in Baghdad": a capital for its state, where a place with "in" follows."""
        capital = _as_capital(place)
        following = next((other for other in places if other.start >= place.end), None)
        if capital is None or site.senders or following is None or following.kind == "adjective":
            return None
        link = self._link(place.end, following.start)
        linked = len(link) <= 2 and any(word in self.lexicon.in_ for word in link)
        return capital if linked or (not link and following.prefix in self.lexicon.in_prefixes) else None

    def _sends_before(self, place: Place, places: list[Place]) -> bool:
        """ "ABD'nin Gürcistan Büyükelçiliği": of two states the one in the genitive sends and the bare one hosts."""
        if not self.lexicon.in_after or not self.lexicon.spaced:
            return False
        before = next((other for other in reversed(places) if other.end <= place.start), None)
        if before is None or before.kind == "adjective" or before.special is not None:
            return False
        link = self._link(before.end, place.start)
        return len(link) == 1 and link[0] not in self.lexicon.in_after and self._is_suffix(before.end, place.start)

    def _is_suffix(self, start: int, end: int, first: bool = False) -> bool:
        """Nothing, or only what an apostrophe cut off ("Iran's", "Bağdat'taki") and words for "of".

        `first`: it is enough that this holds of the first word ("Algeria's top envoy").
        """
        words = list(re.finditer(r"\S+", self.folded.norm[start:end]))
        for match in words[:1] if first else words:
            cut_off = self.folded.clean[max(0, start + match.start() - 1)] in "'’ʼ`"
            if not cut_off and match.group() not in self.lexicon.of | self.lexicon.in_after:
                return False
        return True

    def _marked_in(self, place: Place) -> bool:
        if place.prefix in self.lexicon.in_prefixes:
            return True
        following = self._link(place.end, place.end + 24)
        return bool(following) and following[0] in self.lexicon.in_after

    def _ends_in(self, word: str) -> bool:
        return any(word.endswith(marker) for marker in self.lexicon.in_)

    def _preceded_by_in(self, place: Place) -> bool:
        preceding = self._link(max(0, place.start - 8), place.start)
        if not self.lexicon.spaced:
            return bool(preceding) and self._ends_in(preceding[-1])
        return False

    def _as_sender(self, site: SiteMention, place: Place) -> SiteMention:
        if not place.states:
            return site
        spans = {**site.spans, "sending_state": (place.start, place.end)}
        return site._replace(
            senders=place.states, spans=spans, start=min(site.start, place.start), end=max(site.end, place.end)
        )

    def _as_host(self, site: SiteMention, place: Place) -> SiteMention:
        start, end = min(site.start, place.start), max(site.end, place.end)
        if place.kind == "city" and site.city is None:
            sender = site.senders[0] if len(site.senders) == 1 and site.kind in ABROAD else None
            city = best_city(place.cities, site.host, sender, self.focus.near) or self._seat(site, place)
            if city is None:
                return site
            spans = {**site.spans, "city": (place.start, place.end)}
            return site._replace(city=city, host=site.host or city.state, spans=spans, start=start, end=end)
        if place.kind in ("state", "adjective") and place.states:
            state = place.states[0]
            if state in _HOSTLESS:
                return site
            if len(place.states) > 1:
                # "Congo", "Korea": the city decides, else what the rest of the article is about.
                near = {site.city.state} if site.city else self.focus.near
                state = next((code for code in place.states if code in near), state)
            if site.host is not None and site.host != state and "host_state" in site.spans:
                return site
            spans = {**site.spans, "host_state": (place.start, place.end)}
            city = site.city
            if city is not None and city.state != state and not self.gazetteer.has_seat(state, city):
                return site
            return site._replace(host=state, city=city, spans=spans, start=start, end=end)
        special = place.area
        if special is not None:
            spans = {**site.spans, "area": (place.start, place.end)}
            city = site.city or (special.city if special.state == site.host or site.host is None else None)
            return site._replace(
                area=special.name, host=site.host or special.state, city=city, spans=spans, start=start, end=end
            )
        return site

    def _seat(self, site: SiteMention, place: Place) -> City | None:
        """A city in another state than the host's where its missions stand: Rome for the Holy See."""
        return next((city for city in place.cities if site.host and self.gazetteer.has_seat(site.host, city)), None)

    def _completed(self, site: SiteMention) -> SiteMention:
        """Choose among candidate senders: a state does not send an embassy to itself."""
        if site.kind is SiteKind.UN_OFFICE:
            # Whatever state stands beside it is where it is: "the UN's base in Lebanon", "联黎部队营地".
            states = [code for code in site.senders if code not in _HOSTLESS]
            return site._replace(sender="UN", senders=("UN",), host=site.host or next(iter(states), None))
        if not site.senders:
            return site._replace(sender="VA") if site.kind is SiteKind.NUNCIATURE else site
        if site.kind is SiteKind.DIPLOMATIC_QUARTER:
            # Nobody sends a quarter: "the Afghan diplomatic quarter" lies in Afghanistan.
            return site._replace(host=site.host or site.senders[0], senders=())
        possible = [code for code in site.senders if code != site.host or site.kind not in ABROAD]
        near = [code for code in possible if code in self.focus.near]
        sender = (near or possible or [None])[0]  # type: ignore[list-item]
        return site._replace(sender=sender)


def _kind_of(place: Place) -> str:
    return place.special.kind if place.special and place.special.kind else ""


def _is_at_home(site: SiteMention, office: SpecialPlace | None) -> bool:
    """An office in the country that runs it is no mission: the Goethe-Institut in Munich."""
    return office is not None and site.sender is not None and site.sender == site.host


def _overlap(first: Hit, second: Hit) -> bool:
    return first.start < second.end and second.start < first.end


def _as_capital(place: Place) -> Place | None:
    """A capital as a name of its state."""
    city = next((city for city in place.cities[:1] if city.capital), None)
    return place._replace(kind="state", states=(city.state,)) if city else None


def _merge_neighbours(first: SiteMention, second: SiteMention) -> SiteMention | None:
    """One mention of two nouns that name one site, or None when they are two sites."""
    if first.named and second.named and first.sender and second.sender and first.sender != second.sender:
        return None
    fixed = {SiteKind.STAFF, SiteKind.CONVOY}
    kind = first.kind
    if first.kind is None or (first.kind is SiteKind.DIPLOMATIC_QUARTER and second.kind):
        kind = second.kind
    if second.kind is SiteKind.INTERESTS_SECTION:
        kind = second.kind  # a section of another state's embassy
    if second.kind in fixed and first.kind in (SiteKind.EMBASSY, SiteKind.CONSULATE, None, SiteKind.STAFF):
        kind = second.kind  # "embassy guard", "consulate convoy"
    if {first.kind, second.kind} == {SiteKind.RESIDENCE, SiteKind.STAFF}:
        kind = SiteKind.RESIDENCE
    return first._replace(
        end=max(first.end, second.end),
        kind=kind,
        sender=first.sender or second.sender,
        senders=first.senders or second.senders,
        host=first.host or second.host,
        city=first.city or second.city,
        area=first.area or second.area,
        lat=first.lat if first.lat is not None else second.lat,
        lon=first.lon if first.lon is not None else second.lon,
        precision=first.precision if first.lat is not None else second.precision,
        spans={**second.spans, **first.spans, "site": (first.start, second.end)},
    )
