"""Build the knowledge graph of a run: from what it has published, of its training studies alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import radkg
from radkg.errors import ConfigError, ExtractorError, KnowledgeError
from radkg.extractor import SHIPPED
from radkg.knowledge.bank import Bank, make_bank
from radkg.knowledge.counting import COLUMNS, GraphCounter
from radkg.knowledge.members import Members, find_members
from radkg.knowledge.records import SCALES, Knowledge
from radkg.knowledge.store import load_knowledge, write_knowledge
from radkg.model.checkpoint import compute_model_id, read_config
from radkg.model.vision.encoders import load_encoder
from radkg.model.vision.eye import KIND, load_eye
from radkg.model.vision.tower import FEATURE_DIM
from radkg.progress import Advance, Progress, say_nothing
from radkg.run.retractions import read_retractions
from radkg.run.run import Run


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """What a knowledge graph is made of, beside the run."""

    images: str | None = None
    """where the images are, as `open_archive` takes it; None: no visual tokens"""
    eye: Path | None = None
    """directory of the eye that looks at them; None: that of the shipped small model"""
    token_width: int = FEATURE_DIM
    """of a visual token"""

    def __post_init__(self) -> None:
        if self.token_width < 1:
            raise ConfigError(f"--token-width is at least 1, not {self.token_width}")


def build_knowledge(
    run: Run, directory: Path, settings: BuildSettings, progress: Progress = say_nothing
) -> bool:
    """Build the graph of a run into a directory; False where it stands there already.

    Raises:
        KnowledgeError: no training report states anything, or no image gives a token.
        SnapshotError: nothing is published, or it is damaged.
        ArchiveError: the archive, or the place of the images, is not there.
        ExtractorError: the eye is none.
    """
    with progress("find the training studies"):
        members = find_members(run, settings.images)
    counter = GraphCounter()
    with progress("count concepts and relations"):
        for table in members.read_tables(COLUMNS):
            for part in table.to_batches():
                counter.add(part)
        counted = counter.build()
    if not counted.nodes.num_rows:
        raise KnowledgeError(
            f"no knowledge graph of {run.uri}: no report of its {members.num_studies} training "
            f"studies states anything; studies left out: {members.left_out or 'none'}"
        )
    facts = _describe(members, counted.numbers) | _describe_settings(settings)
    bank = None
    if settings.images is not None:
        with progress("look for visual tokens") as advance:
            bank = _make_bank(members, settings, advance)
        facts["bank"] |= bank.facts
    knowledge = Knowledge(counted.nodes, counted.edges, facts, bank.rows if bank else None)
    facts["scales"] = {str(scale): _measure(knowledge.take_scale(scale)) for scale in SCALES}
    facts["scales"]["all"] = _measure(knowledge)
    return write_knowledge(directory, knowledge, bank.adapter if bank else None)


def is_up_to_date(run: Run, directory: Path, settings: BuildSettings) -> bool:
    """Tell whether the graph of a directory was built from what a run has published now, and so.

    A damaged graph is not.

    Raises:
        SnapshotError: nothing is published, or it is damaged.
        ExtractorError: the eye is none.
    """
    try:
        facts = load_knowledge(directory).facts
    except KnowledgeError:
        return False
    now = {
        "snapshot_id": run.read_snapshot().snapshot_id,
        "retractions": read_retractions(run.storage).number,
        "radkg_version": radkg.__version__,
    }
    wanted, stands = _describe_settings(settings)["bank"], facts["bank"]
    has_both = wanted is not None and stands is not None
    is_same = stands | wanted == stands if has_both else wanted is stands
    return facts | now == facts and is_same


def _describe(members: Members, numbers: dict[str, dict[str, int]]) -> dict[str, Any]:
    snapshot = members.snapshot.snapshot
    return {
        "snapshot_id": snapshot.snapshot_id,
        "archive": snapshot.archive,
        "extractor": snapshot.extractor,
        "model_id": snapshot.manifest["model_id"],
        "split": members.split,
        "studies": members.num_studies,
        "studies_left_out": members.left_out,
        "retractions": members.snapshot.retractions.number,
        "radkg_version": radkg.__version__,
        **numbers,
    }


def _describe_settings(settings: BuildSettings) -> dict[str, Any]:
    """Return which eye looks at images, and how wide a token is; None where no image is.

    Tokens of one tower lie in one space, whichever readout chose them.
    """
    if settings.images is None:
        return {"bank": None}
    eye = _locate_eye(settings)
    return {
        "bank": {
            "eye_id": compute_model_id(eye),
            "tower_id": load_encoder(str(eye)).encoder_id,
            "width": settings.token_width,
        }
    }


def _locate_eye(settings: BuildSettings) -> Path:
    directory = settings.eye or SHIPPED["small"] / "vision"
    kind = read_config(directory)["kind"]
    if kind != KIND:
        raise ExtractorError(f"{directory} holds a {kind!r}, not an eye: name another --eye")
    return directory


def _make_bank(members: Members, settings: BuildSettings, progress: Advance) -> Bank:
    directory = _locate_eye(settings)
    eye, config = load_eye(directory, read_config(directory))
    eye.eval().requires_grad_(False)
    return make_bank(members, eye, config, width=settings.token_width, progress=progress)


def _measure(knowledge: Knowledge) -> dict[str, int]:
    return {"nodes": knowledge.nodes.num_rows, "edges": knowledge.edges.num_rows}
