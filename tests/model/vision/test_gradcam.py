"""How much each cell speaks for a code."""

import torch

from radkg.model.vision.eye import Readout
from radkg.model.vision.gradcam import compute_activations, find_cells, locate_cell
from radkg.model.vision.tower import FEATURE_DIM


def make_readout(direction):
    readout = Readout(2).requires_grad_(False)
    readout.weight[0] = direction
    return readout


def test_the_cell_that_speaks_for_a_code_is_the_strongest():
    direction = torch.randn(FEATURE_DIM, generator=torch.Generator().manual_seed(0))
    maps = 0.1 * torch.randn(1, FEATURE_DIM, 3, 3, generator=torch.Generator().manual_seed(1))
    maps[0, :, 2, 1] += direction
    maps[0, :, 0, 0] -= direction
    activations, logits = compute_activations(make_readout(direction), maps, torch.tensor([0]))
    assert activations.shape == (1, 3, 3)
    assert (float(activations.min()), float(activations.max())) == (0.0, 1.0)
    assert find_cells(activations[0])[0] == (2 * 3 + 1, 1.0)
    assert 0 not in [cell for cell, _ in find_cells(activations[0])]
    assert torch.allclose(logits, make_readout(direction)(maps)[:, 0])


def test_a_code_for_which_nothing_speaks_has_no_cell():
    maps = torch.randn(2, FEATURE_DIM, 3, 3, generator=torch.Generator().manual_seed(1))
    activations, _ = compute_activations(
        make_readout(torch.ones(FEATURE_DIM)), maps, torch.tensor([1, 1])
    )
    assert not activations.any()
    assert find_cells(activations[0]) == []


def test_a_pair_does_not_depend_on_those_beside_it():
    direction = torch.randn(FEATURE_DIM, generator=torch.Generator().manual_seed(0))
    maps = torch.randn(3, FEATURE_DIM, 3, 3, generator=torch.Generator().manual_seed(1))
    readout = make_readout(direction)
    together, _ = compute_activations(readout, maps, torch.tensor([0, 1, 0]))
    alone, _ = compute_activations(readout, maps[2:], torch.tensor([0]))
    assert torch.allclose(together[2], alone[0], atol=1e-5)


def test_at_most_six_cells_of_enough_activation_are_taken():
    activations = torch.linspace(0, 1, 49).reshape(7, 7)
    assert [cell for cell, _ in find_cells(activations)] == [48, 47, 46, 45, 44, 43]
    activations = torch.zeros(7, 7)
    activations[3, 4], activations[0, 0], activations[6, 6] = 1.0, 0.75, 0.76
    assert [cell for cell, _ in find_cells(activations)] == [25, 48]


def test_a_box_is_where_its_cell_lies():
    assert locate_cell(0, 2) == (0.0, 0.0, 0.5, 0.5)
    assert locate_cell(1, 2) == (0.5, 0.0, 1.0, 0.5)
    assert locate_cell(2, 2) == (0.0, 0.5, 0.5, 1.0)
