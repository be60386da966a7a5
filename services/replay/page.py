"""A comparison as a page that needs nothing outside itself: no script, no image, no style from elsewhere."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.contracts.difference import Kind
from services.replay.diff import Report

_pages = Environment(
    loader=PackageLoader("services.replay", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def diff_page(report: Report) -> str:
    """HTML. Whatever publishers wrote is text in it; only http and https addresses become links."""
    return _pages.get_template("diff.html").render(report=report, kinds=tuple(Kind), number_of=report.number_of)
