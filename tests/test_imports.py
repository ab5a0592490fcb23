"""What must import where: nothing at import time, no ray outside cluster, a bare GPU machine."""

import pkgutil
import subprocess
import sys

import radkg

BARE = """
import sys
for name in (
    *("defusedxml", "neo4j", "pyarrow", "ray", "rich", "s3fs", "typer"),
    *("ctranslate2", "llguidance", "matplotlib", "open_clip", "PIL", "pydicom", "tensorboard"),
):
    sys.modules[name] = None
from radkg.extractor import load_extractor
from radkg.schema.records import Section, Study
import radkg.metrics, radkg.schema.radgraph, radkg.train.trainer
import radkg.extractor.onepass, radkg.extractor.vlm, radkg.model.vision.encoders
report = "FINDINGS: No effusion. Mild cardiomegaly."
study = Study("s", "p", "a", None, report, (Section("findings", 10, len(report)),), (), None, "f")
(row,) = load_extractor("rules")([study])
print(sorted(f"{e.label} {e.text}" for e in row.entities))
"""

NO_RAY = """
import sys
sys.modules["ray"] = None
import importlib
for name in {names!r}:
    importlib.import_module(name)
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_bare_machine_extracts():
    found = run(BARE)
    assert "OBS-DA effusion" in found
    assert "OBS-DP cardiomegaly" in found


def test_the_fast_verbs_do_not_wait_for_torch():
    code = "import sys, radkg.cli.app; print('torch' in sys.modules, 'transformers' in sys.modules)"
    assert run(code).split() == ["False", "False"]


def test_only_cluster_needs_ray():
    names = [
        module.name
        for module in pkgutil.walk_packages(radkg.__path__, "radkg.")
        if not module.name.startswith("radkg.cluster")
    ]
    assert len(names) > 30
    run(NO_RAY.format(names=names))
