"""Images prepared on CPUs beside a worker on a GPU: Ray counts the GPU, nothing computes on it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radkg.cluster.images import STEP, ImagePreparer, read_prepared
from radkg.cluster.pools import count_gpu_workers
from radkg.errors import ArchiveUnavailable
from radkg.extractor import extract_rows, load_extractor
from radkg.model.vision.preprocessing import Preprocessing
from radkg.run.isolation import Limits
from radkg.run.journal import Journal
from radkg.run.settings import ExtractConfig
from radkg.schema.records import Image as Radiograph
from radkg.schema.records import Study
from radkg.storage import open_storage
from tests.support.archives.openi import make_xml, write_tar
from tests.support.runs import IMAGES
from tests.support.runs.demo_run import user_environment
from tests.support.runs.extracting import extract_on_ray, published, rows_of

PREPROCESSING = Preprocessing(side=8)
DRIVER = """
import json, sys
import ray
from tests.support.runs.extracting import extract_on_ray
from radkg.run.settings import ExtractConfig
from radkg.schema.records import Image as Radiograph
from radkg.schema.records import Study
ray.init(address="local", num_cpus=3, num_gpus=1, include_dashboard=False, log_to_driver=False)
extract_on_ray(ExtractConfig(**json.loads(sys.argv[1])))
"""


@pytest.fixture
def archive(tmp_path: Path) -> dict[str, str]:
    """Twelve studies with an image each, one of them damaged."""
    folder = tmp_path / "images"
    folder.mkdir()
    random = np.random.default_rng(0)
    members = {}
    for number in range(1, 13):
        members[f"{number}.xml"] = make_xml(number, images=(f"i{number}",))
        pixels = random.integers(0, 255, (32, 40), np.uint8)
        Image.fromarray(pixels).save(folder / f"i{number}.png")
    damaged = folder / "i7.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    path = write_tar(tmp_path / "a.tgz", members)
    return {"archive": str(path), "images": str(folder)}


@pytest.mark.long
@pytest.mark.ray
def test_a_worker_on_a_gpu_gets_the_images_it_would_have_read(ray_session, archive, tmp_path):
    beside, alone = tmp_path / "beside", tmp_path / "alone"
    config = archive | {"max_failed": 0.2, "unit_size": 3}
    settings = {
        "out": str(beside),
        "extractor": f"{IMAGES}:only_prepared",
        "device": "cuda",
    }
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(config | settings)],
        env=user_environment(PYTHONPATH=str(Path(__file__).parents[2])),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    extract_on_ray(ExtractConfig(**config, out=str(alone), extractor=f"{IMAGES}:preparing"))
    assert published(beside) == published(alone)
    (bad,) = [row for row in rows_of(beside) if row.status == "failed"]
    assert bad.study_id == "CXR7"
    assert "i7.png is damaged" in bad.reason
    assert open_storage(str(beside)).list_names("attempts") == []


def record(*locations: str | None) -> dict[str, object]:
    return {"images": [{"location": location} for location in locations]}


def test_what_travels_is_the_square_or_why_there_is_none(archive, tmp_path):
    reader = ImagePreparer(PREPROCESSING, "m", str(tmp_path / "out"), Limits(60, None))
    good, bad = (f"{archive['images']}/i{number}.png" for number in (1, 7))
    found = read_prepared(reader("u", [record(good, None), record(bad)]) or [])
    expected = PREPROCESSING.make_square(np.asarray(Image.open(good)))
    assert np.array_equal(found[good], expected.numpy())
    assert "i7.png is damaged" in str(found[bad])


def test_images_that_end_the_process_twice_are_left_to_the_worker(archive, tmp_path):
    out = str(tmp_path / "out")
    reader = ImagePreparer(PREPROCESSING, "m", out, Limits(60, None))
    journal = Journal(open_storage(out), "m")
    for _ in range(2):
        journal.begin("u", STEP)
    assert reader("u", [record(f"{archive['images']}/i1.png")]) is None
    assert journal.begin("u") == 0  # the worker's attempts are counted apart


def test_a_store_that_does_not_answer_fails_no_study(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    away = record("s3://bucket/a.png")
    with pytest.raises(ArchiveUnavailable, match="check AWS_ENDPOINT_URL"):
        ImagePreparer(PREPROCESSING, "m", str(tmp_path / "out"), Limits(60, None))("u", [away])
    study = Study(
        "s", "p", "a", None, "effusion", (), (Radiograph("i", None, "s3://b/a.png"),), None, "f"
    )
    with pytest.raises(ArchiveUnavailable):
        extract_rows(load_extractor(f"{IMAGES}:preparing"), [study])


@pytest.mark.parametrize(
    ("gpus", "each", "workers"), [(4, 1, 4), (4, 0.5, 8), (1, 0.2, 5), (1, 0.3, 3), (4, 2, 2)]
)
def test_workers_share_gpus_or_have_several(gpus, each, workers):
    assert count_gpu_workers(gpus, each) == workers
