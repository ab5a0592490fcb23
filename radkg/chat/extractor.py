"""A chat model as an extractor: `--extractor llm:DIRECTORY_OR_NAME`, for reports and images.

Each sentence is asked with the guide and with annotated sentences that are like it; the answer is
written under the grammar of the sentence, so it parses and every entity stands in the sentence. No
example is taken from the report that is read. A vision-language model is asked about the images of
a study as well where the condition says so: see sight.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Self

from radkg.chat.examples import normalise, read_example_bank
from radkg.chat.guide import ANSWER, read_instruction
from radkg.chat.model import DIGITS, ChatModel, ChatPrompt, find_directory
from radkg.chat.sight import ChatSight
from radkg.errors import ExtractorError
from radkg.extractor.seen import make_seen_extraction, require_codes
from radkg.extractor.sentencewise import QuestionReader, compute_reading_id
from radkg.model.calibration import UNCALIBRATED
from radkg.model.generate.engines import load_engine
from radkg.model.generate.reading import make_reading
from radkg.model.generate.spec import AS_IT_IS, EngineSpec
from radkg.schema.codes import Codes
from radkg.schema.linearize import Reading
from radkg.schema.records import Condition, Device, Extraction, Study

EXAMPLES = 8
MAX_NEW_TOKENS = 256


def load_chat(
    place: str, condition: Condition | None, device: Device, engine: EngineSpec
) -> ChatExtractor:
    """Return the extractor of a chat model; it reads reports where no condition is given.

    Raises:
        ExtractorError: there is no such model or engine, or the model takes no images.
    """
    return ChatExtractor(find_directory(place), condition or "report", device, engine)


class ChatExtractor:
    """Callable from studies to extractions, sentence by sentence."""

    name = "llm"

    def __init__(
        self,
        directory: Path,
        condition: Condition = "report",
        device: Device = "cpu",
        engine: EngineSpec = AS_IT_IS,
    ) -> None:
        self._directory = directory
        self.condition: Condition = condition
        self._engine_spec = engine
        self.device: Device = device
        self._tokens_read = self._tokens_written = 0
        self._model = ChatModel(directory, device)
        self._sight = None if condition == "report" else self._open_sight()
        self._engine = load_engine(engine, self._model, ())
        self._bank = read_example_bank()
        parts = [read_instruction(), ANSWER, str(EXAMPLES), str(MAX_NEW_TOKENS)]
        parts += [type(self._engine).__name__, compute_reading_id()]
        parts += [self._bank.compute_id()]
        parts += [] if self._sight is None else [condition, *self._sight.parts]
        self.model_id = self._model.compute_id(*parts, *(() if device == "cpu" else (device,)))
        self._read = QuestionReader(self._answer, self._ask, UNCALIBRATED)

    def __reduce__(self) -> tuple[type[Self], tuple[Path, Condition, Device, EngineSpec]]:
        return (type(self), (self._directory, self.condition, self.device, self._engine_spec))

    def choose_condition(self, condition: Condition) -> Self:
        """Return the same model reading report, image or both."""
        return type(self)(self._directory, condition, self.device, self._engine_spec)

    @property
    def calls_at_once(self) -> int:
        """How many calls keep a GPU busy; on the CPU the model takes the core that there is."""
        return 1 if self.device == "cpu" else 2

    @property
    def tokens_read(self) -> int:
        """Tokens of prompts and images that were read since the model was loaded."""
        return self._tokens_read + (self._sight.tokens_read if self._sight else 0)

    @property
    def tokens_written(self) -> int:
        """Tokens that were written since the model was loaded."""
        return self._tokens_written + (self._sight.tokens_written if self._sight else 0)

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        """Return one extraction per study, in order.

        Under `image+report` a study without images is read from its report alone, and says so.

        Raises:
            ArchiveError: an image cannot be read.
            ExtractorError: a report is not in English, or no image is there and none else is read.
        """
        read = self._read(studies) if self.condition != "image" else [((), ()) for _ in studies]
        seen = self._look(studies)
        return [
            make_seen_extraction(self, *one, 0.0) for one in zip(studies, read, seen, strict=True)
        ]

    def read_sentences(self, sentences: Sequence[str]) -> list[Reading]:
        """Return what the model reads in each sentence, with no other one beside it."""
        return self._answer([self._make_prompt(sentence, "") for sentence in sentences])

    def _open_sight(self) -> ChatSight:
        if self._engine_spec.name == "vllm":
            raise ExtractorError(
                "the engine vllm reads reports alone: give --engine transformers or continuous"
            )
        return ChatSight(self._model, self.device)

    def _look(self, studies: Sequence[Study]) -> list[Codes | None]:
        """Return the codes of each study's images; None where none are looked at."""
        if self._sight is None:
            return [None for _ in studies]
        found = self._sight.read(studies, MAX_NEW_TOKENS)
        if self.condition == "image":
            require_codes(studies, found)
        return found

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
            self._tokens_read += len(self._model.language.encode_prompt(prompt))
            self._tokens_written += len(generation.token_ids)
        readings = (make_reading(p.sentence, g) for p, g in zip(prompts, written, strict=True))
        return [
            replace(
                reading,
                span_confidences=tuple(round(c, DIGITS) for c in reading.span_confidences),
                link_confidences=tuple(round(c, DIGITS) for c in reading.link_confidences),
            )
            for reading in readings
        ]


@lru_cache(maxsize=256)
def _normalise_report(report: str) -> str:
    return normalise(report)
