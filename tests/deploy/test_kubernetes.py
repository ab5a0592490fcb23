"""The manifests are ones that a cluster takes, and say what the pages promise."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

import radkg
from radkg.cli.app import app
from radkg.errors import ConfigError
from tests.deploy.schemas import list_faults, read_crd, save_schemas

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
MANIFESTS = [
    pytest.param(document, id=f"{path.name}: {document['kind']}")
    for path in FILES
    for document in yaml.safe_load_all(path.read_text())
]
BY_NAME = {path.name: list(yaml.safe_load_all(path.read_text())) for path in FILES}


def list_pods(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the specs of all pods in a manifest."""
    if isinstance(node, dict):
        if "containers" in node:
            yield node
        for value in node.values():
            yield from list_pods(value)
    elif isinstance(node, list):
        for value in node:
            yield from list_pods(value)


@pytest.mark.parametrize("document", MANIFESTS)
def test_a_cluster_takes_it(document):
    assert list_faults(document) == []


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("cronjob.yaml", "spec.concurencyPolicy", "Forbid"),
        ("cronjob.yaml", "spec.jobTemplate.spec.template.spec.restartPolicies", "Never"),
        ("cronjob.yaml", "spec.concurrencyPolicy", 1),
        ("raycluster.yaml", "spec.headGroupSpec.template.spec.tolerance", []),
        ("raycluster.yaml", "spec.enableAutoscaling", True),
        ("rayjob.yaml", "spec.entrypoint", 7),
        ("rayjob.yaml", "metadata.nmae", "x"),
    ],
)
def test_a_fault_is_found(name, path, value):
    (document,) = yaml.safe_load_all((ROOT / "deploy/kubernetes" / name).read_text())
    *folders, last = path.split(".")
    place = document
    for folder in folders:
        place = place[folder]
    place[last] = value
    assert list_faults(document) != []


@pytest.mark.long
@pytest.mark.timeout(900)
def test_kubeconform_takes_them_strictly(tmp_path):
    read_crd("RayJob")  # skips where there is no go
    environment = os.environ | {"GOBIN": str(tmp_path)}
    command = ["go", "install", "github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0"]
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"kubeconform cannot be had: {built.stderr[-200:]}")
    save_schemas(tmp_path)
    place = f"{tmp_path}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    check = [str(tmp_path / "kubeconform"), "-strict", "-summary", "-schema-location", place]
    done = subprocess.run([*check, *map(str, FILES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Skipped: 0" in done.stdout


@pytest.mark.parametrize("document", MANIFESTS)
def test_no_pod_is_root_or_of_an_unnamed_version(document):
    for pod in list_pods(document):
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["image"].endswith(f"/radkg:{radkg.__version__}")
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert "memory" in container["resources"]["limits"]


def test_no_secret_stands_in_a_file():
    for path in FILES:
        assert "kind: Secret\n" not in path.read_text()
        for name in re.findall(
            r"(?:secretRef|secretKeyRef|secretName):?\s+(?:name: )?(\S+)", path.read_text()
        ):
            assert name in ("radkg-access", "radkg-service", "radkg-token")


def test_clusters_grow_from_none_and_their_jobs_interface_asks_for_a_token():
    (cluster,) = BY_NAME["raycluster.yaml"]
    (job,) = BY_NAME["rayjob.yaml"]
    (service,) = BY_NAME["rayservice.yaml"]
    specs = (cluster["spec"], job["spec"]["rayClusterSpec"], service["spec"]["rayClusterConfig"])
    for spec in specs:
        assert spec["enableInTreeAutoscaling"] is True
        assert spec["authOptions"] == {"mode": "token", "secretName": "radkg-token"}
        assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
        pinned = re.search(r"^ray==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
        assert pinned
        assert spec["rayVersion"] == pinned[1]
    for spec in specs[:2]:
        assert {group["minReplicas"] for group in spec["workerGroupSpecs"]} == {0}
        (gpu,) = (g for g in spec["workerGroupSpecs"] if g["groupName"] == "gpu")
        (pod,) = list_pods(gpu)
        assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_one_night_runs_at_a_time_in_a_time_zone():
    (cron,) = BY_NAME["cronjob.yaml"]
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    assert cron["spec"]["timeZone"]
    assert cron["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_the_service_is_one_that_radkg_builds():
    from radkg.cluster import serve

    (service,) = BY_NAME["rayservice.yaml"]
    (application,) = yaml.safe_load(service["spec"]["serveConfigV2"])["applications"]
    assert application["import_path"] == f"{serve.__name__}:app"
    serve.app(application["args"])
    with pytest.raises(ConfigError, match="unknown setting"):
        serve.app(application["args"] | {"extracter": "onepass"})


COMMANDS = {
    "rayjob.yaml": lambda: BY_NAME["rayjob.yaml"][0]["spec"]["entrypoint"],
    "cronjob.yaml": lambda: next(list_pods(BY_NAME["cronjob.yaml"]))["containers"][0]["args"][0],
    "status.yaml": lambda: next(list_pods(BY_NAME["status.yaml"]))["containers"][0]["args"][0],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_of_the_manifests_are_radkg_s(name):
    """Their options are those of the verb, and the variables those of the ConfigMap."""
    text = COMMANDS[name]()
    words = [
        w for word in shlex.split(text) for w in (shlex.split(word) if " " in word else [word])
    ]
    (verb,) = {
        *re.findall(r"jobs/(\w+)\.py", text),
        *(words[i + 1] for i, word in enumerate(words) if word == "radkg"),
    }
    for script in re.findall(r"/opt/radkg/(jobs/\w+\.py)", text):
        assert (ROOT / script).is_file()
    flags = {flag for option in get_command(app).commands[verb].params for flag in option.opts}
    used = {
        word for word in words if word.startswith("--") and word not in ("--", "--submission-id")
    }
    assert used <= flags
    given = next(d for d in BY_NAME["base.yaml"] if d["kind"] == "ConfigMap")["data"]
    assert set(re.findall(r"\$(\w+)", text)) <= {*given, "NIGHT"}
