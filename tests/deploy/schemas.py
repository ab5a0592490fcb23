"""Schemas of Kubernetes and KubeRay that refuse a field that they do not know.

Those of Kubernetes stand in an installed wheel. KubeRay's are in the Go module of its operator,
which the Go client fetches once; a test that needs them skips where it cannot.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import yaml

KUBERAY = "github.com/ray-project/kuberay/ray-operator@v1.6.0"
KUBERNETES = Path(str(files("kubernetes_validate"))) / "kubernetes-json-schema/v1.34.0-local-strict"
CORE = (
    *("configmap-v1", "cronjob-batch-v1", "deployment-apps-v1", "namespace-v1"),
    "networkpolicy-networking-v1",
)


@functools.cache
def read_crd(kind: str) -> dict[str, Any]:
    """Return the schema of one of KubeRay's kinds, version v1, closed."""
    path = _fetch_module() / f"config/crd/bases/ray.io_{kind.lower()}s.yaml"
    crd = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    (version,) = (v for v in crd["spec"]["versions"] if v["name"] == "v1")
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"] = _read_core("objectmeta-meta-v1")
    _close(schema)
    return schema


def list_faults(document: dict[str, Any]) -> list[str]:
    """Return what is wrong in a manifest; nothing where a cluster would take it."""
    kind, group = document["kind"], document["apiVersion"].rpartition("/")[0]
    if group == "ray.io":
        schema = read_crd(kind)
    else:
        version = document["apiVersion"].rpartition("/")[2]
        parts = [kind.lower(), *filter(None, [group.partition(".")[0]]), version]
        schema = _read_core("-".join(parts))
    validator = jsonschema.Draft202012Validator(schema, registry=_registry())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def save_schemas(folder: Path) -> None:
    """Write all schemas, each whole in itself and by the name that kubeconform looks for."""
    for kind in ("RayCluster", "RayJob", "RayService"):
        schema = read_crd(kind)
        schema["properties"]["metadata"] = {"type": "object"}  # its references lead elsewhere
        (folder / f"{kind.lower()}-ray-v1.json").write_text(json.dumps(schema))
    shared = (KUBERNETES / "_definitions.json").read_text()
    definitions = {"$defs": json.loads(_make_local(shared))["$defs"]}
    for name in CORE:
        schema = json.loads(_make_local((KUBERNETES / f"{name}.json").read_text()))
        (folder / f"{name}.json").write_text(json.dumps(schema | definitions))


def _make_local(schema: str) -> str:
    """Let references lead to the same file."""
    return schema.replace('"/api/_definitions.json#', '"#').replace('"_definitions.json#', '"#')


@functools.cache
def _fetch_module() -> Path:
    if not shutil.which("go"):
        pytest.skip("KubeRay's schemas come as a Go module, and there is no go here")
    command = ["go", "mod", "download", "-json", KUBERAY]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip(f"the Go module proxy does not give {KUBERAY}: {done.stdout[-200:]}")
    return Path(json.loads(done.stdout)["Dir"])


def _read_core(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((KUBERNETES / f"{name}.json").read_text())
    return schema


@functools.cache
def _registry() -> Any:
    definitions = json.loads((KUBERNETES / "_definitions.json").read_text())
    resource = referencing.Resource.from_contents(definitions)
    return referencing.Registry().with_resource(definitions["$id"], resource)


def _close(node: Any) -> None:
    """Refuse what an object of a CRD does not name, as `kubectl --validate=strict` does."""
    if isinstance(node, dict):
        is_open = node.get("x-kubernetes-preserve-unknown-fields")
        if "properties" in node and "additionalProperties" not in node and not is_open:
            node["additionalProperties"] = False
        for value in node.values():
            _close(value)
    elif isinstance(node, list):
        for value in node:
            _close(value)
