"""The eye: every code looks at its own cells, learns, and comes back from its directory."""

import json
from pathlib import Path

import pytest
import torch

from radkg.errors import ExtractorError
from radkg.model import checkpoint
from radkg.model.vision.eye import Eye, EyeConfig, Guard, Readout, load_eye, normalise_cells
from radkg.model.vision.tower import FEATURE_DIM, load_imagenet_tower

CONFIG = EyeConfig(
    findings=("effusion", "opacity"),
    triplets=(("effusion", "located_at", "pleura"),),
    finding_threshold=0.25,
)


def test_a_code_reads_the_cell_that_it_attends_to() -> None:
    torch.manual_seed(0)
    readout = Readout(2)
    maps = torch.randn(1, FEATURE_DIM, 3, 3)
    cells = normalise_cells(maps)
    assert readout(maps).tolist() == [[0.0, 0.0]]
    with torch.no_grad():
        readout.query.weight[1] = cells[0, 4]  # the middle
        readout.weight[:] = cells[0, 4]
    attention = readout.compute_attention(cells)[0].detach()
    assert attention.sum(0).tolist() == pytest.approx([1, 1])
    assert attention[:, 0].tolist() == pytest.approx([1 / 9] * 9)
    assert attention[4, 1] > 0.99
    everywhere, middle = readout(maps)[0].tolist()
    assert middle > 5 * everywhere


def test_settings_and_weights_come_back_from_their_directory(tmp_path: Path) -> None:
    torch.manual_seed(0)
    eye = Eye(CONFIG.num_codes, load_imagenet_tower()).half().float()
    torch.nn.init.normal_(eye.readout.weight)
    eye.readout.half().float()
    checkpoint.save(tmp_path, CONFIG.to_json(), eye.state_dict(), card="An eye.\n", half=True)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 8_000_000
    back, config = load_eye(tmp_path, checkpoint.read_config(tmp_path))
    assert config == CONFIG
    assert config.num_codes == 4
    images = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        assert torch.allclose(back(images)[0], eye(images)[0], atol=1e-2)
    fewer = json.loads(CONFIG.to_json()) | {"findings": ["effusion"]}
    with pytest.raises(ExtractorError, match="instead of"):
        load_eye(tmp_path, fewer)


def test_what_is_unlike_the_training_is_far_away() -> None:
    guard = Guard()
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(FEATURE_DIM, FEATURE_DIM, generator=generator)
    usual = torch.randn(2000, FEATURE_DIM, generator=generator) @ mixed
    assert guard(usual).max() == 0  # before it has learnt, nothing is
    guard.fit(usual[:1500])
    near, far = guard(usual[1500:]), guard(5 * torch.randn(50, FEATURE_DIM, generator=generator))
    assert near.mean() == pytest.approx(1, abs=0.5)
    other = guard(usual[1500:] + 6 * usual.std(0))
    assert other.min() > near.max()
    assert far.isfinite().all()
