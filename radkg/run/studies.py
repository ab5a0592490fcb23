"""The studies behind a run, read again from where the run had them."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pyarrow as pa

from radkg.archive import Archive, open_archive
from radkg.errors import SchemaError, SnapshotError
from radkg.run.pseudonyms import read_pseudonyms
from radkg.run.settings import ExtractConfig, read_config
from radkg.schema.records import Extraction, Study, check_extraction
from radkg.storage import Storage

IMPORTED = "radgraph.json"  # the archive of a run that was imported: a file beside its snapshot


def locate_archive(storage: Storage) -> str:
    """Return the address of the archive that a run read, as `open_archive` takes it.

    Raises:
        SnapshotError: the settings of the run are missing or damaged.
    """
    uri = read_config(storage, ExtractConfig).archive
    return f"{storage.uri}/{IMPORTED}" if uri == IMPORTED else uri


def open_archive_of(
    storage: Storage, archive: str | None = None, images: str | None = None
) -> tuple[Archive, pa.Table]:
    """Return the archive of a run and its index, with the pseudonyms of the run where it has some.

    Args:
        storage: of the run.
        archive: where the reports are; None: where the run had them.
        images: where the images are; None: nowhere.

    Raises:
        ArchiveError: the archive is no longer where the run had it.
        ConfigError: the run has pseudonyms, and its key is not at hand.
    """
    config = read_config(storage, ExtractConfig)
    opened = open_archive(archive or locate_archive(storage), images)
    index = opened.index()
    if config.pseudonymise:
        index = read_pseudonyms(config.pseudonymise, storage).rename_index(index)
    return opened, index


class StudyReader:
    """Reads studies of one run by their id; from several threads at once.

    Args:
        storage: of the run.
        archive: where the reports are; None: where the run had them.
        images: where the images are; None: where the run had them.

    Raises:
        ArchiveError: the archive is no longer where the run had it.
        ConfigError: the run has pseudonyms, and its key is not at hand.
    """

    def __init__(
        self, storage: Storage, archive: str | None = None, images: str | None = None
    ) -> None:
        self.uri = archive or locate_archive(storage)
        config = read_config(storage, ExtractConfig)
        self._archive, self._index = open_archive_of(storage, archive, images or config.images)
        self._places: dict[str, int] = {}
        for place, study_id in enumerate(self._index["study_id"].to_pylist()):
            self._places.setdefault(study_id, place)  # the first of two is what was read
        self._reading = threading.Lock()

    def read_studies(self, study_ids: Iterable[str]) -> dict[str, Study]:
        """Return those of the studies that the archive has and that can be read, by their id."""
        places = sorted({self._places[i] for i in study_ids if i in self._places})
        # In the order of the archive, which a compressed one needs.
        records = self._index.take(pa.array(places, pa.int64())).to_pylist()
        with self._reading:
            found = self._archive.read(records)
            return {study.study_id: study for study in found if isinstance(study, Study)}

    def read_pairs(self, extractions: Iterable[Extraction]) -> list[tuple[Study, Extraction]]:
        """Return each extraction with its study, which fits it.

        Raises:
            SnapshotError: the archive no longer has a report that was extracted.
        """
        rows = list(extractions)
        studies = self.read_studies(row.study_id for row in rows)
        pairs = []
        for row in rows:
            try:
                if row.study_id not in studies:
                    raise SchemaError("it is not there, or cannot be read")
                check_extraction(row, studies[row.study_id].report)
            except SchemaError as error:
                raise SnapshotError(
                    f"study {row.study_id} of {self.uri} is not the one that was extracted: give"
                    " the archive of the run (--archive), or run the extraction again"
                ) from error
            pairs.append((studies[row.study_id], row))
        return pairs
