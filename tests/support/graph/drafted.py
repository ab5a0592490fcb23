"""A graph with studies, and published drafts of them, as fixtures: import what a test takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from radkg.graph import Graph
from radkg.graph.load.drafts import DraftsReport, load_drafts
from radkg.graph.verify.drafts import verify_drafts
from radkg.graph.verify.full import verify
from radkg.graph.verify.quick import verify_quick
from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import to_table
from radkg.storage import open_storage
from tests.support.graph.loading import SMALL, load_small
from tests.support.runs.drafts import invent_drafts, publish_drafts
from tests.support.runs.extractions import invent

STUDIES = invent(23, entities=6, relations=4, vocabulary=20)


@pytest.fixture
def studies(tmp_path: Path) -> Snapshot:
    """What a run has published."""
    return publish(open_storage(str(tmp_path / "run")), to_table(STUDIES))


@pytest.fixture
def loaded(graph: Graph, studies: Snapshot) -> Graph:
    """A graph with the studies, on each engine."""
    load_small(graph, studies)
    return graph


@pytest.fixture
def drafts(tmp_path: Path) -> Snapshot:
    """What a run of drafts has published: one for each study."""
    return publish_drafts(tmp_path / "drafts", invent_drafts(STUDIES))


def bring(graph: Graph, drafts: Snapshot, studies: Snapshot, **options: Any) -> DraftsReport:
    """Load drafts, five in a transaction."""
    return load_drafts(graph, drafts, studies, sizes=SMALL, **options)


def assert_exact(graph: Graph, drafts: Snapshot, studies: Snapshot) -> None:
    """Compare the graph with both snapshots."""
    for report in (
        verify_drafts(graph, drafts, studies),
        verify(graph, studies),
        verify_quick(graph, studies),
    ):
        assert report.ok, str(report)
