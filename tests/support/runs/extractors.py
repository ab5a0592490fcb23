"""Extractors for tests, loaded by name as any user's own: `tests.support.runs.extractors:words`."""

import contextlib
import dataclasses
import multiprocessing
import os
import re
import time
from collections.abc import Sequence

import radkg
from radkg.extractor import CountsTokens
from radkg.schema.records import Condition, Entity, Extraction, Study


class Words:
    """Calls every `effusion` a present one; slow, dying or failing on request."""

    name = "words"
    condition: Condition = "report"

    def __init__(self, model_id: str = "words-1", unit_s: float = 0.0, poison: str = "") -> None:
        self.model_id = model_id
        self.unit_s = unit_s
        self.poison = poison

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        time.sleep(self.unit_s)
        return [self._extract(study) for study in studies]

    def _extract(self, study: Study) -> Extraction:
        if study.study_id == self.poison:
            os._exit(77)  # what a native crash looks like
        if "RAISE" in study.report:
            raise ZeroDivisionError("asked for")
        text = "BROKEN" if "BROKEN" in study.report else "effusion"
        start = study.report.find("effusion")
        found = () if start < 0 else (_entity(text, start),)
        return Extraction(
            study_id=study.study_id,
            subject_id=study.subject_id,
            archive=study.archive,
            study_date=study.study_date,
            status="ok" if found else "empty",
            reason=None,
            entities=found,
            relations=(),
            extractor=self.name,
            model_id=self.model_id,
            condition=self.condition,
            study_fingerprint=study.fingerprint,
            radkg_version=radkg.__version__,
        )


def _entity(text: str, start: int) -> Entity:
    return Entity(text, "OBS-DP", "effusion", start, start + len("effusion"), None)


def words() -> Words:
    return Words()


def words_two() -> Words:
    return Words("words-2")


class Sleeping(Words):
    """Takes 4 ms a study and no processor: a model on a device that this machine does not have."""

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        time.sleep(0.004 * len(studies))
        return super().__call__(studies)


def sleeping() -> Words:
    return Sleeping("sleeping-1")


class Denies(Words):
    """Calls every `effusion` an absent one."""

    def _extract(self, study: Study) -> Extraction:
        row = super()._extract(study)
        absent = (dataclasses.replace(entity, label="OBS-DA") for entity in row.entities)
        return dataclasses.replace(row, entities=tuple(absent))


def denies() -> Words:
    return Denies("denies-1")


class Tokens(Words):
    """Counts the tokens of a language model that it does not have: one for each character."""

    tokens_read = 0
    tokens_written = 0

    def _extract(self, study: Study) -> Extraction:
        row = super()._extract(study)
        self.tokens_read += len(study.report)
        self.tokens_written += len(row.entities)
        return row


def tokens() -> CountsTokens:
    return Tokens("tokens-1")


def slow() -> Words:
    return Words(unit_s=0.3)


class Wrong(Words):
    """Gives one study a row that may not pass, or ends."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"wrong-{kind}")
        self.kind = kind

    def _extract(self, study: Study) -> Extraction:
        row = super()._extract(study)
        if study.study_id != "CXR3":
            return row
        if self.kind == "exits":
            raise SystemExit(0)
        if self.kind == "stranger":
            return dataclasses.replace(row, study_id="X")
        start = study.report.find("effusion")
        bad = Entity("effusion", "OBS-DP", 7, start, start + 8, None)  # type: ignore[arg-type]
        return dataclasses.replace(row, entities=(bad,))


def stranger() -> Words:
    return Wrong("stranger")


def wrong_type() -> Words:
    return Wrong("wrong_type")


def exits() -> Words:
    return Wrong("exits")


def poisoned() -> Words:
    return Words("poisoned-1", poison="CXR3")


class Greedy(Words):
    """Hangs, or asks for more memory than there is, on one study."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"greedy-{kind}")
        self.kind = kind

    def _extract(self, study: Study) -> Extraction:
        if study.study_id == "CXR3" and self.kind == "hangs":
            time.sleep(3600)
        if study.study_id == "CXR3" and self.kind == "hangs_in_c":
            # no other thread gets to run
            re.match(r"(a+)+$", "a" * 60 + "b")
        if study.study_id == "CXR3" and self.kind == "eats":
            bytearray(20 << 30)
        return super()._extract(study)


def ends_workers() -> Words:
    """End each process that loads it, but the driver."""
    if multiprocessing.parent_process() is not None:
        os._exit(9)
    return Words()


def hangs() -> Words:
    return Greedy("hangs")


def hangs_in_c() -> Words:
    return Greedy("hangs_in_c")


def eats() -> Words:
    return Greedy("eats")


class Counting(Words):
    """Writes the id of each study that it reads into the file that RADKG_TEST_READ names."""

    def _extract(self, study: Study) -> Extraction:
        with open(os.environ["RADKG_TEST_READ"], "a") as file:
            file.write(study.study_id + "\n")
        return super()._extract(study)


def counting() -> Counting:
    return Counting()


def counting_two() -> Counting:
    return Counting("words-2")


class Mortal(Counting):
    """Takes its time, and dies when it finds the file that RADKG_TEST_DIE names: once a file."""

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        rows = super().__call__(studies)
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.environ["RADKG_TEST_DIE"])
            os._exit(9)
        return rows


def mortal() -> Mortal:
    return Mortal(unit_s=0.4)
