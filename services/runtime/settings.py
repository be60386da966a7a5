"""Environment to frozen settings, checked once at start with one clear error.

A name is `CHANCERY_`, the section, two underscores, the field: `CHANCERY_KAFKA__BOOTSTRAP_SERVERS`. Lists are
written with commas. A name that no setting has is an error, because a typing error must not pass for a default.
"""

import difflib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource

from services.contracts.subscription import MAILBOX_PATTERN

PREFIX = "CHANCERY_"


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]


class Misconfigured(ValueError):
    """Starting again will not help: someone has to change what the service was told."""


class SettingsError(Misconfigured):
    """What is wrong with the environment, one line a setting."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(Section):
    """`idempotence` guards against doubled records on a producer's own retries; the embedded broker cannot do it.
    A group join on the embedded broker waits half of `session_timeout_s`."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port of one or more brokers, with commas")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    idempotence: bool = True
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        "lz4", description="how what is written is packed; whoever reads is told by the record"
    )
    linger_ms: int = Field(5, ge=0, le=1000)
    record_max_bytes: int = Field(
        1_000_000,
        ge=100_000,
        le=8_000_000,
        description="of a record that is written: the brokers' message.max.bytes, less 5 %",
    )
    fetch_max_wait_ms: int = Field(
        100,
        ge=1,
        le=10_000,
        description="long poll of a reader that has nothing to read; what comes to a partition that the poll under way "
        "does not ask for waits for its end",
    )
    session_timeout_s: int = Field(10, ge=6, le=300)
    member: str = Field(
        "",
        pattern=r"^[a-zA-Z0-9._-]{0,200}$",
        description="name of this process among the replicas of its service, each its own: started again, it has its "
        "partitions at once, and not when the session of the one that died is over (needs Apache Kafka)",
    )
    connect_timeout_s: float = Field(60, gt=0, le=600, description="patience with a broker that is still coming up")
    request_timeout_s: int = Field(30, ge=1, le=300)
    replication_factor: int = Field(1, ge=1, le=9)

    @field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        for server in value.split(","):
            host, colon, port = server.strip().rpartition(":")
            if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
                raise ValueError(f"{server!r} is not host:port")
        return value


class TopicSettings(Section):
    namespace: str = Field("chancery.", pattern=r"^[a-zA-Z0-9._-]+\.$", description="prefix of every topic and group")
    partitions: int = Field(8, ge=1, le=1024)
    environment: Literal["development", "production"] = Field(
        "development", description="production: nothing is replayed with these settings"
    )


class IngestSettings(Section):
    interval_s: float = Field(300, ge=1, description="time between two polls of a feed before its news set another")
    min_interval_s: float | None = Field(None, gt=0, description="to a busy feed; default: a fifth of interval_s")
    max_interval_s: float | None = Field(
        None, gt=0, le=86_400, description="to a quiet feed; default: twice interval_s"
    )
    timeout_s: float = Field(30, gt=0, description="whole time one fetch may take")
    parse_timeout_s: float = Field(20, gt=0, description="time a document may take to parse")
    max_bytes: int = Field(10_000_000, ge=1_000, description="size of a document after decompression")
    max_entries: int = Field(
        2_000, ge=1, le=4_000, description="entries of a document; what is remembered of them has to fit one record"
    )
    concurrency: int = Field(64, ge=1, le=10_000)
    host_concurrency: int = Field(2, ge=1, le=1_000, description="polls of one host at a time")
    host_spacing_s: float = Field(1, ge=0, le=600, description="time between two polls of one host")
    host_hold_s: float = Field(
        600, ge=0, le=86_400, description="time at most in which a host that throttled one feed is asked for no other"
    )
    parser_processes: int = Field(1, ge=1, le=64)
    websub_callback: str | None = Field(
        None, description="public http(s) address of this replica, under which hubs reach it; none: no WebSub"
    )
    websub_host: str = Field("127.0.0.1", description="where hubs are listened to, behind whatever holds the address")
    websub_port: int = Field(8091, ge=0, le=65535, description="0 takes a free port")
    websub_lease_s: int = Field(864_000, ge=300, le=2_592_000, description="lease that hubs are asked for")
    pages_per_poll: int = Field(8, ge=1, le=100, description="newest entries of a poll whose pages may be fetched")
    pages_timeout_s: float = Field(10, gt=0, le=300, description="time the articles of a poll may wait for their pages")
    user_agent: str = "ChanceryWatch/0.1 (+https://github.com/chancery-watch/chancery; security alerts)"

    @field_validator("websub_callback")
    @classmethod
    def _base_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
            raise ValueError(f"{value!r} is no http or https address, as https://chancery.example.org")
        return value and value.rstrip("/")


