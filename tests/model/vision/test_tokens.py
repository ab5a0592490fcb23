"""Tokens of images and volumes; encoders of volumes around a 2D tower."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from radkg.model.vision.inflation import make_inflated
from radkg.model.vision.tokens import (
    TOKEN_KINDS,
    ImageTokens,
    InflatedTokens,
    SliceTokens,
    make_token_encoder,
    scale_volume,
)
from radkg.model.vision.tower import FEATURE_DIM, Tower, load_imagenet_tower


@pytest.fixture(scope="module")
def tower() -> Tower:
    return load_imagenet_tower().eval()  # random weights look at nothing


def make_images(number: int, side: int = 64) -> torch.Tensor:
    return torch.rand(number, 1, side, side, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_a_volume_of_equal_slices_has_the_features_of_its_slice(tower):
    images = make_images(2)
    flat = ImageTokens(tower, 64).compute_tokens(images)
    volume = images[:, :, None].expand(-1, -1, 40, -1, -1)
    deep = InflatedTokens(tower, 64, 40).compute_tokens(volume).unflatten(1, (2, 4))
    for i in range(2):  # ceil(40 / 32) cells deep
        assert torch.allclose(deep[:, i], flat, atol=1e-4)
    # one query per cell would copy it; the mean of equal slices' cells is the mean of one's
    slices = SliceTokens(tower, 40, 1)
    nn.init.zeros_(slices.queries)
    mean = functional.layer_norm(flat.mean(1, keepdim=True), (FEATURE_DIM,))
    assert torch.allclose(slices.compute_tokens(volume), mean, atol=1e-4)


@torch.no_grad()
def test_the_depth_of_a_volume_is_seen(tower):
    volume = make_images(1)[:, :, None].repeat(1, 1, 32, 1, 1)
    changed = volume.clone()
    changed[:, :, 20] = 1 - changed[:, :, 20]
    for kind in ("slices", "inflated"):
        encoder = make_token_encoder(kind, tower, 64, 32, 5)
        one, other = (encoder.compute_tokens(v) for v in (volume, changed))
        assert one.shape == (1, encoder.num_tokens, FEATURE_DIM)
        assert not torch.allclose(one, other, atol=1e-3)


def test_the_tower_stays_as_it_is(tower):
    before = {name: value.clone() for name, value in tower.state_dict().items()}
    deep = make_inflated(tower)
    with torch.no_grad():
        for weight in deep.parameters():
            weight.add_(1)
    assert all(torch.equal(value, before[name]) for name, value in tower.state_dict().items())


def test_a_layer_that_cannot_be_inflated_is_named():
    flat = Tower()
    flat.blocks.append(nn.BatchNorm2d(FEATURE_DIM))
    with pytest.raises(ValueError, match="BatchNorm2d cannot be inflated"):
        make_inflated(flat)


@pytest.mark.parametrize("kind", TOKEN_KINDS)
def test_an_image_is_no_volume_and_a_volume_no_image(tower, kind):
    encoder = make_token_encoder(kind, tower, 64, 8, 4)
    image, volume = torch.rand(1, 1, 64, 64), torch.rand(1, 1, 8, 64, 64)
    right, wrong = (image, volume) if kind == "image" else (volume, image)
    with torch.no_grad():
        assert encoder.compute_tokens(right).shape == (1, encoder.num_tokens, FEATURE_DIM)
    with pytest.raises(ValueError, match=r"was given (2D images|volumes)"):
        encoder.compute_tokens(wrong)


def test_a_nodule_of_one_voxel_is_not_lost_where_a_volume_shrinks():
    volume = torch.zeros(64, 128, 128)
    volume[33, 65, 3] = 1
    small = scale_volume(volume, 16, 32)
    assert small.shape == (1, 16, 32, 32)
    assert float(small.sum()) == pytest.approx(1 / 64)  # 64 voxels become one
    assert scale_volume(torch.rand(5, 7, 9), 8, 8).shape == (1, 8, 8, 8)
    with pytest.raises(ValueError, match="a volume is"):
        scale_volume(torch.zeros(8, 8), 4, 4)
