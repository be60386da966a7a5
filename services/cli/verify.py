"""`chancery verify`: does an alert follow from its articles and the rules?"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.pipeline import Reader
from services.cli.context import EXIT_USAGE, AsJson, fail, print_json, say, settings
from services.cli.record import recorded
from services.cli.rules import RulesDirectory, refuse_rules, rules_directory
from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, REPORTS, SITES
from services.replay.core.recording import BadRecording
from services.replay.core.rerun import Rerun
from services.replay.record import Wanted
from services.replay.verify import Verdict, Verification
from services.replay.verify import verify as verified

MADE_OF = (SITES, ARTICLES, REPORTS, FEEDBACK, ALERTS)
"""What an alert follows from, and itself."""
EXIT_DIFFERS = 1
_MOST_SHOWN = 20


def register(app: typer.Typer) -> None:
    app.command(name="verify")(verify)


def verify(
    alert_id: Annotated[str, typer.Argument(help="As `webhook` payloads and `chancery deliveries` have it.")],
    recording: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recording.", show_default="what lies on the topics")
    ] = None,
    rules: RulesDirectory = None,
    as_json: AsJson = False,
) -> None:
    """Recompute an alert from its articles and say whether it is the one that was sent.

    Exits 0 if it matches, 1 if it differs, 2 if its articles are not kept any more.
    """
    try:
        reader = Reader(load_rules(rules_directory(rules)))
    except LexiconError as error:
        refuse_rules(error, rules)
    try:
        with _recording(recording) as path:
            rerun = Rerun(reader, windows_of(settings().classify), state_names())
            found = verified(path, alert_id, rerun, reader.rules.version)
    except (BadRecording, LookupError) as error:
        fail(str(error), EXIT_USAGE)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _show(found)
    raise typer.Exit({Verdict.MATCHES: 0, Verdict.DIFFERS: EXIT_DIFFERS, Verdict.UNKNOWN: EXIT_USAGE}[found.verdict])


@contextmanager
def _recording(given: Path | None) -> Iterator[Path]:
    """The recording that was given, or one made of the topics for as long as the context lasts."""
    if given is not None:
        yield given
        return
    with TemporaryDirectory(prefix="chancery-verify-") as directory:
        path = Path(directory) / "topics.jsonl.zst"
        recorded(Wanted(MADE_OF), path)
        yield path


def _show(found: Verification) -> None:
    say(f"{found.alert_id}: {found.headline}")
    then = ", ".join(found.rules_then)
    other = (
        f"; it was read by {then}, and these rules are {found.rules_now}" if then not in ("", found.rules_now) else ""
    )
    says = {
        Verdict.MATCHES: "matches: computed again from its articles it is the same, but for the clocks of machines",
        Verdict.DIFFERS: "differs",
        Verdict.UNKNOWN: f"cannot be verified: {len(found.missing)} of its articles are not there any more",
    }
    say(says[found.verdict] + other)
    for missing in found.missing[:_MOST_SHOWN]:
        say(f"  {missing}")
    if found.verdict is Verdict.DIFFERS:
        for each in found.mismatches[:_MOST_SHOWN]:
            say(f"  {each.field}: sent {each.sent or 'nothing'}, computed {each.computed or 'nothing'}")
