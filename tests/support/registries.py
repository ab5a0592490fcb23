"""The registries of radkg by the mark of their table in a document, and those tables.

`<!-- registry: NAME -->` before a table of a page says that its first column is the registry NAME.
`python -m tests.support.registries` writes the marked tables of docs/reference/ that code can write
whole: archive formats, named queries and the options of formats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from radkg import archive
from radkg.experiments import EXPERIMENTS
from radkg.extractor import RULES, SHIPPED
from radkg.graph.ask.queries import list_queries
from radkg.interchange.formats import EXPORT_FORMATS, IMPORT_FORMATS
from radkg.interchange.formats.base import list_options
from radkg.model.generate.engines import ENGINES
from radkg.model.generate.spec import AUTO
from radkg.model.vision import encoders, openclip
from radkg.run.gauges import METRICS, Metric
from radkg.train.presets import PRESETS

ROOT = Path(__file__).parents[2]
MARK = re.compile(r"^<!-- registry: (.+) -->$", re.MULTILINE)
_TABLE = re.compile(r"\s*(?:^\|.*\n)+", re.MULTILINE)


def list_option_rows(formats: Sequence[type[object]]) -> list[tuple[str, ...]]:
    """Return flag, formats, what it is, of every option of these formats, flags sorted."""
    rows: dict[str, tuple[list[str], str]] = {}
    for each in formats:
        for option in list_options(each).values():
            takers, _ = rows.setdefault(option.flag, ([], option.description))
            takers.append(f"`{each.name}`")
    return [(f"`{flag}`", ", ".join(t), text) for flag, (t, text) in sorted(rows.items())]


def list_query_rows() -> list[tuple[str, ...]]:
    """Return name, family, question and parameters of every named query, as they are sorted."""
    return [
        (
            f"`{query.name}`",
            query.family,
            query.question,
            ", ".join(
                f"`{p.name}`" if p.default is None else f"`{p.name}={p.default}`"
                for p in query.parameters
            ),
        )
        for query in list_queries()
    ]


def _list_labels(metric: Metric) -> str:
    return ", ".join(f"`{each}`" for each in ("run", *metric.labels))


REGISTRIES: dict[str, Callable[[], list[str]]] = {
    "archive formats": lambda: [each.name for each in archive.FORMATS],
    "export formats": lambda: [each.name for each in EXPORT_FORMATS],
    "import formats": lambda: [each.name for each in IMPORT_FORMATS],
    "export options": lambda: [row[0].strip("`") for row in list_option_rows(EXPORT_FORMATS)],
    "import options": lambda: [row[0].strip("`") for row in list_option_rows(IMPORT_FORMATS)],
    "named queries": lambda: [query.name for query in list_queries()],
    "experiments": lambda: [each.name for each in EXPERIMENTS],
    "extractors": lambda: [*SHIPPED, RULES],
    "engines": lambda: [AUTO, *ENGINES],
    "model presets": lambda: list(PRESETS),
    "image encoders": lambda: [encoders.IMAGENET, *encoders.KINDS, openclip.CONFIG],
    "metrics": lambda: [metric.name for metric in METRICS],
    "jobs": lambda: sorted(f"jobs/{path.name}" for path in (ROOT / "jobs").glob("*.py")),
}
WRITTEN: dict[str, tuple[tuple[str, ...], Callable[[], list[tuple[str, ...]]]]] = {
    "archive formats": (
        ("name", "what `--archive` names"),
        lambda: [(f"`{each.name}`", each.takes) for each in archive.FORMATS],
    ),
    "named queries": (("query", "family", "question", "parameters"), list_query_rows),
    "export options": (
        ("option", "formats", "value"),
        lambda: list_option_rows(EXPORT_FORMATS),
    ),
    "metrics": (
        ("metric", "kind", "labels", "what", "on Ray"),
        lambda: [
            (f"`{m.name}`", m.kind, _list_labels(m), m.help, "yes" if m.on_ray else "")
            for m in METRICS
        ],
    ),
    "import options": (
        ("option", "formats", "value"),
        lambda: list_option_rows(IMPORT_FORMATS),
    ),
}
"""tables that code writes whole, by their mark: heads, and what makes the rows"""


def list_pages() -> list[Path]:
    """Return the pages that may hold a marked table."""
    found = (ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("radkg/**/README.md"))
    return sorted(path for path in found if path.is_file())


def read_tables(page: str) -> Iterator[tuple[str, str]]:
    """Yield the mark and the text of each marked table of a page; "" where no table follows."""
    for mark in MARK.finditer(page):
        table = _TABLE.match(page, mark.end())
        yield mark[1], table[0].strip() if table else ""


def read_first_column(table: str) -> list[str]:
    """Return the cells of the first column without head and backticks."""
    return [line.split("|")[1].strip().strip("`") for line in table.splitlines()[2:]]


def write_table(name: str) -> str:
    """Return the whole table of a mark in WRITTEN, as Markdown."""
    heads, make_rows = WRITTEN[name]
    rows = [heads, ("---",) * len(heads), *make_rows()]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in r)} |" for r in rows)


def main() -> None:
    """Write the tables of WRITTEN into the pages that hold their marks."""
    for path in list_pages():
        text = page = path.read_text()
        for name, table in read_tables(page):
            if name in WRITTEN:
                mark = f"<!-- registry: {name} -->\n"
                text = text.replace(f"{mark}\n{table}", f"{mark}\n{write_table(name)}")
        if text != page:
            path.write_text(text)


if __name__ == "__main__":
    main()
