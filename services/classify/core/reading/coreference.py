"""Sites that refer back: "the mission" is the one named before."""

from services.classify.core.reading.site_mentions import SiteMention


def refer_back(sites: dict[int, list[SiteMention]]) -> None:
    """ "The mission", "the embassy": filled in place from the named site told nearest before, else the first after.

    `sites`: number of the sentence -> the sites it tells.
    """
    last: SiteMention | None = None
    pending: list[tuple[int, int]] = []
    for index in sorted(sites):
        for position, site in enumerate(sites[index]):
            if site.sender is not None or (site.named and site.kind is not None):
                filled = _filled(site, last) if last and _same_place(site, last) else site
                sites[index][position] = filled
                last = filled
                for early_index, early_position in pending:
                    early = sites[early_index][early_position]
                    sites[early_index][early_position] = _filled(early, filled)
                pending.clear()
            elif last is not None:
                sites[index][position] = _filled(site, last)
            else:
                pending.append((index, position))


def _same_place(site: SiteMention, last: SiteMention) -> bool:
    if site.sender and last.sender and site.sender != last.sender:
        return False
    if site.city and not site.host:
        return last.city is not None and site.city.name == last.city.name
    return not (site.host and last.host and site.host != last.host)


def _filled(site: SiteMention, known: SiteMention) -> SiteMention:
    """A site with what it leaves out taken from the one it refers back to."""
    host = site.host or known.host
    if host is not None and host == (site.sender or known.sender):
        return site
    city = site.city or (known.city if known.city and known.city.state == host else None)
    return site._replace(
        kind=site.kind or known.kind,
        sender=site.sender or known.sender,
        senders=site.senders or known.senders,
        host=host,
        city=city,
        area=site.area or known.area,
        spans={**known.spans, **site.spans},
        referring=not site.named,
    )
