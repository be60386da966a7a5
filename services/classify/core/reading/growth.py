"""What an incident learns from each further telling."""

from services.classify.core.reading.dates import When
from services.classify.core.reading.gist import Casualties, Mention
from services.classify.core.reading.groups import total
from services.classify.core.reading.guard_hits import first_of_each
from services.classify.core.reading.incident import Incident
from services.classify.core.reading.mentions import SUPPLEMENT_REACH, Supplement
from services.classify.core.reading.places import Place
from services.classify.core.reading.same_event import LESS_EXACT, is_reference
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import DatePrecision, IncidentType, Outcome, Relation, SiteKind


def absorb(incident: Incident, mention: Mention) -> None:
    incident.mentions.append(mention)
    incident.last_sentence = mention.sentence.index
    if _is_only_after(incident, mention):
        pass
    elif (incident.generic and not mention.generic) or (
        incident.generic == mention.generic
        and TAXONOMY[mention.type].rank > TAXONOMY[incident.type].rank
        and not _is_only_killing(incident, mention)
    ):
        incident.type, incident.generic = mention.type, mention.generic
        incident.spans["type"] = mention.spans["type"]
    if mention.site is not None:
        if incident.site is None:
            incident.site, incident.relation = mention.site, mention.relation
        elif incident.site.kind in LESS_EXACT and _is_building_attack(incident, mention):
            incident.site, incident.relation = _richer(mention.site, incident.site), mention.relation
        elif _is_envoy_of_another(incident.site, mention.site):
            incident.site, incident.relation = mention.site, mention.relation
        else:
            incident.site = _richer(incident.site, mention.site)
            if incident.relation is Relation.NONE:
                incident.relation = mention.relation
    if mention.when is not None and _finer(mention.when, incident.when):
        incident.when = mention.when
        incident.spans["date"] = mention.spans["date"]
    incident.casualties = _more_casualties(incident.casualties, mention.casualties)
    incident.place = _finer_place(incident.place, mention.place)
    incident.area = incident.area or mention.area
    incident.weapon = incident.weapon or mention.weapon
    for name, number in mention.quantities:
        incident.quantities.setdefault(name, number)
    for name, spans in mention.spans.items():
        if name not in ("type", "date"):
            incident.spans[name] = (*incident.spans.get(name, ()), *spans)
    if mention.conflict and mention.conflict not in incident.conflicts:
        incident.conflicts.append(mention.conflict)
    told = [guard for guard in mention.guards if incident.background or not is_reference(guard)]
    incident.guards = first_of_each((*incident.guards, *told))


def _finer_place(known: Place | None, other: Place | None) -> Place | None:
    """The first place told; a city of its state takes the place of a state."""
    if known is None or other is None:
        return known or other
    if known.kind == "state" and other.kind == "city" and any(city.state in known.states for city in other.cities):
        return other
    return known


def _is_only_after(incident: Incident, mention: Mention) -> bool:
    """A closure, or a bomb that was made safe, tells what followed an incident, never what the incident was."""
    if mention.outcome is Outcome.FOILED is not incident.outcome:
        return True
    return mention.type is IncidentType.SECURITY_POSTURE is not incident.type


def _is_envoy_of_another(known: SiteMention, other: SiteMention) -> bool:
    """The envoy says more than the convoy of somebody else that he travelled in."""
    return known.kind is SiteKind.CONVOY and other.kind is SiteKind.STAFF and None is not other.sender != known.sender


def _is_building_attack(incident: Incident, mention: Mention) -> bool:
    """Whether a telling about people goes on to one about the building; a murder stays a murder."""
    assert mention.site is not None
    murdered = incident.type is mention.type is IncidentType.ASSASSINATION_STAFF
    return mention.site.kind is not None and mention.site.kind not in LESS_EXACT and not murdered


