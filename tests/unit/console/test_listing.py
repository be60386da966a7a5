"""Lists of incidents: always in order, each as it stands, whatever was put and removed before."""

import json

from hypothesis import given, settings
from hypothesis import strategies as some

from services.console.core.geojson import collection
from services.console.core.incidents import Wanted, line, newest_first
from services.console.core.listing import Listing
from services.contracts.incident import Incident
from services.contracts.report import Severity, Site
from tests.unit.console.test_incidents import numbered

PUT = some.tuples(some.integers(0, 5), some.integers(0, 5), some.sampled_from(Severity))


@settings(deadline=None)
@given(some.lists(some.one_of(PUT, some.integers(0, 5)), max_size=25))
def test_a_listing_is_what_was_put_last_in_order(steps: list[tuple[int, int, Severity] | int]) -> None:
    listing, known = Listing(), dict[str, Incident]()
    for step in steps:
        if isinstance(step, int):
            name = numbered(step).incident_id
            assert listing.remove(name) == known.pop(name, None)
        else:
            told = numbered(step[0], minutes=step[1], severity=step[2])
            assert listing.put(told) == known.get(told.incident_id)
            known[told.incident_id] = told
    for wanted in (Wanted(), Wanted(severities=(Severity.SEVERE,)), Wanted(text="BAGHDAD", severities=tuple(Severity))):
        expected = sorted(filter(wanted.has, known.values()), key=newest_first)
        found = listing.page(wanted, 3, None)
        assert ([each.incident for each in found.items], found.total) == (expected[:3], len(expected))
        if found.next_cursor:
            assert [each.incident for each in listing.page(wanted, 9, found.next_cursor).items] == expected[3:]


def test_a_line_and_what_is_searched_go_with_the_revision() -> None:
    listing, quiet = Listing(), numbered(1)
    listing.put(quiet)
    assert json.loads(listing.page(Wanted(), 1, None).items[0].line) == line(quiet).model_dump(mode="json")
    assert listing.page(Wanted(text="paris"), 1, None).total == 0
    moved = numbered(1, minutes=1, site=Site(city="Paris", host_state="FR", lat=48.9, lon=2.4))
    listing.put(moved)
    (found,) = listing.page(Wanted(text="PARIS"), 1, None).items
    assert json.loads(found.line)["changed_at"] != line(quiet).model_dump(mode="json")["changed_at"]
    (feature,) = json.loads(collection([found]))["features"]
    assert (feature["geometry"]["coordinates"], feature["properties"]) == ([2.4, 48.9], json.loads(found.line))
