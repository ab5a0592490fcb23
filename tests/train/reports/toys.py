"""Invented studies, pictures and graphs, for runs of R2GenKG's stage that take seconds."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from radkg.archive import open_archive
from radkg.knowledge.records import BANK, EDGES, NODES, Knowledge
from radkg.knowledge.store import write_knowledge
from radkg.model.vision.encoders import load_encoder
from radkg.train.loop import run_stage
from radkg.train.reports.images import SHIPPED_EYE
from radkg.train.reports.settings import R2GenKGSettings
from radkg.train.stage_task import (
    StagePaths,
    TrainJob,
    TrainStage,
    finish_stage,
    open_stage_task,
    prepare_stage,
)
from radkg.train.trainer import TrainConfig
from tests.evaluation.coded_archive import KINDS, coded_archive

NAMES = ("effusion", "pleura", "left", "heart", "cardiomegaly", "opacity", "lung", "base", "right")


def make_archive(folder: Path, studies: int) -> tuple[Path, Path]:
    """Return an archive, and a folder with a picture for each of its first studies."""
    archive = coded_archive(folder / "coded.tgz")
    images = folder / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    records = [r for r in open_archive(str(archive)).index().to_pylist() if r["split"] == "train"]
    for number, record in enumerate(records[:studies]):
        for image in record["images"]:
            pixels = rng.integers(0, 60, (64, 64), np.uint8)
            pixels[:, 16 * (number % len(KINDS)) :][:, :16] += 180
            Image.fromarray(pixels).save(images / f"{image['image_id']}.png")
    return archive, images


def make_knowledge(
    directory: Path, *, tower: Path | None = SHIPPED_EYE, edges: int = 12, width: int = 8
) -> Path:
    """Write a graph of NAMES with a bank of that tower's, or without a bank."""
    rng = np.random.default_rng(1)
    nodes = pa.table(
        {
            "name": NAMES,
            "kind": ["observation"] * len(NAMES),
            "mentions": [100 - i for i in range(len(NAMES))],
            "studies": [90 - i for i in range(len(NAMES))],
        }
    ).cast(NODES)
    relations = ["modify", "located_at", "suggestive_of"] * edges
    table = pa.table(
        {
            "head": rng.integers(0, len(NAMES), edges, np.int32),
            "tail": rng.integers(0, len(NAMES), edges, np.int32),
            "relation": relations[:edges],
            "count": [9] * edges,
            "studies": [8] * edges,
        }
    ).cast(EDGES)
    facts = {"snapshot_id": "night1", "retractions": 0, "bank": None}
    bank = None
    if tower is not None:
        rows = 6
        columns = [[f"i{i}" for i in range(rows)], [f"s{i}" for i in range(rows)]]
        columns += [["effusion"] * rows, [[0.0, 0.0, 0.5, 0.5]] * rows, [1.0] * rows]
        columns.append(rng.normal(size=(rows, width)).tolist())
        arrays = [pa.array(c, f.type) for c, f in zip(columns, BANK, strict=True)]
        bank = pa.table(arrays, schema=BANK)
        facts["bank"] = {"tower_id": load_encoder(str(tower)).encoder_id, "width": width}
    knowledge = Knowledge(nodes, table, facts, bank)
    write_knowledge(directory, knowledge, b"adapter" if bank is not None else None)
    return directory


def make_stage(steps: int = 8, **changes) -> TrainStage:
    """Return the stage with little of everything."""
    settings = R2GenKGSettings(**{"nodes": 100, "vocab_size": 400} | changes)
    config = TrainConfig(num_steps=steps, batch_tokens=100, learning_rate=3e-3, log_every=steps)
    return TrainStage(
        name="report", task="radkg.train.stages.report", config=config, settings=settings
    )


def run_job(job: TrainJob, stage: TrainStage) -> tuple[list[float], Path, str]:
    """Run a stage to its end in this process; return first and last loss, model and figures."""
    paths = StagePaths(Path(job.out), stage.name)
    prepare_stage(job, stage, paths)
    task = open_stage_task(job, stage, paths)
    members = list(range(len(task.lengths)))[:4]
    first = float(task.model(task.collate(members, 0)).detach())
    state = run_stage(
        task, stage.config, stage.name, paths.out, checkpoint=lambda state, step: None
    )
    last = float(task.model(task.collate(members, 0)).detach())
    task.save(paths.model, state["model"], "notes")
    card = finish_stage(job, stage, paths, paths.model)
    return [first, last], paths.model, card.targets + card.figures
