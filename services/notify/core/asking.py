"""What a filter asks: whether it can be meant, and in words."""

from functools import cache

from babel import Locale

from services.contracts.report import Certainty
from services.contracts.subscription import Corroboration, Filter, Subscription
from services.notify.core.refused import Refused

NO_STATES = {"EZ", "QO", "XA", "XB", "ZZ"}
"""CLDR's codes for the eurozone, outlying Oceania, pseudo-locales and the unknown."""


@cache
def _states() -> frozenset[str]:
    return frozenset(code for code in map(str, Locale("en").territories) if len(code) == 2) - NO_STATES


def check(asked: Filter, at: str = "filter") -> Filter:
    """The filter. Raises Refused where it names a code that is no state's: what nobody can mean is silent for ever."""
    for name in ("host_states", "sending_states"):
        for code in getattr(asked, name):
            if code not in _states():
                reason = f"{code!r:.40} is no state: give two letters of ISO 3166-1 (IQ, FR), EU or UN"
                raise Refused(reason, f"{at}/{name}")
    return asked


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
