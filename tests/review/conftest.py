"""Published runs with invented reports, and the browser of the page's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from radkg.archive import open_archive
from radkg.rules import RulesExtractor
from radkg.run.settings import ExtractConfig, save_config
from radkg.run.snapshot import publish
from radkg.schema.arrow import to_table
from radkg.schema.records import Study
from radkg.storage import open_storage
from tests.page.conftest import chromium
from tests.page.test_browser import browse
from tests.support.archives.openi import make_studies, make_xml, write_tar

__all__ = ["browse", "chromium", "published"]

NASTY = "</script><img src=x onerror=\"document.title='run'\"> [[ {{ =1+1 in the left base"


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over seven studies: five plain ones, a hostile one, one without any triplet."""
    root = tmp_path_factory.mktemp("review")
    members = make_studies(5) | {
        "6.xml": make_xml(6, f"Opacity {NASTY}.", "-Mild edema.", images=("CXR6_IM-1",)),
        "7.xml": make_xml(7, "Comparison was made.", ""),
    }
    uri = str(write_tar(root / "a.tgz", members))
    archive = open_archive(uri)
    found = [s for s in archive.read(archive.index().to_pylist()) if isinstance(s, Study)]
    storage = open_storage(str(root / "out"))
    save_config(ExtractConfig(archive=uri, out=storage.uri), storage, uri)
    publish(storage, to_table(RulesExtractor()(found)))
    return root / "out"
