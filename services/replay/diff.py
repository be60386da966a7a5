"""Two sets of rules over one recording: which alerts would be lost, gained or told otherwise, and because of what."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from services.contracts import difference
from services.contracts.alert import Alert
from services.contracts.difference import Kind, Telling
from services.contracts.model import Instant, Value
from services.contracts.topics import ALERTS, ARTICLES
from services.replay.adapters.archive import manifest_of, recording
from services.replay.adapters.rule_sets import CHECKOUT, RECORDED, RuleSet, rule_set
from services.replay.adapters.sides import Side
from services.replay.core.comparison import paired
from services.replay.core.recording import BadRecording, Manifest
from services.replay.core.rerun import record_in
from services.replay.core.telling import telling_of
from services.replay.why import Cause, causes, rule_changes


class Difference(difference.Difference):
    """An alert that the sides do not tell alike, and why."""

    because: tuple[Cause, ...]


class Ran(Value):
    """One side, and what it came to. Of recorded alerts nothing but their number is known."""

    name: str
    rules_version: str
    counts: dict[str, int]


class Report(Value):
    """What `chancery diff` says. `rule_changes` are all entries in which the rules' files differ; None where the
    difference cannot be put down to files alone, and `remark` says why."""

    recording: str
    articles: int
    first_at: Instant | None
    last_at: Instant | None
    a: Ran
    b: Ran
    same: int
    rule_changes: tuple[str, ...] | None
    remark: str
    differences: tuple[Difference, ...]

    @property
    def number_of(self) -> Counter[Kind]:
        return Counter(each.kind for each in self.differences)


def diff(
    path: Path, a: str | None, b: str | None, on_articles: Callable[[int], None], repository: Path = CHECKOUT
) -> Report:
    """Run both sides over the recording, each in a process of its own, and compare what they tell. `on_articles` hears
    of articles as they are read, from two threads.

    Raises BadRecording before anything is run, UnusableRules.
    """
    manifest = comparable(path, RECORDED in (a, b))
    with ExitStack() as stack:
        rules = [stack.enter_context(rule_set(named, repository)) for named in (a, b)]
        sides = [stack.enter_context(Side(each, path)) if each.code else None for each in rules]
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(side.tellings, on_articles) if side else None for side in sides]
            told = [run.result() if run else _recorded_tellings(path) for run in runs]
        pairs = paired(*told)
        versions = [side.rules_version if side else manifest.head.rules_version for side in sides]
        found = rule_changes(rules, versions)
        differences = tuple(
            Difference(kind=kind, a=pair.a, b=pair.b, otherwise=pair.otherwise, because=because)
            for pair, because in zip(pairs, causes(path, pairs, rules, sides, found), strict=True)
            if (kind := pair.kind) is not None
        )
        ran = [_ran(*each) for each in zip(rules, sides, versions, told, strict=True)]
    share = manifest.seal.topics.get(ARTICLES.name)
    return Report(
        recording=str(path),
        articles=share.records if share else 0,
        first_at=share.first_at if share else None,
        last_at=share.last_at if share else None,
        a=ran[0],
        b=ran[1],
        same=len(pairs) - len(differences),
        rule_changes=None if found is None else tuple(map(str, found)),
        remark=_remark(found is None, sides, versions),
        differences=differences,
    )


def comparable(path: Path, with_recorded: bool) -> Manifest:
    """The manifest of a recording that two sets of rules can be run over. Raises BadRecording."""
    manifest = manifest_of(path)
    head = manifest.head
    if head.masked:
        raise BadRecording(f"{path}: its texts are masked, and rules read texts: record without --mask")
    needed = (ARTICLES, ALERTS) if with_recorded else (ARTICLES,)
    if missing := [topic.name for topic in needed if topic.name not in head.topics]:
        raise BadRecording(f"{path}: it holds no {' and no '.join(missing)}: record {' '.join(missing)} too")
    return manifest


def _recorded_tellings(path: Path) -> list[Telling]:
    alerts = (record_in(record, Alert) for record in recording(path) if record.topic is ALERTS)
    once = {alert.alert_id: alert for alert in alerts if alert is not None}  # a worker that was killed tells again
    return [telling_of(alert) for alert in once.values() if alert.incident.drill is None]


def _ran(rules: RuleSet, side: Side | None, version: str, told: list[Telling]) -> Ran:
    counts = side.counts if side else {"alerts": len(told)}
    return Ran(name=rules.name, rules_version=version, counts=counts)


def _remark(unknown: bool, sides: Sequence[Side | None], versions: Sequence[str]) -> str:
    if not unknown or len(set(versions)) == 1:
        return ""
    if None in sides:
        return "what was recorded was told by other rules: their files are not at hand to say what changed in them"
    return "other code read one of the sides: not all that differs need be in the files of the rules"
