"""A model small enough for every test: invented sentences, random or learnt weights."""

from __future__ import annotations

import dataclasses
import functools

import torch

from radkg.model.config import LanguageConfig, ModelConfig, ProjectorConfig, make_small_config
from radkg.model.language import Language, train_tokenizer
from radkg.model.vlmkg.batches import Example, collate, encode
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.schema.sentences import find_words

NAMES = ("cardiomegaly", "effusion", "left", "pleura", "pleura parietal", "small")

COPIED = {
    "There is a small left effusion.": "small + modify effusion + ; left @ modify effusion +",
    "No effusion.": "effusion -",
    "The heart is enlarged, possibly.": "enlarged ? modify heart @",
    "Mild cardiomegaly, no edema": "mild + modify cardiomegaly + ; edema -",
    "Opacity of 1.5 cm at the left base": "1.5 cm + modify opacity + located_at left base @",
    "Findings suggest edema": "findings + suggestive_of edema ?",
    "Comparison: none.": "",
    "Clear lungs": "clear + modify lungs @",
}
CODED = {
    "There is a small left effusion.": "effusion located_at pleura ; left modify effusion",
    "No effusion.": "",
    "Mild cardiomegaly, no edema": "cardiomegaly",
}


def config() -> ModelConfig:
    """Return settings of about 40,000 weights."""
    language = LanguageConfig(
        **{
            **dataclasses.asdict(make_small_config().language),
            "vocab_size": 400,
            "hidden": 32,
            "layers": 2,
            "heads": 4,
            "kv_heads": 2,
            "intermediate": 64,
        }
    )
    projector = ProjectorConfig(kind="linear-n", dim_in=8, dim_out=32, prefix_length=3)
    return ModelConfig(language=language, projector=projector, names=NAMES)


@functools.cache
def language() -> Language:
    """Return the tokenizer of the invented sentences."""
    texts = [" " + " ".join(w for w, _, _ in find_words(text)) for text in COPIED]
    texts += [f" {text}" for text in (*COPIED.values(), *CODED.values())] * 3
    return Language(train_tokenizer(texts, config().language), config().language)


def random_model(seed: int = 0) -> VisionLanguageModel:
    """Return a model that knows nothing: its outputs try every corner of the grammar."""
    torch.manual_seed(seed)
    model = VisionLanguageModel(config(), language())
    with torch.no_grad():  # sharper than at the start of a training: no two tokens are as likely
        model.model.get_input_embeddings().weight.mul_(10)
    return model.eval()


@functools.cache
def learnt_model() -> VisionLanguageModel:
    """Return a model that has learnt COPIED and CODED by heart (seconds)."""
    torch.manual_seed(0)
    model = VisionLanguageModel(config(), language())
    examples = [Example("copy", s, o) for s, o in COPIED.items()]
    examples += [Example("codes", s, o) for s, o in CODED.items()]
    batch = collate(encode(examples, language(), 256), language().pad_id, {})
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        loss = model(batch)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05
    return model.eval()
