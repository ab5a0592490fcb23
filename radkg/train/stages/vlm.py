"""What the language model learns: first from text (llm_kg), then with images as well (vlm_kg).

`prepare` writes the examples as JSON lines that a person can read, the model's settings, its
tokenizer, and the features of the images.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from radkg.archive.files.located import read_bytes
from radkg.archive.images.pixels import read_radiograph
from radkg.errors import ConfigError
from radkg.extractor import SHIPPED
from radkg.extractor.onepass import OnePassExtractor
from radkg.gold.coded import CodedStudies, load_coded_studies
from radkg.gold.held_out import is_held_out
from radkg.model import checkpoint
from radkg.model.config import (
    ModelConfig,
    ProjectorConfig,
    VisionConfig,
    make_published_config,
    make_small_config,
)
from radkg.model.language import Language, read_language, train_tokenizer
from radkg.model.vision.encoders import IMAGENET, load_encoder
from radkg.model.vision.features import FeatureCache
from radkg.model.vlmkg.batches import Example, collate, encode, stack_views
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.private import open_private, write_text
from radkg.schema.sentences import find_words
from radkg.train.labelled import LabelledSentence, read_labelled_sentences
from radkg.train.radgraph import read_radgraph_sentences
from radkg.train.silver import invent_sentences, list_training_sentences, read_training_studies
from radkg.train.stage_task import Batch, StagePaths, TrainJob, TrainStage
from radkg.train.stages.vlm_finish import finish
from radkg.train.supervision import (
    collect_vocabulary,
    make_codes_examples,
    make_copy_example,
    make_copy_examples,
    make_image_examples,
    split_held_out,
)
from radkg.train.teacher import read_teacher

__all__ = ["VlmTask", "finish", "open_task", "prepare"]

_EXAMPLES, _FEATURES, _IDS = "examples.jsonl", "features.safetensors", "images.json"
_IMAGE_REPEATS = 4  # studies are fewer than sentences, and what they show is harder to learn
_MAX_LENGTH = 1024  # tokens of an example


def prepare(job: TrainJob, stage: TrainStage, paths: StagePaths) -> None:
    """Write examples, settings, tokenizer and features of one of the two stages."""
    coded = split_held_out(load_coded_studies(job.archive, "train", job.images))[0].take_first(
        job.limit
    )
    examples = _copy_examples(job, stage)
    number, seed = stage.count_invented(job), stage.config.seed
    if stage.name == "vlm_kg":
        config, tokenizer = _earlier(job, paths)
        encoder_name = job.vision or _own_tower(paths)
        encoder = load_encoder(encoder_name)
        features = _features(job, coded, encoder_name, paths)
        examples += make_codes_examples(coded, number // 2, seed, features)
        examples += make_image_examples(coded, features) * _IMAGE_REPEATS
        projector = (
            make_small_config().projector
            if job.preset == "small"
            else make_published_config().projector
        )
        assert projector is not None
        config = dataclasses.replace(
            config,
            projector=_fitting(projector, encoder.dim, config.language.hidden),
            vision=VisionConfig(encoder=encoder_name, encoder_id=encoder.encoder_id),
        )
        save_file({"features": torch.stack(list(features.values()))}, paths.data / _FEATURES)
        write_text(paths.data / _IDS, json.dumps(list(features)))
    else:
        examples += make_codes_examples(coded, number // 2, seed)
        config, tokenizer = _first(job, coded, examples)
    with open_private(paths.data / _EXAMPLES) as file:
        for example in examples:
            file.write(json.dumps(dataclasses.asdict(example)) + "\n")
    write_text(paths.data / checkpoint.CONFIG, config.to_json())
    tokenizer.save(str(paths.data / checkpoint.TOKENIZER))


def open_task(job: TrainJob, stage: TrainStage, paths: StagePaths) -> VlmTask:
    """Return the task with the weights that the stage starts from."""
    config = checkpoint.parse_config(ModelConfig, checkpoint.read_config(paths.data), paths.data)
    language = Language(checkpoint.read_tokenizer(paths.data), config.language)
    torch.manual_seed(stage.config.seed)
    start = read_language(Path(job.language))[0] if job.language else None
    model = VisionLanguageModel(config, language, start)
    if not torch.cuda.is_available():
        model.model.set_attn_implementation("eager")  # measured: 1.4 times as fast at 100 tokens
    earlier = paths.locate_stage("llm_kg") / "model"
    if stage.name == "vlm_kg" and earlier.is_dir():
        checkpoint.load_weights(model.model, earlier, "model.")
    with (paths.data / _EXAMPLES).open() as file:
        fields = [json.loads(line) for line in file]
    examples = [Example(**{**f, "image_ids": tuple(f["image_ids"])}) for f in fields]
    features: dict[str, Tensor] = {}
    if (paths.data / _IDS).exists():
        ids = json.loads((paths.data / _IDS).read_text())
        stacked = load_file(paths.data / _FEATURES)["features"]
        features = dict(zip(ids, stacked, strict=True))
    return VlmTask(model, examples, features)


class VlmTask:
    """The model, its examples as tokens, and the images' features."""

    def __init__(
        self,
        model: VisionLanguageModel,
        examples: Sequence[Example],
        features: Mapping[str, Tensor],
    ) -> None:
        self.model = model
        self._language = model.language
        self._config = model.config
        self._rows = encode(examples, model.language, _MAX_LENGTH)
        self.lengths = [len(row.ids) for row in self._rows]
        self._features = features

    def collate(self, members: Sequence[int], seed: int) -> Batch:
        """Return the batch; once there are images every batch has a prefix, of zeros if need be.

        Workers that share a step must use the same weights.
        """
        rows = [self._rows[i] for i in members]
        batch = collate(rows, self._language.pad_id, self._features)
        if self._features and "features" not in batch:
            batch |= stack_views([row.image_ids for row in rows], self._features)
        return batch

    def save(self, directory: Path, weights: dict[str, Tensor], notes: str) -> None:
        """Write the model directory, in half precision; a tied head is the embedding."""
        if self._config.language.tied:
            weights = {n: w for n, w in weights.items() if n != "model.lm_head.weight"}
        checkpoint.save(
            directory,
            self._config.to_json(),
            weights,
            tokenizer=self._language.tokenizer,
            card=notes,
            half=True,
        )


