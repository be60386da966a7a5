"""Standing: new, update or background, in the light of the whole article."""

import datetime as dt

from services.classify.core.reading.dates import When
from services.classify.core.reading.gist import Gist
from services.classify.core.reading.guard_hits import lead_end
from services.classify.core.reading.guards import DENIAL
from services.classify.core.reading.incident import Incident
from services.classify.core.reading.same_event import is_old
from services.classify.core.reading.speakers import is_spoken
from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import DatePrecision, Standing

_FAR_DAYS = 30

_FRESH_DAYS = 2
"""How old what is told below the lead can be, and be news."""


def _opens_with_the_past(gist: Gist) -> bool:
    """Whether the lead dates what it tells with a day or month past, and neither it nor the title tells a fresh one.

    "Memory: the bomb at the embassy. On 22 April 1976 two diplomats died ...". A day on which somebody speaks of it
    dates nothing: "said on Wednesday that it had entered the embassy last month".
    """
    lead = next((sentence for sentence in gist.sentences if not sentence.title), None)
    if lead is None or lead.index == 0 or gist.published is None:
        return False
    whens = [when for sentence in gist.sentences[: lead.index + 1] for when in gist.dates_in(sentence)]
    told = [when for when in whens if when.date and when.start >= gist.dateline_end and not is_spoken(gist, when)]
    concerned = any(gist.hits.within(layer, lead.start, lead.end) for layer in ("events", "sites"))
    return concerned and bool(told) and all(_is_long_ago(gist, when) for when in told)


def _is_long_ago(gist: Gist, when: When) -> bool:
    """Older than what a slow paper may still tell as news."""
    if when.date is None or gist.published is None or when.precision is not DatePrecision.DAY:
        return is_old(gist, when)
    return (gist.published - when.date).days > _FAR_DAYS


def _is_below_the_news(gist: Gist, incident: Incident) -> bool:
    """Whether title and lead tell it in no words of its own, and its day is no fresh one: "the crisis began when a
    crowd stormed the embassy on Saturday", told on Wednesday.
    """
    when = incident.when
    if when is None or when.date is None or gist.published is None:
        return False
    if when.precision is DatePrecision.YEAR or (gist.published - when.date).days <= _FRESH_DAYS:
        return False
    end = lead_end(gist)
    return not any(mention.start < end and mention.known is None for mention in incident.mentions)


_TELLING = ("events", "weak_events", "casualties", "weapons", "sites")
_TITLE_WORDS = 3


def _is_titled_otherwise(gist: Gist) -> bool:
    """Whether the title tells something, and neither an event nor a site: what is told below is no news of its own."""
    titles = [sentence for sentence in gist.sentences if sentence.title]
    if not titles:
        return False
    start, end = titles[0].start, titles[-1].end
    if gist.words_between(start, end) < _TITLE_WORDS:
        return False
    special = any(place.area is not None for place in gist.places_within(start, end))  # "Alarm in the Green Zone"
    alarm = gist.hits.values("known", start, end, "response")  # "Tragedy in Guatemala"
    return not special and not alarm and not any(gist.hits.within(layer, start, end) for layer in _TELLING)


_ALARMS = ("threat", "cbrn")


def _takes_back(gist: Gist, incident: Incident) -> bool:
    """Whether only the title tells an incident, and the lead under it that there was none. A false alarm is one."""
    if TAXONOMY[incident.type].family in _ALARMS or not _has_no_day(incident):
        return False
    if not all(mention.sentence.title for mention in incident.mentions):
        return False
    end = max(mention.sentence.end for mention in incident.mentions)
    return bool(gist.hits.values("guards", end, max(end, lead_end(gist)), DENIAL))


def _has_no_day(incident: Incident) -> bool:
    return incident.when is None or incident.when.date is None or incident.when.soft


_TOLD_AT_ONCE_DAYS = 3
"""What is this old under a headline of something else was news before."""


def _day_of(incident: Incident) -> dt.date | None:
    when = incident.when
    return when.date if when is not None and when.precision is DatePrecision.DAY else None


def _is_days_old(gist: Gist, incident: Incident) -> bool:
    day = _day_of(incident)
    return day is not None and gist.published is not None and (gist.published - day).days >= _TOLD_AT_ONCE_DAYS


_PAST_GUARDS = frozenset({"history", "anniversary", "trial", "obituary", "compensation"})


def _has_title_of_the_past(incidents: list[Incident]) -> bool:
    """Whether all that the title tells is of long ago: "The siege of 48 years ago"."""
    told = [mention for incident in incidents for mention in incident.mentions if mention.sentence.title]
    return bool(told) and all(any(guard.name in _PAST_GUARDS for guard in mention.guards) for mention in told)


_PAST_TITLES = ("anniversary", "compensation")


def _is_titled_past(gist: Gist, incident: Incident) -> bool:
    """Whether the title is about an anniversary or amends and the incident has no fresh day of its own. Crowds gather
    on the former."""
    title = gist.title
    if title is None or incident.when is not None or TAXONOMY[incident.type].family == "crowd":
        return False
    return bool(gist.hits.values("guards", title.start, title.end, *_PAST_TITLES))


def set_standings(gist: Gist, incidents: list[Incident]) -> None:
    """New, update or background, in the light of the whole article."""
    if _opens_with_the_past(gist):
        for incident in incidents:
            in_title = all(mention.sentence.title for mention in incident.mentions)
            incident.background = incident.background or in_title
    if _is_titled_otherwise(gist):
        for incident in incidents:
            incident.background = incident.background or _has_no_day(incident) or _is_days_old(gist, incident)
    if _has_title_of_the_past(incidents):
        for incident in incidents:
            incident.background = incident.background or incident.when is None
    for incident in incidents:
        incident.background = incident.background or _takes_back(gist, incident)
        incident.background = incident.background or _is_titled_past(gist, incident)
        incident.background = incident.background or _is_below_the_news(gist, incident)
    dated = [
        day
        for incident in incidents
        if not incident.rejected and not incident.background and (day := _day_of(incident)) is not None
    ]
    newest = max(dated, default=None)
    first_new = next((incident for incident in incidents if not incident.rejected and not incident.background), None)
    for incident in incidents:
        if incident.background or (
            incident is not first_new
            and newest
            and incident.when
            and incident.when.date
            and (newest - incident.when.date).days > 2
        ):
            incident.standing = Standing.BACKGROUND
        elif any(mention.update for mention in incident.mentions[:2]):
            incident.standing = Standing.UPDATE
        else:
            incident.standing = Standing.NEW
