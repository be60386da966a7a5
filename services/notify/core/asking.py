"""What a filter asks: whether it can be meant, and in words."""

from functools import cache

from babel import Locale

from services.contracts.report import Certainty, SiteKind
from services.contracts.subscription import Corroboration, Filter, Subscription
from services.notify.core.refused import Refused

NO_STATES = {"EZ", "QO", "XA", "XB", "ZZ"}
"""CLDR's codes for the eurozone, outlying Oceania, pseudo-locales and the unknown."""

ANY_OR_NONE = ("*", "-")
NO_LANGUAGES = {"mul", "und", "zxx"}
"""CLDR's codes for several, an unknown and no language."""


@cache
def _states() -> frozenset[str]:
    return frozenset(code for code in map(str, Locale("en").territories) if len(code) == 2) - NO_STATES


@cache
def _languages() -> frozenset[str]:
    return frozenset(code for code in map(str, Locale("en").languages) if len(code) <= 3) - NO_LANGUAGES


def check(asked: Filter, at: str = "filter") -> Filter:
    """The filter. Raises Refused where it names what is no state, language or kind of site: what nobody can mean is
    silent for ever."""
    for name in ("host_states", "sending_states"):
        for code in getattr(asked, name):
            _check_state(code, f"{at}/{name}")
    for site in asked.sites:
        kind, *states = site.split(":")[:3]
        if kind not in (*ANY_OR_NONE, *SiteKind):
            raise Refused(f"{kind!r:.40} is no kind of site: one of {', '.join(SiteKind)}", f"{at}/sites")
        for code in states:
            if code not in ANY_OR_NONE:
                _check_state(code, f"{at}/sites")
    for code in asked.languages:
        if code not in _languages():
            raise Refused(f"{code!r:.40} is no language: give its code of ISO 639-1 (ar, fr)", f"{at}/languages")
    return asked


def _check_state(code: str, at: str) -> None:
    if code not in _states():
        raise Refused(f"{code!r:.40} is no state: give two letters of ISO 3166-1 (IQ, FR), EU or UN", at)


def words(asked: Filter) -> str:
    """What a filter asks, in words."""
    parts = [f"{asked.min_severity} and above"]
    if asked.min_certainty is not Certainty.UNLIKELY:
        parts.append(f"at least {asked.min_certainty}")
    parts += [f"in {', '.join(asked.host_states)}"] if asked.host_states else []
    parts += [f"sites of {', '.join(asked.sending_states)}"] if asked.sending_states else []
    parts += [f"at {', '.join(asked.sites)}"] if asked.sites else []
    parts += [f"within {each.radius_km:g} km of {each.lat:g}, {each.lon:g}" for each in asked.near]
    parts += [f"at or near sites of {', '.join(asked.groups)}"] if asked.groups else []
    parts += [f"only {', '.join((*asked.types, *asked.outcomes))}"] if asked.types or asked.outcomes else []
    parts += [f"told in {', '.join(asked.languages)}"] if asked.languages else []
    parts += [f"{asked.sources} sources"] if asked.sources is not Corroboration.ANY else []
    parts += [] if asked.updates else ["no updates"]
    parts += ["exercises too"] if asked.exercises else []
    return "; ".join(parts)


def all_words(subscription: Subscription) -> str:
    """What a subscription asks for, in words."""
    return "; or ".join(map(words, subscription.filters))
