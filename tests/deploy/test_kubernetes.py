"""deploy/kubernetes against Kubernetes' own schemas and against the code. No cluster is needed."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer
import yaml

import services.cli
from services.contracts.topics import TOPICS
from services.runtime.health import Health
from services.runtime.secrets import new_key
from services.runtime.settings import PREFIX, load_settings
from services.runtime.work import group_name
from tests.deploy.test_compose import OUR_SERVICES, OURS

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [
    each for name in KUSTOMIZATION["resources"] for each in yaml.safe_load_all((FOLDER / name).read_text())
]
SETTINGS = load_settings(
    dict(line.split("=", 1) for line in (FOLDER / "settings.env").read_text().splitlines())
    | {"CHANCERY_SECRETS__KEYS": new_key()}
)
RUNNING = {each["metadata"]["name"]: each for each in OBJECTS if each["kind"] in ("Deployment", "Job")}
DEPLOYED = {name: each for name, each in RUNNING.items() if each["kind"] == "Deployment"}
each_running = pytest.mark.parametrize("name", RUNNING)
each_deployed = pytest.mark.parametrize("name", DEPLOYED)


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [each for each in OBJECTS if each["kind"] == kind]


def pod(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RUNNING[name]["spec"]["template"]
    return found


def container(name: str) -> dict[str, Any]:
    (only,) = pod(name)["spec"]["containers"]
    return dict(only)


def ports(name: str) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container(name)["ports"]}


@pytest.mark.parametrize("each", OBJECTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_kubernetes_accepts_it(each: dict[str, Any]) -> None:
    if each["kind"] == "ScaledObject":
        pytest.skip("KEDA's schema is not at hand: what it names is checked below")
    assert kubernetes_validate.validate(each, "1.34", strict=True) == "1.34"


def test_every_file_is_applied() -> None:
    written = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert written == set(KUSTOMIZATION["resources"])
    (settings,) = KUSTOMIZATION["configMapGenerator"]
    assert all((FOLDER / env).exists() for env in settings["envs"])


def test_what_runs_is_what_compose_runs() -> None:
    assert {name: container(name)["args"] for name in RUNNING} == {
        name: OUR_SERVICES[name]["command"] for name in RUNNING
    }
    assert set(RUNNING) == {"topics", "ingest", "classify", "notify", "console"}
    command = typer.main.get_command(services.cli.app)
    assert all(container(name)["args"][0] in getattr(command, "commands", {}) for name in RUNNING)


@each_running
def test_a_pod_is_confined(name: str) -> None:
    inside, box = pod(name)["spec"], container(name)
    assert box["image"] == OURS
    assert inside["securityContext"]["runAsNonRoot"]
    assert not inside["automountServiceAccountToken"]
    assert not inside["enableServiceLinks"], "a service `chancery-...` would set variables that look like settings"
    assert box["securityContext"]["readOnlyRootFilesystem"]
    assert box["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert box["securityContext"]["allowPrivilegeEscalation"] is False
    assert inside["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not inside.keys() & {"hostNetwork", "hostPID", "hostIPC"}
    assert all(volume.keys() <= {"name", "emptyDir"} for volume in inside["volumes"]), "nothing of the node"
    assert "memory" in box["resources"]["limits"]
    assert {"configMapRef": {"name": KUSTOMIZATION["configMapGenerator"][0]["name"]}} in box["envFrom"]
    assert not any(variable["name"].startswith(PREFIX) for variable in box.get("env", []))


@each_deployed
def test_probes_ask_what_the_code_serves(name: str) -> None:
    assert ports(name)["health"] == SETTINGS.health.port
    assert SETTINGS.health.host == "0.0.0.0"
    box = container(name)
    for probe, path in (("startupProbe", "/live"), ("livenessProbe", "/live"), ("readinessProbe", "/ready")):
        assert box[probe]["httpGet"] == {"path": path, "port": "health"}
        assert Health().answer(path)[0] == 200


@each_deployed
def test_selectors_find_their_pods(name: str) -> None:
    labels = pod(name)["metadata"]["labels"]
    budgets = {each["metadata"]["name"]: each for each in of_kind("PodDisruptionBudget")}
    wanted = [DEPLOYED[name], budgets[name]]
    assert all(each["spec"]["selector"]["matchLabels"].items() <= labels.items() for each in wanted)
    (spread,) = pod(name)["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"].items() <= labels.items()
    everybody = next(each for each in of_kind("NetworkPolicy") if each["metadata"]["name"] == "metrics")
    assert everybody["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert everybody["spec"]["ingress"] == [{"ports": [{"port": SETTINGS.health.port}]}]


def test_the_page_is_served_where_it_is_looked_for() -> None:
    (service,) = of_kind("Service")
    assert service["spec"]["selector"].items() <= pod("console")["metadata"]["labels"].items()
    assert ports("console")[service["spec"]["ports"][0]["targetPort"]] == SETTINGS.console.port
    assert SETTINGS.console.host == "0.0.0.0"
    assert SETTINGS.console.hosts


def test_workers_follow_the_lag_of_their_own_group_and_are_never_idle() -> None:
    (scaled,) = of_kind("ScaledObject")
    target = scaled["spec"]["scaleTargetRef"]["name"]
    assert "replicas" not in DEPLOYED[target]["spec"], "applying it again would undo the scaling"
    assert scaled["spec"]["maxReplicaCount"] <= SETTINGS.topics.partitions
    names = {topic.in_namespace(SETTINGS.topics.namespace) for topic in TOPICS}
    for trigger in scaled["spec"]["triggers"]:
        asked = trigger["metadata"]
        assert asked["bootstrapServers"] == SETTINGS.kafka.bootstrap_servers
        assert asked["consumerGroup"] == group_name(SETTINGS, "classify")
        assert asked["topic"] in names
