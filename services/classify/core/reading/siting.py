"""Where an incident's site stands: from what its words say, from the article, else from where embassies stand."""

import datetime as dt

from services.classify.core.reading.gazetteer import City, Gazetteer, SpecialPlace
from services.classify.core.reading.incident import Incident
from services.classify.core.reading.places import Focus
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import IncidentType, PlacePrecision, Site, SiteKind

_IN_CAPITALS = frozenset(
    {SiteKind.EMBASSY, SiteKind.CHANCERY, SiteKind.NUNCIATURE, SiteKind.INTERESTS_SECTION, SiteKind.EU_DELEGATION}
)


def site_of(incident: Incident, focus: Focus, gazetteer: Gazetteer, published: dt.date | None) -> Site | None:
    """The contract's site, with coordinates of the finest thing known.

    An embassy of which only the host is told stands in the host's capital, or where `seats.toml` says it stood then.
    """
    area = incident.area.special if incident.area else None
    mention = incident.site
    on = incident.when.date if incident.when and incident.when.date else published
    city, host = _around(incident, focus, published)
    if (
        area
        and area.state
        and city is None
        and (mention is None or (not mention.city and mention.host in (None, area.state)))
    ):
        city, host = area.city, area.state
    told_host = mention.host if mention else None
    city = (mention.city if mention else None) or city
    if mention and mention.city:
        host = told_host or mention.city.state or None  # a town of an unknown state lies in no other city's
    else:
        host = told_host or (city.state if city else None) or host
    if mention is None and city is None and host is None and area is None:
        return None
    if city is None and host and mention and mention.kind in _IN_CAPITALS:
        seat = gazetteer.seat(host, mention.sender, on)
        # The Holy See has no other place for an embassy, however loosely the text says that it is the host.
        city = seat if told_host or (seat and seat.state != host) else None
    kind = _kind(mention, city)
    exact = gazetteer.mission((kind, mention.sender, host, city.name), on) if kind and mention and city else None
    lat, lon, precision = _coordinates(mention, exact or area, city, host, gazetteer)
    return Site(
        kind=kind,
        sending_state=mention.sender if mention else None,
        host_state=host,
        city=city.name if city else None,
        area=(mention.area if mention else None) or (area.name if area else None),
        lat=lat,
        lon=lon,
        precision=precision,
    )


def _kind(mention: SiteMention | None, city: City | None) -> SiteKind | None:
    """ "The American mission": an embassy in a capital, a consulate elsewhere, where nothing names it more exactly."""
    if mention is None or mention.kind is not None or mention.sender is None:
        return mention.kind if mention else None
    if mention.sender in _OFFICES:
        return _OFFICES[mention.sender]
    return SiteKind.EMBASSY if city is None or city.capital else SiteKind.CONSULATE


_OFFICES = {"UN": SiteKind.UN_OFFICE, "EU": SiteKind.EU_DELEGATION}


def _is_local(incident: Incident, published: dt.date | None) -> bool:
    """Whether an incident of which no place is told may be one of the city that the article comes from.

    What happened yesterday, or as the article opens with it; an older one, or a murder that is only spoken of, may
    have happened anywhere.
    """
    if incident.background:
        return False
    if incident.when is None or incident.when.date is None or incident.when.soft:
        return incident.type is not IncidentType.ASSASSINATION_STAFF
    return published is None or (published - incident.when.date).days <= 1


def _around(incident: Incident, focus: Focus, published: dt.date | None) -> tuple[City | None, str | None]:
    """City and state told near an incident, else those the article is about; never the sender's own."""
    place, mention = incident.place, incident.site
    sender = mention.sender if mention else None
    city, host = None, None
    if place is not None and place.kind == "city":
        home = (c for state in (*focus.states[:3], focus.hint) for c in place.cities if c.state == state)
        city = next(home, place.cities[0])
    elif place is not None and place.states and place.states[0] not in _OFFICES:
        host = place.states[0]
    if mention is None:
        if city is None and host is None:
            home_state = focus.states[0] if focus.states else None
            seen = TAXONOMY[incident.type].family in ("explosive", "crowd")
            local = seen and focus.city and focus.city.state == home_state and _is_local(incident, published)
            return focus.city if local else None, home_state
        return city, host
    if city is not None and city.state in (sender, *([] if mention.host in (None, city.state) else [city.state])):
        city = None
    elsewhere = next((state for state in focus.states if state != sender and state not in _OFFICES), None)
    if not (mention.host or city or host):
        city = focus.city if focus.city and focus.city.state != sender else None
        host = elsewhere
    at_dateline = focus.city is not None and focus.city.state == mention.host
    if city is None and at_dateline and mention.kind in _ANYWHERE and _is_local(incident, published):
        city = focus.city
    return city, elsewhere if host == sender else host


_ANYWHERE = frozenset({SiteKind.RESIDENCE, SiteKind.STAFF, SiteKind.CONVOY})
"""Kinds whose town nothing but the article tells."""


def _coordinates(
    mention: SiteMention | None, known: SpecialPlace | None, city: City | None, host: str | None, gazetteer: Gazetteer
) -> tuple[float | None, float | None, PlacePrecision]:
    if mention and mention.lat is not None:
        return mention.lat, mention.lon, mention.precision or PlacePrecision.SITE
    if known and known.lat is not None and known.state == (city.state if city else host):
        return known.lat, known.lon, known.precision
    if city and city.listed:
        return city.lat, city.lon, PlacePrecision.CITY
    if host:
        # A country is shown by its capital; the precision says that no more is meant.
        capital = gazetteer.capitals.get(host)
        return (capital.lat, capital.lon, PlacePrecision.COUNTRY) if capital else (None, None, PlacePrecision.COUNTRY)
    return None, None, PlacePrecision.UNKNOWN
