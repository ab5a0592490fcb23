"""A vision-language model of a few thousand weights, and examples of invented sentences for it."""

import random

import torch

from radkg.model.config import LanguageConfig, ModelConfig, ProjectorConfig
from radkg.model.language import Language, train_tokenizer
from radkg.model.vlmkg.batches import Example, collate, encode, order_batches
from radkg.model.vlmkg.vlm import VisionLanguageModel

SIZES = [
    *("no", "small", "large", "left", "right", "mild", "chronic"),
    *("effusion", "opacity", "cardiomegaly", "nodule", "atelectasis"),
]


def examples(count=64, seed=0):
    """Sentences of two to nine words; every second has an image."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        said = [rng.choice(SIZES) for _ in range(rng.randint(2, 9))]
        images = (f"i{number}",) if number % 2 else ()
        found.append(Example("codes", " ".join(said) + ".", said[-1], images))
    return found


def features(count=64, width=8):
    generator = torch.Generator().manual_seed(7)
    return {f"i{n}": torch.randn(width, generator=generator) for n in range(count)}


def tiny_config():
    language = LanguageConfig(
        vocab_size=320,
        hidden=32,
        layers=2,
        heads=2,
        kv_heads=2,
        intermediate=64,
        max_positions=128,
        instruct_copy="<|copy|>",
        instruct_codes="<|codes|>",
        separator="<|out|>",
        eos="<|end|>",
    )
    projector = ProjectorConfig(
        dim_in=8, dim_out=32, clip_length=2, prefix_length=2, layers=1, heads=2
    )
    return ModelConfig(language=language, projector=projector)


def tiny_model(seed=0):
    """The same weights for the same seed."""
    config = tiny_config()
    tokenizer = train_tokenizer((e.sentence for e in examples()), config.language)
    torch.manual_seed(seed)
    return VisionLanguageModel(config, Language(tokenizer, config.language))


def micro_batches(model, count=12, batch_tokens=128):
    """The first micro-batches of an endless stream, every one with features."""
    rows = encode(examples(), model.language, 64)
    order = []
    for epoch in range(count):
        order += order_batches([len(row.ids) for row in rows], batch_tokens, 0, epoch)
    pad, images = model.language.pad_id, features()
    return [collate([rows[i] for i in members], pad, images) for members in order[:count]]
