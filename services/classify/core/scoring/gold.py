"""Gold: what a document is known to tell, read from labelled rows or from golden cases.

Two shapes are understood. A *labelled row* is a document of an annotated corpus: `label_any_incident`,
`label_diplomatic` and `label_diplomatic_broad`, each with an `_optional` that leaves it out of scores, and `incidents`,
which is complete. An *expectation* is a golden case (docs/rules.md): reports that must be found, among others.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError, model_validator

from services.classify.core.reading.article import ArticleText
from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import Finding, IncidentType, Relation, Site, SiteKind, Standing

# Half of a pair, which JSON may escape and no encoding can write.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class GoldError(ValueError):
    """A row that cannot be used: which field, and why."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}" if where else why)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of these values is right."""

    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Named:
    """A place by name; another name of the same city is as right."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Days:
    """From the first to the last day, both included. Without a first, all that is known is "not later than"."""

    first: dt.date | None
    last: dt.date


@dataclass(frozen=True, slots=True)
class Many:
    """How many; None is open."""

    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Silent:
    """The document tells nothing of it, so any value is one too many."""


Wanted = OneOf | Named | Days | Many | Silent


@dataclass(frozen=True, slots=True)
class GoldIncident:
    """One incident. `slots` maps a slot to what is right; a slot that is missing there is open and not scored.

    `label` is the type in the words of the gold. An optional incident may be told or not: neither counts.
    """

    label: str
    slots: Mapping[str, Wanted]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class GoldDocument:
    """An article and what is known of it; None is left open.

    `diplomatic`: an incident with a certain diplomatic target; `broad`: in a broad sense; `alert`: news to alert on.
    `complete`: all its incidents are listed. `unscored` names what the gold says in words that are not known here.
    """

    article: ArticleText
    language: str | None
    any_incident: bool | None = None
    diplomatic: bool | None = None
    broad: bool | None = None
    alert: bool | None = None
    alerts: int | None = None
    incidents: tuple[GoldIncident, ...] = ()
    complete: bool = False
    unscored: tuple[str, ...] = ()


def _family(*names: str) -> frozenset[str]:
    return frozenset(kind.value for kind, taxon in TAXONOMY.items() if taxon.family in names)


_THREATS = _family("threat", "posture")
_BY_OTHER_MEANS = frozenset(
    {
        IncidentType.ROCKET_MORTAR_MISSILE.value,
        IncidentType.AIR_DRONE_STRIKE.value,
        IncidentType.STORMING_INTRUSION.value,
        IncidentType.VANDALISM_DAMAGE.value,
    }
)
TYPES_OF_LABEL: Mapping[str, frozenset[str]] = {
    "BOMBING": _family("explosive"),
    "ATTACK": _family("armed") | _BY_OTHER_MEANS,
    "KIDNAPPING": _family("kidnap"),
    "HIJACKING": _family("kidnap"),
    "ARSON": frozenset({IncidentType.ARSON_INCENDIARY.value}),
}
"""The incident types of MUC-3 and MUC-4 and ours that are as right: by GTD attack type 3 / 1, 2, 8 / 6 / 4 / 7.

Source: fill rules of the template slot "incident: type", Proceedings of the Fourth Message Understanding Conference
(1992), appendix. There BOMBING is a laid or thrown explosive and ATTACK is all other violence, shells and rockets among
it. ROBBERY and FORCED WORK STOPPAGE have no type of ours: such incidents leave the slot open.
"""


class _Row(BaseModel):
    """Unknown fields are passed over: corpora carry many that are not scored."""


class _Number(_Row):
    low: StrictInt | None = Field(default=None, ge=0)
    high: StrictInt | None = Field(default=None, ge=0)
    stated: StrictBool = True

    @model_validator(mode="after")
    def _in_order(self) -> "_Number":
        if self.low is not None and self.high is not None and self.high < self.low:
            raise ValueError(f"a count from {self.low} to {self.high} runs backwards")
        return self


class _Incident(_Row):
    type: StrictStr
    stage: StrictStr | None = None
    optional: StrictBool = False
    date: dt.date | None = None
    date_earliest: dt.date | None = None
    date_latest: dt.date | None = None
    location: StrictStr | None = None
    country: StrictStr | None = None
    city: StrictStr | None = None
    killed: _Number | None = None
    wounded: _Number | None = None


class _Labels(_Row):
    label_any_incident: StrictBool | None = None
    label_any_incident_optional: StrictBool = False
    label_diplomatic: StrictBool | None = None
    label_diplomatic_optional: StrictBool = False
    label_diplomatic_broad: StrictBool | None = None
    label_diplomatic_broad_optional: StrictBool = False
    incidents: list[_Incident] = Field(default_factory=list)


