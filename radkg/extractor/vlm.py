"""The vision-language model as an extractor, and as a writer of codes.

What the report states is read from its sentences (target `copy`, the words alone: one sentence
means the same in every study), by the language model or by the one-pass reader it names. What the
coders would file (target `codes`) is asked of sentences, of sentences with the study's images, or
of the images alone; where the image encoder is an eye, the eye answers for the images alone. What
is read from images alone becomes entities whose source is the image.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from radkg.errors import ExtractorError
from radkg.extractor.base import PreparedImages
from radkg.extractor.coded import ask_codes, select_codes
from radkg.extractor.eye import EyeReader
from radkg.extractor.images import STUDIES_AT_ONCE, make_prefixes
from radkg.extractor.loading import SHIPPED, find_shipped_name
from radkg.extractor.onepass import OnePassExtractor
from radkg.extractor.seen import make_seen_extraction, require_codes
from radkg.extractor.sentencewise import SentencewiseReader, check_language, compute_reading_id
from radkg.model.checkpoint import (
    CONFIG,
    compute_model_id,
    load_weights,
    parse_config,
    read_config,
    read_tokenizer,
)
from radkg.model.config import ModelConfig
from radkg.model.device import resolve_device
from radkg.model.generate.decode import Generation
from radkg.model.generate.engines import load_engine
from radkg.model.generate.reading import make_reading
from radkg.model.generate.spec import AS_IT_IS, AUTO, EngineSpec
from radkg.model.language import Language, Prompt
from radkg.model.vision.encoders import ImageEncoder, load_encoder
from radkg.model.vision.eye import KIND
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.schema.codes import Codes
from radkg.schema.linearize import Reading
from radkg.schema.records import Condition, Device, Extraction, Study
from radkg.schema.sentences import list_study_sentences

MAX_NEW_TOKENS = 256
KIND_NAME = "vlm"  # of the models that no name stands for


def read_model(directory: Path) -> VisionLanguageModel:
    """Return the model of a directory, ready to read.

    Raises:
        ExtractorError: a file is missing, pickled, damaged, or of another size.
    """
    config = parse_config(ModelConfig, read_config(directory), directory)
    try:
        language = Language(read_tokenizer(directory), config.language)
    except ExtractorError as error:
        raise ExtractorError(f"{directory}: {error}") from error
    model = VisionLanguageModel(config, language)
    load_weights(model, directory)
    return model.eval()


def load_vlm(
    directory: Path, condition: Condition | None, device: Device, engine: EngineSpec
) -> VlmExtractor:
    """Return the extractor of a directory under a condition; None: what the model was made for."""
    return VlmExtractor(directory, condition, engine, device)


class VlmExtractor:
    """Callable from studies to extractions; `codes` gives what the coders would file.

    A shipped model has the name by which it is loaded, any other directory the kind of the model.
    """

    def __init__(
        self,
        directory: Path,
        condition: Condition | None = None,
        engine: EngineSpec = AS_IT_IS,
        device: Device = "cpu",
    ) -> None:
        self._directory = directory
        self.name = find_shipped_name(directory) or KIND_NAME
        self._engine_spec = engine
        self.device: Device = device
        self.tokens_read = self.tokens_written = 0
        """what the language model has seen since it was loaded, prompts and image prefixes, and
        what it wrote; for `radkg plan`"""
        self.model = read_model(directory).to(resolve_device(device))
        config = self.model.config
        can_see = config.projector is not None and config.vision is not None
        self.condition: Condition = condition or ("image+report" if can_see else "report")
        if self.condition != "report" and not can_see:
            raise ExtractorError(
                f"{directory} has no projector: it reads reports only, not {self.condition}"
            )
        try:
            if device != "cpu" and engine.name == AUTO:
                engine = engine._replace(name="transformers")  # also where the identity is asked
            self._engine = load_engine(engine, self.model, config.names)
        except ValueError as error:  # a name that is none
            raise ExtractorError(f"{directory / CONFIG}: {error}") from error
        parts = [self.condition, type(self._engine).__name__, compute_reading_id()]
        parts += [self.name] if self.name != KIND_NAME else []
        parts += [] if device == "cpu" else [device]
        self._read = SentencewiseReader(self.read_sentences, config.calibration)
        if config.copy_reader is not None:
            reader = OnePassExtractor(
                SHIPPED.get(config.copy_reader, directory / config.copy_reader), device
            )
            self._read = reader.read
            parts.append(reader.model_id)
        self._has_eye = self.condition != "report" and _is_eye(directory, config)
        if self._has_eye:
            assert config.vision is not None
            parts.append(compute_model_id(directory / config.vision.encoder))
        self.model_id = compute_model_id(directory, *parts)
        self._encoder: ImageEncoder | None = None
        self._eye_reader: EyeReader | None = None
        self._looking = threading.RLock()  # one call looks at images, others wait

    def __reduce__(self) -> tuple[type[Self], tuple[Path, Condition, EngineSpec, Device]]:
        return (type(self), (self._directory, self.condition, self._engine_spec, self.device))

    def choose_condition(self, condition: Condition) -> Self:
        """Return the same model reading report, image or both."""
        return type(self)(self._directory, condition, self._engine_spec, self.device)

    @property
    def calls_at_once(self) -> int:
        """How many calls keep a GPU busy; on the CPU the model takes the core that there is."""
        return 1 if self.device == "cpu" else 2

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image becomes the encoder's input; None where no image is looked at."""
        return None if self.condition == "report" else self._vision().preprocessing

    def __call__(
        self, studies: Sequence[Study], images: PreparedImages | None = None
    ) -> list[Extraction]:
        """Return one extraction per study, in order.

        Under `image+report` a study without images is read from its report alone, and says so.

        Args:
            studies: what to read.
            images: those that are prepared already; every other one is prepared here.

        Raises:
            ArchiveError: an image cannot be read.
            ExtractorError: a report is not in English, or no image is there and none else is read.
        """
        from_report = (
            self._read(studies) if self.condition != "image" else [((), ()) for _ in studies]
        )
        seen = self._look(studies, images)
        sure = self.model.config.sure_threshold
        if self.condition != "report" and (eye := self._eye()):
            sure = eye.config.sure_threshold
        return [
            make_seen_extraction(self, study, read, codes, sure)
            for study, read, codes in zip(studies, from_report, seen, strict=True)
        ]

    def read_codes(self, studies: Sequence[Study]) -> list[Codes]:
        """Return what the coders would file for each study, in order, under the condition.

        Raises:
            ArchiveError: an image cannot be read.
            ExtractorError: the condition needs an image that a study does not have.
        """
        config = self.model.config
        if self.condition == "image":
            eye = self._eye()
            seen = require_codes(studies, self._look(studies))
            return [eye.select(c) if eye else select_codes(c, "image", config) for c in seen]
        prefixes = self._prefixes(studies)
        if self.condition != "report" and (eye := self._eye()):  # only radiographs are looked at
            known = eye.read(studies)
            prefixes = [p if c is not None else None for p, c in zip(prefixes, known, strict=True)]
        images = [i for i, prefix in enumerate(prefixes) if prefix is not None]
        row = {i: k for k, i in enumerate(images)}
        prompts = []
        for i, study in enumerate(studies):
            check_language(study)
            texts = (study.report[a:b] for _, a, b in list_study_sentences(study))
            prompts.append([Prompt("codes", text, row.get(i)) for text in texts])
        found = ask_codes(prompts, lambda p: self._generate(p, self._stacked(prefixes, images)))
        return [
            select_codes(codes, "image+report" if i in row else "report", config)
            for i, codes in enumerate(found)
        ]

    def _look(
        self, studies: Sequence[Study], images: PreparedImages | None = None
    ) -> list[Codes | None]:
        """Return all codes of each study's images; None where none are looked at."""
        if self.condition == "report":
            return [None for _ in studies]
        with self._looking:
            return self._look_at(studies, images)

    def _look_at(
        self, studies: Sequence[Study], images: PreparedImages | None
    ) -> list[Codes | None]:
        if eye := self._eye():
            found = eye.read(studies, images)
        else:
            prefixes = self._prefixes(studies, images)
            chosen = [i for i, prefix in enumerate(prefixes) if prefix is not None]
            prompts = [[Prompt("codes", "", k)] for k in range(len(chosen))]
            asked = ask_codes(prompts, lambda p: self._generate(p, self._stacked(prefixes, chosen)))
            answers = dict(zip(chosen, asked, strict=True))
            found = [answers.get(i) for i in range(len(studies))]
        if self.condition == "image":
            require_codes(studies, found)
        return found

    def is_looked_at(self, studies: Sequence[Study]) -> list[bool]:
        """Tell of each study with an image whether a model that reads images looks at one."""
        eye = self._eye()
        return [c is not None for c in eye.read(studies)] if eye else [True for _ in studies]

    def read_sentences(self, found: Sequence[str]) -> list[Reading]:
        """Return what the language model reads in each sentence; confidences are its own."""
        written = self._generate([Prompt("copy", sentence) for sentence in found], None)
        return [make_reading(s, generation) for s, generation in zip(found, written, strict=True)]

    def _generate(self, prompts: Sequence[Prompt], prefixes: Tensor | None) -> list[Generation]:
        if not prompts:
            return []
        written = self._engine.generate(prompts, prefixes, max_new_tokens=MAX_NEW_TOKENS)
        prefix = 0 if prefixes is None else prefixes.shape[1]
        for prompt, generation in dict(zip(prompts, written, strict=True)).items():
            self.tokens_read += len(self.model.language.encode_prompt(prompt))
            self.tokens_read += 0 if prompt.image is None else prefix
            self.tokens_written += len(generation.token_ids)
        return written

    def _stacked(self, prefixes: Sequence[Tensor | None], chosen: Sequence[int]) -> Tensor | None:
        found = [p for p in (prefixes[i] for i in chosen) if p is not None]
        return torch.stack(found) if found else None

    def _prefixes(
        self, studies: Sequence[Study], images: PreparedImages | None = None
    ) -> list[Tensor | None]:
        """Return the prefix (P, D) of each study's images; None where none are looked at."""
        if self.condition == "report":
            return [None for _ in studies]
        at_once = STUDIES_AT_ONCE[self.device]
        return make_prefixes(studies, self.model, self._vision(), images, studies_at_once=at_once)

    def _eye(self) -> EyeReader | None:
        """Return the eye that the encoder is part of; None where it is another encoder."""
        if not self._has_eye:
            return None
        if self._eye_reader is None:
            assert self.model.config.vision is not None
            self._vision()  # refuses one of another training
            place = self._directory / self.model.config.vision.encoder
            self._eye_reader = EyeReader(place, self.device)
        return self._eye_reader

    def _vision(self) -> ImageEncoder:
        if self._encoder is None:
            device = resolve_device(self.device)
            self._encoder = read_encoder(self._directory, self.model.config, device)
        return self._encoder


def _is_eye(directory: Path, config: ModelConfig) -> bool:
    """Tell whether the image encoder that stands in a model directory is an eye."""
    assert config.vision is not None
    place = directory / config.vision.encoder
    return (place / CONFIG).is_file() and read_config(place)["kind"] == KIND


def read_encoder(directory: Path, config: ModelConfig, device: str = "cpu") -> ImageEncoder:
    """Return the image encoder that a model was trained with.

    Raises:
        ExtractorError: the one that is there is another one.
    """
    assert config.vision is not None
    inside = directory / config.vision.encoder
    encoder = load_encoder(str(inside) if inside.is_dir() else config.vision.encoder, device)
    if encoder.encoder_id != config.vision.encoder_id:
        raise ExtractorError(
            f"{directory} was trained on the features of encoder {config.vision.encoder_id}, and "
            f"{config.vision.encoder} is {encoder.encoder_id}: give the encoder it was trained with"
        )
    return encoder
