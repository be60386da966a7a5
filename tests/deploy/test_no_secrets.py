"""No key that opens anything lies in the repository: its files are searched for what keys look like."""

import gzip
import math
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

ROOT = Path(__file__).parents[2]
_KEYS = "passw(?:or)?d|passphrase|secret|api_?key|access_?key|routing_?key|token|credentials?"
_NAME = rf"(?!\w*_(?:id|hash)\b)\w*(?:{_KEYS})\w*"
KINDS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50,})\b",
    "GitLab": r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,}",
    "Google": r"\b(?:AIza[0-9A-Za-z_-]{35}|GOCSPX-[\w-]{28})\b",
    "Azure": r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}",
    "DigitalOcean": r"\bdo[opr]_v1_[0-9a-f]{64}\b",
    "Vault": r"\bhv[sb]\.[\w-]{24,}",
    "Slack token": r"\bx(?:ox[abeoprs]|app)-[0-9A-Za-z-]{10,}",
    "Slack hook": r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9_/-]{20,}",
    "Discord hook": r"discord(?:app)?\.com/api/webhooks/\d{15,}/[\w-]{30,}",
    "Teams hook": r"(?:webhook\.office\.com/webhookb2/|logic\.azure\.com\S*[?&]sig=)[\w@.%-]{20,}",
    "Telegram": r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b",
    "ntfy": r"\btk_[a-z0-9]{29}\b",
    "Stripe": r"\b[sr]k_live_[0-9A-Za-z]{16,}",
    "Twilio": r"\bSK[0-9a-f]{32}\b",
    "SendGrid": r"\bSG\.[\w-]{22}\.[\w-]{43}\b",
    "of a package index": r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,})",
    "of a language model": r"\b(?:sk-[A-Za-z0-9_-]{32,}|hf_[A-Za-z0-9]{30,})",
    "JSON Web Token": r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}",
    "our webhook secret": r"\bwhs(?:ec|k)_[A-Za-z0-9+/]{30,}={0,2}",
    "our token": r"\bchancery_[A-Za-z0-9_-]{43}\b",
    "Fernet key": r"(?<![A-Za-z0-9_/+-])[A-Za-z0-9_-]{43}=(?![A-Za-z0-9_=-])",
    "bearer": r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{24,}",
    "password in an address": r"""\b[a-z][a-z0-9+.-]*://[^\s:/@"'<>]{1,80}:[^\s/@"'<>{}$]{8,}@""",
    "named": rf"""(?i){_NAME}["']?\s*[:=]\s*["'](?=[^"'\s]*\d)[A-Za-z0-9+/_=.~!#%&*-]{{12,}}["']""",
    "named, plain": rf"""(?i){_NAME}\s*[:=]\s*(?=\S*\d\S*\d)[A-Za-z0-9+/_=-]{{16,}}(?![\w.(\[])""",
}
LOOKS_LIKE_A_KEY = {kind: re.compile(pattern) for kind, pattern in KINDS.items()}
RANDOM_ENOUGH = 3.0
"""Bits a character, in the sense of Shannon; words and runs of one letter have less, base64 of 16 bytes and more has
about four."""
ALLOWED = {
    (
        "deploy/demo/webhook.secret",
        "whsec_Y2hhbmNlcnk",
    ): "of the demo's own receiver; it says in base64 that it is none",
    ("tests/unit/notify/given.py", "QUJDREVGR0hJSktM"): "the alphabet in base64",
    ("tests/unit/notify/test_slack_bot.py", "xoxb-a-token"): "words",
    ("tests/unit/notify/workspace.py", "xoxb-a-token"): "words",
    ("tests/unit/notify/workspace.py", 'SECRET = "the-signing-secret-'): "words",
    ("tests/unit/notify/test_sender.py", 'token = "T0KEN'): "words",
    ("tests/unit/notify/test_sender.py", "http://desk:p"): "words",
    ("docs/channels.md", "https://user:p"): "words",
}
"""What looks like a key and opens nothing: the file it may stand in and how it begins, and what it is."""


def bits(text: str) -> float:
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())


def keys_in(text: str) -> Iterator[tuple[str, str]]:
    for kind, pattern in LOOKS_LIKE_A_KEY.items():
        for found in pattern.finditer(text):
            if kind == "private key" or bits(found[0]) > RANDOM_ENOUGH:
                yield kind, found[0]


