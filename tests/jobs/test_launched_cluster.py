"""The guide, typed on a fresh laptop: a cluster with a token from cluster.yaml's own commands.

Its hosts are machines of tests/support/ray/machines.py. One is switched on late, one is killed.
"""

import json
import time

import pytest

from radkg.archive import open_archive
from tests.support.ray.launched import Launched, launched, read_steps

pytestmark = [pytest.mark.ray, pytest.mark.neo4j, pytest.mark.long, pytest.mark.timeout(3000)]

COUNT = """
import sys
from radkg.storage import open_storage
names = open_storage(sys.argv[1]).list_names("journal")
print(sum(name.endswith(".parquet") for name in names))
"""


def submit(cluster: Launched, name: str, command: str, *, wait: bool = True) -> str:
    flags = f"--submission-id {name} " + ("" if wait else "--no-wait ")
    return cluster.type(f"ray job submit {flags}--working-dir . -- python {command}", 1200)


def count_units(cluster: Launched) -> int:
    return int(cluster.type(f"python -c '{COUNT}' s3://bucket/run").split()[-1])


def wait_for_units(cluster: Launched, number: int, patience_s: float = 600) -> None:
    deadline = time.monotonic() + patience_s
    while (found := count_units(cluster)) < number:
        assert time.monotonic() < deadline, f"{found} units of {number}"


def test_a_newcomer_starts_a_cluster_and_loses_nothing_with_its_hosts(tmp_path):
    with launched("early", "late") as cluster:
        storage = cluster.serve_s3()
        graph, login = cluster.serve_neo4j(tmp_path)
        environment = storage | login
        lines = "".join(f"{name}={value}\n" for name, value in environment.items())
        (cluster.laptop.home / "radkg.env").write_text(lines)
        cluster.switch_on("early")

        # The guide, line for line; pip has installed radkg where the tests run.
        for step in read_steps()[1:]:
            if step.startswith("export "):
                cluster.set(**dict(pair.split("=", 1) for pair in step.split()[1:]))
            elif step.endswith("&"):
                cluster.start(step.removesuffix("&"))
                cluster.wait_for_nodes(2)
            else:
                cluster.type(step)
        cluster.set(**environment)
        for name in ("radkg.env", ".ray/auth_token"):
            for host in ("head", "early"):
                file = cluster.machines.all[host].home / name
                assert file.stat().st_mode & 0o777 == 0o600, file
        assert "no job server" in cluster.type(
            "RAY_AUTH_TOKEN=wrong radkg jobs status first 2>&1", code=5
        )

        # A host comes late; a training needs both.
        cluster.switch_on("late")
        cluster.wait_for_nodes(3)
        training = "jobs/train.py --preset onepass --limit 30 --steps 60 --workers 2"
        said = submit(cluster, "tuned", f"{training} --out s3://bucket/train --json")
        report = json.loads(next(line for line in said.splitlines() if '"stages"' in line))
        assert report["stages"][0]["workers"] == 2
        assert report["model"] == "s3://bucket/train/model"

        # A host dies in the middle of a night; the night loses nothing.
        before = count_units(cluster)
        night = f"jobs/nightly.py --archive openi --unit-size 40 --graph {graph} --insecure"
        night += " --runner ray --on-cluster --out s3://bucket/run --json"
        submit(cluster, "night", night, wait=False)
        wait_for_units(cluster, before + 3)
        cluster.machines.switch_off("early")
        said = cluster.type("radkg jobs wait night 2>&1 || ray job logs night", 1800)
        assert "SUCCEEDED" in said, said[-4000:]
        studies = len(open_archive("openi").index())
        run = f"--out s3://bucket/run --graph {graph} --insecure --json"
        said = submit(cluster, "loaded", f"jobs/load.py --on-cluster {run}")
        assert f'"unchanged": {studies}' in said, said[-2000:]
        verified = cluster.type(f"radkg verify {run}", 600)
        assert json.loads(verified.splitlines()[-1])["ok"], verified
