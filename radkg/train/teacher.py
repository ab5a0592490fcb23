"""What a student learns from a teacher: the archive's sentences as the teacher reads them (silver).

A teacher is a run, whose published extractions are taken, or an extractor, which reads now. Only
studies of the training split teach, without the tenth that is held out to choose on, and no
sentence that is kept out of training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from radkg.errors import ConfigError, SchemaError
from radkg.extractor import extract_rows, load_extractor
from radkg.gold.annotated import cut_reading, is_kept_out
from radkg.gold.held_out import is_held_out
from radkg.run.run import Run
from radkg.run.snapshot import POINTER
from radkg.schema.arrow import from_table
from radkg.schema.linearize import Span
from radkg.schema.records import Extraction, Study, check_extraction
from radkg.schema.sentences import list_study_sentences
from radkg.storage import open_storage
from radkg.train.labelled import LabelledSentence, fit_to_words
from radkg.train.silver import read_training_studies

_STUDIES_AT_ONCE = 64


def read_teacher(teacher: str, archive: str, limit: int | None) -> list[LabelledSentence]:
    """Return the sentences of the training studies as a teacher reads them, sorted by their text.

    Where studies say the same sentence the first study decides.

    Args:
        teacher: directory or s3://bucket/prefix of a run, or an extractor as `load_extractor`
            takes it.
        archive: that the student learns from; its training split alone is read.
        limit: only the first N studies.

    Raises:
        ConfigError: the teacher says nothing of these studies.
        ExtractorError: there is no such extractor, nor a run.
    """
    studies = [s for s in read_training_studies(archive, limit) if not is_held_out(s)]
    found: dict[str, LabelledSentence] = {}
    for study, row in _read_rows(teacher, studies):
        for one in _cut_sentences(study, row):
            found.setdefault(one.sentence, one)
    if not found:
        raise ConfigError(
            f"--teacher {teacher} reads none of the {len(studies)} training studies of {archive}: "
            "give the run of this archive, or an extractor"
        )
    return [found[text] for text in sorted(found)]


def _read_rows(teacher: str, studies: Sequence[Study]) -> Iterator[tuple[Study, Extraction]]:
    rows = _read_run(teacher) if open_storage(teacher).exists(POINTER) else _ask(teacher, studies)
    known = {study.study_id: study for study in studies}
    for row in rows:
        study = known.get(row.study_id)
        if study is not None and row.status != "failed" and _fits(row, study):
            yield study, row


def _read_run(uri: str) -> Iterator[Extraction]:
    for table in Run(uri).read_snapshot().read_tables():
        yield from from_table(table)


def _ask(name: str, studies: Sequence[Study]) -> Iterator[Extraction]:
    extractor = load_extractor(name)
    for start in range(0, len(studies), _STUDIES_AT_ONCE):
        yield from extract_rows(extractor, studies[start : start + _STUDIES_AT_ONCE])


def _fits(row: Extraction, study: Study) -> bool:
    """Tell whether a row is of this very report: the archive may have changed since the run."""
    try:
        check_extraction(row, study.report)
    except SchemaError:
        return False
    return row.study_fingerprint == study.fingerprint


def _cut_sentences(study: Study, row: Extraction) -> Iterator[LabelledSentence]:
    """Yield each sentence that is read of a study with what the row states inside of it."""
    spans: list[Span] = []
    number: dict[int, int] = {}
    for i, entity in enumerate(row.entities):
        if entity.start is not None and entity.end is not None:  # of the report, not of an image
            number[i] = len(spans)
            spans.append((entity.start, entity.end, entity.label))
    links = [
        (number[r.head], number[r.tail], r.relation)
        for r in row.relations
        if r.head in number and r.tail in number
    ]
    for start, end in _strip(study.report, list_study_sentences(study)):
        text = study.report[start:end]
        if text and not is_kept_out(text):
            reading = cut_reading(spans, links, start, end)
            yield fit_to_words(text, reading.spans, reading.links)


def _strip(report: str, places: Iterable[tuple[str, int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the places of sentences without the blanks around them."""
    for _, start, end in places:
        text = report[start:end]
        start += len(text) - len(text.lstrip())
        yield start, start + len(text.strip())
