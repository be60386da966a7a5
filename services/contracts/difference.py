"""An alert in so few words that two runs can be compared by it, and what two runs tell otherwise."""

from enum import StrEnum

from services.contracts.model import Value


class Quote(Value):
    """The words of an article. `article` is its id with its revision, as the record's id has it."""

    article: str
    source: str
    language: str
    title: str
    url: str | None
    quote: str


class Telling(Value):
    """An alert for comparison. `cause` names what brought it in a way that does not hang on how it was read; `facts`
    are what the incident said then, by field. The quotes begin with the article that caused it; `articles` are all that
    the incident was made of."""

    alert_id: str
    incident_id: str
    cause: str
    change: str
    headline: str
    reason: str
    urgency: str
    facts: dict[str, str]
    quotes: tuple[Quote, ...]
    articles: tuple[str, ...]


class Kind(StrEnum):
    LOST = "lost"
    GAINED = "gained"
    CHANGED = "changed"


class Otherwise(Value):
    """A field of which the two sides say different things; an empty text is nothing said."""

    field: str
    a: str
    b: str


class Difference(Value):
    """An alert that the sides do not tell alike: `a` is what the first told, `b` what the second did."""

    kind: Kind
    a: Telling | None
    b: Telling | None
    otherwise: tuple[Otherwise, ...]
