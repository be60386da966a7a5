"""docker-compose.yml against the code: every command, name, port and path in it exists. No engine is needed."""

import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml

import services.cli
from services.runtime.health import Health
from services.runtime.secrets import new_key
from services.runtime.settings import PREFIX, load_settings, setting_names

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
DEMO_ENV = dict(
    line.split("=", 1)
    for line in (ROOT / "deploy/demo/demo.env").read_text().splitlines()
    if line and not line.startswith("#")
)
KEY = new_key()
OURS = "chancery-watch:0.1.0"


def interpolated(value: Any, environ: dict[str, str]) -> Any:
    """`${NAME:-default}` and `${NAME:?why}` as Compose reads them, after the YAML; a required name must be given."""

    def given(match: re.Match[str]) -> str:
        name, kind, rest = match.group("name", "kind", "rest")
        if environ.get(name):
            return environ[name]
        assert kind == ":-", f"{name} must be set: {rest}"
        return rest

    if isinstance(value, dict):
        return {key: interpolated(inner, environ) for key, inner in value.items()}
    if isinstance(value, list):
        return [interpolated(inner, environ) for inner in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(?P<name>\w+)(?P<kind>:[-?])(?P<rest>[^}]*)\}", given, value)
    return value


def services_with(environ: dict[str, str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = interpolated(yaml.safe_load(TEXT)["services"], environ)
    return found


SERVICES = services_with({"CHANCERY_SECRETS__KEYS": KEY})
OUR_SERVICES = {name: service for name, service in SERVICES.items() if service["image"] == OURS}
each_service = pytest.mark.parametrize("name", SERVICES)
each_of_ours = pytest.mark.parametrize("name", OUR_SERVICES)


def test_each_service_is_a_container_of_one_image() -> None:
    assert {"topics", "ingest", "classify", "notify", "console"} <= OUR_SERVICES.keys()
    assert {"kafka", "kafka-ui", "prometheus", "grafana"} == SERVICES.keys() - OUR_SERVICES.keys()
    assert {name for name in SERVICES if SERVICES[name].get("profiles") == ["dashboards"]} == {
        "kafka-ui",
        "prometheus",
        "grafana",
    }


@each_service
def test_images_are_pinned(name: str) -> None:
    assert re.search(r":v?\d+\.\d+\.\d+$", SERVICES[name]["image"])


def test_the_image_and_the_package_have_one_version() -> None:
    assert f'version = "{OURS.partition(":")[2]}"' in (ROOT / "pyproject.toml").read_text()


def test_compose_and_maven_run_one_kafka() -> None:
    pom = (ROOT / "deploy/kafka/pom.xml").read_text()
    assert f"<version>{SERVICES['kafka']['image'].partition(':')[2]}</version>" in pom


@each_service
def test_containers_are_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+m", service["mem_limit"])
    assert service.get("read_only", False) is (name != "kafka")
    assert service["pids_limit"] <= 1024
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode", "cgroup_parent"}
    assert not any("docker.sock" in mount for mount in service.get("volumes", []))
    assert service.get("network_mode", "service:").startswith("service:"), "not the host's network"


@each_of_ours
def test_what_is_secret_comes_from_outside(name: str) -> None:
    written = yaml.safe_load(TEXT)["services"][name]["environment"]
    secret = {setting for setting in written if re.search("SECRET|PASSWORD|TOKEN|KEY", setting)}
    assert "CHANCERY_SECRETS__KEYS" in secret
    assert all(str(written[setting]).startswith("${") for setting in secret)


@each_service
def test_a_container_has_a_health_check_or_ends(name: str) -> None:
    service = SERVICES[name]
    ends = service["restart"] == "no"
    assert ends or service["restart"] == "unless-stopped"
    assert service["healthcheck"].get("disable", False) is ends


@each_service
def test_published_ports_are_bound_to_loopback(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


@each_service
def test_mounted_paths_and_volumes_exist(name: str) -> None:
    volumes = yaml.safe_load(TEXT)["volumes"]
    for mount in SERVICES[name].get("volumes", []):
        source, _, rest = mount.partition(":")
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert rest.endswith(":ro"), "what is mounted from the repository is not written to"
        else:
            assert source in volumes


@each_service
def test_dependencies_exist_and_can_meet_their_condition(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        ends = SERVICES[other]["restart"] == "no"
        assert how == {"condition": "service_completed_successfully" if ends else "service_healthy"}
        profiles = SERVICES[other].get("profiles")
        assert profiles is None or profiles == SERVICES[name].get("profiles")


@each_of_ours
def test_every_command_exists(name: str) -> None:
    service = OUR_SERVICES[name]
    command, arguments = typer.main.get_command(services.cli.app), [str(word) for word in service["command"]]
    if "entrypoint" in service:
        python, module_option, module = service["entrypoint"]
        assert (python, module_option, service["working_dir"]) == ("python", "-m", "/app")
        assert importlib.import_module(module).arguments(arguments).port
        return
    while found := getattr(command, "commands", None):
        assert arguments[0] in found, f"chancery has no command {arguments[0]}"
        command, arguments = found[arguments[0]], arguments[1:]
    given = command.make_context(name, arguments).params  # raises where an option is not the command's
    if given.get("secret_file"):
        assert (ROOT / given["secret_file"].relative_to("/app")).exists()


@each_of_ours
def test_the_health_check_asks_what_the_code_serves(name: str) -> None:
    service = OUR_SERVICES[name]
    if service["healthcheck"].get("disable"):
        return
    *command, address = service["healthcheck"]["test"]
    assert command == ["CMD", "chancery", "health", "--url"]
    url = urlsplit(address)
    assert url.hostname == "127.0.0.1"
    if "entrypoint" in service:
        module = importlib.import_module(service["entrypoint"][-1])
        assert url.port == module.arguments([str(word) for word in service["command"]]).port
        assert f'"{url.path}"' in Path(str(module.__file__)).read_text()
        return
    settings = load_settings({k: v for k, v in service["environment"].items() if k.startswith(PREFIX)})
    assert url.port == settings.health.port
    assert settings.health.host == "0.0.0.0", "Prometheus asks from another container"
    assert Health().answer(url.path)[0] == 200


@pytest.mark.parametrize("environ", [{}, DEMO_ENV], ids=["plain", "demo"])
def test_every_service_can_be_configured_so(environ: dict[str, str]) -> None:
    for service in services_with(environ | {"CHANCERY_SECRETS__KEYS": KEY}).values():
        given = {k: v for k, v in service.get("environment", {}).items() if k.startswith(PREFIX)}
        if given:
            settings = load_settings(given)
            assert settings.kafka.bootstrap_servers == "kafka:9092"
            assert settings.notify.require_https is not bool(environ)


def test_every_name_from_outside_is_a_setting_that_is_passed_on() -> None:
    named = set(re.findall(r"\$\{(\w+)", TEXT))
    assert {name for name in named if name.startswith(PREFIX)} <= set(setting_names())
    assert DEMO_ENV.keys() <= named
    for name in named & set(setting_names()):
        assert f"{name}: ${{{name}:" in TEXT, "a name from outside keeps its name inside"


def compose() -> list[str]:
    """The Compose there is; where there is none, a failure on CI and a skip that says so elsewhere."""
    if binary := shutil.which("docker-compose"):
        return [binary]
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    if os.environ.get("CI"):
        pytest.fail("on CI docker-compose must be installed")
    pytest.skip("neither docker-compose nor docker compose is installed")


def run_compose(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [*compose(), "--file", str(ROOT / "docker-compose.yml"), *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return subprocess.run(command, env=clean | environ, capture_output=True, text=True, check=False)


def test_compose_accepts_it() -> None:
    demo = ["--env-file", str(ROOT / "deploy/demo/demo.env"), "--profile", "dashboards", "--profile", "demo"]
    result = run_compose(*demo, "config", CHANCERY_SECRETS__KEYS=KEY)
    assert result.returncode == 0, result.stderr
    assert yaml.safe_load(result.stdout)["services"].keys() == SERVICES.keys()


def test_compose_says_that_the_key_is_missing() -> None:
    result = run_compose("config")
    assert result.returncode != 0
    assert "set it to a key" in result.stderr
