"""What pictures are made of."""

from services.console.core.drawing import polyline, squares
from services.contracts.token import Role
from tests.unit.console.house import House


def test_a_line_goes_from_edge_to_edge_and_stops_where_nothing_is_known() -> None:
    assert polyline([0, 5, 10], 100, 40) == ["0.0,40.0 50.0,20.0 100.0,0.0"]
    assert polyline([1, None, 1, 1, None], 100, 40) == ["0.0,0.0 0.0,0.0", "50.0,0.0 75.0,0.0"]
    assert polyline([0, 0], 100, 40) == ["0.0,40.0 100.0,40.0"]
    assert polyline([], 100, 40) == polyline([None], 100, 40) == []


def test_a_square_is_drawn_once_and_north_is_up() -> None:
    assert squares([(33.3, 44.4), (33.31, 44.41)]) == "M45 -33h1.08v1.08h-1.08z"


async def test_the_map_has_ground() -> None:
    async with House().client(Role.VIEWER) as client:
        answer = await client.get("/world.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.count("M") > 2_000
    assert len(answer.content) < 150_000
