"""Index entries: what a format says of each study, and the fingerprint that radkg makes of it.

The fingerprint stands for all that is read of a study: while it stays the same, the study is not
extracted again. No format computes it, so none can leave age, sex or date out: every field of
StudyEntry counts unless _NO_FACTS names it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import date
from functools import cached_property
from typing import Any

from radkg.archive.files.members import digest
from radkg.schema.limits import MAX_NAME_BYTES, is_too_long
from radkg.schema.records import Sex

_KEPT = 100  # characters of an id that is too long


@dataclass(slots=True)
class ImageEntry:
    """One image that an archive names, whether or not its file is there."""

    image_id: str
    view_position: str | None = None
    location: str | None = None  # None: no file of it is there, or the file cannot be used
    stamp: object = None  # stands for the bytes of the file: a size, a checksum or a hash


@dataclass(slots=True)
class FurtherRow:
    """A row of a table that adds to the report of a study; the fields are as in StudyEntry."""

    member: str
    offset: int
    length: int
    content: str


@dataclass(slots=True, kw_only=True)
class StudyEntry:
    """One study of an archive before anything of it is parsed.

    `source`, `member`, `offset` and `length` say where its bytes are, as INDEX_SCHEMA has them.
    """

    study_id: str
    source: str
    member: str
    offset: int
    length: int
    content: str  # digest of the bytes there, which are compared when they are read again
    report_identity: bytes | None = None  # of report and sections; None: `content` is that
    subject_id: str | None = None  # None: the study is a patient of its own
    study_date: date | None = None
    split: str | None = None
    images: list[ImageEntry] = field(default_factory=list)
    problem: str | None = None  # why it cannot be read; part of the fingerprint, word for word
    age: int | None = None
    sex: Sex | None = None
    study_views: list[str] = field(default_factory=list)  # positions of the study, of no image
    further_rows: list[FurtherRow] = field(default_factory=list)
    other_inputs: object = None  # what else decides how the report is read, such as MIMIC's HandSet


_NO_FACTS = {
    *("source", "member", "offset", "length"),  # the same study at another place is the same
    *("content", "report_identity"),  # hashed beside the facts
    "further_rows",  # their texts are part of report_identity
    *("study_id", "split"),  # name and set of a study, which no extractor reads
}
_FACTS = tuple(f.name for f in fields(StudyEntry) if f.name not in _NO_FACTS)


@dataclass(frozen=True)
class FingerprintOrder:
    """The facts of a study that are hashed by their place, without their names.

    A fact that is known and has no place here is hashed behind the others under its name. So a new
    format needs no order, and the older formats keep the fingerprints that they published.
    """

    parts: tuple[str | list[str], ...]  # a list is hashed as a list
    implied: frozenset[str] = frozenset()  # facts that follow from the report's own name

    @cached_property
    def rest(self) -> tuple[str, ...]:
        """Names of the facts that have no place."""
        names = {n for part in self.parts for n in ([part] if isinstance(part, str) else part)}
        covered = {_TAKEN_APART.get(name, name) for name in names} | self.implied
        return tuple(name for name in ("reading_version", *_FACTS) if name not in covered)


BY_NAME = FingerprintOrder(("reading_version",))
REPORT_ALONE = FingerprintOrder(("reading_version", "problem"))  # of formats that know no more
_TAKEN_APART = {"views": "images", "stamps": "images"}  # names that may stand for a part of a fact


def compute_fingerprint(
    entry: StudyEntry, reading_version: str | None, order: FingerprintOrder = BY_NAME
) -> str:
    """Return the hash of all that is read of a study: its report, its facts and its images.

    Args:
        entry: the study.
        reading_version: of the rules by which its format reads; None before they first change.
        order: the facts that are hashed by their place.
    """
    known: dict[str, Any] = {name: getattr(entry, name) for name in _FACTS}
    known |= {
        "reading_version": reading_version,
        "images": [(i.image_id, i.view_position, i.stamp) for i in entry.images],
        "views": [(i.image_id, i.view_position) for i in entry.images],
        "stamps": [i.stamp for i in entry.images],
    }
    ordered = tuple(
        known[part] if isinstance(part, str) else [known[name] for name in part]
        for part in order.parts
    )
    rest = [
        (name, known[name]) for name in order.rest if known[name] is not None and known[name] != []
    ]
    identity = entry.content.encode() if entry.report_identity is None else entry.report_identity
    return digest(
        identity, *(repr(part).encode() for part in ([ordered, rest] if rest else [ordered]))
    )


def bound_names(entry: StudyEntry) -> StudyEntry:
    """Return the entry; one whose ids no graph could index gets short ids and a problem."""
    for name in ("study_id", "subject_id"):
        written = getattr(entry, name)
        if written is not None and is_too_long(written):
            setattr(entry, name, f"{written[:_KEPT]}...{digest(written.encode())}")
            entry.problem = f"its {name} has more than {MAX_NAME_BYTES} bytes: shorten it"
    return entry


def make_row(archive: str, entry: StudyEntry, fingerprint: str) -> dict[str, Any]:
    """Return the row of INDEX_SCHEMA of a study."""
    return {
        "study_id": entry.study_id,
        "subject_id": entry.study_id if entry.subject_id is None else entry.subject_id,
        "archive": archive,
        "study_date": entry.study_date,
        "split": entry.split,
        "source": entry.source,
        "member": entry.member,
        "offset": entry.offset,
        "length": entry.length,
        "images": [
            {"image_id": i.image_id, "view_position": i.view_position, "location": i.location}
            for i in entry.images
        ],
        "content": entry.content,
        "problem": entry.problem,
        "fingerprint": fingerprint,
        "age": entry.age,
        "sex": entry.sex,
        "study_views": entry.study_views or None,
        "further_rows": [asdict(row) for row in entry.further_rows] or None,
    }
