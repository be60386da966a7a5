"""`chancery sites` against a broker, and against a server that answers as Wikidata's query service does."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from services.runtime.settings import Settings, environment_of
from tests.integration.conftest import on_embedded

pytestmark = pytest.mark.integration


def chancery(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.cli", "sites", *arguments]
    environment = environment_of(settings)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


class _QueryService(BaseHTTPRequestHandler):
    asked: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        type(self).asked.append(parse_qs(body)["query"][0])
        cells = {
            "mission": "http://www.wikidata.org/entity/Q1",
            "missionLabel": "Embassy of X in Y",
            "class": "http://www.wikidata.org/entity/Q3917681",
            "sender": "US",
            "host": "IQ",
            "coordinates": "Point(44.39 33.29)",
        }
        row = {name: {"type": "literal", "value": value} for name, value in cells.items()}
        answer = json.dumps({"head": {}, "results": {"bindings": [row]}}).encode()
        self.send_response(200 if self.path == "/sparql" else 503)
        self.send_header("content-type", "application/sparql-results+json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing on the test's output."""


@pytest.fixture
def query_service() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (_QueryService,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@on_embedded
def test_sites_are_imported_updated_listed_and_removed(
    kafka: Settings, tmp_path: Path, query_service: tuple[str, list[str]]
) -> None:
    own = tmp_path / "offices.csv"
    own.write_text("name,lat,lon,host\nOffice,48.86,2.34,FR\nNowhere,99,0,\n")
    imported = chancery(kafka, "import", str(own), "--radius", "500")
    assert imported.returncode == 0, imported.stderr
    assert "line 3: lat" in imported.stderr
    assert "1 sites written, 1 of them watched, 1 left out" in imported.stderr

    address, asked = query_service
    updated = chancery(kafka, "update", "--endpoint", f"{address}/sparql")
    assert updated.returncode == 0, updated.stderr
    assert "SELECT ?mission" in asked[0]

    listed = json.loads(chancery(kafka, "list", "--json").stdout)
    assert {(site["name"], site["origin"]) for site in listed} == {
        ("Office", "offices.csv"),
        ("Embassy of X in Y", "wikidata"),
    }
    assert chancery(kafka, "remove", "offices.csv").returncode == 0
    assert [site["origin"] for site in json.loads(chancery(kafka, "list", "--json").stdout)] == ["wikidata"]

    refused = chancery(kafka, "update", "--endpoint", f"{address}/busy")
    assert (refused.returncode, "answered 503" in refused.stderr) == (1, True)
