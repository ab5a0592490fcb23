"""Write a report as HTML: its sections, and every entity marked where it stands in the text.

Entities may nest and overlap: the text is cut at every boundary and an entity that another one
crosses becomes several marks with the same `data-entity`; the first carries the id. Text outside
the sections is shown too, for no entity may be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from radkg.page.markup import escape
from radkg.page.words import MEANING
from radkg.schema.records import Entity, Study

MAX_HEADING = 60  # characters; a longer line before a section is text, whatever it ends with

Span = tuple[int, int, int]
"""(start, end, index of the entity): what `mark_text` marks, in the order of the text."""


def make_entity_id(prefix: str, index: int) -> str:
    """Return the id that marks, table rows and arcs share for one entity of one study."""
    return f"{prefix}-entity-{index}"


def open_mark(entity: Entity, identity: str, first: bool = True) -> str:
    """Return the opening tag of a mark; only the first mark of an entity has the id and focus."""
    where = "from the image"
    if entity.start is not None:
        where = f"characters {entity.start} to {entity.end}"
    tip = "\n".join(
        (
            entity.concept,
            MEANING[entity.label],
            f"confidence {entity.confidence:.2f}",
            where,
        )
    )
    anchor = f' id="{identity}" tabindex="0"' if first else ""
    return (
        f'<mark class="entity {entity.label.lower()}" data-entity="{identity}"{anchor}'
        f' title="{escape(tip)}">'
    )


def mark_text(
    report: str, start: int, end: int, entities: Sequence[Entity], prefix: str, shown: set[int]
) -> str:
    """Return `report[start:end]` with its entities marked.

    Args:
        report: the full report; offsets of entities refer to it.
        start: offset of the first character to return.
        end: offset after the last character to return.
        entities: all entities of the extraction, with and without offsets.
        prefix: the beginning of the ids of this study.
        shown: indices of the entities already marked in earlier calls; new ones are added.
    """
    spans = _spans_within(entities, start, end)
    cuts = sorted({start, end, *(s for s, _, _ in spans), *(e for _, e, _ in spans)})
    waiting = list(reversed(spans))
    active: list[Span] = []
    opened: list[Span] = []
    out: list[str] = []
    for left, right in pairwise(cuts):
        active = [span for span in active if span[1] > left]
        while waiting and waiting[-1][0] == left:
            active.append(waiting.pop())
        # Marks in the common beginning of both stacks stay open; the others close and reopen.
        common = 0
        while common < min(len(opened), len(active)) and opened[common] == active[common]:
            common += 1
        out.append("</mark>" * (len(opened) - common))
        for span in active[common:]:
            index = span[2]
            out.append(
                open_mark(entities[index], make_entity_id(prefix, index), first=index not in shown)
            )
            shown.add(index)
        opened = list(active)
        out.append(escape(report[left:right]))
    out.append("</mark>" * len(opened))
    return "".join(out)


WriteText = Callable[[str, int, int, Sequence[Entity], str, set[int]], str]


def write_report(
    study: Study, entities: Sequence[Entity], prefix: str, write_text: WriteText = mark_text
) -> str:
    """Return the report by section, entities marked; headings as the report writes them.

    `write_text` returns a piece of the report as HTML, as `mark_text` does.
    """
    shown: set[int] = set()
    out = []
    for heading, start, end in _pieces(study, entities):
        if heading is not None:
            out.append(f"<h4>{escape(heading)}</h4>")
        text = write_text(study.report, start, end, entities, prefix, shown)
        outside = ' class="outside"' if heading is None else ""
        out.append(f'<p dir="auto"{outside}>{text}</p>')
    return "\n".join(out)


def _spans_within(entities: Sequence[Entity], start: int, end: int) -> list[Span]:
    """Return the spans that touch [start, end), clipped to it, outer before inner."""
    spans = [
        (max(entity.start, start), min(entity.end, end), index)
        for index, entity in enumerate(entities)
        if entity.start is not None
        and entity.end is not None
        and entity.start < end
        and entity.end > start
    ]
    return sorted(spans, key=lambda span: (span[0], -span[1], span[2]))


def _pieces(study: Study, entities: Sequence[Entity]) -> Iterator[tuple[str | None, int, int]]:
    """Yield (heading, start, end) of each piece; the heading is None outside the sections."""
    report = study.report
    position = 0
    for section in sorted(study.sections, key=lambda section: (section.start, section.end)):
        start, end = max(section.start, position), min(section.end, len(report))
        heading, gap_end = section.name, start
        last_line = report[position:start].rstrip().rpartition("\n")[2]
        if last_line.endswith(":") and len(last_line) <= MAX_HEADING:
            heading_start = report.rindex(last_line, position, start)
            if not _spans_within(entities, heading_start, start):
                heading, gap_end = last_line.strip().rstrip(":"), heading_start
        yield from _trim_piece(report, None, position, gap_end)
        yield from _trim_piece(report, heading, start, end)
        position = max(position, end)
    yield from _trim_piece(report, None, position, len(report))


def _trim_piece(
    report: str, heading: str | None, start: int, end: int
) -> Iterator[tuple[str | None, int, int]]:
    """Yield the piece without the white space around it, or nothing where no text is left."""
    text = report[start:end]
    if text.strip():
        start += len(text) - len(text.lstrip())
        yield heading, start, start + len(text.strip())
