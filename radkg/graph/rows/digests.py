"""Digests of studies, from columns of the extraction table: no mention becomes an object of Python.

Every value is hashed under the name of its column (a distinct text by blake2b, once; a number by
its bits), the values of an item are added up and mixed, items are added up by study, and so are
columns. What has an order brings its place along; relations have none. All of it is done twice,
under two salts, side by side: 2 x 64 bits.

A digest protects from accidents, not from an adversary: sums of mixed hashes can be forged by who
sets out to. Only readings of one study are ever compared. Where 10^7 studies change every night for
a century, one chance in 10^27 remains that any of these changes goes unseen, which leaves room for
a mixer that is not perfect.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from radkg.schema.arrow import EXTRACTION_SCHEMA

_UNORDERED = frozenset({"relations"})
_AT_A_TIME = 2048  # studies: what they need fits a processor's cache, and texts are hashed rarely

_Lanes = npt.NDArray[np.uint64]
"""(number, 2)"""


def compute_digests(rows: pa.Table, shape: int, schema: pa.Schema = EXTRACTION_SCHEMA) -> pa.Array:
    """Return a digest for each row: 32 hexadecimal digits, of all its columns and of `shape`.

    Equal rows have equal digests, however the table is cut into chunks and on whatever machine:
    -0.0 is 0.0 and a NaN is a NaN there, a null is like no value, and a study's relations are a set
    in which one can stand twice.

    Args:
        rows: with the columns of the schema.
        shape: of what is made of a row: one that differs changes all digests.
        schema: of the kind of row.
    """
    rows = rows.select(schema.names)
    lanes = [np.empty((0, 2), np.uint64)]
    for batch in rows.to_batches(max_chunksize=_AT_A_TIME):
        studies = _hash(batch.to_struct_array(), "")
        lanes.append(_mix(studies + _make_salt(f"shape {shape}")))
    return _to_hexadecimal(np.concatenate(lanes))


def _hash(values: pa.Array, name: str) -> _Lanes:
    """Return a hash of each value of a column, null or not, under its name."""
    if pa.types.is_struct(values.type):
        found = _hash_structs(values, name)
    elif pa.types.is_list(values.type):
        found = _hash_lists(values, name)
    elif pa.types.is_string(values.type):
        found = _hash_texts(values, name)
    else:
        found = _hash_numbers(values, name)
    if values.null_count:
        found[values.is_null().to_numpy(zero_copy_only=False)] = _make_salt(f"{name} null")
    return found


def _hash_structs(values: pa.Array, name: str) -> _Lanes:
    total = np.zeros((len(values), 2), np.uint64)
    for field, column in zip(values.type, values.flatten(), strict=True):
        total += _hash(column, f"{name}.{field.name}")
    return _mix(total)


def _hash_lists(values: pa.Array, name: str) -> _Lanes:
    items = _hash(pc.list_flatten(values), f"{name}[]")
    lengths = pc.fill_null(pc.list_value_length(values), 0)
    ends = np.cumsum(lengths.to_numpy(), dtype=np.int64)
    if name.removeprefix(".") not in _UNORDERED:
        place = np.arange(len(items)) - np.repeat(ends - lengths.to_numpy(), lengths.to_numpy())
        longest = pa.array(np.arange(place.max(initial=0) + 1))
        items = _mix(items + _hash_numbers(longest, f"{name} place")[place])
    sums = np.concatenate([np.zeros((1, 2), np.uint64), np.cumsum(items, axis=0)])  # modulo 2^64
    total = sums[ends] - sums[ends - lengths.to_numpy()]
    return _mix(total + _hash_numbers(lengths, f"{name} length"))


def _hash_texts(values: pa.Array, name: str) -> _Lanes:
    encoded = values.dictionary_encode()
    texts = encoded.dictionary.cast(pa.binary()).to_pylist()
    hashed = b"".join(blake2b(text, digest_size=16).digest() for text in [*texts, b""])
    known = np.frombuffer(hashed, "<u8").astype(np.uint64).reshape(-1, 2)
    codes = encoded.indices.fill_null(len(texts)).to_numpy()  # a null has the last one
    found: _Lanes = np.take(_mix(known + _make_salt(name)), codes, axis=0)
    return found


def _hash_numbers(values: pa.Array, name: str) -> _Lanes:
    """Return hashes of whole numbers, dates (days) or floats."""
    if pa.types.is_floating(values.type):
        floats = values.fill_null(0.0).to_numpy().astype(np.float64) + 0.0  # no -0.0
        floats[np.isnan(floats)] = np.nan  # there are many
        bits = floats.view(np.uint64)
    else:
        whole = values.cast(pa.int32()) if pa.types.is_date32(values.type) else values
        bits = whole.fill_null(0).to_numpy().astype(np.int64).view(np.uint64)
    return _mix(bits[:, None] + _make_salt(name))


def _make_salt(name: str) -> _Lanes:
    return np.frombuffer(blake2b(name.encode(), digest_size=16).digest(), "<u8").astype(np.uint64)


def _mix(lanes: _Lanes) -> _Lanes:
    """Return `lanes`, each of its numbers changed into another: the finalizer of splitmix64."""
    lanes ^= lanes >> np.uint64(30)
    lanes *= np.uint64(0xBF58476D1CE4E5B9)
    lanes ^= lanes >> np.uint64(27)
    lanes *= np.uint64(0x94D049BB133111EB)
    lanes ^= lanes >> np.uint64(31)
    return lanes


def _to_hexadecimal(lanes: _Lanes) -> pa.Array:
    """Return each row as 32 digits."""
    digits = lanes.astype(">u8").tobytes().hex().encode()
    ends = np.arange(0, len(digits) + 1, 32, dtype=np.int32)
    return pa.StringArray.from_buffers(len(lanes), pa.py_buffer(ends), pa.py_buffer(digits))
