"""The adapter that makes visual tokens."""

import pytest
import torch

from radkg.errors import KnowledgeError
from radkg.model.vision.token_adapter import fit_adapter, load_adapter, save_adapter
from radkg.model.vision.tower import FEATURE_DIM


def make_cells(number, seed):
    generator = torch.Generator().manual_seed(seed)
    findings = torch.arange(number) % 3
    signs = 2 * torch.randn(3, FEATURE_DIM, generator=torch.Generator().manual_seed(9))
    return torch.randn(number, FEATURE_DIM, generator=generator) + signs[findings], findings


def test_an_adapter_learns_to_tell_findings_by_their_tokens():
    cells, findings = make_cells(120, seed=1)
    adapter = fit_adapter(cells, findings, 3, width=16)
    tested, truth = make_cells(60, seed=2)
    assert adapter(tested).shape == (60, 16)
    assert (adapter.compute_logits(tested).argmax(1) == truth).float().mean() > 0.9
    near, far = (adapter(tested)[truth == k].mean(0) for k in (0, 1))
    assert torch.linalg.norm(near - far) > 1


def test_equal_cells_give_equal_weights_whatever_was_drawn_before(tmp_path):
    cells, findings = make_cells(60, seed=1)
    first = save_adapter(fit_adapter(cells, findings, 3, width=4))
    torch.rand(7)
    assert save_adapter(fit_adapter(cells, findings, 3, width=4)) == first
    assert save_adapter(fit_adapter(cells, findings, 3, width=4, seed=1)) != first
    (tmp_path / "a").write_bytes(first)
    assert save_adapter(load_adapter(tmp_path / "a")) == first


def test_what_is_no_adapter_is_refused(tmp_path):
    with pytest.raises(KnowledgeError, match="build the knowledge graph again"):
        load_adapter(tmp_path / "none")
