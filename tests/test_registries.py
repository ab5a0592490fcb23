"""A list of things in a document is the registry that the code reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.registries import (
    REGISTRIES,
    ROOT,
    WRITTEN,
    list_pages,
    read_first_column,
    read_tables,
    write_table,
)

TABLES = [
    pytest.param(page, name, table, id=f"{page}: {name}")
    for path in list_pages()
    for page in [str(path.relative_to(ROOT))]
    for name, table in read_tables(path.read_text())
]
MARKED = {name for path in list_pages() for name, _ in read_tables(path.read_text())}
REWRITE = "run python -m tests.support.registries"


@pytest.mark.parametrize("name", REGISTRIES)
def test_a_registry_stands_in_a_document(name: str):
    assert name in MARKED, f"no page has <!-- registry: {name} -->"


@pytest.mark.parametrize(("page", "name", "table"), TABLES)
def test_a_marked_table_lists_its_registry(page: str, name: str, table: str):
    assert name in REGISTRIES, f"{page}: known: {', '.join(REGISTRIES)}"
    assert sorted(read_first_column(table)) == sorted(REGISTRIES[name]()), page


@pytest.mark.parametrize(("page", "name", "table"), TABLES)
def test_a_table_that_code_writes_is_as_the_code_writes_it(page: str, name: str, table: str):
    if name in WRITTEN and Path(page).is_relative_to("docs/reference"):
        assert table == write_table(name), f"{page}: {REWRITE}"


def test_a_mark_without_its_table_is_found():
    page = "<!-- registry: jobs -->\ntext\n\n<!-- registry: x -->\n\n| a |\n|---|\n| `b` |\n"
    assert list(read_tables(page)) == [("jobs", ""), ("x", "| a |\n|---|\n| `b` |")]
    assert read_first_column("| a | c |\n|---|---|\n| `b` | d |") == ["b"]
    assert read_first_column("") == []
