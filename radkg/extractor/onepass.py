"""The one-pass model as an extractor: the fast tier, for reports alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from radkg.extractor.sentencewise import SentencewiseReader, compute_reading_id, make_extraction
from radkg.model.checkpoint import compute_model_id, load_weights, parse_config, read_config
from radkg.model.device import resolve_device
from radkg.model.generate.spec import EngineSpec
from radkg.model.onepass.network import OnePass, OnePassConfig
from radkg.model.onepass.reading import OnePassReader
from radkg.schema.records import Condition, Device, Extraction, Study


def load_onepass(
    directory: Path, condition: Condition | None, device: Device, engine: EngineSpec
) -> OnePassExtractor:
    """Return the extractor of a directory; it reads reports, and generates nothing."""
    return OnePassExtractor(directory, device)


class OnePassExtractor:
    """Callable from studies to extractions, sentence by sentence."""

    name = "onepass"
    condition: Condition = "report"

    def __init__(self, directory: Path, device: Device = "cpu") -> None:
        self._directory = directory
        self.device: Device = device
        config = parse_config(OnePassConfig, read_config(directory), directory)
        model = OnePass(config)
        load_weights(model, directory)
        on_device = () if device == "cpu" else (device,)
        self.model_id = compute_model_id(directory, compute_reading_id(), *on_device)
        self.read_sentences = OnePassReader(model.to(resolve_device(device))).read
        self.read = SentencewiseReader(self.read_sentences, config.calibration)

    def __reduce__(self) -> tuple[type[OnePassExtractor], tuple[Path, Device]]:
        return (OnePassExtractor, (self._directory, self.device))

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        """Return one extraction per study, in order.

        Raises:
            ExtractorError: a report is not in English.
        """
        return [
            make_extraction(self, study, entities, relations)
            for study, (entities, relations) in zip(studies, self.read(studies), strict=True)
        ]
