"""The bank of visual tokens: what findings look like, cut from training images.

The eye looks only for what the labels name, and what it does not see where it was filed gives no
token (cells.py). The tenth of the training studies that is kept to choose on gives no token either;
its cells tell how well the adapter names findings.

A label has at most TOKENS_A_LABEL tokens. The first cell of every study comes before any second
one, so that no study fills a label. Of equal rank the higher activation comes first, and of equal
activation the image on which the eye is surer of the label: the strongest cell of each image has
activation 1 by definition.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from radkg.errors import KnowledgeError
from radkg.knowledge.cells import ShownCell, find_shown_cells
from radkg.knowledge.labels import Labelling, label_images
from radkg.knowledge.members import Members
from radkg.knowledge.records import BANK
from radkg.model.vision.eye import Eye, EyeConfig
from radkg.model.vision.gradcam import locate_cell
from radkg.model.vision.token_adapter import TokenAdapter, fit_adapter, save_adapter
from radkg.progress import Advance, ignore

TOKENS_A_LABEL = 500


@dataclass(frozen=True)
class Bank:
    """A bank with the adapter that made its tokens."""

    rows: pa.Table
    """BANK, by label, in the order in which they were chosen"""
    adapter: bytes
    """of a safetensors file"""
    facts: dict[str, Any]


def make_bank(
    members: Members,
    eye: Eye,
    config: EyeConfig,
    *,
    width: int,
    progress: Advance = ignore,
) -> Bank:
    """Return the bank of the training images.

    Args:
        members: the studies; their archive knows where the images are.
        eye: looks at the images; in evaluation mode.
        config: of the eye; its findings are the labels of the bank.
        width: of a token.
        progress: called with the number of images that were looked at, and of all.

    Raises:
        KnowledgeError: no image at hand gives a token.
    """
    labelling = label_images(members, config.findings)
    left_out: Counter[str] = Counter()
    cells = list(find_shown_cells(labelling.images, eye, config, left_out, progress))
    learnt = choose_cells([cell for cell in cells if not cell.image.is_held_out])
    if not learnt:
        raise KnowledgeError(
            f"no visual token: of {members.num_studies} training studies {len(labelling.images)} "
            "images have one of the eye's findings, and no cell of them shows it: check --images "
            "and --eye"
        )
    names = sorted({cell.label for cell in learnt})
    features = torch.stack([cell.features for cell in learnt])
    adapter = fit_adapter(features, _number(learnt, names), len(names), width)
    tested = [cell for cell in cells if cell.image.is_held_out and cell.label in names]
    facts = {
        "tokens": len(learnt),
        "labels_from": labelling.source,
        "labels": _count_labels(learnt),
        "labels_left_out": _explain_missing(labelling, config.findings, names),
        "images": len(labelling.images),
        "findings_filed": sum(len(image.labels) for image in labelling.images),
        "findings_seen": len({(cell.image.image_id, cell.label) for cell in cells}),
        "images_left_out": {reason: n for reason, n in sorted(left_out.items()) if n},
        "adapter": _measure(adapter, learnt, tested, names),
    }
    return Bank(_make_rows(learnt, adapter(features)), save_adapter(adapter), facts)


def choose_cells(cells: Sequence[ShownCell]) -> list[ShownCell]:
    """Return the cells that become tokens, as the module says, by label."""
    by_label: dict[str, list[ShownCell]] = defaultdict(list)
    turn: Counter[tuple[str, str]] = Counter()  # of a study's cells of one label
    order = []
    for cell in sorted(cells, key=lambda c: (c.rank, -c.activation, -c.logit, c.image.image_id)):
        key = (cell.label, cell.image.study_id)
        order.append((turn[key], cell))
        turn[key] += 1
    for _, cell in sorted(order, key=lambda each: each[0]):  # stable: within a turn as above
        if len(by_label[cell.label]) < TOKENS_A_LABEL:
            by_label[cell.label].append(cell)
    return [cell for label in sorted(by_label) for cell in by_label[label]]


def _measure(
    adapter: TokenAdapter,
    learnt: Sequence[ShownCell],
    tested: Sequence[ShownCell],
    names: Sequence[str],
) -> dict[str, Any]:
    """Return how often the adapter names the finding of a held-out cell, and the floor for that.

    The floor answers with the most frequent finding of the cells that were learnt from.
    """
    facts: dict[str, Any] = {"learnt_cells": len(learnt), "held_out_cells": len(tested)}
    if not tested:
        return facts | {"accuracy": None, "majority": None}
    features = torch.stack([cell.features for cell in tested])
    targets = _number(tested, names)
    usual = Counter(_number(learnt, names).tolist()).most_common(1)[0][0]
    found = adapter.compute_logits(features).argmax(1)
    return facts | {
        "accuracy": round(float((found == targets).float().mean()), 4),
        "majority": round(float((targets == usual).float().mean()), 4),
    }


def _number(cells: Sequence[ShownCell], names: Sequence[str]) -> Tensor:
    """Return the place of each cell's label in the names, (N,)."""
    place = {name: number for number, name in enumerate(names)}
    return torch.tensor([place[cell.label] for cell in cells])


def _count_labels(cells: Sequence[ShownCell]) -> dict[str, dict[str, int]]:
    tokens = Counter(cell.label for cell in cells)
    studies = Counter(label for label, _ in {(c.label, c.image.study_id) for c in cells})
    return {name: {"studies": studies[name], "tokens": tokens[name]} for name in sorted(tokens)}


def _explain_missing(
    labelling: Labelling, readable: Sequence[str], names: Sequence[str]
) -> Mapping[str, str]:
    """Return why each of the eye's findings, and each other label, has no token."""
    labelled = {label for image in labelling.images for label in image.labels}
    reasons = dict.fromkeys(labelling.unreadable, "the eye does not read it")
    for name in set(readable) - set(names):
        reasons[name] = (
            "the eye sees it in no image that has it"
            if name in labelled
            else f"no training study with an image has it ({labelling.source})"
        )
    return dict(sorted(reasons.items()))


def _make_rows(cells: Sequence[ShownCell], tokens: Tensor) -> pa.Table:
    width = tokens.shape[1]
    ends = pa.array(range(0, (len(cells) + 1) * width, width), pa.int32())
    kind = BANK.field("token").type
    columns = [
        [cell.image.image_id for cell in cells],
        [cell.image.study_id for cell in cells],
        [cell.label for cell in cells],
        [list(locate_cell(cell.cell, cell.grid)) for cell in cells],
        [cell.activation for cell in cells],
    ]
    arrays = [pa.array(c, field.type) for c, field in zip(columns, BANK, strict=False)]
    values = pa.array(tokens.flatten().numpy(), pa.float32())
    return pa.table([*arrays, pa.ListArray.from_arrays(ends, values, type=kind)], schema=BANK)
