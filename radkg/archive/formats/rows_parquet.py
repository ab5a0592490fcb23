"""The rows of a Parquet table, by their number; groups of rows are read and cached whole."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from radkg.archive.files.members import read_as_indexed
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place, S3Path, get_version
from radkg.archive.formats.rows import TableRow, Values, convert_to_text
from radkg.errors import ArchiveError


@dataclass(frozen=True)
class ParquetRows:
    """A Parquet file as a table of rows: `offset` counts rows, `length` is 1, `line` from 1.

    Only the wanted columns are read. A column of objects does not count: it can hold whole images.
    """

    path: Place
    wanted: tuple[str, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, without those of objects."""
        fields = self._file().schema_arrow
        return tuple(field.name for field in fields if not pa.types.is_struct(field.type))

    def __iter__(self) -> Iterator[TableRow]:
        """Yield every row, in order."""
        number = 0
        try:
            for batch in self._file().iter_batches(batch_size=1024, columns=self._read):
                for values in batch.to_pylist():
                    yield TableRow(number + 1, number, 1, _bytes(values), _plain(values))
                    number += 1
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise ArchiveError(
                f"{self.path} is damaged after row {number}: {sanitize(error)}: correct the table"
            ) from error

    def read_row(self, record: Mapping[str, Any]) -> Values:
        """Return one row of the index."""
        row = {**record, "member": f"row {record['offset'] + 1}"}
        return _plain(read_as_indexed(self.path, row, self._values, _bytes))

    def _values(self, path: Place, record: Mapping[str, Any]) -> Values:
        number = record["offset"]
        try:
            now = get_version(path)
            starts = _starts(path, now)
            group = max(i for i, start in enumerate(starts) if start <= number)
            values: Values = _group(path, now, group, self._read)[number - starts[group]]
        except (pa.ArrowException, OSError, UnicodeDecodeError, IndexError) as error:
            raise ArchiveError(f"cannot read {path}: {sanitize(error)}") from error
        return values

    @property
    def _read(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns if name in self.wanted)

    def _file(self) -> pq.ParquetFile:
        try:
            return _opened(self.path)
        except (pa.ArrowException, OSError) as error:
            raise ArchiveError(f"{self.path} is no Parquet file: {sanitize(error)}") from error


def _opened(path: Place) -> pq.ParquetFile:
    return pq.ParquetFile(path.open() if isinstance(path, S3Path) else path)


@functools.lru_cache(maxsize=1)
def _starts(path: Place, version: tuple[object, ...]) -> Sequence[int]:
    """Return the number of the first row of each group."""
    metadata = _opened(path).metadata
    starts = [0]
    for i in range(metadata.num_row_groups - 1):
        starts.append(starts[-1] + metadata.row_group(i).num_rows)
    return starts


@functools.lru_cache(maxsize=1)
def _group(
    path: Place, version: tuple[object, ...], group: int, columns: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return a group of rows: units come in the order of the table, so each is read once."""
    rows: list[dict[str, Any]] = _opened(path).read_row_group(group, columns=columns).to_pylist()
    return rows


def _plain(values: Values) -> Values:
    return {name: convert_to_text(value) for name, value in values.items()}


def _bytes(values: Values) -> bytes:
    return repr(values).encode(errors="surrogatepass")