class _Expectation(_Row):
    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    kind: Literal["in_the_wild", "negative", "synthetic", "known_failure"] | None = None
    alerts: StrictInt | None = Field(default=None, ge=0)
    only: StrictBool = False
    reports: list[dict[str, Any]] = Field(default_factory=list, alias="report")


def from_row(
    row: Mapping[str, Any], *, text_field: str, published_field: str, states: Mapping[str, str], number: int
) -> GoldDocument:
    """A document from a row of JSON lines; `states` maps casefolded English names to ISO codes.

    Raises GoldError naming the field.
    """
    for where, text in _texts(row, ""):
        if found := _LONE_SURROGATE.search(text):
            raise GoldError(where, f"holds a lone surrogate, {found[0]!a} at {found.start()}")
    article = ArticleText(
        id=_id(row.get("id", number)),
        text=_string(row, text_field, needed=True),
        title=_string(row, "title"),
        language_hint=_string(row, "lang") or None,
        published_at=_moment(row.get(published_field), published_field),
    )
    language = article.language_hint
    if "expect" in row:
        return _expected(article, language, row["expect"], "expect")
    if "label_any_incident" not in row and "label_diplomatic" not in row:
        raise GoldError("", "has neither labels (label_any_incident, label_diplomatic) nor expect")
    labels = _validated(_Labels, row, "")
    unscored: list[str] = []
    incidents = tuple(_incident(incident, states, unscored) for incident in labels.incidents)
    broad = labels.label_diplomatic_broad if labels.label_diplomatic_broad is not None else labels.label_diplomatic
    left_out = labels.label_diplomatic_optional
    return GoldDocument(
        article=article,
        language=language,
        any_incident=None if labels.label_any_incident_optional else labels.label_any_incident,
        # What is a target in the broad sense only is neither a find nor a false alarm of the certain ones.
        diplomatic=None if left_out or (broad and not labels.label_diplomatic) else labels.label_diplomatic,
        broad=None if left_out or labels.label_diplomatic_broad_optional else broad,
        # Whether a told target is news is not labelled; where there is none, no alert may come.
        alert=False if broad is False and not left_out else None,
        incidents=incidents,
        complete=True,
        unscored=tuple(unscored),
    )


def from_case(case: Mapping[str, Any], language: str) -> GoldDocument:
    """A document from a `[[case]]` of a golden file (docs/rules.md). Raises GoldError naming the field."""
    article = ArticleText(
        id=f"{language}: {_string(case, 'name', needed=True)}",
        text=_string(case, "text", needed=True),
        title=_string(case, "title"),
        language_hint=_string(case, "hint") or None,
        published_at=_moment(case.get("published"), "published"),
    )
    known = {key: case[key] for key in ("kind", "alerts", "only", "report") if key in case}
    return _expected(article, language, known, "")