def _copy_examples(job: TrainJob, stage: TrainStage) -> list[Example]:
    """Return what the target `copy` learns from; studies without codes have sentences too."""
    examples: list[Example] = []
    if not job.only_radgraph:
        annotated = read_labelled_sentences()[: job.limit]
        number, seed = stage.count_invented(job), stage.config.seed
        others = _read_others(job, annotated, number, seed)
        examples += make_copy_examples(annotated, others, number // 2, seed)
    if job.radgraph:
        examples += map(make_copy_example, read_radgraph_sentences(Path(job.radgraph)))
    return examples


def _read_others(
    job: TrainJob, annotated: Iterable[LabelledSentence], num_invented: int, seed: int
) -> list[LabelledSentence]:
    """Return the archive's sentences as the teacher reads them, or else the one-pass model.

    The one-pass model also reads sentences that are invented from all of these: the annotated ones
    are too few for a language model to see how long sentences are built (decision 191).
    """
    if job.teacher:
        return read_teacher(job.teacher, job.archive, job.limit)
    found = read_training_studies(job.archive, job.limit)
    texts = list_training_sentences(study for study in found if not is_held_out(study))
    texts += invent_sentences([*texts, *(one.sentence for one in annotated)], num_invented, seed)
    readings = OnePassExtractor(SHIPPED["onepass"]).read_sentences(texts)
    return [
        LabelledSentence(text, reading.spans, reading.links)
        for text, reading in zip(texts, readings, strict=True)
    ]


def _first(
    job: TrainJob, coded: CodedStudies, examples: Iterable[Example]
) -> tuple[ModelConfig, Tokenizer]:
    """Return settings and tokenizer of the text-only first stage."""
    names = collect_vocabulary(coded)
    if job.language:
        _, tokenizer, language = read_language(Path(job.language))
        return ModelConfig(language=language, names=names), tokenizer
    if job.preset != "small":
        raise ConfigError(f"preset {job.preset} starts from a language model: give --language DIR")
    config = dataclasses.replace(make_small_config(names=names), projector=None, vision=None)
    texts = (
        "".join(" " + word for word, _, _ in find_words(e.sentence)) + " " + e.output
        for e in examples
    )
    return config, train_tokenizer(texts, config.language)


def _earlier(job: TrainJob, paths: StagePaths) -> tuple[ModelConfig, Tokenizer]:
    """Return settings and tokenizer of the stage before."""
    directory = paths.locate_stage("llm_kg") / "model"
    if not directory.is_dir():
        raise ConfigError(
            f"stage vlm_kg goes on from llm_kg, which does not stand in {paths.out}: train it first"
        )
    config = checkpoint.parse_config(ModelConfig, checkpoint.read_config(directory), directory)
    return config, checkpoint.read_tokenizer(directory)


def _own_tower(paths: StagePaths) -> str:
    tower = paths.locate_stage("vision") / "model"
    return str(tower) if tower.is_dir() else IMAGENET


def _features(
    job: TrainJob, coded: CodedStudies, encoder_name: str, paths: StagePaths
) -> dict[str, Tensor]:
    """Return the features of every image at hand, by image id.

    Raises:
        ConfigError: there is no image.
    """
    locations = {
        image.image_id: image.location
        for study in coded.studies
        for image in study.images
        if image.location
    }
    cache = FeatureCache(str(paths.out / "features"), read_radiograph, read_bytes)
    features, _ = cache.compute_features(load_encoder(encoder_name), locations)
    if not features:
        raise ConfigError(f"no image of {job.archive} under {job.images}: check --images")
    return features


def _fitting(projector: ProjectorConfig, dim_in: int, dim_out: int) -> ProjectorConfig:
    return dataclasses.replace(projector, dim_in=dim_in, dim_out=dim_out)