class ClassifySettings(Section):
    store: str = Field("memory://", description="Faust table store")
    data_dir: str = Field(
        default_factory=lambda: str(Path(tempfile.gettempdir()) / "chancery-faust"),
        description="where a table store on disk keeps its files",
    )
    rules_dir: str | None = Field(
        None, description="directory with lexicons/ and gazetteer/; default: the built-in rules"
    )
    alert_window_h: float = Field(
        72, gt=0, description="age of an event, on its feed's clock, past which it is no alert"
    )
    merge_window_h: float = Field(36, gt=0, description="distance in time within which two reports can be one incident")
    exercise: bool = Field(False, description="mark every alert as an exercise, under an id that no real one has")
    quiet_window_h: float = Field(72, gt=0, description="time without a new report, on the feeds' clock, that closes")


class NotifySettings(Section):
    timeout_s: float = Field(20, gt=0, le=60)
    require_https: bool = True
    concurrency: int = Field(128, ge=1, le=10_000)
    disable_after_d: float = Field(5, ge=1, description="days of nothing but failure that disable a subscription")
    keep_d: float = Field(
        100,
        ge=1,
        description="days that a final delivery is kept: more than alerts are (90), for an alert that is read again "
        "when its delivery is forgotten is sent again",
    )
    operator: str = Field("", description="id of the subscription that is told of those that are disabled")
    group_s: float = Field(300, ge=0, description="updates of an incident wait this long for each other")
    answer_max_bytes: int = Field(
        4_096, ge=512, description="of an endpoint's answer: read and kept; it may say how the message is called"
    )


class MailSettings(Section):
    """The mail server that takes the messages of `email` subscriptions: the operator's own, or one he has an account
    at. Without `host` such messages wait, and are tried again."""

    host: str | None = Field(None, pattern=r"^[^\s@/]+$", description="name or address of the server")
    port: int | None = Field(None, ge=1, le=65535, description="default: 587; 465 with tls=implicit, 25 with tls=none")
    tls: Literal["starttls", "implicit", "none"] = Field(
        "starttls", description="none sends alerts for all to read: for a server on the same host or network"
    )
    ca_file: str | None = Field(None, description="certificates (PEM) to trust beside the public ones")
    user: str | None = None
    password: SecretStr | None = None
    sender: str | None = Field(None, pattern=MAILBOX_PATTERN, description="address that messages come from")
    timeout_s: float = Field(20, gt=0, le=60, description="time a message may take, from the look-up on")
    sessions: int = Field(10, ge=1, le=1_000, description="with the server at a time, a message each")
    allow_private: bool = Field(False, description="the server may have a private address")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.host is None) != (self.sender is None):
            raise ValueError("HOST and SENDER go together: the server, and the address that messages come from")
        if (self.user is None) != (self.password is None):
            raise ValueError("USER and PASSWORD go together")
        if self.user is not None and self.tls == "none":
            raise ValueError("a password is not sent with TLS=none: use starttls or implicit")
        return self


