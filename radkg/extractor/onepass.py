"""The one-pass model as an extractor: the fast tier, for reports alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from radkg.extractor.sentencewise import SentencewiseReader, extraction, names_id
from radkg.model.checkpoint import load_weights, model_id, parse_config, read_config
from radkg.model.onepass import OnePass, OnePassConfig
from radkg.model.onepass_read import Reader
from radkg.schema.records import Condition, Extraction, Study


class OnePassExtractor:
    """Callable from studies to extractions, sentence by sentence."""

    name = "onepass"
    condition: Condition = "report"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        config = parse_config(OnePassConfig, read_config(directory), directory)
        model = OnePass(config)
        load_weights(model, directory)
        self.model_id = model_id(directory, names_id())
        self.read = SentencewiseReader(Reader(model).read)

    def __reduce__(self) -> tuple[type[OnePassExtractor], tuple[Path]]:
        return (OnePassExtractor, (self._directory,))

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        """Return one extraction per study, in order.

        Raises:
            ExtractorError: a report is not in English.
        """
        return [
            extraction(
                study,
                entities,
                relations,
                extractor=self.name,
                model_id=self.model_id,
                condition=self.condition,
            )
            for study, (entities, relations) in zip(studies, self.read(studies), strict=True)
        ]
