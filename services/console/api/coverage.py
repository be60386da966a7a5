"""/v1/coverage: what is heard from where."""

from fastapi import APIRouter, Request, Response

from services.console.api.answers import answer
from services.console.api.given import Here
from services.console.api.guarded import GuardedRoute
from services.console.core.coverage import Covered, covered
from services.contracts.topics import FEED_STATES, FEEDS, INCIDENTS

router = APIRouter(tags=["coverage"], route_class=GuardedRoute)


@router.get("/v1/coverage", response_model=Covered)
async def get_coverage(request: Request, here: Here) -> Response:
    """Languages and countries of the last day, the worst heard first: no feed, paused, blind (no feed could be read),
    quiet (read, and nothing new), heard."""
    states = {state.feed_id: state for state in here.records.values(FEED_STATES)}
    watched = ((feed, states.get(feed.feed_id)) for feed in here.records.values(FEEDS))
    return answer(request, covered(watched, here.records.values(INCIDENTS), here.languages, here.now()))
