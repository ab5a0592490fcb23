"""The GPU benchmarks on a CPU at tiny sizes, where next to nothing is installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BARE = """
import sys
for name in ("ctranslate2", "llguidance", "open_clip", "PIL", "pyarrow", "pydicom", "ray", "rich",
             "defusedxml", "s3fs", "typer", "vllm", "matplotlib"):
    sys.modules[name] = None
from tests.benchmarks.{module} import main
main(["--tiny"])
"""


def run(module: str) -> tuple[str, dict]:
    done = subprocess.run(
        [sys.executable, "-c", BARE.format(module=module)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.long
def test_training_is_measured_on_a_bare_machine():
    said, result = run("gpu_train")
    assert {(m["stage"], m["padding"] > 0) for m in result["measured"]} == {
        (stage, ragged) for stage in ("llm_kg", "vlm_kg") for ragged in (False, True)
    }
    # A CPU's peak is measured beside other work: the share of the peak has no upper bound.
    assert all(m["tokens_per_s"] > 0 and m["mfu"] > 0 for m in result["measured"])
    assert result["date"] in said
    assert result["commit"] in said.splitlines()[0]


@pytest.mark.long
def test_decoding_is_measured_on_a_bare_machine_and_writes_what_generate_writes():
    said, result = run("gpu_decode")
    assert {"grammar", "vllm"} == set(result["missing"])
    measured = {(m["route"], m["input"], m["batch"]): m for m in result["measured"]}
    assert len(measured) == 8
    for (route, _, _), figures in measured.items():
        assert figures["decode_tokens_per_s"] > 0
        if route == "generate":
            assert figures["equal"] == 1
    assert "not measured: vllm" in said


def test_the_grammar_is_measured_where_it_is_installed():
    pytest.importorskip("llguidance")
    from tests.benchmarks.gpu_decode import main

    routes = {m["route"] for m in main(["--tiny"])["measured"]}
    assert "grammar" in routes


def test_the_published_sizes_are_what_is_measured():
    from tests.benchmarks.gpu_model import config

    settings = config(tiny=False)
    assert (settings.language.hidden, settings.language.layers) == (1024, 24)
    assert settings.projector is not None
    assert (settings.projector.clip_length, settings.projector.prefix_length) == (64, 64)
    assert settings.projector.layers == 8
