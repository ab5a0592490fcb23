"""A generator small enough for every test: two invented reports, random or learnt weights."""

from __future__ import annotations

import functools

import torch

from radkg.model.config import LanguageConfig
from radkg.model.language import make_language_model
from radkg.model.report.generator import ReportGenerator
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
