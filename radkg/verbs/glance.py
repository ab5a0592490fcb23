"""What the demo's page begins with: what the archive holds, how well it was read, ten figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from radkg.graph import Graph
from radkg.graph.ask.correction import ErrorTable, find_table, read_shipped_tables
from radkg.graph.ask.queries import run_query
from radkg.metrics.prevalence import Z
from radkg.page import Figure
from radkg.schema.answer import Answer, Cell

URGENT = ("pneumothorax", "effusion", "edema", "consolidation", "cardiomegaly")
"""findings whose rates come first: the acute ones of a chest film, and the heart"""

NOTE = (
    "Found: of the findings that people coded. Right: of the findings that were found. Ranges are"
    " 95 % intervals. A rate of a finding with a range is corrected for the errors of the reading."
)
_STATUS = ("ok", "empty", "failed")

Row = Mapping[str, Cell]


@dataclass(frozen=True)
class Glance:
    """What stands above the questions, as plain text."""

    title: str
    about: str
    """the headline: what the archive holds, how well it was read, how good the reading is"""
    figures: list[Figure]
    note: str = NOTE


def look_at_population(graph: Graph, answers: Sequence[Answer]) -> Glance:
    """Return the headline and ten figures of a loaded graph.

    Args:
        graph: is asked for the rates of URGENT that the answers do not give.
        answers: of the named queries, `archives` and `extraction_status` among them.
    """
    by_name = {answer.name: answer for answer in answers}
    archives = _list_rows(by_name["archives"])
    known = {a.parameters["finding"]: a for a in answers if a.name == "prevalence"}
    rates = []
    for finding in URGENT:
        found = known.get(finding) or run_query(graph, "prevalence", {"finding": finding})
        rates.append(_describe_rate(finding, _list_rows(found)))
    holding, held = _describe_holding(archives)
    read, share = _describe_read(_list_rows(by_name["extraction_status"]))
    quality, measured = _describe_quality(find_table(graph, read_shipped_tables()))
    return Glance(
        title=f"{held[0].value} chest X-ray studies",
        about=f"{holding} {read} {quality}",
        figures=[*held, share, *measured, *rates],
    )


def _describe_holding(archives: Sequence[Row]) -> tuple[str, list[Figure]]:
    """Return a sentence and the figures of studies and of their dates."""
    studies, patients, dated = (_sum(archives, name) for name in ("studies", "patients", "dated"))
    days = [row[name] for row in archives for name in ("first_date", "last_date") if row[name]]
    names = " and ".join(str(row["archive"]) for row in archives)
    holds = f"The archive {names} holds" if len(archives) == 1 else f"The archives {names} hold"
    sentence = f"{holds} {studies:,} studies of {patients:,} patients"
    figures = [Figure("Studies", f"{studies:,}", f"of {patients:,} patients")]
    if not days:
        return f"{sentence}, none with a date.", [*figures, Figure("Years", "\u2013", "no dates")]
    first, last = (str(pick(map(str, days)))[:4] for pick in (min, max))
    years = first if first == last else f"{first}\u2013{last}"
    sentence += f" from {first}." if first == last else f" from {first} to {last}."
    return sentence, [*figures, Figure("Years", years, f"{dated:,} studies have a date")]


def _describe_read(status: Sequence[Row]) -> tuple[str, Figure]:
    """Return a sentence and the figure of how many studies were read."""
    counts = {name: _sum([r for r in status if r["status"] == name], "studies") for name in _STATUS}
    total = sum(counts.values())
    failed = f"{counts['failed']:,}" if counts["failed"] else "none"
    rest = f"{counts['empty']:,} empty, {failed} failed"
    empty = f", {counts['empty']:,} held nothing to find" if counts["empty"] else ""
    sentence = f"{counts['ok']:,} could be read{empty}, {failed} failed."
    return sentence, Figure("Read", _divide(counts["ok"], total), rest)


def _describe_quality(table: ErrorTable | None) -> tuple[str, list[Figure]]:
    """Return a sentence and the figures of how much is found, and of how much of it is right."""
    if table is None:
        sentence = "How good this reading is has not been measured."
        unknown = "not measured for this reader"
        return sentence, [Figure("Found", "\u2013", unknown), Figure("Right", "\u2013", unknown)]
    counts = table.findings.values()
    found = sum(each.true_positives for each in counts)
    there = sum(each.with_finding for each in counts)
    stated = found + sum(each.false_positives for each in counts)
    studies = max(each.with_finding + each.without_finding for each in counts)
    sentence = (
        f"Measured on {studies:,} reports that people coded, the reading finds "
        f"{_divide(found, there)} of the findings, and {_divide(found, stated)} of what it finds"
        " is right."
    )
    figures = [
        Figure("Found", _divide(found, there), _estimate(found, there)),
        Figure("Right", _divide(found, stated), _estimate(found, stated)),
    ]
    return sentence, figures


def _describe_rate(finding: str, rows: Sequence[Row]) -> Figure:
    """Return the rate of a finding: corrected with its interval, or as read."""
    present = next((row for row in rows if row["certainty"] == "present"), None)
    name = finding.capitalize()
    if present is None or not present["of"]:
        return Figure(name, "\u2013", "no study was read")
    studies, of = present["studies"], present["of"]
    low, high = present["low"], present["high"]
    if isinstance(low, float) and isinstance(high, float):
        assert isinstance(present["corrected"], float)
        return Figure(name, _percent(present["corrected"], digits=2), _range(low, high, digits=2))
    assert isinstance(studies, int)
    assert isinstance(of, int)
    return Figure(name, _percent(studies / of, digits=2), f"as read, {studies:,} of {of:,}")


def _list_rows(answer: Answer) -> list[Row]:
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _sum(rows: Sequence[Row], name: str) -> int:
    return sum(cell for row in rows if isinstance(cell := row[name], int))


def _divide(part: int, total: int) -> str:
    return _percent(part / total) if total else "\u2013"


def _percent(share: float, digits: int = 3) -> str:
    return f"{_round(share, digits)}\u00a0%"


def _range(low: float, high: float, digits: int = 3) -> str:
    return f"{_round(low, digits)} to {_percent(high, digits)}"


def _round(share: float, digits: int) -> str:
    return f"{100 * share:#.{digits}g}".rstrip(".") if share else "0"


def _estimate(part: int, total: int) -> str:
    """Return Wilson's 95 % interval of a share (J Am Stat Assoc 1927)."""
    if not total:
        return ""
    share, spread = part / total, Z**2 / total
    centre = (share + spread / 2) / (1 + spread)
    half = Z * sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return _range(centre - half, centre + half)