def _is_only_killing(incident: Incident, mention: Mention) -> bool:
    """ "Three attackers were shot dead" makes an attack on an embassy no murder of its staff."""
    return mention.type is IncidentType.ASSASSINATION_STAFF and (
        incident.site is not None and incident.site.kind is not SiteKind.STAFF
    )


def _finer(candidate: When, known: When | None) -> bool:
    if known is None or known.date is None:
        return True
    if candidate.soft or known.soft:
        return known.soft and not candidate.soft and candidate.precision is DatePrecision.DAY
    order = list(DatePrecision)
    return order.index(candidate.precision) < order.index(known.precision)


def _richer(known: SiteMention, other: SiteMention) -> SiteMention:
    """The site with the gaps of the first telling filled from another."""
    kind = known.kind or other.kind
    if {known.kind, other.kind} == {SiteKind.EMBASSY, SiteKind.CONSULATE} and not (known.host or known.city):
        kind = other.kind  # a headline's "embassy" may be any mission
    return known._replace(
        kind=kind,
        sender=known.sender or other.sender,
        senders=known.senders or other.senders,
        host=known.host or other.host,
        city=known.city or (other.city if not known.host or (other.city and other.city.state == known.host) else None),
        area=known.area or other.area,
        spans={**other.spans, **known.spans},
    )


def _more_casualties(known: Casualties, other: Casualties) -> Casualties:
    """Fill the gaps; a told number beats "none", which may speak of some ("no American was hurt") and not of all."""
    if other.killed is other.wounded is other.missing is other.staff is None:
        return known
    spans, soft, listed = dict(known.spans), set(known.soft), set(known.listed)
    values = {}
    for name in ("killed", "wounded", "missing", "staff"):
        first, second = getattr(known, name), getattr(other, name)
        if first is not None and second is not None and name in other.more:
            second = total(first, second)
        newer = second is not None and (
            first is None
            or (first.high == 0 and second.low > 0)
            or (first.high is None and second.low > first.low)
            or (name in known.soft and first.high is None and second.low > first.low)
            or (name in other.listed and name not in known.listed and second.low > (first.high or first.low))
            or (name == "killed" and other.revised)
            or name in other.more
        )
        values[name] = second if newer else first
        if newer:
            soft = soft | {name} if name in other.soft else soft - {name}
            listed = listed | {name} if name in other.listed else listed - {name}
            if name in other.spans:
                spans[name] = other.spans[name]
    return Casualties(
        **values, revised=known.revised or other.revised, soft=frozenset(soft), listed=frozenset(listed), spans=spans
    )


def supplement(incident: Incident, item: Supplement) -> None:
    if item.sentence.index - incident.last_sentence > SUPPLEMENT_REACH:
        return
    adjacent = item.sentence.index - incident.last_sentence == 1
    if adjacent:
        take_site(incident, item)
    incident.harm_added |= item.casualties.killed is not None or item.casualties.wounded is not None
    if item.when is not None and adjacent and (incident.when is None or incident.when.soft):
        incident.when = item.when
        incident.spans["date"] = ((item.when.start, item.when.end),)
    incident.casualties = _more_casualties(incident.casualties, item.casualties)
    for name, spans in item.spans.items():
        incident.spans[name] = (*incident.spans.get(name, ()), *spans)
    for name, number in item.quantities:
        incident.quantities.setdefault(name, number)


def take_site(incident: Incident, item: Supplement) -> None:
    """ "Blasts on the road. The ambassador was hurt": what was harmed beside it is what an event without a site hit."""
    if item.site is None or incident.site is not None or incident.background or incident.rejected:
        return
    hurt = (incident.casualties.killed, incident.casualties.wounded)
    if item.site.kind is SiteKind.STAFF and any(count is not None and count.low > 1 for count in hurt):
        return  # one of the many that were hurt elsewhere
    cities = {city.name for city in incident.place.cities} if incident.place else set()
    if cities and item.site.city is not None and item.site.city.name not in cities:
        return
    incident.site, incident.relation = item.site, item.relation
