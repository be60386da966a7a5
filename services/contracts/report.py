"""What one article says about one incident, every field with the words that say so."""

import datetime as dt
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from services.contracts.article import OfDrill, Source
from services.contracts.ids import ArticleId, ReportId, SiteKey
from services.contracts.model import Instant, Record, Value


class IncidentType(StrEnum):
    """The taxonomy; `services/classify/core/taxonomy.py` maps it to ACLED, GTD and IPTC codes."""

    ROCKET_MORTAR_MISSILE = "rocket_mortar_missile"
    AIR_DRONE_STRIKE = "air_drone_strike"
    BOMBING_IED = "bombing_ied"
    SUICIDE_ATTACK = "suicide_attack"
    ARMED_ATTACK_SHOOTING = "armed_attack_shooting"
    STABBING_RAMMING_ASSAULT = "stabbing_ramming_assault"
    ASSASSINATION_STAFF = "assassination_staff"
    KIDNAP_HOSTAGE = "kidnap_hostage"
    STORMING_INTRUSION = "storming_intrusion"
    ARSON_INCENDIARY = "arson_incendiary"
    VANDALISM_DAMAGE = "vandalism_damage"
    VIOLENT_PROTEST = "violent_protest"
    PEACEFUL_PROTEST_BLOCKADE = "peaceful_protest_blockade"
    THREAT_HOAX_SUSPECT_ITEM = "threat_hoax_suspect_item"
    CBRN_SUBSTANCE = "cbrn_substance"
    SECURITY_POSTURE = "security_posture"


class Standing(StrEnum):
    """Is it news: a new incident, more about one already told, or background."""

    NEW = "new"
    UPDATE = "update"
    BACKGROUND = "background"


class Outcome(StrEnum):
    """What came of it. `hit`: it was carried out."""

    HIT = "hit"
    INTERCEPTED = "intercepted"
    FOILED = "foiled"
    CLAIMED = "claimed"
    THREATENED = "threatened"


class Relation(StrEnum):
    """How the incident stands to the diplomatic target; `none` is an incident elsewhere."""

    ON_SITE = "on_site"
    PERIMETER = "perimeter"
    STAFF = "staff"
    CONVOY = "convoy"
    VICINITY = "vicinity"
    NONE = "none"


class SiteKind(StrEnum):
    EMBASSY = "embassy"
    CONSULATE = "consulate"
    RESIDENCE = "residence"
    CHANCERY = "chancery"
    PERMANENT_MISSION = "permanent_mission"
    NUNCIATURE = "nunciature"
    INTERESTS_SECTION = "interests_section"
    CULTURAL_OFFICE = "cultural_office"
    TRADE_OFFICE = "trade_office"
    EU_DELEGATION = "eu_delegation"
    UN_OFFICE = "un_office"
    INTERNATIONAL_OFFICE = "international_office"
    DIPLOMATIC_QUARTER = "diplomatic_quarter"
    CONVOY = "convoy"
    STAFF = "staff"


class PlacePrecision(StrEnum):
    """How exactly the coordinates are meant, finest first."""

    SITE = "site"
    QUARTER = "quarter"
    CITY = "city"
    COUNTRY = "country"
    UNKNOWN = "unknown"


class DatePrecision(StrEnum):
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """CAP 1.2 severity, without its `Unknown`."""

    EXTREME = "extreme"
    SEVERE = "severe"
    MODERATE = "moderate"
    MINOR = "minor"


class Certainty(StrEnum):
    """CAP 1.2 certainty, without its `Unknown`."""

    OBSERVED = "observed"
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"


class Span(Value):
    """Words of the original text: `text[start:end] == quote`, counted in code points.

    The text is the title, a line break and the body where there is a title, else the body.
    """

    quote: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Count(Value):
    """How many, as a range. "at least three" is low 3 and no high; "none" is 0 to 0; silence is no Count."""

    low: int = Field(ge=0)
    high: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> "Count":
        if self.high is not None and self.high < self.low:
            raise ValueError(f"a count from {self.low} to {self.high} runs backwards")
        return self


class Quantity(Value):
    """A counted thing that is not a casualty: `what` names it (`rockets_near_site`, `explosions`)."""

    what: str
    count: Count


