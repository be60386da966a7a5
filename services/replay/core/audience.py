"""Whom a replay may tell: subscriptions that were named, each made to take exercises. Pure."""

from collections.abc import Iterable, Sequence

from services.contracts.subscription import Filter, Subscription, SubscriptionState


class NoSuchAudience(ValueError):
    """A name that cannot be told; the message says why."""


def audience(subscriptions: Sequence[Subscription], names: Iterable[str]) -> list[Subscription]:
    """The subscriptions of these names or ids, as a replay's notifier is to know them: what they ask for holds, and
    exercises are among it. Raises NoSuchAudience."""
    return [_with_exercises(_one(subscriptions, name)) for name in dict.fromkeys(names)]


def _one(subscriptions: Sequence[Subscription], name: str) -> Subscription:
    found = [each for each in subscriptions if name in (each.subscription_id, each.name)]
    if not found:
        raise NoSuchAudience(f"no subscription {name}: `chancery subscriptions list` shows what there is")
    if len(found) > 1:
        raise NoSuchAudience(f"{len(found)} subscriptions are named {name}: give the id of one")
    if found[0].state is not SubscriptionState.ACTIVE:
        raise NoSuchAudience(f"the subscription {name} is {found[0].state}: it wants nothing, exercises neither")
    return found[0]


def _with_exercises(subscription: Subscription) -> Subscription:
    def asked(each: Filter) -> Filter:
        return each.model_copy(update={"exercises": True})

    return subscription.model_copy(
        update={"filter": asked(subscription.filter), "or_filters": tuple(map(asked, subscription.or_filters))}
    )
