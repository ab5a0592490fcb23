"""Rows of many studies, sorted by the concept that they are about, and then by study.

The rows of one concept stand together, so that a question about a concept reads its rows alone; a
question about all concepts adds a column up from border to border.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radkg.schema.mentions import Array


@dataclass(frozen=True)
class Postings:
    """Columns of equal length; `starts` has the place of the first row of each concept, and the
    number of all rows at its end."""

    starts: Array
    study: Array
    columns: dict[str, Array]

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def select(self, concept: int | None) -> Postings:
        """Return the rows of one concept; none for None."""
        if concept is None:
            return self.take(slice(0, 0))
        return self.take(slice(int(self.starts[concept]), int(self.starts[concept + 1])))

    def take(self, which: slice | Array) -> Postings:
        """Return some rows, which are no longer parted by concept."""
        columns = {name: column[which] for name, column in self.columns.items()}
        return Postings(self.starts, self.study[which], columns)

    def count_each(self, counted: Array) -> Array:
        """Return how many rows of each concept `counted`, one bool a row, marks."""
        sums = np.append(0, np.cumsum(counted, dtype=np.int64))
        each: Array = np.diff(sums[self.starts])
        return each


def order_postings(
    concept: Array, study: Array, columns: dict[str, Array], num_concepts: int
) -> Postings:
    """Return rows in the order of Postings; those of a concept keep their order."""
    small = num_concepts <= 1 << 16  # numbers of 16 bits are sorted in linear time
    order = np.argsort(concept.astype(np.uint16) if small else concept, kind="stable")
    starts = np.append(0, np.cumsum(np.bincount(concept, minlength=num_concepts)))
    taken = {name: column[order] for name, column in columns.items()}
    return Postings(starts, study[order], taken)
