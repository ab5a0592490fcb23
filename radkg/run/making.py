"""What a run makes of studies: rows of one kind, by a model that every worker loads.

An extractor makes extractions, a reporter makes drafts. Planning, workers and the isolation of
studies know makers alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from radkg.extractor import (
    Extractor,
    PreparedImages,
    count_calls,
    extract_rows,
    find_preprocessing,
    load_extractor,
    make_unreadable_row,
)
from radkg.reporter import Reporter, load_reporter, make_unreadable_draft, write_drafts
from radkg.run.kind import DRAFTS, EXTRACTIONS, Kind
from radkg.run.settings import ModelSpec
from radkg.schema.arrow import to_table
from radkg.schema.draft_table import to_draft_table
from radkg.schema.records import Study, Unreadable

if TYPE_CHECKING:  # it imports torch, which a driver can do without
    from radkg.model.vision.preprocessing import Preprocessing


class Maker(Protocol):
    """A loaded model that makes rows of one kind."""

    kind: Kind
    model: Any
    """the extractor or the reporter: it has a name and a model_id"""

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image is prepared for the model; None where it looks at none."""
        ...

    @property
    def calls_at_once(self) -> int:
        """How many calls of `make_rows` may run beside each other, in threads."""
        ...

    def make_rows(
        self, items: Iterable[Study | Unreadable], images: PreparedImages | None = None
    ) -> list[Any]:
        """Return one checked row per study, in order; a study that fails is a failed row."""
        ...

    def make_unreadable_row(self, item: Unreadable) -> Any:
        """Return the failed row of a study that could not be read."""
        ...

    def to_table(self, rows: Sequence[Any]) -> pa.Table:
        """Return the rows as a table under the kind's schema."""
        ...


class ExtractionMaker:
    """Makes extractions."""

    kind = EXTRACTIONS

    def __init__(self, model: Extractor) -> None:
        self.model = model

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image is prepared; None where the extractor looks at none."""
        return find_preprocessing(self.model)

    @property
    def calls_at_once(self) -> int:
        """How many calls may run beside each other."""
        return count_calls(self.model)

    def make_rows(
        self, items: Iterable[Study | Unreadable], images: PreparedImages | None = None
    ) -> list[Any]:
        """Return one checked extraction per study, in order."""
        return list(extract_rows(self.model, items, images))

    def make_unreadable_row(self, item: Unreadable) -> Any:
        """Return the failed extraction of a study that could not be read."""
        return make_unreadable_row(self.model, item)

    def to_table(self, rows: Sequence[Any]) -> pa.Table:
        """Return extractions as a table."""
        return to_table(rows)


class DraftMaker:
    """Makes drafts of reports."""

    kind = DRAFTS

    def __init__(self, model: Reporter) -> None:
        self.model = model

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image is prepared for the reporter."""
        return self.model.preprocessing

    @property
    def calls_at_once(self) -> int:
        """How many calls may run beside each other."""
        return count_calls(self.model)

    def make_rows(
        self, items: Iterable[Study | Unreadable], images: PreparedImages | None = None
    ) -> list[Any]:
        """Return one checked draft per study, in order."""
        return list(write_drafts(self.model, items, images))

    def make_unreadable_row(self, item: Unreadable) -> Any:
        """Return the failed draft of a study that could not be read."""
        return make_unreadable_draft(self.model, item)

    def to_table(self, rows: Sequence[Any]) -> pa.Table:
        """Return drafts as a table."""
        return to_draft_table(rows)


def load_maker(spec: ModelSpec) -> Maker:
    """Return the maker of a model's rows.

    Raises:
        ExtractorError: the model cannot be loaded; ConfigError: there is no such reporter.
    """
    if spec.kind == DRAFTS.name:
        return DraftMaker(load_reporter(spec.name, spec.device))
    return ExtractionMaker(load_extractor(spec.name, spec.condition, spec.device, spec.engine))
