"""A generator small enough for every test: two invented reports, random or learnt weights."""

from __future__ import annotations

import dataclasses
import functools

import torch

from radkg.model.config import LanguageConfig
from radkg.model.language import make_language_model
from radkg.model.report.config import DecodingConfig
from radkg.model.report.files import make_r2genkg
from radkg.model.report.generator import ReportGenerator
from radkg.model.report.graph import GraphTensors, hash_names, vary_graph
from radkg.model.report.r2genkg import R2GenKG
from radkg.model.report.r2genkg_config import (
    GraphConfig,
    QFormerConfig,
    R2GenKGConfig,
    SightConfig,
)
from radkg.model.report.wording import (
    SMALL_WORDING,
    ReportLanguage,
    collate_reports,
    train_report_tokenizer,
)

REPORTS = (
    "The heart is enlarged. No effusion.",
    "Lungs are clear. The heart is normal in size.",
)
WIDTH = 32  # D


def language_config() -> LanguageConfig:
    """Return settings of about 30,000 weights."""
    return LanguageConfig(
        vocab_size=400, hidden=WIDTH, layers=2, heads=4, kv_heads=2, intermediate=64,
        max_positions=512, rope_theta=1e4,
    )  # fmt: skip


@functools.cache
def language() -> ReportLanguage:
    """Return the tokenizer of the invented reports."""
    return ReportLanguage(train_report_tokenizer(REPORTS * 5, 400), SMALL_WORDING)


def random_generator(adaptation="full", seed: int = 0) -> ReportGenerator:
    """Return a generator that knows nothing."""
    torch.manual_seed(seed)
    return ReportGenerator(make_language_model(language_config()), language(), adaptation)


def make_prefixes(length: int = 5) -> torch.Tensor:
    """Return one prefix (P, D) for each of the reports."""
    return torch.randn(len(REPORTS), length, WIDTH, generator=torch.Generator().manual_seed(1))


def make_batch() -> dict[str, torch.Tensor]:
    """Return the reports as a batch."""
    return collate_reports([language().encode_report(text) for text in REPORTS], language().pad_id)


@functools.cache
def learnt_generator() -> ReportGenerator:
    """Return a generator that has learnt which prefix each report goes with (a second)."""
    generator = random_generator()
    optimiser = torch.optim.AdamW(generator.parameters(), lr=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        loss = generator(make_prefixes(), make_batch())
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1
    return generator.eval()


NODES, EDGES = 12, 30
NAMES = (
    *("effusion", "heart", "pleura", "small", "left", "lung"),
    *("base", "opacity", "edema", "rib", "spine", "aorta"),
)


def make_config(**changes) -> R2GenKGConfig:
    """Return settings of some 30,000 weights, over a grid of 4 cells of width 6."""
    language = dataclasses.replace(language_config(), vocab_size=400)
    values = {
        "sight": SightConfig(kind="grid", tokens=4, dim=6),
        "qformer": QFormerConfig(
            queries=3, layers=3, width=16, heads=2, intermediate=32, image_width=20
        ),
        "graph": GraphConfig(
            features="ngrams", scales=(4, 8, NODES), chosen=1, edges=EDGES, width=16, hidden=8,
            heads=2, intermediate=32, positions=NODES, buckets=200,
            ngrams=hash_names(NAMES, 200).shape[1],
        ),
        "width": 16,
        "cross_heads": 2,
        "bank_size": 7,
        "bank_width": 10,
        "language": language,
        "adaptation": "full",
        "hidden": WIDTH,
        "wording": SMALL_WORDING,
        "decoding": DecodingConfig(
            beams=1, min_new_tokens=0, max_new_tokens=40, repetition_penalty=1.0,
            length_penalty=1.0,
        ),
    }  # fmt: skip
    return R2GenKGConfig(**values | changes)


def make_graph() -> GraphTensors:
    """Return a graph of NODES nodes and EDGES edges, some of them twice."""
    draw = torch.Generator().manual_seed(2)
    heads, tails = torch.randint(NODES, (2, EDGES), generator=draw)
    relations = torch.randint(3, (EDGES,), generator=draw)
    return GraphTensors(hash_names(NAMES, 200), heads, tails, relations)


def make_model(seed: int = 0, **changes) -> R2GenKG:
    """Return an untrained model with a graph and a bank."""
    torch.manual_seed(seed)
    model = make_r2genkg(make_config(**changes), language().tokenizer)
    if model.graph is not None:
        model.graph.fill(vary_graph(make_graph(), model.graph.config, 0))
    if model.bank is not None:
        model.bank.tokens.copy_(torch.randn(7, 10, generator=torch.Generator().manual_seed(3)))
    return model


def make_seen(views: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the cells of two studies, the second with one view, and which views there are."""
    seen = torch.randn(2, views, 4, 6, generator=torch.Generator().manual_seed(4))
    is_view = torch.ones(2, views, dtype=torch.bool)
    is_view[1, 1:] = False
    return seen, is_view


def train_toy(model: R2GenKG, steps: int = 60) -> float:
    """Let a model learn the two reports of two studies by heart; return its last loss."""
    batch = make_batch() | dict(zip(("seen", "is_view"), make_seen(), strict=True))
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = model(batch)
        loss.backward()
        optimiser.step()
    return float(loss.detach())
