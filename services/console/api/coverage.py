"""/v1/coverage: what is heard from where."""

from fastapi import APIRouter, Request, Response

from services.console.api.answers import answer
from services.console.api.given import Here
from services.console.api.guarded import GuardedRoute
from services.console.core.coverage import Covered, covered
from services.contracts.feed import Feed, FeedState
from services.contracts.incident import Incident
from services.contracts.topics import FEED_STATES, FEEDS, INCIDENTS

router = APIRouter(tags=["coverage"], route_class=GuardedRoute)


@router.get("/v1/coverage", response_model=Covered)
async def get_coverage(request: Request, here: Here) -> Response:
    """Languages and countries of the last day, the worst heard first: no feed, paused, blind (no feed could be read),
    quiet (read, and nothing new), heard."""
    states = {state.feed_id: state for state in here.records.values(FEED_STATES) if isinstance(state, FeedState)}
    feeds = (feed for feed in here.records.values(FEEDS) if isinstance(feed, Feed))
    incidents = (each for each in here.records.values(INCIDENTS) if isinstance(each, Incident))
    watched = ((feed, states.get(feed.feed_id)) for feed in feeds)
    return answer(request, covered(watched, incidents, here.languages, here.now()))
