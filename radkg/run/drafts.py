"""Published drafts, for the studies of another run: of the same archive, without what is retracted.

Drafts are published by a run of their own. Retractions are recorded where the studies are.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from radkg.errors import ConfigError
from radkg.run.kind import DRAFTS
from radkg.run.retractions import hide_retracted
from radkg.run.run import Run
from radkg.run.snapshot import Snapshot


def read_drafts(uri: str, studies: Snapshot) -> Snapshot:
    """Return what a run of drafts has published for the archive of some studies.

    Args:
        uri: directory or s3:// address of the run of drafts.
        studies: what the run of the studies has published.

    Raises:
        ConfigError: the drafts are of another archive.
        SnapshotError: nothing is published there, or no drafts are.
    """
    drafts = Run(uri, DRAFTS).read_snapshot()
    check_same_archive(drafts, studies)
    return drafts


def check_same_archive(drafts: Snapshot, studies: Snapshot) -> None:
    """Raise ConfigError where drafts are of another archive than the studies."""
    if drafts.archive != studies.archive:
        raise ConfigError(
            f"the drafts of {drafts.storage.uri} are of the archive {drafts.archive!r}, and the"
            f" studies of {studies.storage.uri} of {studies.archive!r}: name the drafts of the same"
            " archive"
        )


def read_visible_drafts(drafts: Snapshot, studies: Snapshot) -> Iterator[pa.Table]:
    """Yield the parts of a snapshot of drafts without what is retracted in the run of the studies.

    Raises:
        SnapshotError: a part, or a record of a retraction, is damaged.
    """
    yield from map(hide_retracted(studies).retractions.keep_visible, drafts.read_tables())