def files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """What a file says, packed or not and in whatever encoding: keys are ASCII."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    elif path.suffix == ".zst":
        content = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True).read(1 << 28)
    return content.replace(b"\0", b"").decode("utf-8", "replace")


def unexplained(name: str, text: str) -> list[str]:
    """The findings in a file that nobody has explained: as kind and beginning, for a log is no place for a key."""
    allowed = [begin for file, begin in ALLOWED if file == name]
    return [f"{name}: {kind} {key[:8]}…" for kind, key in keys_in(text) if not key.startswith(tuple(allowed))]


def test_no_file_of_the_repository_holds_a_key() -> None:
    found = [each for path in files() for each in unexplained(str(path.relative_to(ROOT)), text_of(path))]
    assert found == [], "take it out and revoke it; what only looks like a key is explained in ALLOWED"


def test_what_is_allowed_is_still_there() -> None:
    for file, begin in ALLOWED:
        assert begin in text_of(ROOT / file), f"{file} has it no more: take it off the list"


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("private key", "-----BEGIN RSA PRI" "VATE KEY-----"),
        ("AWS", "AKIA" "Q3EGRX7NLCMPZT4V"),
        ("GitHub", "ghp_" "16C7e42F292c6912E7710c838347Ae178B4a"),
        ("Google", "AIza" "SyD9tSrke72PouQMnMX-a7eZSW0jkFMBWYz"),
        ("Slack token", "xoxb-" "263594206564-2343594206574-FGqddMF8t08v8N7O"),
        ("Slack hook", "hooks.slack.com" "/services/T024BE7LD/B3EG9QZ1X/pZ4mXk2vQw8rT6yU1sA5dF7g"),
        ("our webhook secret", "whsec_" "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("our token", "chancery_" "q3Jx0ZbV8u1nKfL7sT2yWm5hRd9cEgA4iPoUvB6NzXM"),
        ("Fernet key", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4" "="),
        ("named", "api_key" ": 'd41d8cd98f00b204e9800998ecf8427e'"),
        ("named", "password" ' = "hunter2-X9q!"'),
        ("named, plain", "CHANCERY_KAFKA__SASL_PASSWORD" "=q3Jx0ZbV8u1nKfL7sT2y"),
        ("named, plain", "aws_secret_access_key" " = wJalrXUtn4EMI/K7MD8NG+bPxRfiCY2EXAMP9KEY"),
        ("private key", "-----BEGIN PGP PRI" "VATE KEY BLOCK-----"),
        ("GitLab", "glpat-" "x7Rk2mQ9vB4nT8sLw3Zp"),
        ("Azure", "AccountKey" "=q3Jx0ZbV8u1nKfL7sT2yWm5hRd9cEgA4iPoUvB6NzXM0aB1cD2eF3gH4=="),
        ("Telegram", "110201543" ":AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw9"),
        ("SendGrid", "SG" ".ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr"),
        ("of a package index", "npm_" "q3Jx0ZbV8u1nKfL7sT2yWm5hRd9cEgA4iPoU"),
        ("of a language model", "sk-" "q3Jx0ZbV8u1nKfL7sT2yWm5hRd9cEgA4iPoUvB6N"),
        ("bearer", "Authorization: Bearer " "q3Jx0ZbV8u1nKfL7sT2yWm5hRd9cEgA4"),
        ("password in an address", "https://ops:" "q3Jx0ZbV8u1n@kafka.internal/"),
        ("Fernet key", "KEYS=" "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4" "="),
    ],
)  # fmt: skip
def test_a_key_would_be_found(kind: str, key: str) -> None:
    assert kind in [found for found, _ in keys_in(f"before {key} after")]
    assert unexplained("services/x.py", f"x {key}")


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("key.txt", str.encode),
        ("key.txt", lambda text: text.encode("utf-16")),
        ("key.gz", lambda text: gzip.compress(text.encode())),
        ("key.zst", lambda text: zstandard.ZstdCompressor().compress(text.encode())),
    ],
)
def test_a_key_is_found_packed_and_in_any_encoding(name: str, pack: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(pack("x {}{} x".format("AKIA", "Q3EGRX7NLCMPZT4V")))
    assert [kind for kind, _ in keys_in(text_of(path))] == ["AWS"]


@pytest.mark.parametrize(
    "text",
    [
        "chancery_" + "x" * 43,
        "AKIA" + "A" * 16,
        "the password: it stands in a file",
        "token = tokens.issued(secret, name)",
        "https://user:pw@feeds.example/",
    ],
)
def test_a_placeholder_is_none(text: str) -> None:
    assert list(keys_in(text)) == []
