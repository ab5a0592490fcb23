"""Projectors: the published mapper's size, one signature for all kinds."""

import pytest
import torch

from radkg.model.config import PROJECTORS, ProjectorConfig
from radkg.model.vlmkg.projector import make_projector


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def made_of(config):
    with torch.device("meta"):  # sizes alone
        return make_projector(config)


def tiny(kind, **changes):
    sizes = {"dim_in": 6, "dim_out": 8, "clip_length": 3, "layers": 2, "heads": 2, "bottleneck": 5}
    sizes["prefix_length"] = 1 if kind == "linear-1" else 4
    return ProjectorConfig(kind=kind, **(sizes | changes))


def test_the_published_mapper_has_its_parameters():
    mapper = made_of(ProjectorConfig())
    assert parameters(mapper) == 100_859_904
    assert parameters(mapper.linear) == 33_619_968
    assert mapper.constant.numel() == 65_536
    assert [parameters(layer) for layer in mapper.layers] == [8_396_800] * 8


@pytest.mark.parametrize(("length", "millions"), [(10, 72.4), (32, 84.0), (64, 100.86)])
def test_lengths_set_the_size(length, millions):
    mapper = made_of(ProjectorConfig(clip_length=length, prefix_length=length))
    assert parameters(mapper) / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize("kind", PROJECTORS)
def test_every_kind_has_one_signature(kind):
    projector = make_projector(tiny(kind))
    features = torch.randn(5, 6)
    prefix = projector(features)
    assert prefix.shape == (5, 1 if kind == "linear-1" else 4, 8)
    torch.testing.assert_close(projector(features[2:3])[0], prefix[2])  # rows stand alone
    prefix.sum().backward()
    assert all(p.grad is not None for p in projector.parameters())


def test_linear_1_is_linear_n_of_one_token():
    one, many = make_projector(tiny("linear-1")), make_projector(tiny("linear-n", prefix_length=1))
    many.load_state_dict(one.state_dict())
    features = torch.randn(2, 6)
    assert torch.equal(one(features), many(features))


def test_attention_is_what_it_says():
    """The mapper, layer by layer, with the sums written out."""
    torch.manual_seed(0)
    mapper = make_projector(tiny("mapper", layers=1))
    (layer,) = mapper.layers
    features = torch.randn(1, 6)
    image = (mapper.linear.weight @ features[0] + mapper.linear.bias).view(3, 8)
    hidden = torch.cat([image, mapper.constant])  # (k + n, D)
    normed = layer.norm1(hidden)
    keys, values = (normed @ layer.to_keys_values.weight.T).split(8, dim=1)
    queries = normed @ layer.to_queries.weight.T
    heads = []
    for head in (slice(0, 4), slice(4, 8)):
        weights = (queries[:, head] @ keys[:, head].T / 4**0.5).softmax(dim=1)
        heads.append(weights @ values[:, head])
    hidden = hidden + layer.project(torch.cat(heads, dim=1))
    hidden = hidden + layer.mlp(layer.norm2(hidden))
    torch.testing.assert_close(mapper(features)[0], hidden[3:])
