"""The environment becomes settings, or one clear error that names every fault."""

import re

import pytest

from services.runtime.settings import SettingsError, load_settings, setting_names
from services.runtime.work import group_options


def test_defaults_stand_without_an_environment() -> None:
    settings = load_settings({})
    assert settings.kafka.bootstrap_servers == "127.0.0.1:9092"
    assert settings.topics.namespace == "chancery."


def test_values_lists_and_secrets_are_read() -> None:
    settings = load_settings(
        {
            "CHANCERY_KAFKA__BOOTSTRAP_SERVERS": "a:1,b:2",
            "CHANCERY_KAFKA__SASL_PASSWORD": "hunter2",
            "CHANCERY_EGRESS__ALLOW_PRIVATE": "10.0.0.0/8, feeds.internal",
            "CHANCERY_SECRETS__KEYS": "one,two",
            "CHANCERY_KAFKA__IDEMPOTENCE": "false",
            "PATH": "/bin",
        }
    )
    assert settings.kafka.bootstrap_servers == "a:1,b:2"
    assert settings.egress.allow_private == ("10.0.0.0/8", "feeds.internal")
    assert [key.get_secret_value() for key in settings.secrets.keys] == ["one", "two"]
    assert settings.kafka.idempotence is False
    assert "hunter2" not in repr(settings)
    assert "one" not in repr(settings.secrets)


@pytest.mark.parametrize("given", ["", "  \n", None])
def test_a_signing_secret_that_is_empty_is_none(given: str | None) -> None:
    environment = {} if given is None else {"CHANCERY_SLACK__SIGNING_SECRET": given}
    assert load_settings(environment).slack.signing_secret is None


def test_a_signing_secret_is_kept_from_view() -> None:
    slack = load_settings({"CHANCERY_SLACK__SIGNING_SECRET": " abc123\n"}).slack
    assert slack.signing_secret
    assert slack.signing_secret.get_secret_value() == "abc123"
    assert "abc123" not in f"{slack!r} {slack} {slack.model_dump_json()}"


@pytest.mark.parametrize(
    ("environment", "complaints"),
    [
        (
            {"CHANCERY_KAFKA__BOOTSTRAP_SERVER": "a:1"},
            ["CHANCERY_KAFKA__BOOTSTRAP_SERVER: no such setting; did you mean CHANCERY_KAFKA__BOOTSTRAP_SERVERS?"],
        ),
        (
            {"CHANCERY_KAFKA__BOOTSTRAP_SERVERS": "broker"},
            ["CHANCERY_KAFKA__BOOTSTRAP_SERVERS", "'broker' is not host:port"],
        ),
        ({"CHANCERY_KAFKA__BOOTSTRAP_SERVERS": "a:99999"}, ["is not host:port"]),
        ({"CHANCERY_TOPICS__PARTITIONS": "0"}, ["CHANCERY_TOPICS__PARTITIONS", "greater than or equal to 1"]),
        ({"CHANCERY_EGRESS__ALLOW_PRIVATE": "10.0.0.0/99"}, ["CHANCERY_EGRESS__ALLOW_PRIVATE"]),
        ({"CHANCERY_TOPICS__NAMESPACE": "no-dot"}, ["CHANCERY_TOPICS__NAMESPACE"]),
        (
            {"CHANCERY_INGEST__WEBSUB_CALLBACK": "example.org"},
            ["CHANCERY_INGEST__WEBSUB_CALLBACK", "is no http or https"],
        ),
        ({"CHANCERY_INGEST__WEBSUB_CALLBACK": "https://a.example/?b"}, ["is no http or https address"]),
        (
            {"CHANCERY_TOPICS__PARTITIONS": "many", "CHANCERY_LOG__FORMAT": "xml", "CHANCERY_NONSENSE": "1"},
            ["CHANCERY_TOPICS__PARTITIONS", "CHANCERY_LOG__FORMAT", "CHANCERY_NONSENSE: no such setting"],
        ),
    ],
)
def test_every_fault_is_named(environment: dict[str, str], complaints: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
    for complaint in complaints:
        assert complaint in str(caught.value)


def test_a_callback_address_ends_without_a_slash() -> None:
    settings = load_settings({"CHANCERY_INGEST__WEBSUB_CALLBACK": "https://chancery.example/hooks/"})
    assert settings.ingest.websub_callback == "https://chancery.example/hooks"
    assert load_settings({}).ingest.websub_callback is None


def test_a_secret_is_not_printed_when_it_is_wrong() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"CHANCERY_KAFKA__SASL_MECHANISM": "NONE", "CHANCERY_KAFKA__SASL_PASSWORD": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_names_are_those_of_the_environment() -> None:
    names = set(setting_names())
    assert {"CHANCERY_KAFKA__BOOTSTRAP_SERVERS", "CHANCERY_SECRETS__KEYS", "CHANCERY_HEALTH__PORT"} <= names


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"HOST": "relay.example"}, "HOST and SENDER go together"),
        ({"SENDER": "a@example.org"}, "HOST and SENDER go together"),
        ({"HOST": "relay.example", "SENDER": "Desk <a@example.org>"}, "CHANCERY_MAIL__SENDER: String should match"),
        ({"HOST": "relay.example:25", "SENDER": "a@example.org", "USER": "u"}, "USER and PASSWORD go together"),
        (
            {"HOST": "relay.example", "SENDER": "a@example.org", "USER": "u", "PASSWORD": "p", "TLS": "none"},
            "a password is not sent with TLS=none",
        ),
        ({"HOST": "smtp://relay.example", "SENDER": "a@example.org"}, "CHANCERY_MAIL__HOST: String should match"),
        ({"TLS": "ssl"}, "CHANCERY_MAIL__TLS: Input should be 'starttls', 'implicit' or 'none'"),
    ],
)
def test_a_mail_server_is_set_in_full_or_not_at_all(given: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(fault)):
        load_settings({f"CHANCERY_MAIL__{name}": value for name, value in given.items()})


@pytest.mark.parametrize(("given", "member"), [({}, None), ({"CHANCERY_KAFKA__MEMBER": "notify-1"}, "notify-1")])
def test_a_process_with_a_name_is_a_static_member_of_its_groups(given: dict[str, str], member: str | None) -> None:
    assert group_options(load_settings(given), "dispatch")["group_instance_id"] == member
