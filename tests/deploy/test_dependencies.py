"""What is shipped beside our code: its licences let it be, and docs/dependencies.md says what they are."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "dependencies.md"

FREE = frozenset(
    "0BSD Apache-2.0 BSD BSD-2-Clause BSD-3-Clause BSD-derived-Repoze CC0-1.0 CNRI-Python ISC MIT MIT-0 PSF-2.0 "
    "Zlib".split()
)
"""Ask for nothing but their notice: may be shipped with code under Apache-2.0 (apache.org/legal/resolved.html, A)."""
OF_FILES = {"certifi": "MPL-2.0", "pathspec": "MPL-2.0", "tld": "MPL-1.1"}
"""Ask that changes of their own files be published, which we make none of (the same page, B). Each named here."""
NOT_HERE = {"colorama": "BSD-3-Clause"}
"""On other systems only, so that no metadata is at hand."""
SPDX = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "BSD-derived (Repoze)": "BSD-derived-Repoze",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The BSD 2-Clause License": "BSD-2-Clause",
}
"""What packages call their licences, as SPDX does."""


READ_FOREIGN_BYTES = frozenset(
    "aiohttp aiokafka aiosmtplib brotli certifi cramjam cryptography fastapi feedparser h11 httpcore httpx idna jinja2 "
    "lxml lxml-html-clean protego pydantic-core python-multipart starlette trafilatura uvicorn zstandard".split()
)
"""Or do cryptography: each version of these is reviewed."""


def locked() -> list[str]:
    """The packages of requirements.lock: what is installed where Chancery runs, and what its wheel is built with."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return sorted({found[1] for line in lines if (found := re.match(r"([A-Za-z0-9._-]+)==", line))})


def licence_of(package: str) -> str:
    """The SPDX expression that its installed metadata states."""
    try:
        stated = metadata(package)
    except PackageNotFoundError:
        return NOT_HERE[package]
    if "License-Expression" in stated:
        return stated["License-Expression"]
    classified = [
        each.rpartition(" :: ")[2] for each in stated.get_all("Classifier") or () if each.startswith("License")
    ]
    named = stated["License"].strip() if "License" in stated else ""
    if named and (named in SPDX or " " not in named):
        return SPDX.get(named, named)
    return " OR ".join(sorted({SPDX.get(each, each) for each in classified})) or "none that is stated"


def may_be_shipped(package: str, expression: str) -> bool:
    """One alternative, all of whose parts are free, or what the package is named for."""
    alternatives = [re.split(r" AND ", each.strip("()")) for each in expression.split(" OR ")]
    return any(all(part in FREE or OF_FILES.get(package) == part for part in each) for each in alternatives)


def rows() -> Iterator[str]:
    """The table of the page."""
    by_licence: dict[str, list[str]] = {}
    for package in locked():
        by_licence.setdefault(licence_of(package), []).append(package)
    for licence in sorted(by_licence):
        yield f"| {licence} | {', '.join(by_licence[licence])} |"


@pytest.mark.parametrize("package", locked())
def test_its_licence_lets_it_be_shipped(package: str) -> None:
    expression = licence_of(package)
    assert may_be_shipped(package, expression), f"{package} is under {expression}: see docs/dependencies.md"


def test_the_page_says_what_the_metadata_states() -> None:
    _, _, table = PAGE.read_text().partition("| licence | packages |\n|---|---|\n")
    assert table.partition("\n\n")[0].splitlines() == list(rows())


def test_what_asks_more_is_named_and_still_used() -> None:
    assert OF_FILES.keys() <= set(locked())
    assert all(package in PAGE.read_text() for package in OF_FILES)


def test_what_reads_foreign_bytes_was_reviewed_as_it_is_pinned() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))
    _, _, review = PAGE.read_text().partition("### Review of ")
    reviewed = dict(re.findall(r"^\| ([a-z0-9-]+) \| ([0-9][\w.]*) \|", review, re.MULTILINE))
    assert reviewed == {name: pinned[name] for name in READ_FOREIGN_BYTES}, (
        "look for advisories, and date the review anew"
    )


@pytest.mark.parametrize(
    ("expression", "may"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("AGPL-3.0-only", False),
        ("MPL-2.0", False),
        ("none that is stated", False),
    ],
)
def test_which_licences_pass(expression: str, may: bool) -> None:
    assert may_be_shipped("some-package", expression) is may
