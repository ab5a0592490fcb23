"""Store the verdicts of a reader in a review sheet that `radkg review score` can score."""

from __future__ import annotations

import csv
import io
import threading
from pathlib import Path

from radkg.errors import ConfigError, StorageError
from radkg.review.sheet import COLUMNS, Verdict, make_rows, read_csv, write_csv
from radkg.schema.cells import read_cell
from radkg.schema.records import Extraction, Study
from radkg.storage import LocalStorage

_VERDICT = COLUMNS.index("verdict")
_KEY = 3  # snapshot, study_id, triplet: the first columns


class Verdicts:
    """A review sheet with a row for each judged triplet; every verdict writes the file anew.

    The file may be a sheet of `radkg review make`: its rows change only when they are judged.

    Args:
        file: the CSV file; the first verdict makes it.

    Raises:
        ConfigError: the file has other columns than a sheet that radkg wrote.
        SchemaError: the file is no review sheet, or is damaged.
    """

    def __init__(self, file: Path) -> None:
        self.file = file.resolve()
        self._writing = threading.Lock()
        self._rows = {tuple(row[:_KEY]): row for row in self._read()}

    def _read(self) -> list[list[str]]:
        try:
            text = self.file.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(f"cannot read {self.file}: {error}") from error
        header, *rows = csv.reader(io.StringIO(text))
        if tuple(header) != COLUMNS:
            raise ConfigError(
                f"{self.file} has other columns than a review sheet of radkg (did a spreadsheet"
                " save it?): name another file with --review"
            )
        read_csv(text, str(self.file))  # refuse a damaged row now: a later write would lose it
        return [[read_cell(cell) for cell in row] for row in rows if row]

    def get_verdicts(self, snapshot_id: str, study_id: str) -> dict[int, str]:
        """Return the verdicts on a study by the number of the triplet, from 1."""
        return {
            int(row[2]): row[_VERDICT]
            for row in list(self._rows.values())
            if row[:2] == [snapshot_id, study_id] and row[_VERDICT]
        }

    def judge(
        self,
        snapshot_id: str,
        study: Study,
        extraction: Extraction,
        triplet: int,
        verdict: Verdict | None,
    ) -> None:
        """Write a verdict on a triplet; None withdraws it.

        Args:
            snapshot_id: the snapshot of the extraction.
            study: the study with its report.
            extraction: the extraction of this study.
            triplet: number of the relation, from 1.
            verdict: the verdict of the reader.

        Raises:
            ConfigError: the study has no such triplet.
            StorageError: the file cannot be written.
        """
        rows = make_rows(snapshot_id, study, extraction)
        if not 1 <= triplet <= len(rows):
            raise ConfigError(f"study {study.study_id} has {len(rows)} triplets, no {triplet}")
        row = rows[triplet - 1]
        key = tuple(row[:_KEY])
        with self._writing:
            row = list(self._rows.get(key, row))  # a comment in it stays
            row[_VERDICT] = verdict or ""
            after = {**self._rows, key: row}
            # the mark at the beginning tells spreadsheets that it is UTF-8
            data = write_csv(list(after.values())).encode("utf-8-sig")
            LocalStorage(self.file.parent).write(self.file.name, data)
            self._rows = after
