"""How often an address may show a wrong token: a few at once, then one now and then, in bounded memory."""

from collections import OrderedDict
from ipaddress import IPv4Address, ip_address

AT_ONCE = 10
REFILL_S = 6.0
"""Time until one more wrong token is forgiven."""
MOST_ADDRESSES = 10_000


class Attempts:
    """Wrong tokens by client. Secrets have 256 bits, so nothing has to slow down guessing: this keeps a broken or
    hostile client from filling the logs, and a right token is never held up by the wrong ones of others behind the
    same address."""

    def __init__(self) -> None:
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def failed(self, address: str, now_s: float) -> float:
        """Count one; the seconds to wait if that was one too many, else 0. `now_s` is a clock that never goes back."""
        client = _client(address)
        full_at = max(self._full_at.pop(client, now_s), now_s) + REFILL_S
        wait_s = full_at - now_s - AT_ONCE * REFILL_S
        self._full_at[client] = full_at if wait_s <= 0 else full_at - REFILL_S  # a refused one costs nothing more
        if len(self._full_at) > MOST_ADDRESSES:
            self._full_at.popitem(last=False)  # whoever failed longest ago
        return max(0.0, wait_s)


def _client(address: str) -> str:
    """An IPv6 client has a whole /64 to itself."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ip.exploded[:19])