def _texts(value: object, where: str) -> Iterator[tuple[str, str]]:
    """Every string in a row of JSON with the path to it; names of fields are strings too."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield where, name
            yield from _texts(one, f"{where}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _texts(one, f"{where}.{index}")


def _id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise GoldError("id", f"must be a string or a whole number, not {value!r:.60}")
    return str(value)


def _string(row: Mapping[str, Any], name: str, needed: bool = False) -> str:
    value = row.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str):
        raise GoldError(name, "is missing" if value is None else f"must be a string, not {value!r}")
    return value


def _moment(value: object, name: str) -> dt.datetime | None:
    """An ISO day or moment; a bare day is its noon, and without an offset it is UTC."""
    if value is None or isinstance(value, dt.datetime):
        return value.replace(tzinfo=value.tzinfo or dt.UTC) if value else None
    try:
        text = str(value)
        moment = dt.datetime.fromisoformat(f"{text}T12:00:00" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text)
    except ValueError:
        raise GoldError(name, f"{value!r} is no ISO date") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


_Model = TypeVar("_Model", bound=BaseModel)


def _validated(model: type[_Model], value: object, where: str) -> _Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(part for part in (where, *map(str, first["loc"])) if part)
        raise GoldError(path, f"{first['msg']}, not {first['input']!r:.60}") from None


def _incident(row: _Incident, states: Mapping[str, str], unscored: list[str]) -> GoldIncident:
    slots: dict[str, Wanted] = {}
    label = row.type.upper()
    types = TYPES_OF_LABEL.get(label) or ({row.type} if row.type in TAXONOMY else None)
    if types is None:
        unscored.append(f"type {row.type}")
    else:
        slots["type"] = OneOf(frozenset(types) | (_THREATS if row.stage == "THREATENED" else frozenset()))
    if row.country is None:
        slots["host_state"] = Silent()
    elif state := states.get(row.country.casefold()):
        slots["host_state"] = OneOf(frozenset({state}))
    else:
        unscored.append(f"country {row.country}")
    if row.city is not None:
        slots["city"] = Named(frozenset({row.city, *_ends_of_a_route(row.location)}))
    elif row.location is None or row.location == row.country:
        slots["city"] = Silent()
    if row.date is not None:
        slots["date"] = Days(row.date, row.date)
    elif row.date_latest is not None:
        slots["date"] = Days(row.date_earliest, row.date_latest)
    else:
        slots["date"] = Silent()
    for name, number in (("killed", row.killed), ("wounded", row.wounded)):
        if number is not None and not number.stated:
            slots[name] = Silent()
        elif number is not None and (number.low, number.high) != (None, None):
            slots[name] = Many(number.low, number.high)
    return GoldIncident(label, slots, row.optional)


def _ends_of_a_route(location: str | None) -> list[str]:
    """ "... PEREIRA (CITY) - MEDELLIN (CITY)" is a place between two; either is right."""
    if not location or " - " not in location:
        return []
    return re.findall(r"([^:()]+) \((?:CITY|TOWN)\)", re.sub(r"\s*[-:]\s+", ":", location))


_EXPECTED_SLOTS = "standing type relation kind sending_state host_state city date killed wounded".split()
_EXPECTED_FIELDS = {*Finding.model_fields, *Site.model_fields}


def _expected(article: ArticleText, language: str | None, value: object, where: str) -> GoldDocument:
    expectation = _validated(_Expectation, value, where)
    incidents = []
    for index, report in enumerate(expectation.reports):
        place = ".".join(part for part in (where, "report", str(index)) if part)
        for name in report:
            if name == "alertable" and not isinstance(report[name], bool):
                raise GoldError(f"{place}.{name}", f"must be true or false, not {report[name]!r:.60}")
            if name not in _EXPECTED_FIELDS:
                raise GoldError(f"{place}.{name}", f"no such field; known are {', '.join(sorted(_EXPECTED_FIELDS))}")
        slots = {name: _wanted(name, report[name], f"{place}.{name}") for name in _EXPECTED_SLOTS if name in report}
        incidents.append(GoldIncident(_label(report.get("type")), slots))
    alert = _alerts(expectation)
    return GoldDocument(
        article=article,
        language=language,
        any_incident=True if incidents else None,
        alert=alert,
        alerts=expectation.alerts if expectation.alerts is not None else (0 if alert is False else None),
        incidents=tuple(incidents),
        complete=expectation.only,
    )


def _label(kind: object) -> str:
    return "/".join(sorted(map(str, kind))) if isinstance(kind, list) else str(kind or "any")


def _alerts(expectation: _Expectation) -> bool | None:
    """Whether an alert is expected: as it says, else as its kind and reports imply."""
    if expectation.alerts is not None:
        return expectation.alerts > 0
    if any(report.get("alertable") for report in expectation.reports):
        return True
    return False if expectation.kind == "negative" else None


def _wanted(name: str, value: object, where: str) -> Wanted:
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if values in ([None], ["None"]):
        return Silent()
    if name in ("killed", "wounded"):
        return _count(value, values, where)
    if name == "date":
        try:
            day = dt.date.fromisoformat(str(value))
        except ValueError:
            raise GoldError(where, f"{value!r} is no ISO date") from None
        return Days(day, day)
    texts = frozenset(_known(name, one, where) for one in values)
    return Named(texts) if name == "city" else OneOf(texts)


def _count(value: object, values: list[Any], where: str) -> Many:
    numbers = [one for one in values if isinstance(one, int) and not isinstance(one, bool) and one >= 0]
    open_above = isinstance(value, list) and len(values) == 2 and values[1] is None
    if not 1 <= len(values) <= 2 or len(numbers) + open_above != len(values):
        raise GoldError(where, f"must be a number or [low, high], not {value!r:.60}")
    if numbers != sorted(numbers):
        raise GoldError(where, f"{value!r} runs backwards")
    low = numbers[0]
    return Many(low, numbers[-1] if len(numbers) == 2 or not isinstance(value, list) else None)


_VALUES_OF: Mapping[str, tuple[str, ...]] = {
    "standing": tuple(Standing), "type": tuple(IncidentType), "relation": tuple(Relation), "kind": tuple(SiteKind)
}  # fmt: skip


def _known(name: str, value: object, where: str) -> str:
    """A value that the reading could tell: what it never tells is a slip in the gold, not a miss."""
    if name in _VALUES_OF and value not in _VALUES_OF[name]:
        raise GoldError(where, f"{value!r:.60} is none of {', '.join(_VALUES_OF[name])}")
    if name.endswith("_state") and not (isinstance(value, str) and re.fullmatch("[A-Z]{2}", value)):
        raise GoldError(where, f"{value!r:.60} is no ISO 3166 alpha-2 code")
    if not isinstance(value, str) or not value.strip():
        raise GoldError(where, f"must be a name, not {value!r:.60}")
    return value
