"""The explorer over a published run with invented, partly hostile reports, on either engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI

from radkg.explore.app import make_app
from radkg.explore.reports import Reports
from radkg.explore.server import loaded_night
from radkg.explore.verdicts import Verdicts
from radkg.graph import Graph
from radkg.graph.loader import load
from radkg.run.snapshot import read_snapshot
from radkg.storage import open_storage
from tests.page.test_browser import chromium
from tests.review.conftest import published

__all__ = ["chromium", "explorer", "open_explorer", "published"]

TOKEN = "only-for-tests"


@pytest.fixture
def review(tmp_path: Path) -> Path:
    return tmp_path / "review.csv"


@pytest.fixture
def open_explorer(published: Path, review: Path) -> Callable[[Graph], FastAPI]:
    """Load the run into a graph, and give the application over it."""

    def opened(graph: Graph) -> FastAPI:
        storage = open_storage(str(published))
        load(graph, read_snapshot(storage))
        reports = Reports(loaded_night(graph, storage))
        return make_app(graph, reports, Verdicts(review), TOKEN)

    return opened


@pytest.fixture
def explorer(graph: Graph, open_explorer: Callable[[Graph], FastAPI]) -> FastAPI:
    return open_explorer(graph)
