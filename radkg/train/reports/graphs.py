"""A knowledge graph on disk becomes the tensors of the graph branch, and its bank a matrix."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from radkg.errors import ConfigError, KnowledgeError
from radkg.knowledge.records import KNOWLEDGE_RELATIONS, SCALES, Knowledge
from radkg.model.report.graph import GraphTensors, hash_names
from radkg.model.report.r2genkg_config import GraphConfig

_MAX_NAME = 128  # tokens of a name, for the text encoder


def fit_graph(
    config: GraphConfig, knowledge: Knowledge, nodes: int, node_text: str | None
) -> tuple[GraphConfig, GraphTensors]:
    """Return the settings that fit a graph, and its tensors.

    Args:
        config: the sizes of the branch.
        knowledge: the graph; a scale with more nodes than it has takes them all.
        nodes: of the scale that goes on, one of SCALES.
        node_text: directory of a text encoder; None: n-grams.

    Raises:
        KnowledgeError: the graph has no edge among its first nodes.
        ConfigError: the text encoder's width is another one.
    """
    number = min(len(knowledge.nodes), max(SCALES))
    edges = list_edges(knowledge.edges, number)
    if not number or not len(edges):
        raise KnowledgeError(
            f"the knowledge graph has {len(knowledge.nodes)} nodes and {len(knowledge.edges)} "
            "edges: build it from extractions that state something"
        )
    names = knowledge.nodes.column("name").to_pylist()[:number]
    if node_text is None:
        rows = hash_names(names, config.buckets)
    else:
        rows = encode_names(names, Path(node_text))
        if rows.shape[1] != config.width:
            raise ConfigError(
                f"{node_text} gives vectors of width {rows.shape[1]}, the graph branch has "
                f"{config.width}"
            )
    sized = dataclasses.replace(
        config,
        features="text" if node_text else "ngrams",
        scales=tuple(min(number, scale) for scale in SCALES),
        chosen=SCALES.index(nodes),
        edges=len(edges),
        ngrams=0 if node_text else rows.shape[1],
    )
    heads, tails, relations = edges.T
    return sized, GraphTensors(rows, heads, tails, relations)


def list_edges(table: pa.Table, number: int) -> Tensor:
    """Return head, tail and relation (E, 3) int64 of the edges among the first nodes."""
    place = {name: i for i, name in enumerate(KNOWLEDGE_RELATIONS)}
    columns = [table.column(name).to_numpy() for name in ("head", "tail")]
    columns.append(np.array([place[name] for name in table.column("relation").to_pylist()]))
    edges = torch.from_numpy(np.stack(columns, axis=1).astype(np.int64)).view(-1, 3)
    return edges[(edges[:, :2] < number).all(1)]


def read_bank(knowledge: Knowledge) -> Tensor:
    """Return the bank's tokens (M, K).

    Raises:
        KnowledgeError: the graph was built without images.
    """
    if knowledge.bank is None or not len(knowledge.bank):
        raise KnowledgeError(
            "the knowledge graph has no bank of visual tokens: build it with --images, or leave "
            "the bank out with --set bank=false"
        )
    tokens = knowledge.bank.column("token").combine_chunks()
    return torch.from_numpy(np.stack(tokens.to_numpy(zero_copy_only=False)).astype(np.float32))


@torch.inference_mode()
def encode_names(names: Sequence[str], directory: Path) -> Tensor:
    """Return the vectors (N, W) of a text encoder: its first position, as R2GenKG's code has it.

    Raises:
        ConfigError: the directory holds no encoder that transformers can read.
    """
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
        model = AutoModel.from_pretrained(
            directory, local_files_only=True, trust_remote_code=False, use_safetensors=True
        ).eval()
    except Exception as error:  # of transformers and safetensors, without a common base
        raise ConfigError(
            f"{directory} is no text encoder for the nodes' names: {error}"
        ) from error
    found = []
    for name in names:
        tokens = tokenizer(name, return_tensors="pt", truncation=True, max_length=_MAX_NAME)
        found.append(model(**tokens).last_hidden_state[0, 0].float())
    return torch.stack(found)
