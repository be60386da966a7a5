"""`chancery sites`: places known beforehand, and the points an operator watches."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from services.classify.adapters.query_service import missions
from services.classify.core.sites.site_lists import SiteList, UnreadableList, read
from services.cli.context import SOURCE, AsJson, err, fail, out, print_json, settings, with_broker
from services.contracts.site import KnownSite
from services.contracts.topics import SITES
from services.runtime.egress import guarded_client
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

WIKIDATA = "https://query.wikidata.org/sparql"
BATCH = 500
SHOWN_PROBLEMS = 10
SHOWN_SITES = 500
"""Rows that a table is laid out for, which takes minutes for a hundred thousand; more are lines with tabs."""

app = typer.Typer(
    help="Known sites: your own offices as watch points, missions with coordinates.", no_args_is_help=True
)


@app.command("import")
def import_sites(
    file: Annotated[
        Path, typer.Argument(help="CSV (name,lat,lon[,radius_m,group,kind,sender,host,city,id,precision]) or GeoJSON.")
    ],
    radius: Annotated[
        float | None, typer.Option(min=1, help="Watch each site that names no radius within this many metres.")
    ] = None,
) -> None:
    """Add your own sites. With a radius they are watch points: what happens within it is told as in their vicinity.

    A `group` names those that belong together, for `chancery subscribe --group`; several stand as "a; b".
    The same entry of a file of the same name replaces itself. Rows that cannot be taken are named; the others are.

    Example: chancery sites import offices.csv --radius 500
    """
    try:
        found = read(file.read_bytes(), file.name, radius)
    except (OSError, UnreadableList) as error:
        fail(str(error))
    _store(found)


@app.command()
def update(
    endpoint: Annotated[str, typer.Option(help="A SPARQL endpoint that answers as Wikidata's.")] = WIKIDATA,
) -> None:
    """Fetch the missions that Wikidata knows (some 9,000; CC0), so that sites get their own coordinates."""

    async def fetch(configuration: Settings) -> SiteList:
        agent = configuration.ingest.user_agent
        async with guarded_client(configuration.egress, user_agent=agent, timeout_s=120) as client:
            return await missions(endpoint, client)

    try:
        found = asyncio.run(fetch(settings()))
    except (httpx.HTTPError, UnreadableList) as error:
        fail(f"cannot fetch missions: {error}")
    _store(found)


@app.command("list")
def list_sites(
    as_json: AsJson = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Show the first N.", show_default=f"{SHOWN_SITES}; with --json all")
    ] = None,
) -> None:
    """The known sites, by host state and name."""
    known = with_broker(_all)
    sites = known[: limit or (None if as_json else SHOWN_SITES)]
    if as_json:
        print_json([site.model_dump(mode="json") for site in sites])
    elif len(sites) > SHOWN_SITES:
        typer.echo("\n".join("\t".join(_cells(site)) for site in sites))
    else:
        out.print(_table(sites) if sites else "no known sites")
    if len(known) > len(sites):
        err.print(f"and {len(known) - len(sites)} more: --limit {len(known)} shows them all")


def _table(sites: Sequence[KnownSite]) -> Table:
    table = Table("name", "kind", "place", "coordinates", "watched within", "groups", "from")
    for site in sites:
        table.add_row(*map(escape, _cells(site)))
    return table


def _cells(site: KnownSite) -> tuple[str, ...]:
    place = ", ".join(filter(None, (site.city, site.host_state)))
    radius = f"{site.watch_radius_m:g} m" if site.watch_radius_m else ""
    return (
        site.name,
        site.kind or "",
        place,
        f"{site.lat:.4f}, {site.lon:.4f}",
        radius,
        "; ".join(site.groups),
        site.origin,
    )


@app.command()
def remove(
    origin: Annotated[str, typer.Argument(help="As `chancery sites list` shows it: a file's name, or wikidata.")],
) -> None:
    """Forget every site of one list."""

    async def forget(configuration: Settings) -> int:
        sites = [site for site in await _all(configuration) if site.origin == origin]
        async with Publisher(configuration, SOURCE) as publisher:
            for site in sites:
                await publisher.delete(SITES, site.key)
        return len(sites)

    removed = with_broker(forget)
    if not removed:
        fail(f"no site is from {origin!r}")
    err.print(f"{removed} sites removed")


def _store(found: SiteList) -> None:
    reasons: dict[str, list[str]] = {}
    for problem in found.problems:
        where, _, why = problem.partition(": ")
        reasons.setdefault(why, []).append(where)
    for why, places in list(reasons.items())[:SHOWN_PROBLEMS]:
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        err.print(f"left out, {places[0]}{more}: {why}", highlight=False, markup=False)
    if len(reasons) > SHOWN_PROBLEMS:
        err.print(f"and for {len(reasons) - SHOWN_PROBLEMS} other reasons")

    async def publish(configuration: Settings) -> None:
        batches = range(0, len(found.sites), BATCH)
        async with Publisher(configuration, SOURCE) as publisher:
            for start in track(batches, "writing", console=err, disable=not err.is_terminal):
                await publisher.publish(SITES, *found.sites[start : start + BATCH])

    if not found.sites:
        fail("nothing in it could be taken")
    with_broker(publish)
    watched = sum(site.watch_radius_m is not None for site in found.sites)
    err.print(f"{len(found.sites)} sites written, {watched} of them watched, {len(found.problems)} left out")
    if found.replaced:
        err.print(
            f"{found.replaced} rows were replaced by a later one of the same id, or of the same name without an id"
        )
    if not watched:
        err.print("None is a watch point: give `--radius METRES` or a column radius_m to sites import for that.")


async def _all(configuration: Settings) -> list[KnownSite]:
    table = await snapshot(configuration, [SITES])
    return sorted(table.values(SITES), key=lambda site: (site.host_state or "", site.name))
