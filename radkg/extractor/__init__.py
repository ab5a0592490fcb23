"""Extractors: `load_extractor` is the one door; studies in, one extraction per study out. No Ray.

A study that fails becomes a failed row with its reason, here and nowhere else. What is written is
checked: no value that breaks the schema, and no row of another study, gets past this file.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

import radkg
from radkg.errors import ArchiveUnavailable, ExtractorError, SchemaError
from radkg.schema.records import (
    CONDITIONS,
    DEVICES,
    Condition,
    Device,
    Extraction,
    Study,
    Unreadable,
    check,
    view_positions,
)

_MODELS = Path(__file__).parents[1] / "model" / "shipped"
SHIPPED = {"small": _MODELS / "small", "onepass": _MODELS / "onepass"}
DEFAULT = "small"
RULES = "rules"
Picture = npt.NDArray[np.float32] | str  # (1, S, S) as an encoder takes it, or why there is none
_WHO = ("study_id", "subject_id", "archive", "study_date")
_OF_PATIENT = ("age", "sex")


class Extractor(Protocol):
    """A callable over studies; `model_id` changes with anything that can change its output."""

    name: str
    model_id: str
    condition: Condition

    def __call__(self, studies: Sequence[Study], /) -> list[Extraction]:
        """Return one extraction per study, in order."""
        ...


def load_extractor(
    name: str, condition: Condition | None = None, device: Device = "cpu"
) -> Extractor:
    """Return an extractor.

    Args:
        name: `small` or `onepass` (the models in this package), `rules`, a model directory, or your
            own as `package.module:factory`.
        condition: what a vision-language model reads; None: what it was made for.
        device: where a model computes. A process without a GPU can ask for the identity of an
            extractor on one. Your own extractor chooses for itself.

    Raises:
        ExtractorError: there is none of that name; the message says what was tried.
    """
    if condition not in (None, *CONDITIONS):
        raise ExtractorError(f"condition {condition!r} is none of {', '.join(CONDITIONS)}")
    if device not in DEVICES:
        raise ExtractorError(f"device {device!r} is none of {', '.join(DEVICES)}")
    if name == RULES:
        if device != "cpu":
            raise ExtractorError(f"the rules compute on the CPU, not on {device}")
        from radkg.rules import RulesExtractor  # each extractor pays for its own imports only

        return _reading(RulesExtractor(), condition)
    if name in SHIPPED or Path(name).is_dir():
        return _load_model(SHIPPED.get(name, Path(name)), condition, device)
    module, colon, factory = name.partition(":")
    if not colon:
        raise ExtractorError(
            f"no extractor {name!r}: give {', '.join([*SHIPPED, RULES])}, a model directory, or "
            "package.module:factory"
        )
    try:
        extractor: Extractor = getattr(importlib.import_module(module), factory)()
        _ = extractor.name, extractor.model_id, extractor.condition
    except Exception as error:  # somebody else's code: whatever it raises, say so in one line
        raise ExtractorError(
            f"cannot load extractor {name!r}: {type(error).__name__}: {error}"
        ) from error
    return _reading(extractor, condition)


def check_device(extractor: Extractor) -> None:
    """Check that this process has what the extractor computes on.

    Raises:
        ExtractorError: it is a GPU, and none is to be seen.
    """
    if getattr(extractor, "device", "cpu") == "cuda":
        import torch  # here, for the rules do without

        if not torch.cuda.is_available():
            raise ExtractorError(
                "--device cuda: this machine shows no GPU: install its driver, or go where one is"
            )


def anywhere(name: str) -> str:
    """Return the name as it means the same in any working directory, as workers have others."""
    is_directory = name not in (*SHIPPED, RULES) and Path(name).is_dir()
    return str(Path(name).resolve()) if is_directory else name


def _load_model(directory: Path, condition: Condition | None, device: Device) -> Extractor:
    from radkg.model.checkpoint import read_config

    kind = read_config(directory)["kind"]
    if kind == "onepass":
        from radkg.extractor.onepass import OnePassExtractor

        return _reading(OnePassExtractor(directory, device), condition)
    if kind != "vlm":
        raise ExtractorError(f"{directory} holds a {kind!r}, which extracts nothing by itself")
    from radkg.extractor.vlm import VlmExtractor

    return VlmExtractor(directory, condition, device=device)


def _reading(extractor: Extractor, condition: Condition | None) -> Extractor:
    """Return the extractor if it reads what is asked for."""
    if condition not in (None, extractor.condition):
        raise ExtractorError(f"{extractor.name} reads {extractor.condition}, not {condition}")
    return extractor


def extract_rows(extractor: Extractor, studies: Iterable[Study | Unreadable]) -> list[Extraction]:
    """Return one checked row per study, in order; a study that fails costs itself alone.

    Raises:
        ArchiveUnavailable: the store of its images does not answer, which is no study's failure.
        ExtractorError: nor is a GPU that failed.
    """
    items = list(studies)
    readable = [study for study in items if isinstance(study, Study)]
    try:
        found = extractor(readable)
        rows = {s.study_id: _checked(extractor, s, r) for s, r in zip(readable, found, strict=True)}
    except ArchiveUnavailable:
        raise
    except (Exception, SystemExit):  # find out below which study it was, and say why
        rows = {study.study_id: _extract_one(extractor, study) for study in readable}
    return [
        rows[item.study_id] if isinstance(item, Study) else unreadable_row(extractor, item)
        for item in items
    ]


def unreadable_row(extractor: Extractor, item: Unreadable) -> Extraction:
    """Return the failed row of a study that could not be read."""
    record = item.record
    who = {name: record[name] for name in (*_WHO, *_OF_PATIENT)}
    who["study_fingerprint"] = record["fingerprint"]
    who["view_positions"] = view_positions(i["view_position"] for i in record["images"])
    return _failed(extractor, who, item.reason)


def _extract_one(extractor: Extractor, study: Study) -> Extraction:
    try:
        (row,) = extractor([study])
        return _checked(extractor, study, row)
    except ArchiveUnavailable:
        raise
    except SchemaError as error:
        reason = f"invalid extraction: {error}"
    except MemoryError as error:
        reason = f"it needs more memory than a worker may take, see --max-memory: {error}"
    except (Exception, SystemExit) as error:  # a row says it; the failure budget decides
        if "CUDA error" in str(error):  # after one, every call of this process fails
            raise ExtractorError(
                f"the GPU failed ({error}): finished units stand, run the same command again"
            ) from error
        reason = f"{type(error).__name__}: {error}"
    reason = reason.encode("utf-8", "backslashreplace").decode()
    return _failed(extractor, _who(study) | _told(study), reason)


def _checked(extractor: Extractor, study: Study, row: Extraction) -> Extraction:
    """Return the row if it is valid, of this study and of this extractor."""
    expected = {**_who(study), "extractor": extractor.name, "model_id": extractor.model_id}
    for name, value in expected.items():
        if getattr(row, name) != value:
            raise SchemaError(f"{name} of the row is {getattr(row, name)!r} instead of {value!r}")
    return check(replace(row, **_told(study)), study.report)


def _who(study: Study) -> dict[str, Any]:
    """Return the fields of a row that say which study it is of."""
    who = {name: getattr(study, name) for name in _WHO}
    return {**who, "study_fingerprint": study.fingerprint}


def _told(study: Study) -> dict[str, Any]:
    """Return the fields of a row that the archive tells; no extractor needs to pass them on."""
    return {"view_positions": study.view_positions, "age": study.age, "sex": study.sex}


def _failed(extractor: Extractor, who: Mapping[str, Any], reason: str) -> Extraction:
    return Extraction(
        **who,
        status="failed",
        reason=reason,
        entities=(),
        relations=(),
        extractor=extractor.name,
        model_id=extractor.model_id,
        condition=extractor.condition,
        radkg_version=radkg.__version__,
    )