class ConsoleSettings(Section):
    """Bound to loopback it answers to the names of loopback only, so that no web page reaches it by a name of its own
    (DNS rebinding); bound elsewhere, to `hosts` where they are given."""

    host: str = Field("127.0.0.1", description="address to listen on; put a proxy with TLS before any other")
    port: int = Field(8080, ge=0, le=65535, description="0 takes a free port")
    hosts: CommaList = Field((), description="host names by which it may be called, as in the Host header")
    sample_s: float = Field(15, ge=1, le=600, description="time between two looks at the topics, for rates and lag")
    history_h: float = Field(6, gt=0, le=168, description="hours of these looks that are kept in memory")
    deliveries_most: int = Field(
        100_000, ge=100, description="final deliveries that it remembers, the newest: less than 1 kB each"
    )
    session_h: float = Field(12, gt=0, le=24 * 31, description="hours until who opened the page signs in again")
    alerts_d: float = Field(14, gt=0, le=90, description="days of alerts that are shown; they are kept in memory")
    alerts_most: int = Field(5_000, ge=1, le=100_000, description="alerts that are shown at most, the newest")
    viewers: int = Field(500, ge=1, le=10_000, description="live streams at a time")

    @property
    def samples(self) -> int:
        """How many looks are kept."""
        return max(2, round(self.history_h * 3600 / self.sample_s))


class SlackSettings(Section):
    """A Slack app's side of alerts. The notifier writes buttons where the console can read what they send back: both
    are given the same secret."""

    signing_secret: SecretStr | None = Field(
        None, description="the app's; buttons in messages, and /v1/slack/actions for what they send; none: no buttons"
    )
    silence_h: float = Field(24, gt=0, le=720, description="hours for which the button silences a site")
    replies: str = Field(
        "https://hooks.slack.com", description="where Slack takes replies to a button, and nowhere else"
    )

    @field_validator("signing_secret")
    @classmethod
    def _none_when_empty(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value().strip() if value else ""
        return SecretStr(text) if text else None


class EgressSettings(Section):
    allow_private: CommaList = Field((), description="networks (CIDR) or host names that may be private addresses")

    @field_validator("allow_private")
    @classmethod
    def _no_bad_network(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if "/" in entry:
                ip_network(entry)
        return value


class SecretsSettings(Section):
    keys: SecretList = Field((), description="Fernet keys, newest first; make one with `chancery secrets new-key`")


class HealthSettings(Section):
    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65535, description="0 takes a free port")


class LogSettings(Section):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["auto", "json", "console"] = "auto"


class Settings(BaseSettings):
    """Everything a service may be told. Built by `load_settings`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid")

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    ingest: IngestSettings = IngestSettings()
    classify: ClassifySettings = ClassifySettings()
    notify: NotifySettings = NotifySettings()
    mail: MailSettings = MailSettings()
    console: ConsoleSettings = ConsoleSettings()
    slack: SlackSettings = SlackSettings()
    egress: EgressSettings = EgressSettings()
    secrets: SecretsSettings = SecretsSettings()
    health: HealthSettings = HealthSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings)


def setting_names() -> Iterator[str]:
    """Every environment name there is."""
    for section, field in Settings.model_fields.items():
        annotation = field.annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        for name in annotation.model_fields:
            yield f"{PREFIX}{section}__{name}".upper()


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for a process that is to have the same. They hold its secrets."""
    environment = {}
    for name in setting_names():
        section, _, field = name.removeprefix(PREFIX).lower().partition("__")
        value = getattr(getattr(settings, section), field)
        if isinstance(value, tuple):
            value = ",".join(v.get_secret_value() if isinstance(v, SecretStr) else str(v) for v in value)
        elif isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None:
            environment[name] = str(value)
    return environment


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environ` (default: the process environment). Raises SettingsError, which names each fault."""
    environ = os.environ if environ is None else environ
    given = {name.upper(): value for name, value in environ.items() if name.upper().startswith(PREFIX)}
    known = set(setting_names())
    faults = [_unknown(name, known) for name in sorted(given.keys() - known)]
    try:
        settings = _from(given)
    except ValidationError as error:
        faults += [
            f"{PREFIX}{'__'.join(map(str, fault['loc'][:2])).upper()}: {fault['msg']}"
            for fault in error.errors()
            if fault["type"] != "extra_forbidden"  # told above, with what was perhaps meant
        ]
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _from(given: Mapping[str, str]) -> Settings:
    source = EnvSettingsSource(Settings, env_prefix=PREFIX, env_nested_delimiter="__")
    source.env_vars = {name.lower(): value for name, value in given.items()}
    values: dict[str, Any] = source()
    return Settings.model_construct(**Settings.model_validate(values).__dict__)


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