def _group_name(told: object) -> object:
    """People write a name as they like: case and spaces make no other group."""
    return " ".join(told.split()).casefold() if isinstance(told, str) else told


GroupName = Annotated[str, BeforeValidator(_group_name), Field(min_length=1, max_length=80, pattern=r"^[^;]+$")]
"""Of a group of known sites, as an operator calls it."""


class Site(Value):
    """The place of an incident and, where it has one, its diplomatic target.

    `kind` is None for an incident elsewhere. States are ISO 3166-1 alpha-2, with EU and UN for those two.
    `city` and `area` are English names. Coordinates are WGS 84 degrees. `groups` are those of the known site that it
    is and of the watch points it lies within, as they were when the report was read.
    """

    kind: SiteKind | None = None
    sending_state: str | None = None
    host_state: str | None = None
    city: str | None = None
    area: str | None = None
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)
    precision: PlacePrecision = PlacePrecision.UNKNOWN
    groups: tuple[GroupName, ...] = ()

    @property
    def site_key(self) -> SiteKey:
        """`kind:sender:host:city`, with `-` for what is unknown. The quarter is not part of the identity."""
        parts = (
            self.kind,
            self.sending_state,
            self.host_state,
            (self.city or "").casefold().replace(" ", "_"),
        )
        return SiteKey(":".join(part or "-" for part in parts))


class GuardVerdict(Value):
    """A named rule that spoke against an alert, and why."""

    name: str
    reason: str
    quote: str = ""


class Finding(Value):
    """One incident as one article tells it: the pure result of extraction.

    `evidence` maps a field's name to the words it was read from. `alertable` says that the article tells it as
    news at a diplomatic site and no guard spoke; whether an alert is sent is the correlation's to decide.
    `conflicts` names what cannot be right in the article (a weekday that is not the date's); it is kept as told.
    """

    standing: Standing
    type: IncidentType
    outcome: Outcome
    relation: Relation
    date: dt.date | None = None
    date_precision: DatePrecision = DatePrecision.UNKNOWN
    day_part: str | None = None
    site: Site | None = None
    killed: Count | None = None
    wounded: Count | None = None
    missing: Count | None = None
    staff_casualties: Count | None = None
    counts: tuple[Quantity, ...] = ()
    weapon: str | None = None
    damage: str | None = None
    defence: str | None = None
    claimed_by: str | None = None
    sources: tuple[str, ...] = ()
    hedges: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    severity: Severity
    severity_reasons: tuple[str, ...] = ()
    certainty: Certainty
    certainty_reasons: tuple[str, ...] = ()
    guards: tuple[GuardVerdict, ...] = ()
    alertable: bool
    evidence: dict[str, tuple[Span, ...]] = Field(default_factory=dict)


class Classification(Value):
    """Everything one article says; the JSON of `chancery classify`."""

    id: str
    language: str
    ruleset_version: str
    reports: tuple[Finding, ...] = ()


class IncidentReport(Record):
    """A finding with the article it stands in: the record of the `reports` topic.

    `text_fingerprint` is a 64-bit simhash of the article's text in hex: near-equal texts are near in Hamming
    distance, so agency copy can be counted once. `reported_at` is the clock of the machine that read it, for
    the time ledger only. `withdrawn`: this revision of the article no longer tells the finding, which is the former
    revision's without its evidence.
    """

    KIND: ClassVar[str] = "report"

    report_id: ReportId
    article_id: ArticleId
    article_revision: int = 1
    source: Source
    url: str | None = None
    title: str = ""
    language: str
    ruleset_version: str
    text_fingerprint: str
    published_at: Instant | None = None
    fetched_at: Instant
    watermark_at: Instant | None = None
    reported_at: Instant
    backlog: bool = False
    withdrawn: bool = False
    drill: OfDrill = None
    finding: Finding

    @property
    def record_id(self) -> str:
        return f"{self.report_id}-{self.article_revision}"

    @property
    def site_key(self) -> SiteKey:
        return (self.finding.site or Site()).site_key

    @property
    def key(self) -> str:
        """The host state, `ZZ` when unknown.

        All that could be one incident must lie on one partition, and a report that names only the country
        may turn out to mean a site in it (docs/adr/0001).
        """
        return (self.finding.site and self.finding.site.host_state) or "ZZ"
