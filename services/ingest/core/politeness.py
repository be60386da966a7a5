"""How often one host is asked, whoever's feeds it serves."""

import math
from collections import Counter
from urllib.parse import urlsplit

# How long a host is held that says 429 and not for how long.
SHORTEST_HOLD_S = 60.0
# A page yields to the polls that wait for its host, and asks again after so long.
ASK_AGAIN_S = 0.25
# Pages may stand on any number of hosts; of more than these, those that are free are forgotten.
MAX_REMEMBERED = 10_000


def host_of(url: str) -> str:
    """The host that a request for `url` counts for, however it is written: its ports and names with a dot are one.

    Raises ValueError for what is no address.
    """
    return (urlsplit(url).hostname or "").rstrip(".")


class HostPacer:
    """Turns at hosts: no more than `at_once` polls of a host at a time, begun at least `spacing_s` apart.

    A key that must wait for a moment is told which, and the moment is kept for it. One that must wait for another
    poll to end is kept, and given back when one does. A host that asks to be left alone for one feed is left alone for
    all, at most `longest_hold_s`: one broken address must not silence its neighbours for long.
    """

    def __init__(self, at_once: int, spacing_s: float, longest_hold_s: float = 0.0) -> None:
        self._at_once, self._spacing_s, self._longest_hold_s = at_once, spacing_s, longest_hold_s
        self._under_way: Counter[str] = Counter()
        self._free_at_s: dict[str, float] = {}
        self._begun_s: dict[str, float] = {}
        self._held_until_s: dict[str, float] = {}
        self._reserved_s: dict[str, float] = {}
        self._waiting: dict[str, list[str]] = {}

    def begins_at(self, key: str, host: str, now_s: float) -> float | None:
        """`now_s` where the poll begins now (its end is then to be told), a later moment, or None until one ends."""
        if self._under_way[host] >= self._at_once:
            self._reserved_s.pop(key, None)
            self._waiting.setdefault(host, []).append(key)
            return None
        earliest_s = max(self._begun_s.get(host, -math.inf) + self._spacing_s, self._held_until_s.get(host, -math.inf))
        begins_at_s = self._reserved_s.pop(key, -math.inf)
        if begins_at_s < earliest_s - self._spacing_s:
            # It had no turn yet, or that lies in a hold, or was missed and others began since: it gets the next.
            begins_at_s = max(self._free_at_s.get(host, now_s), earliest_s, now_s)
            self._free_at_s[host] = begins_at_s + self._spacing_s
        begins_at_s = max(begins_at_s, earliest_s)
        if begins_at_s > now_s:
            self._reserved_s[key] = begins_at_s
            return begins_at_s
        self._under_way[host] += 1
        self._begun_s[host] = now_s
        return now_s

    def hold(self, host: str, now_s: float, retry_after_s: float | None) -> float:
        """Begin no poll of `host` for as long as it asks; the seconds that it is held from `now_s`."""
        hold_s = min(max(retry_after_s or 0.0, SHORTEST_HOLD_S), self._longest_hold_s)
        self._held_until_s[host] = max(self._held_until_s.get(host, 0.0), now_s + hold_s)
        return self._held_until_s[host] - now_s

    def visited_at(self, host: str, now_s: float, *, lent: bool) -> float:
        """`now_s` where a page of `host` is fetched now, or a later moment at which to ask again.

        Its end is to be told like that of a poll, unless the turn is `lent`: by a poll of that host.
        """
        begun_s = self._begun_s.get(host, -math.inf)
        free_at_s = max(
            begun_s + self._spacing_s, self._free_at_s.get(host, now_s), self._held_until_s.get(host, now_s)
        )
        if free_at_s > now_s:
            return free_at_s
        if not lent:
            if self._under_way[host] >= self._at_once:
                return now_s + ASK_AGAIN_S
            self._under_way[host] += 1
        self._begun_s[host] = now_s
        for moments in (self._begun_s, self._free_at_s, self._held_until_s):
            if len(moments) > MAX_REMEMBERED:
                for passed in [host for host, at_s in moments.items() if at_s + self._spacing_s <= now_s]:
                    del moments[passed]
        return now_s

    def ended(self, host: str) -> list[str]:
        """The keys that waited for it."""
        self._under_way[host] -= 1
        if not self._under_way[host]:
            del self._under_way[host]
        return self._waiting.pop(host, [])
