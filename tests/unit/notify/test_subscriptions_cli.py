"""What `chancery subscribe` refuses before it asks any broker."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from services.cli import subscribe
from services.contracts.subscription import Channel
from services.notify.adapters.proof import Proof
from services.notify.core.channels import CHANNELS
from services.notify.core.status import Answer, Judgement, Outcome

SECRET_URL = "T0KEN"


@pytest.fixture
def chancery(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("CHANCERY_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    app = typer.Typer()
    subscribe.register(app)
    return app


@pytest.mark.parametrize("channel", ["slack", "webhook"])
@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (f"http://hooks.example/{SECRET_URL}", "must be https, not http"),
        (f"http://127.0.0.1/{SECRET_URL}", "must be https, not http"),
        (f"ftp://hooks.example/{SECRET_URL}", "must be https, not ftp"),
        (f"hooks.example/{SECRET_URL}", "that is no URL"),
        (f"https:///{SECRET_URL}", "that is no URL"),
        (f"https://[hooks/{SECRET_URL}", "that is no URL"),
        (f"https://hooks.example:99999/{SECRET_URL}", "that is no URL"),
        (f"https://hooks.example/a b{SECRET_URL}", "that is no URL"),
        ("", "that is no URL"),
    ],
)
def test_an_endpoint_that_may_not_be_used(chancery: typer.Typer, channel: str, url: str, complaint: str) -> None:
    result = CliRunner().invoke(chancery, ["subscribe", channel, url])
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())
    assert SECRET_URL not in result.output


@pytest.mark.parametrize("address", ["desk", "https://example.org/", "desk@example.org,other@example.org"])
def test_an_email_goes_to_one_address(chancery: typer.Typer, address: str) -> None:
    result = CliRunner().invoke(chancery, ["subscribe", "email", address])
    assert result.exit_code == 2
    assert "one address is expected, as desk@example.org" in " ".join(result.output.split())


def test_plain_http_only_on_loopback_and_only_where_it_is_allowed(
    chancery: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANCERY_NOTIFY__REQUIRE_HTTPS", "false")
    result = CliRunner().invoke(chancery, ["subscribe", "webhook", "http://hooks.example/x"])
    assert result.exit_code == 2
    assert "must be https" in result.output


def test_without_a_key_nothing_is_stored(chancery: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANCERY_SECRETS__KEYS", "")
    result = CliRunner().invoke(chancery, ["subscribe", "webhook", "https://hooks.example/x"])
    assert result.exit_code == 1
    assert "CHANCERY_SECRETS__KEYS" in result.output


@pytest.mark.parametrize("code", ["Iraq", "I", "1Q", "IQ,", "ÄQ", "ZZ", "XA", "AA", "001"])
def test_a_state_is_one_that_is_known(chancery: typer.Typer, code: str) -> None:
    result = CliRunner().invoke(chancery, ["subscribe", "webhook", "https://hooks.example/x", "--host-state", code])
    assert result.exit_code == 2
    assert "is no state" in result.output


def test_a_given_secret_must_be_one(chancery: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("whsec_c2hvcnQ=")
    arguments = ["subscribe", "webhook", "https://hooks.example/x", "--secret-file", str(file)]
    result = CliRunner().invoke(chancery, arguments)
    assert result.exit_code == 2
    assert "24 to 64 bytes" in " ".join(result.output.split())
    assert "c2hvcnQ" not in result.output


def test_known_states_pass(chancery: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANCERY_SECRETS__KEYS", "")
    arguments = ["subscribe", "webhook", "https://hooks.example/x", "--host-state", "iq,XK", "--sending-state", "EU,UN"]
    assert CliRunner().invoke(chancery, arguments).exit_code == 1  # it went on to the missing key


def test_a_channel_whose_address_is_the_password_takes_no_secret(chancery: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("anything")
    result = CliRunner().invoke(chancery, ["subscribe", "slack", "https://hooks.example/x", "--secret-file", str(file)])
    assert result.exit_code == 2
    assert "takes no secret" in " ".join(result.output.split())


@pytest.mark.parametrize("option", ["--asymmetric", "--challenge"])
def test_what_is_not_signed_has_neither_key_nor_challenge(chancery: typer.Typer, option: str) -> None:
    result = CliRunner().invoke(chancery, ["subscribe", "slack", "https://hooks.example/x", option])
    assert result.exit_code == 2
    assert "slack is not signed" in " ".join(result.output.split())


@pytest.mark.parametrize("channel", list(CHANNELS))
def test_every_channel_has_a_command_that_says_what_its_endpoint_is(chancery: typer.Typer, channel: str) -> None:
    result = CliRunner().invoke(chancery, ["subscribe", channel, "--help"], terminal_width=400)
    assert result.exit_code == 0
    assert CHANNELS[Channel(channel)].endpoint in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--site", "US:IQ", "kind:sender:host:city"),
        ("--site", "embassy:USA:IQ:*", "kind:sender:host:city"),
        ("--site", "embassy:US:ZZ:*", "'ZZ' is no state"),
        ("--site", "embasy:US:IQ:*", "'embasy' is no kind of site: one of embassy"),
        ("--language", "english", "'english' is no language"),
        ("--language", "zz", "'zz' is no language"),
        ("--or", '{"languages": ["french"]}', "'french' is no language"),
        ("--near", "33.3,44.4", "latitude (-90 to 90), longitude (-180 to 180) and kilometres"),
        ("--near", "133.3,44.4,5", "latitude (-90 to 90), longitude (-180 to 180) and kilometres"),
        ("--or", "host=FR", "is no JSON object"),
        ("--or", '{"hosts": ["FR"]}', "hosts"),
        ("--or", '{"min_severity": "huge"}', "min_severity"),
    ],
)
def test_a_filter_that_cannot_be_meant(chancery: typer.Typer, option: str, value: str, complaint: str) -> None:
    result = CliRunner().invoke(chancery, ["subscribe", "webhook", "https://hooks.example/x", option, value])
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("answer", "outcome", "challenge", "advice"),
    [
        (Answer(http_status=500), Outcome.FAILED, False, "--no-test subscribes it all the same"),
        (Answer(http_status=401), Outcome.FAILED, True, "--secret-file FILE"),
        (Answer(http_status=200), Outcome.DENIED, True, "the text of data.challenge"),
        (Answer(outcome=Outcome.NOT_ALLOWED), Outcome.NOT_ALLOWED, False, ""),
    ],
)
def test_what_can_be_done_is_said_and_nothing_else(
    answer: Answer, outcome: Outcome, challenge: bool, advice: str
) -> None:
    """--no-test does nothing where a challenge is asked for, and nothing good where each alert is refused alike."""
    told = subscribe._advice(Proof(answer, Judgement(outcome, "because")), "whsec_x", challenge)
    assert advice in told
    assert bool(told) == bool(advice)
    assert ("--no-test" in told) == (not challenge and bool(advice))
