"""An invented snapshot on disk, as an extraction leaves it, but for the archive."""

from __future__ import annotations

from pathlib import Path

from radkg.run.audit import AuditLog
from radkg.run.settings import ExtractConfig, save_config
from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import to_table
from radkg.schema.records import Entity, Extraction, Relation
from radkg.storage import open_storage
from tests.support.runs.rows import row

HARD = 'a "quoted", name\nwith <tags> & an umlaut: \u00fc'


def absent_and_present() -> Extraction:
    """Return a study with the same concept absent and present, apart, and with hard names."""
    return row(
        "s2",
        study_date=None,
        entities=(
            Entity("mass", "OBS-DA", "mass", 0, 4, None),
            Entity("left", "ANAT-DP", "left", 5, 9, None),
            Entity("base", "ANAT-DP", "base", 10, 14, None),
            Entity("large", "OBS-DA", "large", 15, 20, None),
            Entity("nodule", "OBS-DP", "nodule", 21, 27, None),
            Entity("hard", "OBS-U", HARD, 28, 32, None),
            Entity("mass", "OBS-DA", "mass", None, None, None, "image"),
        ),
        relations=(
            Relation(1, 2, "modify"),
            Relation(3, 4, "modify"),
            Relation(4, 2, "located_at"),
            Relation(0, 2, "located_at"),
            Relation(4, 5, "suggestive_of"),
        ),
    )


def rows() -> list[Extraction]:
    """Return studies of every status."""
    nothing = {"entities": (), "relations": ()}
    return [
        row("s1"),
        absent_and_present(),
        row("s3", status="empty", **nothing),
        row("s4", status="failed", reason="no report", **nothing),
        row("s5"),
    ]


def publish_rows(folder: Path, extractions: list[Extraction]) -> Snapshot:
    """Publish rows with a line in the audit log; their archive does not exist."""
    storage = open_storage(str(folder))
    save_config(ExtractConfig(archive="nowhere", out=storage.uri), storage, "nowhere")
    snapshot = publish(storage, to_table(extractions))
    AuditLog(storage).record("extract", {"snapshot_id": snapshot.snapshot_id})
    return snapshot
