"""The Kubernetes manifests say what the server is: its settings, its routes, its port, how long it takes to stop."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.dockerfile import stages

import scores
from scores.config import PREFIX, Config, settings
from scores.web.routes import ROUTES
from scores.workers.process import longest_stop

ROOT = Path(__file__).parent.parent
HOWTO = ROOT / "docs/howto"
PAGE = (HOWTO / "run-in-kubernetes.md").read_text(encoding="utf-8")
(*_, IMAGE) = stages(ROOT / "Dockerfile")

FILES = {"kubernetes.yaml": "Deployment", "kubernetes-sqlite.yaml": "StatefulSet"}
OBJECTS: dict[str, list[dict[str, Any]]] = {
    name: list(yaml.safe_load_all((HOWTO / name).read_text(encoding="utf-8"))) for name in FILES
}
SECRETS = {"store": "redis://:password@redis:6379/0", "write-token": "w" * 16, "read-token": "r" * 16}

MIB = 1024 * 1024
EMPTY = 100 * MIB
"""What a server takes that has nothing to do: about 50 MiB, and room."""
CONNECTION = 100 * 1024
"""What an open connection takes at most, by docs/reference/settings.md."""


def only(name: str, kind: str) -> dict[str, Any]:
    (found,) = (one for one in OBJECTS[name] if one["kind"] == kind)
    return found


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = only(name, FILES[name])["spec"]["template"]["spec"]
    return spec


def container(name: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = pod(name)["containers"]
    return found


def stated(name: str) -> dict[str, str]:
    """The variables, with something that could be there in the place of each secret."""
    return {
        one["name"]: one["value"] if "value" in one else SECRETS[one["valueFrom"]["secretKeyRef"]["key"]]
        for one in container(name)["env"]
    }


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_a_setting_and_text_that_it_takes(name: str) -> None:
    variables = stated(name)
    assert variables.keys() <= {setting.variable for setting in settings()}
    # A bare `off` would be false, and a bare 2000 a number: Kubernetes refuses both.
    assert all(isinstance(value, str) for value in variables.values())
    assert Config.read(variables, {}).write_token


@pytest.mark.parametrize("name", FILES)
def test_secrets_are_named_and_in_no_file(name: str) -> None:
    secret = {setting.variable for setting in settings() if setting.secret}
    taken = [one for one in container(name)["env"] if "valueFrom" in one]
    assert {one["name"] for one in container(name)["env"] if one["name"] in secret} <= {
        one["name"] for one in taken
    }
    created = re.search(r"kubectl create secret generic (\S+)((?: \\\n[ >]+--from-\S+=\S+)+)", PAGE)
    assert created
    keys = re.findall(r"--from-file=([a-z-]+)=", created[2])
    for one in taken:
        reference = one["valueFrom"]["secretKeyRef"]
        assert reference["name"] == created[1]
        assert reference["key"] in keys
    assert not any(one["kind"] == "Secret" for one in OBJECTS[name])


@pytest.mark.parametrize("name", FILES)
def test_probes_ask_what_is_served_without_a_token_on_the_port_of_the_image(name: str) -> None:
    open_paths = {route.path for route in ROUTES if route.method == "GET" and route.access == "open"}
    (port,) = container(name)["ports"]
    assert str(port["containerPort"]) == IMAGE.one("EXPOSE").rest
    asked = {key: container(name)[f"{key}Probe"]["httpGet"] for key in ("startup", "liveness", "readiness")}
    assert {probe["port"] for probe in asked.values()} == {port["name"]}
    assert {probe["path"] for probe in asked.values()} <= open_paths
    # A store that is away makes a server not ready; it would not come back by a restart of the server.
    assert {key: probe["path"] for key, probe in asked.items()} == {
        "startup": "/livez",
        "liveness": "/livez",
        "readiness": "/readyz",
    }


@pytest.mark.parametrize("name", FILES)
def test_there_is_time_to_stop_in_order(name: str) -> None:
    config = Config.read(stated(name), {})
    # The signal comes at once, so that /readyz can say it; what waits then is the server.
    assert "lifecycle" not in container(name)
    assert config.drain >= 5
    assert longest_stop(config) + 5 <= pod(name)["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("name", FILES)
def test_it_may_do_nothing_but_serve(name: str) -> None:
    uid, gid = map(int, IMAGE.one("USER").rest.split(":"))
    may = pod(name)["securityContext"]
    assert (may["runAsNonRoot"], may["runAsUser"], may["runAsGroup"]) == (True, uid, gid)
    assert may["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod(name)["automountServiceAccountToken"] is False
    # A Service called scores would set SCORES_PORT, the name of a setting, to tcp://…
    assert pod(name)["enableServiceLinks"] is False
    assert only(name, "Service")["metadata"]["name"].upper() == PREFIX.rstrip("_")
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod(name).keys()


@pytest.mark.parametrize("name", FILES)
def test_memory_is_enough_for_what_the_settings_allow(name: str) -> None:
    config = Config.read(stated(name), {})
    # A body is held twice for a moment.
    needed = EMPTY + 2 * config.max_pending + config.max_connections * CONNECTION
    limit = container(name)["resources"]["limits"]["memory"]
    assert needed <= int(limit.removesuffix("Mi")) * MIB


@pytest.mark.parametrize("name", FILES)
def test_everything_that_selects_selects_these_pods(name: str) -> None:
    labels = only(name, FILES[name])["spec"]["template"]["metadata"]["labels"]
    selectors = [only(name, FILES[name])["spec"]["selector"]["matchLabels"]]
    for one in OBJECTS[name]:
        if one["kind"] == "Service":
            selectors.append(one["spec"]["selector"])
            (port,) = one["spec"]["ports"]
            assert port["targetPort"] == container(name)["ports"][0]["name"]
        elif one["kind"] == "PodDisruptionBudget":
            selectors.append(one["spec"]["selector"]["matchLabels"])
        elif one["kind"] == "NetworkPolicy":
            selectors.append(one["spec"]["podSelector"]["matchLabels"])
    selectors += [
        spread["labelSelector"]["matchLabels"] for spread in pod(name).get("topologySpreadConstraints", [])
    ]
    assert len(selectors) >= 2
    assert all(selector and selector.items() <= labels.items() for selector in selectors)


@pytest.mark.parametrize("name", FILES)
def test_the_image_is_of_this_version_and_the_page_builds_it(name: str) -> None:
    image = container(name)["image"]
    assert image.endswith(f":{scores.__version__}")
    assert f"docker build -t {image} ." in PAGE
    assert f"kubectl apply -f {name}" in PAGE


def test_a_budget_lets_a_node_be_emptied() -> None:
    spec = only("kubernetes.yaml", "Deployment")["spec"]
    budget = only("kubernetes.yaml", "PodDisruptionBudget")["spec"]
    assert 0 < budget["maxUnavailable"] < spec["replicas"]
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    # One of one: a budget would only ever forbid.
    assert not any(one["kind"] == "PodDisruptionBudget" for one in OBJECTS["kubernetes-sqlite.yaml"])


def test_a_file_has_one_server_and_a_volume_where_the_image_has_it() -> None:
    spec = only("kubernetes-sqlite.yaml", "StatefulSet")["spec"]
    assert spec["replicas"] == 1
    (mount,) = container("kubernetes-sqlite.yaml")["volumeMounts"]
    (claim,) = spec["volumeClaimTemplates"]
    assert (mount["name"], [mount["mountPath"]]) == (claim["metadata"]["name"], IMAGE.one("VOLUME").words)
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert pod("kubernetes-sqlite.yaml")["securityContext"]["fsGroup"] == 10001
    scheme, _, path = stated("kubernetes-sqlite.yaml")["SCORES_STORE"].partition(":")
    assert scheme == "sqlite"
    assert Path(path).is_relative_to(mount["mountPath"])


def test_several_servers_share_a_store() -> None:
    assert only("kubernetes.yaml", "Deployment")["spec"]["replicas"] > 1
    config = Config.read(stated("kubernetes.yaml"), {})
    assert config.store.startswith("redis")
    assert config.redis_require_aof == "always"
