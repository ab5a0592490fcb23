"""What depth tells: invented volumes whose projection says nothing, seen in 2D and in 3D.

Each volume is noise with one bright body: a ball, or a rod through all slices that throws the same
shadow. Who sees the mean over the slices, as a radiograph shows it, can only guess.

N volumes, D slices, S side in px.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from radkg.model.report.distill import compute_label_loss
from radkg.model.report.labelled import LabelledEncoder
from radkg.model.vision.tokens import SliceTokens, TokenKind, make_token_encoder
from radkg.model.vision.tower import load_imagenet_tower

DEPTH, SIDE = 8, 48
_RADIUS = 8.0  # px of the ball; it is a quarter as deep, in slices
_NOISE, _BRIGHT = 0.4, 0.4
_TOKENS = 4
_EPOCHS, _BATCH, _RATE, _DECAY = 20, 32, 3e-3, 0.05
_AT_ONCE = 8  # volumes that an inflated tower looks at


def make_volumes(number: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return volumes (N, D, S, S) in [0, 1], and which of them hold the ball (N,), every other."""
    generator = torch.Generator().manual_seed(seed)
    volumes = torch.rand(number, DEPTH, SIDE, SIDE, generator=generator) * _NOISE
    has_ball = torch.arange(number) % 2 == 0
    axes = torch.meshgrid(*(torch.arange(side) for side in volumes.shape[1:]), indexing="ij")
    for volume, is_ball in zip(volumes, has_ball, strict=True):
        at = torch.rand(3, generator=generator)
        centre = at * torch.tensor([DEPTH - 4, SIDE - 20, SIDE - 20]) + torch.tensor([1.5, 10, 10])
        deep, down, right = (axis - place for axis, place in zip(axes, centre, strict=True))
        ball = ((4 * deep) ** 2 + down**2 + right**2 < _RADIUS**2) * _BRIGHT
        volume += ball if is_ball else ball.mean(0)
    return volumes.clamp(0, 1), has_ball


def predict_balls(
    kind: TokenKind, number: int, tested: int, seed: int
) -> tuple[list[bool], list[float]]:
    """Return which tested volumes hold the ball, and how sure a classifier of a kind is.

    The tower is ImageNet's and frozen; what gathers its cells and the head learn.

    Args:
        kind: image: the mean over the slices is seen; slices, inflated: all slices are.
        number: volumes to learn from.
        tested: volumes to tell.
        seed: of the volumes and of the weights.
    """
    torch.manual_seed(seed)
    tower = load_imagenet_tower()
    encoder = make_token_encoder(kind, tower, SIDE, DEPTH, _TOKENS)
    classifier = LabelledEncoder(encoder, 1).train()
    maps, labels = _look(classifier, kind, *make_volumes(number, 2 * seed))
    _fit(classifier, maps, labels, seed)
    classifier.eval()
    maps, labels = _look(classifier, kind, *make_volumes(tested, 2 * seed + 1))
    with torch.no_grad():
        confidences = classifier.compute_logits(classifier.tokens.read_maps(maps))[:, 0].sigmoid()
    return labels.tolist(), confidences.tolist()


@torch.no_grad()
def _look(
    classifier: LabelledEncoder, kind: TokenKind, volumes: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the tower's maps of the volumes, computed once, for it is frozen; and the labels."""
    look = classifier.tokens.tower.compute_feature_maps
    if kind == "image":
        return look(volumes.mean(1, keepdim=True)), labels
    if isinstance(classifier.encoder, SliceTokens):
        return torch.stack([look(volume[:, None]) for volume in volumes]), labels
    parts: Sequence[Tensor] = torch.split(volumes[:, None], _AT_ONCE)
    return torch.cat([look(part) for part in parts]), labels


def _fit(classifier: LabelledEncoder, maps: Tensor, labels: Tensor, seed: int) -> None:
    classifier.tokens.tower.requires_grad_(False)
    trained = [weight for weight in classifier.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=_RATE, weight_decay=_DECAY)
    order = torch.Generator().manual_seed(seed)
    for _ in range(_EPOCHS):
        for rows in torch.split(torch.randperm(len(maps), generator=order), _BATCH):
            logits = classifier.compute_logits(classifier.tokens.read_maps(maps[rows]))
            loss = compute_label_loss(logits, labels[rows, None])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
