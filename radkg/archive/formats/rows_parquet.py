"""The rows of a Parquet table, by their number; groups of rows are read and cached whole.

Every type becomes text: numbers of any kind, UUIDs as they are usually written, days and times as
ISO 8601 has them.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from radkg.archive.files.members import read_as_indexed
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place, S3Path, get_version
from radkg.archive.formats.cells import convert_to_text, name_column
from radkg.archive.formats.rows import TableRow, Values
from radkg.errors import ArchiveError

logger = logging.getLogger(__name__)

_UUID_BYTES = 16
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError)


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
        return tuple(field.name for field in fields if not _is_object(field.type))

    @cached_property
    def objects(self) -> tuple[str, ...]:
        """The names of the wanted columns that hold objects, which are not read."""
        fields = self._file().schema_arrow
        names = (field.name for field in fields if _is_object(field.type))
        return tuple(name for name in names if name_column(name) in self.wanted)

    def __iter__(self) -> Iterator[TableRow]:
        """Yield every row, in order."""
        number = 0
        if self.objects:
            logger.warning("table=%s columns of objects are not read: %s", self.path, self.objects)
        try:
            for batch in self._file().iter_batches(batch_size=1024, columns=self._read):
                for values in _list_rows(pa.Table.from_batches([batch])):
                    yield TableRow(number + 1, number, 1, _bytes(values), values)
                    number += 1
        except _DAMAGE as error:
            raise ArchiveError(
                f"{self.path} is damaged after row {number}: {sanitize(error)}: correct the table"
            ) from error

    def read_row(self, record: Mapping[str, Any]) -> Values:
        """Return one row of the index."""
        row = {**record, "member": f"row {record['offset'] + 1}"}
        return read_as_indexed(self.path, row, self._values, _bytes)

    def _values(self, path: Place, record: Mapping[str, Any]) -> Values:
        number = record["offset"]
        try:
            now = get_version(path)
            starts = _starts(path, now)
            group = max(i for i, start in enumerate(starts) if start <= number)
            values: Values = _group(path, now, group, self._read)[number - starts[group]]
        except (*_DAMAGE, IndexError) as error:
            raise ArchiveError(f"cannot read {path}: {sanitize(error)}") from error
        return values

    @property
    def _read(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns if name_column(name) in self.wanted)

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


# Two groups: units come in the order of the table, and so do the addenda that stand at its end.
@functools.lru_cache(maxsize=2)
def _group(
    path: Place, version: tuple[object, ...], group: int, columns: tuple[str, ...]
) -> list[Values]:
    """Return a group of rows."""
    # Arrow's threads must not hold a file of Python's when the process ends: it would abort
    threads = not isinstance(path, S3Path)
    return _list_rows(_opened(path).read_row_group(group, columns=columns, use_threads=threads))


def _list_rows(table: pa.Table) -> list[Values]:
    """Return the rows of a table, every value as text."""
    columns = {name: _list_texts(table[name]) for name in table.column_names}
    names = tuple(columns)
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _list_texts(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of a column as text.

    Days and times go by way of Arrow's own text: Python's datetime knows neither nanoseconds nor
    years above 9999. 16 bytes of fixed length are a UUID, unless all of them are printable ASCII:
    the ninth byte of a UUID has its first bit set (RFC 9562, section 4.1).
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_temporal(kind):
        column = column.cast(pa.string())
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == _UUID_BYTES:
        return [_write_uuid(value) for value in column.to_pylist()]
    return [convert_to_text(value) for value in column.to_pylist()]


def _write_uuid(value: bytes | None) -> str:
    if value is None:
        return ""
    is_text = value.isascii() and value.decode("latin-1").isprintable()
    return value.decode() if is_text else str(UUID(bytes=value))


def _is_object(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    is_object: bool = pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_union(kind)
    return is_object


def _bytes(values: Values) -> bytes:
    return repr(values).encode(errors="surrogatepass")
