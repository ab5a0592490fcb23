"""Pseudonyms in place of the ids of an archive, by a key that radkg reads and never writes.

A pseudonym is HMAC-SHA-256 of kind and id under the key (RFC 2104), cut to 128 bits: equal ids have
equal pseudonyms under one key, and who lacks the key can neither compute nor test one. Patients,
studies and images are renamed, for an accession number or the name of an image names the patient
too, and so is the fingerprint of a study, in which ids are hashed. Only the driver has the key:
workers get records with pseudonyms, and beside them the own ids by which the archive is read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import pyarrow as pa

from radkg.archive.base import OWN_IDS
from radkg.errors import ConfigError
from radkg.schema.reasons import MASK
from radkg.storage import LocalStorage, Storage

RECORD = "pseudonyms.json"
_LEAST_BYTES = 32
_HEX_DIGITS = 32
_PREFIXES = {"subject": "P", "study": "S", "image": "I", "fingerprint": "F"}
_PSEUDONYM = re.compile(f"[PSI][0-9a-f]{{{_HEX_DIGITS}}}")
_AGAIN = "give --pseudonymise with the key file of the first night, or another --out"

Renamed = Literal["subject", "study", "image", "fingerprint"]
_Row = TypeVar("_Row")


class Pseudonyms:
    """Names under one key.

    Args:
        key: secret bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"Pseudonyms({self.key_id})"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a key does not travel to other processes")

    @property
    def key_id(self) -> str:
        """Tells keys apart, and says nothing of the key."""
        return self._hash("radkg key")[:16]

    def name(self, kind: Renamed, own_id: str) -> str:
        """Return the pseudonym of an id."""
        return _PREFIXES[kind] + self._hash(f"{kind}\0{own_id}")

    def rename_index(self, index: pa.Table) -> pa.Table:
        """Return an index with pseudonyms, and a column OWN_IDS: study, subject, images."""
        rows = index.to_pylist()
        for row in rows:
            images = [image["image_id"] for image in row["images"]]
            row[OWN_IDS] = [row["study_id"], row["subject_id"], *images]
            row["study_id"] = self.name("study", row["study_id"])
            row["subject_id"] = self.name("subject", row["subject_id"])
            row["fingerprint"] = self.name("fingerprint", row["fingerprint"])
            for image in row["images"]:
                image["image_id"] = self.name("image", image["image_id"])
        schema = index.schema.append(pa.field(OWN_IDS, pa.list_(pa.string())))
        return pa.Table.from_pylist(rows, schema=schema)

    def _hash(self, text: str) -> str:
        message = text.encode(errors="surrogatepass")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:_HEX_DIGITS]


def is_pseudonym(text: str) -> bool:
    """Tell whether a text has the form of a pseudonym."""
    return _PSEUDONYM.fullmatch(text) is not None


def read_pseudonyms(file: str, storage: Storage | None = None) -> Pseudonyms:
    """Return the names under the key in a file.

    Args:
        file: of the key: at least 32 bytes without the blanks around them, readable by its owner
            alone, outside of the run.
        storage: of the run, whose key it must be; None: any key.

    Raises:
        ConfigError: the file is missing, open to others, too short, inside the run, or holds
            another key than the run was made with.
    """
    path = Path(file)
    try:
        status = path.stat()
        key = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(
            f"cannot read the key file {file}: {error.strerror}: ids of this run are pseudonyms"
            " under its key"
        ) from error
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise ConfigError(f"the key file {file} is open to others: chmod 600 {file}")
    if status.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"the key file {file} belongs to another user")
    if len(key) < _LEAST_BYTES or len(set(key)) < _LEAST_BYTES // 4:
        raise ConfigError(
            f"the key in {file} is too weak: at least {_LEAST_BYTES} random bytes are needed: "
            f"head -c 32 /dev/urandom | base64 > {file}"
        )
    if isinstance(storage, LocalStorage) and path.resolve().is_relative_to(storage.root):
        raise ConfigError(f"the key file {file} lies in the run: keep it elsewhere")
    found = Pseudonyms(key)
    known = _read_key_id(storage) if storage is not None else None
    if known not in (None, found.key_id):
        raise ConfigError(
            f"{storage and storage.uri} has pseudonyms under another key than that of {file}: "
            f"{_AGAIN}"
        )
    return found


def check_pseudonyms(file: str | None, storage: Storage) -> Pseudonyms | None:
    """Return the names that a run is to have; None: the archive's own.

    Raises:
        ConfigError: the run has pseudonyms and no key is given, or the other way round, or the key
            is another one or no good.
    """
    if file is None:
        if _read_key_id(storage) is not None:
            raise ConfigError(f"the ids of {storage.uri} are pseudonyms: {_AGAIN}")
        return None
    found = read_pseudonyms(file, storage)
    if _read_key_id(storage) is None and any(
        storage.list_names(place) for place in ("snapshot", "journal")
    ):
        raise ConfigError(
            f"{storage.uri} holds the archive's own ids already: give another --out for pseudonyms"
        )
    return found


def record_pseudonyms(names: Pseudonyms | None, storage: Storage) -> None:
    """Keep which key a run has, before its first row stands.

    Raises:
        ConfigError: another process gave it another key meanwhile.
    """
    if names is None:
        return
    text = json.dumps({"key_id": names.key_id, "renamed": sorted(_PREFIXES)}) + "\n"
    if _read_key_id(storage) is None and not storage.create(RECORD, text.encode()):
        raise ConfigError(f"{storage.uri} has pseudonyms under another key: {_AGAIN}")


def hide_own_ids(rows: Iterable[_Row], records: Sequence[Mapping[str, Any]]) -> list[_Row]:
    """Return rows of studies whose reasons keep no id, file or place of the archive.

    Args:
        rows: extractions or drafts, with `study_id` and `reason`.
        records: of their studies; those without OWN_IDS have nothing to hide.
    """
    hidden = {r["study_id"]: _list_hidden(r) for r in records if r.get(OWN_IDS)}
    return [_hide(row, hidden) if hidden else row for row in rows]


def _hide(row: _Row, hidden: Mapping[str, Sequence[str]]) -> _Row:
    study: Any = row
    reason = study.reason
    for text in hidden.get(study.study_id, ()) if reason else ():
        reason = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", MASK, reason)
    changed: _Row = row if reason == study.reason else dataclasses.replace(study, reason=reason)
    return changed


def _list_hidden(record: Mapping[str, Any]) -> list[str]:
    """Return what names a study in its archive, long before short."""
    places = [image["location"] for image in record["images"] if image["location"]]
    named = {*record[OWN_IDS], *places, record["member"], record["source"]}
    named |= {Path(each).name for each in (*places, record["member"])}
    return sorted(filter(None, named), key=len, reverse=True)


def _read_key_id(storage: Storage | None) -> str | None:
    """Return which key a run has; None: its ids are the archive's own."""
    if storage is None or not storage.exists(RECORD):
        return None
    try:
        return str(json.loads(storage.read(RECORD))["key_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{storage.uri}/{RECORD} is damaged: {_AGAIN}") from error
