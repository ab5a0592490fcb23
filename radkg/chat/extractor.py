"""A chat model as an extractor: `--extractor llm:DIRECTORY_OR_NAME`, for reports.

Each sentence is asked with the guide and with annotated sentences that are like it; the answer is
written under the grammar of the sentence, so it parses and every entity stands in the sentence. No
example is taken from the report that is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Self

from radkg.chat.examples import normalise, read_example_bank
from radkg.chat.guide import ANSWER, read_instruction
from radkg.chat.model import ChatModel, ChatPrompt, find_directory
from radkg.errors import ExtractorError
from radkg.extractor.sentencewise import QuestionReader, compute_reading_id, make_extraction
from radkg.model.calibration import UNCALIBRATED
from radkg.model.generate.engines import load_engine
from radkg.model.generate.reading import make_reading
from radkg.model.generate.spec import AS_IT_IS, EngineSpec
from radkg.schema.linearize import Reading
from radkg.schema.records import Condition, Device, Extraction, Study

EXAMPLES = 8
MAX_NEW_TOKENS = 256
_DIGITS = 3  # of a confidence: the bits behind them change with the rows beside a row


def load_chat(
    place: str, condition: Condition | None, device: Device, engine: EngineSpec
) -> ChatExtractor:
    """Return the extractor of a chat model; it reads reports, whatever the condition says.

    Raises:
        ExtractorError: there is no such model, or no such engine.
    """
    return ChatExtractor(find_directory(place), device, engine)


class ChatExtractor:
    """Callable from studies to extractions, sentence by sentence."""

    name = "llm"
    condition: Condition = "report"

    def __init__(
        self, directory: Path, device: Device = "cpu", engine: EngineSpec = AS_IT_IS
    ) -> None:
        self._directory = directory
        self._engine_spec = engine
        self.device: Device = device
        self.tokens_read = self.tokens_written = 0
        self._model = ChatModel(directory, device)
        self._engine = load_engine(engine, self._model, ())
        self._bank = read_example_bank()
        parts = [read_instruction(), ANSWER, str(EXAMPLES), str(MAX_NEW_TOKENS)]
        parts += [type(self._engine).__name__, compute_reading_id()]
        parts += [self._bank.compute_id()]
        self.model_id = self._model.compute_id(*parts, *(() if device == "cpu" else (device,)))
        self._read = QuestionReader(self._answer, self._ask, UNCALIBRATED)

    def __reduce__(self) -> tuple[type[Self], tuple[Path, Device, EngineSpec]]:
        return (type(self), (self._directory, self.device, self._engine_spec))

    @property
    def calls_at_once(self) -> int:
        """How many calls keep a GPU busy; on the CPU the model takes the core that there is."""
        return 1 if self.device == "cpu" else 2

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        """Return one extraction per study, in order.

        Raises:
            ExtractorError: a report is not in English.
        """
        return [
            make_extraction(self, study, entities, relations)
            for study, (entities, relations) in zip(studies, self._read(studies), strict=True)
        ]

    def read_sentences(self, sentences: Sequence[str]) -> list[Reading]:
        """Return what the model reads in each sentence, with no other one beside it."""
        return self._answer([self._make_prompt(sentence, "") for sentence in sentences])

    def _ask(self, study: Study, sentence: str) -> ChatPrompt:
        return self._make_prompt(sentence, _normalise_report(study.report))

    def _make_prompt(self, sentence: str, report: str) -> ChatPrompt:
        """Return the question with as many examples as the model has room for.

        Raises:
            ExtractorError: the question does not fit even without an example.
        """
        examples = self._bank.choose(sentence, EXAMPLES, report)
        room = self._model.max_positions - MAX_NEW_TOKENS
        prompt = ChatPrompt("copy", sentence, None, True, examples)
        while (length := len(self._model.language.encode_prompt(prompt))) > room:
            if not prompt.examples:
                raise ExtractorError(
                    f"the model reads {self._model.max_positions} tokens at most, and guide and "
                    f"sentence have {length}: give a model that reads more"
                )
            prompt = replace(prompt, examples=prompt.examples[1:])  # the least like goes first
        return prompt

    def _answer(self, prompts: Sequence[ChatPrompt]) -> list[Reading]:
        if not prompts:
            return []
        written = self._engine.generate(prompts, None, max_new_tokens=MAX_NEW_TOKENS)
        for prompt, generation in dict(zip(prompts, written, strict=True)).items():
            self.tokens_read += len(self._model.language.encode_prompt(prompt))
            self.tokens_written += len(generation.token_ids)
        readings = (make_reading(p.sentence, g) for p, g in zip(prompts, written, strict=True))
        return [
            replace(
                reading,
                span_confidences=tuple(round(c, _DIGITS) for c in reading.span_confidences),
                link_confidences=tuple(round(c, _DIGITS) for c in reading.link_confidences),
            )
            for reading in readings
        ]


@lru_cache(maxsize=256)
def _normalise_report(report: str) -> str:
    return normalise(report)
