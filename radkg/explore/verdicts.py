"""Verdicts of the person who looks, kept in a review sheet that `radkg review score` reads."""

from __future__ import annotations

import csv
import io
import threading
from pathlib import Path

from radkg.errors import ConfigError, StorageError
from radkg.review.sheet import COLUMNS, Verdict, read_csv, rows_of, write_csv
from radkg.schema.records import Extraction, Study
from radkg.storage import LocalStorage

_VERDICT = COLUMNS.index("verdict")
_KEY = 3  # snapshot, study_id, triplet: the first columns


class Verdicts:
    """A review sheet with a row for each triplet that was judged; written whole at each verdict.

    A sheet of `radkg review make` may be given: its rows stay as they are until they are judged.

    Args:
        file: the CSV file; it is made with the first verdict.

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
        read_csv(text, str(self.file))  # a damaged row is better said now than lost later
        return [row for row in rows if row]

    def of(self, snapshot_id: str, study_id: str) -> dict[int, str]:
        """Return what was said of a study's triplets: number of the triplet, from 1, -> verdict."""
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
        """Write down a verdict on a triplet; None takes one back.

        Args:
            snapshot_id: the night of the extraction.
            study: with the report.
            extraction: of this study.
            triplet: number of the relation, from 1.
            verdict: what the person says.

        Raises:
            ConfigError: the study has no such triplet.
            StorageError: the file cannot be written.
        """
        rows = rows_of(snapshot_id, study, extraction)
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
