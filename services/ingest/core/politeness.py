"""How often one host is asked, whoever's feeds it serves."""

from collections import Counter


class HostPacer:
    """Turns at hosts: no more than `at_once` polls of a host at a time, begun at least `spacing_s` apart.

    A key that must wait for a moment is told which, and the moment is kept for it. One that must wait for another
    poll to end is kept, and given back when one does.
    """

    def __init__(self, at_once: int, spacing_s: float) -> None:
        self._at_once, self._spacing_s = at_once, spacing_s
        self._under_way: Counter[str] = Counter()
        self._free_at_s: dict[str, float] = {}
        self._reserved_s: dict[str, float] = {}
        self._waiting: dict[str, list[str]] = {}

    def begins_at(self, key: str, host: str, now_s: float) -> float | None:
        """`now_s` where the poll begins now (its end is then to be told), a later moment, or None until one ends."""
        if self._under_way[host] >= self._at_once:
            self._reserved_s.pop(key, None)
            self._waiting.setdefault(host, []).append(key)
            return None
        free_at_s = self._reserved_s.pop(key, self._free_at_s.get(host, now_s))
        if free_at_s > now_s:
            self._reserved_s[key] = free_at_s
            self._free_at_s[host] = max(self._free_at_s.get(host, 0.0), free_at_s) + self._spacing_s
            return free_at_s
        self._under_way[host] += 1
        self._free_at_s[host] = max(self._free_at_s.get(host, 0.0), now_s + self._spacing_s)
        return now_s

    def ended(self, host: str) -> list[str]:
        """The keys that waited for it."""
        self._under_way[host] -= 1
        if not self._under_way[host]:
            del self._under_way[host]
        return self._waiting.pop(host, [])
