"""The readout of an eye, fitted on the maps of a finished tower."""

import torch

from radkg.model.vision.eye import Readout
from radkg.model.vision.tower import FEATURE_DIM
from radkg.train.eye import fit_readout


def make_maps(number, seed):
    """Return maps of noise; a half has one pattern in one cell, a third another pattern."""
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(number, FEATURE_DIM, 3, 3, generator=generator)
    patterns = 4 * torch.randn(2, FEATURE_DIM, generator=torch.Generator().manual_seed(9))
    labels = torch.zeros(number, 2)
    for i in range(number):
        for code, every in enumerate((2, 3)):
            if i % every == 0:
                labels[i, code] = 1
                maps[i, :, i % 3, code] += patterns[code]
    return maps.half(), labels


def test_a_readout_finds_what_stands_in_one_cell():
    maps, labels = make_maps(600, seed=1)
    readout = Readout(2)
    fit_readout(readout, maps, labels)
    tested, truth = make_maps(120, seed=2)
    with torch.no_grad():
        confidences = torch.sigmoid(readout(tested.float()))
    for code in range(2):
        has = truth[:, code].bool()
        assert confidences[has, code].min() > confidences[~has, code].max()


def test_a_readout_without_a_sign_answers_with_the_prevalence():
    noise = torch.randn(400, FEATURE_DIM, 2, 2, generator=torch.Generator().manual_seed(3)).half()
    labels = (torch.arange(400) % 4 == 0).float()[:, None]
    readout = Readout(1)
    fit_readout(readout, noise[:300], labels[:300])
    with torch.no_grad():
        confidences = torch.sigmoid(readout(noise[300:].float()))
    assert abs(float(confidences.mean()) - 0.25) < 0.1


def test_the_same_images_give_the_same_readout():
    maps, labels = make_maps(100, seed=1)
    one, other = Readout(2), Readout(2)
    for readout in (one, other):
        fit_readout(readout, maps, labels)
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(one.query.weight, other.query.weight)
