"""MedCLIP's published layout converts to a model directory; anything else is refused by name."""

import os
import pickle
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from radkg.errors import ExtractorError
from radkg.model.checkpoint import CONFIG, WEIGHTS
from radkg.model.vision.encoders import load_encoder
from radkg.model.vision.medclip import convert_medclip


def swin_names() -> dict[str, tuple[int, ...]]:
    """Return what microsoft/swin-tiny-patch4-window7-224 is made of, as published in 2022."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.patch_embeddings.projection.weight": (96, 3, 4, 4),
        "embeddings.patch_embeddings.projection.bias": (96,),
        "embeddings.norm.weight": (96,),
        "embeddings.norm.bias": (96,),
        "layernorm.weight": (768,),
        "layernorm.bias": (768,),
    }
    for stage, (depth, heads) in enumerate(zip((2, 2, 6, 2), (3, 6, 12, 24), strict=True)):
        width = 96 * 2**stage
        for i in range(depth):
            block = f"encoder.layers.{stage}.blocks.{i}"
            shapes[f"{block}.attention.self.relative_position_bias_table"] = (169, heads)
            shapes[f"{block}.attention.self.relative_position_index"] = (49, 49)
            linear = {f"attention.self.{n}": (width, width) for n in ("query", "key", "value")}
            linear |= {"attention.output.dense": (width, width)}
            linear |= {"intermediate.dense": (4 * width, width), "output.dense": (width, 4 * width)}
            for name, shape in linear.items():
                shapes[f"{block}.{name}.weight"] = shape
                shapes[f"{block}.{name}.bias"] = shape[:1]
            for name in ("layernorm_before", "layernorm_after"):
                shapes[f"{block}.{name}.weight"] = shapes[f"{block}.{name}.bias"] = (width,)
        if stage < 3:
            joined = f"encoder.layers.{stage}.downsample"
            shapes[f"{joined}.reduction.weight"] = (2 * width, 4 * width)
            shapes[f"{joined}.norm.weight"] = shapes[f"{joined}.norm.bias"] = (4 * width,)
    return shapes


def resnet_names() -> dict[str, tuple[int, ...]]:
    """Return what torchvision's resnet50 is made of, with MedCLIP's projection as `fc`."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), "fc.weight": (512, 2048)}

    def norm(name: str, width: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (width,)
        shapes[f"{name}.num_batches_tracked"] = ()

    norm("bn1", 64)
    width_in = 64
    for stage, depth in enumerate((3, 4, 6, 3), start=1):
        width = 64 * 2 ** (stage - 1)
        for i in range(depth):
            block = f"layer{stage}.{i}"
            shapes[f"{block}.conv1.weight"] = (width, width_in, 1, 1)
            shapes[f"{block}.conv2.weight"] = (width, width, 3, 3)
            shapes[f"{block}.conv3.weight"] = (4 * width, width, 1, 1)
            for j, size in enumerate((width, width, 4 * width), start=1):
                norm(f"{block}.bn{j}", size)
            if i == 0:
                shapes[f"{block}.downsample.0.weight"] = (4 * width, width_in, 1, 1)
                norm(f"{block}.downsample.1", 4 * width)
            width_in = 4 * width
    return shapes


@cache
def checkpoint(variant: str) -> dict[str, Tensor]:
    """Return random weights under all published names, the text tower's among them."""
    torch.manual_seed(0)
    shapes = swin_names() if variant == "swin" else resnet_names()
    state = {}
    for name, shape in shapes.items():
        if name.endswith(("relative_position_index", "num_batches_tracked")):
            tensor = torch.zeros(shape, dtype=torch.int64)
        elif len(shape) > 1:
            tensor = torch.randn(shape) * 0.03
        else:  # scales and variances stay positive
            tensor = torch.rand(shape) * 0.1 + (0 if name.endswith(("bias", "mean")) else 1)
        state[f"vision_model.model.{name}"] = tensor
    if variant == "swin":
        state["vision_model.projection_head.weight"] = torch.randn(512, 768) * 0.03
    state["text_model.model.embeddings.position_ids"] = torch.arange(77)[None]
    state["text_model.projection_head.weight"] = torch.zeros(512, 768)
    state["logit_scale"] = torch.zeros(())
    return state


def save_zip(state: object, path: Path) -> Path:
    """Write a checkpoint as it is published."""
    torch.save(state, path.with_suffix(".bin"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(path.with_suffix(".bin"), "medclip/pytorch_model.bin")
    path.with_suffix(".bin").unlink()
    return path


def refusal(source: Path, directory: Path) -> str:
    with pytest.raises(ExtractorError) as caught:
        convert_medclip(source, directory)
    assert not (directory / WEIGHTS).exists()
    return str(caught.value)


IMAGES = [np.linspace(0, 1, 300 * 200, dtype=np.float32).reshape(300, 200) ** k for k in (1, 3)]


@pytest.mark.parametrize("variant", ["swin", "resnet"])
def test_the_published_zip_becomes_an_encoder(variant: str, tmp_path: Path) -> None:
    source = save_zip(checkpoint(variant), tmp_path / "medclip.zip")
    assert convert_medclip(source, tmp_path / "model") == variant
    assert {f.name for f in (tmp_path / "model").iterdir()} == {CONFIG, WEIGHTS, "README.md"}
    encoder = load_encoder(str(tmp_path / "model"))
    features = encoder(IMAGES)
    assert features.shape == (2, encoder.dim) == (2, 512)
    assert torch.allclose(features.norm(dim=1), torch.ones(2), atol=1e-5)
    assert not torch.allclose(features[0], features[1], atol=1e-4)
    assert torch.allclose(encoder(IMAGES[:1]), features[:1], atol=1e-5)


def test_the_features_are_the_ones_of_the_published_weights(tmp_path: Path) -> None:
    """Every published tensor decides the features: none is left at its random start."""
    torch.save(checkpoint("swin"), tmp_path / "pytorch_model.bin")
    convert_medclip(tmp_path / "pytorch_model.bin", tmp_path / "one")
    convert_medclip(tmp_path / "pytorch_model.bin", tmp_path / "again")
    one, again = (load_encoder(str(tmp_path / name)) for name in ("one", "again"))
    assert one.encoder_id == again.encoder_id
    features = one(IMAGES)
    assert torch.equal(features, again(IMAGES))
    changed = dict(checkpoint("swin"))
    name = "vision_model.model.encoder.layers.3.blocks.1.attention.self.value.bias"
    changed[name] = changed[name] + 1
    torch.save(changed, tmp_path / "changed.bin")
    convert_medclip(tmp_path / "changed.bin", tmp_path / "changed")
    other = load_encoder(str(tmp_path / "changed"))
    assert other.encoder_id != one.encoder_id
    assert not torch.allclose(other(IMAGES), features, atol=1e-3)


def test_a_pickle_that_runs_a_program_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.mkdir, (str(tmp_path / "pwned"),))

    torch.save({"vision_model.model.fc.weight": Evil()}, tmp_path / "evil.bin")
    assert "could run a program" in refusal(tmp_path / "evil.bin", tmp_path / "model")
    (tmp_path / "plain.bin").write_bytes(pickle.dumps(Evil()))
    assert "plain.bin" in refusal(tmp_path / "plain.bin", tmp_path / "model")
    save_zip({"logit_scale": Evil()}, tmp_path / "evil.zip")
    assert "could run a program" in refusal(tmp_path / "evil.zip", tmp_path / "model")
    assert not (tmp_path / "pwned").exists()


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    assert "no MedCLIP checkpoint at" in refusal(tmp_path / "absent.zip", tmp_path / "model")
    (tmp_path / "text.bin").write_text("no weights")
    assert "text.bin" in refusal(tmp_path / "text.bin", tmp_path / "model")
    (tmp_path / "empty.bin").touch()
    assert "empty.bin" in refusal(tmp_path / "empty.bin", tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    assert "other.zip" in refusal(tmp_path / "other.zip", tmp_path / "model")
    torch.save([torch.zeros(2)], tmp_path / "list.bin")
    assert "no table of named tensors" in refusal(tmp_path / "list.bin", tmp_path / "model")
    torch.save({"text.weight": torch.zeros(2)}, tmp_path / "text.bin")
    assert "no name starts with 'vision_model.'" in refusal(tmp_path / "text.bin", tmp_path / "m")
    save_zip(checkpoint("swin"), tmp_path / "cut.zip")
    data = (tmp_path / "cut.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[: len(data) // 2])
    assert "cut.zip" in refusal(tmp_path / "cut.zip", tmp_path / "model")


@pytest.mark.parametrize(
    ("variant", "name", "value", "said"),
    [
        (
            "swin",
            "model.encoder.layers.0.blocks.0.attention.self.query.weight",
            torch.zeros(96, 95),
            "another shape",
        ),
        ("swin", "model.layernorm.weight", None, "missing"),
        ("swin", "model.surprise", torch.zeros(2), "unknown"),
        ("swin", "model.layernorm.bias", torch.full((768,), float("nan")), "NaN"),
        ("swin", "projection_head.weight", torch.zeros(256, 768), "(256, 768) instead of"),
        ("swin", "projection_head.weight", None, "missing"),
        ("resnet", "model.layer1.0.conv1.weight", torch.zeros(64, 64, 3, 3), "instead of"),
        ("resnet", "model.layer1.0.bn1.running_var", None, "missing"),
    ],
)
def test_what_does_not_fit_is_named(
    variant: str, name: str, value: Tensor | None, said: str, tmp_path: Path
) -> None:
    state = dict(checkpoint(variant))
    state.pop(f"vision_model.{name}", None)
    if value is not None:
        state[f"vision_model.{name}"] = value
    torch.save(state, tmp_path / "pytorch_model.bin")
    message = refusal(tmp_path / "pytorch_model.bin", tmp_path / "model")
    assert said in message
    assert name.removeprefix("model.").split(".attention.")[0] in message
