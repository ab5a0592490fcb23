"""radkg/archive/README.md lists the formats of the registry and the modules that there are."""

import re
from pathlib import Path

import radkg.archive
from radkg.archive import FORMATS
from radkg.archive.formats import folder, mimic, openi, radgraph_json, table
from radkg.archive.formats.rows import DELIMITERS, JSON_LINES

FOLDER = Path(radkg.archive.__file__).parent
README = (FOLDER / "README.md").read_text()


def _table(section):
    """Return the rows of the first table behind a heading, without its head."""
    lines = README.split(f"## {section}\n")[1].split("\n## ")[0].splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_table_of_formats_is_the_registry():
    modules = [
        f"`{f.__module__.removeprefix('radkg.archive.').replace('.', '/')}.py`" for f in FORMATS
    ]
    assert _table("Formats") == [
        [f.name, f.takes, module] for f, module in zip(FORMATS, modules, strict=True)
    ]


def test_what_a_format_takes_names_every_ending_that_it_reads():
    endings = {
        mimic.MimicCXR: [
            mimic.SUFFIX,
            *(name.removeprefix("mimic-cxr-reports") for name in mimic.PACKED),
        ],
        openi.OpenI: [openi.SUFFIX],
        radgraph_json.RadGraphReports: [radgraph_json.SUFFIX],
        table.ReportTable: [*DELIMITERS, *JSON_LINES, ".parquet", ".gz"],
        folder.ReportFolder: [folder.SUFFIX],
    }
    for archive_format, suffixes in endings.items():
        for suffix in suffixes:
            assert re.search(rf"{re.escape(suffix)}(?!\w)", archive_format.takes), suffix


def test_every_module_stands_in_the_table_once():
    found = [
        path.relative_to(FOLDER).as_posix()
        for path in [*FOLDER.rglob("*.py"), *FOLDER.rglob("*.txt")]
        if path.parent == FOLDER or path.name != "__init__.py"
    ]
    assert sorted(row[0].strip("`") for row in _table("Modules")) == sorted(found)
