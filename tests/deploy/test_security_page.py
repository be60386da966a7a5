"""The pages that say what holds name what shows it; what they name is there."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {name: (ROOT / "docs" / name).read_text() for name in ("security.md", "promises.md")}
EVERYTHING = "\n".join(PAGES.values())
NAMED = sorted(set(re.findall(r"`?((?:services|tests)/[\w./-]+\.py)(?:::(test_\w+))?`?", EVERYTHING)))
LINKS = sorted({link for page in PAGES.values() for link in re.findall(r"\]\(([^)#:]+)\)", page)})


@pytest.mark.parametrize("page", PAGES)
def test_it_names_something(page: str) -> None:
    assert sum(file in PAGES[page] for file, _ in NAMED) > 40


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_what_it_names_is_there(file: str, test: str) -> None:
    assert (ROOT / file).is_file()
    assert not test or re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("link", LINKS)
def test_its_links_lead_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m (benchmarks\.\w+)", EVERYTHING))))
def test_a_command_that_measures_exists(module: str) -> None:
    assert find_spec(module)
