"""How well one document is read: what was told, held against gold.

**Documents.** Each measure of `MEASURES` asks one yes-or-no question of every document whose gold answers it.

**Slots.** Compared on the documents found: gold holds incidents and at least one report was made. Reports are matched
to gold incidents one to one, the pair that agrees in most slots first, then the one that contradicts in fewest, then
required before optional, then in the order of both lists. A pair must agree in more than its states, which nearly all
incidents of a document share. A report matched to an optional incident counts neither way.

A slot is right, wrong (told but not so), missed (not told) or spurious (told of what the gold is silent about); a told
zero where the gold is silent counts neither way. An unmatched incident misses all its slots; where the gold is
complete, every slot of an unmatched report is one too many.
"""

import calendar
import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.classify.core.reading.article import Explanation
from services.classify.core.reading.gazetteer import Gazetteer
from services.classify.core.reading.language import UNKNOWN
from services.classify.core.reading.text import fold_term
from services.classify.core.scoring.gold import Days, GoldDocument, GoldIncident, Many, Named, OneOf, Silent, Wanted
from services.contracts.report import Count, DatePrecision, Finding, Relation

Told = str | Count | tuple[dt.date, dt.date] | None


class Verdict(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    MISSED = "missed"
    SPURIOUS = "spurious"


def _days(finding: Finding) -> tuple[dt.date, dt.date] | None:
    date = finding.date
    if date is None or finding.date_precision is DatePrecision.UNKNOWN:
        return None
    if finding.date_precision is DatePrecision.MONTH:
        return date.replace(day=1), date.replace(day=calendar.monthrange(date.year, date.month)[1])
    if finding.date_precision is DatePrecision.YEAR:
        return dt.date(date.year, 1, 1), dt.date(date.year, 12, 31)
    return date, date


def _of_site(name: str) -> Callable[[Finding], Told]:
    return lambda finding: getattr(finding.site, name) if finding.site else None


SLOTS: Mapping[str, Callable[[Finding], Told]] = {
    "type": lambda finding: finding.type.value,
    "host_state": _of_site("host_state"),
    "city": _of_site("city"),
    "date": _days,
    "killed": lambda finding: finding.killed,
    "wounded": lambda finding: finding.wounded,
    "kind": _of_site("kind"),
    "sending_state": _of_site("sending_state"),
    "relation": lambda finding: finding.relation.value,
    "standing": lambda finding: finding.standing.value,
}
COMPLETE_SLOTS = ("type", "host_state", "city", "date", "killed", "wounded")
"""What a complete gold tells of every incident; the others stand in golden cases only."""
_STATES = ("host_state", "sending_state")
_COARSEST_DATE_DAYS = 31


def verdict(told: Told, wanted: Wanted, gazetteer: Gazetteer) -> Verdict | None:
    """What a slot is worth; None when it counts neither way."""
    if isinstance(wanted, Silent):
        return None if told is None or told == Count(low=0, high=0) else Verdict.SPURIOUS
    if isinstance(wanted, Days) and wanted.first is None:
        # Only "not later than" is known: a later date is wrong, anything else is neither.
        return Verdict.WRONG if isinstance(told, tuple) and told[0] > wanted.last else None
    if told is None:
        return Verdict.MISSED
    return Verdict.RIGHT if _agrees(told, wanted, gazetteer) else Verdict.WRONG


def _agrees(told: Told, wanted: Wanted, gazetteer: Gazetteer) -> bool:
    match told, wanted:
        case str(), OneOf(values):
            return told in values
        case str(), Named(names):
            return any(_same_city(told, name, gazetteer) for name in names)
        case Count(), Many(low, high):
            if low == high:
                return low in (told.low, told.high)
            return (told.high is None or told.high >= (low or 0)) and (high is None or told.low <= high)
        case (first, last), Days(wanted_first, wanted_last) if wanted_first is not None:
            return first <= wanted_last and last >= wanted_first and (last - first).days < _COARSEST_DATE_DAYS
    return False


def _same_city(told: str, name: str, gazetteer: Gazetteer) -> bool:
    key = fold_term(name)
    return fold_term(told) == key or any(city.name == told for city in gazetteer.candidates(key))


Predicate = Callable[[tuple[Finding, ...]], bool]
_AT_SITE = frozenset({Relation.ON_SITE, Relation.PERIMETER, Relation.STAFF, Relation.CONVOY})


def _has_target(finding: Finding, relations: frozenset[Relation]) -> bool:
    return finding.relation in relations and finding.site is not None and finding.site.kind is not None


@dataclass(frozen=True, slots=True)
class Measure:
    """A question to every document: what the gold answers (None: it does not say) and when the reading says yes.

    The broad diplomatic one takes incidents in the vicinity too; `alert` asks for news at a diplomatic site.
    """

    title: str
    gold: Callable[[GoldDocument], bool | None]
    told: Predicate


MEASURES: Mapping[str, Measure] = {
    "any_incident": Measure("any incident", lambda gold: gold.any_incident, bool),
    "diplomatic": Measure(
        "diplomatic, certain",
        lambda gold: gold.diplomatic,
        lambda findings: any(_has_target(finding, _AT_SITE) for finding in findings),
    ),
    "diplomatic_broad": Measure(
        "diplomatic, broad",
        lambda gold: gold.broad,
        lambda findings: any(_has_target(finding, _AT_SITE | {Relation.VICINITY}) for finding in findings),
    ),
    "alert": Measure(
        "alertable",
        lambda gold: gold.alert,
        lambda findings: any(finding.alertable for finding in findings),
    ),
}


@dataclass(frozen=True, slots=True)
class SlotVerdict:
    """One slot of one incident. `incident`: its position in the gold, None for a report without partner; `paired`:
    incident and report have found each other."""

    slot: str
    verdict: Verdict
    incident: int | None
    paired: bool
    wanted: str
    told: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One document, judged. `answers` maps a measure to (gold, told); `why` explains the reading, a line a fact.

    `labels` and `types` pair each required gold label and each reported type with whether it was matched. `exact` pairs
    the incidents of which every slot is right with all. `extra_alerts` are those over the number the gold gives.
    """

    id: str
    language: str
    ruleset_version: str
    answers: Mapping[str, tuple[bool, bool]]
    slots: tuple[SlotVerdict, ...] = ()
    labels: tuple[tuple[str, bool], ...] = ()
    types: tuple[tuple[str, bool], ...] = ()
    exact: tuple[int, int] = (0, 0)
    extra_alerts: int = 0
    wanted: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    unscored: tuple[str, ...] = ()


def judge(gold: GoldDocument, explanation: Explanation, gazetteer: Gazetteer) -> Judgement:
    """Hold one reading against its gold."""
    findings = explanation.classification.reports
    answers = {}
    for name, measure in MEASURES.items():
        known = measure.gold(gold)
        if known is not None:
            answers[name] = (known, measure.told(findings))
    found = bool(gold.incidents and findings and gold.any_incident)
    pairs = match(gold.incidents, findings, gazetteer) if found else {}
    slots = tuple(_slot_verdicts(gold, findings, pairs, gazetteer)) if found else ()
    required = [index for index, one in enumerate(gold.incidents) if gold.any_incident and not one.optional]
    faulty = {one.incident for one in slots if one.verdict is not Verdict.RIGHT}
    alertable = sum(finding.alertable for finding in findings)
    return Judgement(
        id=gold.article.id,
        language=gold.language or explanation.classification.language,
        ruleset_version=explanation.classification.ruleset_version,
        answers=answers,
        slots=slots,
        labels=tuple((gold.incidents[index].label, index in pairs) for index in required),
        types=tuple((f.type.value, position in pairs.values()) for position, f in enumerate(findings)) if found else (),
        exact=(sum(index in pairs and index not in faulty for index in required), len(required)),
        extra_alerts=max(0, alertable - gold.alerts) if gold.alerts else 0,
        wanted=tuple(_wanted_line(incident) for incident in gold.incidents),
        why=tuple(_why(explanation)),
        unscored=gold.unscored,
    )


def match(incidents: Sequence[GoldIncident], findings: Sequence[Finding], gazetteer: Gazetteer) -> dict[int, int]:
    """Gold incident -> report, one to one, by the rule in the module's docstring."""
    candidates = []
    for index, incident in enumerate(incidents):
        for position, finding in enumerate(findings):
            verdicts = {
                slot: verdict(told, wanted, gazetteer) for slot, (told, wanted) in _compared(incident, finding).items()
            }
            right = [slot for slot, value in verdicts.items() if value is Verdict.RIGHT]
            if any(slot not in _STATES for slot in right):
                wrong = sum(value is Verdict.WRONG for value in verdicts.values())
                candidates.append((-len(right), wrong, incident.optional, index, position))
    pairs: dict[int, int] = {}
    for *_, index, position in sorted(candidates):
        if index not in pairs and position not in pairs.values():
            pairs[index] = position
    return pairs


def _compared(incident: GoldIncident, finding: Finding) -> dict[str, tuple[Told, Wanted]]:
    return {slot: (SLOTS[slot](finding), wanted) for slot, wanted in incident.slots.items()}


def _slot_verdicts(
    gold: GoldDocument, findings: Sequence[Finding], pairs: Mapping[int, int], gazetteer: Gazetteer
) -> Iterable[SlotVerdict]:
    for index, incident in enumerate(gold.incidents):
        if incident.optional:
            continue
        finding = findings[pairs[index]] if index in pairs else None
        for slot, wanted in incident.slots.items():
            told = SLOTS[slot](finding) if finding else None
            value = verdict(told, wanted, gazetteer)
            if value is not None:
                quotes = _quotes(finding, slot) if finding else ""
                yield SlotVerdict(slot, value, index, finding is not None, _shown(wanted), _shown(told), quotes)
    if gold.complete:
        for position, finding in enumerate(findings):
            if position not in pairs.values():
                for slot in COMPLETE_SLOTS:
                    told = SLOTS[slot](finding)
                    if verdict(told, Silent(), gazetteer) is Verdict.SPURIOUS:
                        quotes = _quotes(finding, slot)
                        yield SlotVerdict(slot, Verdict.SPURIOUS, None, False, "-", _shown(told), quotes)


def _quotes(finding: Finding, slot: str) -> str:
    spans = finding.evidence.get(slot) or (finding.evidence.get("place") if slot in ("host_state", "city") else None)
    return " | ".join(span.quote for span in spans or ())


def _shown(value: Told | Wanted) -> str:
    match value:
        case None | Silent():
            return "-"
        case OneOf(values) | Named(values):
            return "/".join(sorted(values))
        case Days(first, last):
            return str(first) if first == last else f"{first or ''}..{last}"
        case (first, last):
            return str(first) if first == last else f"{first}..{last}"
        case Many(low, high) | Count(low=low, high=high):
            return str(low) if low == high else f"{low or 0}..{'' if high is None else high}"
    return str(value)


def _wanted_line(incident: GoldIncident) -> str:
    slots = " ".join(f"{slot}={_shown(wanted)}" for slot, wanted in incident.slots.items() if slot != "type")
    return f"{incident.label}{' (optional)' if incident.optional else ''} {slots}"


def _why(explanation: Explanation) -> Iterable[str]:
    """What was told and on which words; what was rejected and by which gate."""
    classification = explanation.classification
    if classification.language == UNKNOWN:
        yield "gate language: in none of the languages there is a lexicon for"
    elif not classification.reports and not explanation.rejected:
        yield "gate trigger: no word begins an incident, or none has what it needs beside it"
    for finding in classification.reports:
        site = finding.site.site_key if finding.site else "-"
        quotes = " | ".join(part for part in (_quotes(finding, "type"), _quotes(finding, "site")) if part)
        fate = "alertable" if finding.alertable else ", ".join(guard.name for guard in finding.guards) or "no alert"
        told = f"{finding.standing} {finding.type} {finding.relation} {site} {_shown(_days(finding))}"
        yield f"report {told} ({fate}): {quotes}"
    for rejection in explanation.rejected:
        gates = "; ".join(f"{gate.name} {gate.reason} ({gate.quote!r})" for gate in rejection.gates)
        yield f"rejected {rejection.quote!r} at {rejection.start}: {gates or 'no gate named'}"
