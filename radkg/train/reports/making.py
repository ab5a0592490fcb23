"""From settings, texts, graph and images to the model that trains."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from radkg.errors import ConfigError
from radkg.knowledge.records import Knowledge
from radkg.model.report.files import make_r2genkg
from radkg.model.report.graph import GraphTensors, vary_graph
from radkg.model.report.r2genkg import R2GenKG
from radkg.model.report.r2genkg_config import R2GenKGConfig, SightConfig
from radkg.private import open_private
from radkg.train.reports.examples import MAX_FINDINGS, ReportExample
from radkg.train.reports.graphs import fit_graph, read_bank
from radkg.train.reports.settings import R2GenKGSettings

_GRAPH = "graph.safetensors"


@dataclass(frozen=True)
class Blueprint:
    """All that decides an untrained model, but for the first weights."""

    config: R2GenKGConfig
    tokenizer: Tokenizer
    graph: GraphTensors | None
    bank: Tensor | None
    """(M, K)"""


def make_blueprint(
    settings: R2GenKGSettings,
    knowledge: Knowledge,
    sight: SightConfig,
    examples: Sequence[ReportExample],
    tokenizer: Tokenizer,
    *,
    hidden: int | None = None,
    seed: int = 0,
) -> Blueprint:
    """Return the model that the settings describe.

    Args:
        settings: the switches.
        knowledge: the graph and its bank.
        sight: what looks at the images.
        examples: the studies to learn from.
        tokenizer: that of the language model.
        hidden: width of a published language model; None: our own.
        seed: of a disturbed graph.

    Raises:
        KnowledgeError: the graph is empty, or has no bank where the settings want one.
        ConfigError: the settings want what is not there: codes, or a text encoder.
    """
    config = settings.make_config()
    graph: GraphTensors | None = None
    if settings.nodes:
        assert config.graph is not None
        sized, graph = fit_graph(config.graph, knowledge, settings.nodes, settings.node_text)
        sized = dataclasses.replace(sized, mode=settings.graph)
        graph = vary_graph(graph, sized, seed)
        config = dataclasses.replace(config, graph=sized)
    else:
        config = dataclasses.replace(config, graph=None)
    bank = read_bank(knowledge) if settings.bank else None
    size, width = bank.shape if bank is not None else (0, config.bank_width)
    if settings.sight == "findings":
        sight = show_findings(examples, config.width)
    config = dataclasses.replace(
        config,
        sight=sight,
        bank_size=size,
        bank_width=width,
        hidden=hidden or config.hidden,
        snapshot_id=str(knowledge.facts.get("snapshot_id", "")),
    )
    return Blueprint(config, tokenizer, graph, bank)


def show_findings(examples: Iterable[ReportExample], width: int) -> SightConfig:
    """Return a sight that is shown the coders' findings in place of images.

    Raises:
        ConfigError: nobody filed any.
    """
    counts = Counter(name for example in examples for name in example.findings)
    if not counts:
        raise ConfigError("--set sight=findings needs human codes: only Open-i has them")
    return SightConfig(
        kind="findings", tokens=MAX_FINDINGS, dim=width, findings=tuple(sorted(counts))
    )


def build_model(blueprint: Blueprint, language: PreTrainedModel | None, seed: int) -> R2GenKG:
    """Return the untrained model, with the graph and the bank inside."""
    torch.manual_seed(seed)
    model = make_r2genkg(blueprint.config, blueprint.tokenizer, language)
    if model.graph is not None:
        assert blueprint.graph is not None
        model.graph.fill(blueprint.graph)
    if model.bank is not None:
        assert blueprint.bank is not None
        model.bank.tokens.copy_(blueprint.bank)
    return model


def save_tensors(directory: Path, blueprint: Blueprint) -> None:
    """Write graph and bank."""
    tensors: dict[str, Tensor] = {}
    if blueprint.graph is not None:
        tensors |= {k: v.contiguous() for k, v in vars(blueprint.graph).items()}
    if blueprint.bank is not None:
        tensors["bank"] = blueprint.bank
    save_file(tensors, directory / _GRAPH)


def load_tensors(directory: Path) -> tuple[GraphTensors | None, Tensor | None]:
    """Return graph and bank that `save_tensors` wrote."""
    tensors: Mapping[str, Tensor] = load_file(directory / _GRAPH)
    names = [field.name for field in dataclasses.fields(GraphTensors)]
    graph = GraphTensors(*(tensors[name] for name in names)) if "heads" in tensors else None
    return graph, tensors.get("bank")


def save_examples(path: Path, examples: Iterable[ReportExample]) -> None:
    """Write the studies as JSON lines that a person can read."""
    with open_private(path) as file:
        for example in examples:
            file.write(json.dumps(dataclasses.asdict(example)) + "\n")


def load_examples(path: Path) -> list[ReportExample]:
    """Return the studies that `save_examples` wrote."""
    with path.open() as file:
        rows = [json.loads(line) for line in file]
    return [
        ReportExample(row["study_id"], tuple(row["image_ids"]), row["text"], tuple(row["findings"]))
        for row in rows
    ]
