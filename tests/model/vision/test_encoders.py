"""Every encoder comes through one door, sees what its authors meant it to see, and is frozen."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from radkg.errors import ExtractorError
from radkg.model.vision.encoders import FrozenEncoder, load_encoder
from radkg.model.vision.preprocessing import FITS, Preprocessing
from radkg.model.vision.tower import load_imagenet_tower
from tests.extractor.models import write_eye

TINY_CLIP = {
    "embed_dim": 24,
    "vision_cfg": {
        "image_size": 64,
        "layers": 2,
        "width": 32,
        "head_width": 16,
        "patch_size": 16,
    },
    "text_cfg": {"hf_model_name": "no/such-model", "hf_tokenizer_name": "no/such-model"},
}
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


def pixels(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return a smooth image as bytes."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def clip_directory(path: Path, suffix: str = "safetensors", preprocess: dict | None = None) -> Path:
    """Write a tiny random model in open_clip's layout, as BiomedCLIP is published."""
    from open_clip.model import _build_vision_tower

    path.mkdir()
    torch.manual_seed(0)
    visual = _build_vision_tower(TINY_CLIP["embed_dim"], dict(TINY_CLIP["vision_cfg"]))
    state = {f"visual.{n}": t.clone() for n, t in visual.state_dict().items()}
    state |= {"text.any": torch.zeros(3), "logit_scale": torch.zeros(())}
    if suffix == "safetensors":
        save_file(state, path / "open_clip_model.safetensors")
    else:
        torch.save(state, path / "open_clip_pytorch_model.bin")
    preprocess = {"mean": MEAN, "std": STD} if preprocess is None else preprocess
    config = {"model_cfg": TINY_CLIP, "preprocess_cfg": preprocess}
    (path / "open_clip_config.json").write_text(json.dumps(config))
    return path


def rewrite(directory: Path, change) -> None:
    path = directory / "open_clip_config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("size", [(256, 256), (300, 417), (611, 200), (90, 70)])
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_preprocessing_is_pillows_but_for_rounding(size, fit, interpolation) -> None:
    image = Image.fromarray(pixels(*size))
    how = Image.Resampling[interpolation.upper()]
    if fit == "pad":
        side = max(224, *size)
        square = Image.new("L", (side, side), 0)
        square.paste(image, (int((side - size[1]) / 2), int((side - size[0]) / 2)))
        expected = square.resize((224, 224), how)
    elif fit == "crop":
        height, width = (int(224 * length / min(size)) for length in size)
        left, up = round((width - 224) / 2), round((height - 224) / 2)
        expected = image.resize((width, height), how).crop((left, up, left + 224, up + 224))
    else:
        expected = image.resize((224, 224), how)
    preprocessing = Preprocessing(fit=fit, interpolation=interpolation, min_padded=224)
    found = preprocessing(np.asarray(image))[0].numpy() * 255
    difference = np.abs(found - np.asarray(expected))
    assert difference.max() < 1.5  # Pillow rounds to bytes twice, after rows and after columns
    assert difference.mean() < 0.5


def test_open_clips_own_transform_agrees() -> None:
    from open_clip.transform import image_transform

    image = pixels(300, 417)
    expected = image_transform(224, is_train=False)(Image.fromarray(image))
    found = Preprocessing(
        side=224,
        fit="crop",
        mean=(0.48145466, 0.4578275, 0.40821073),
        std=(0.26862954, 0.26130258, 0.27577711),
    )(image)
    assert found.shape == (3, 224, 224)
    assert (found - expected).abs().max() * 0.26 * 255 < 1.5


def test_bytes_and_floats_are_the_same_image() -> None:
    image = pixels(100, 80)
    as_floats = (image / 255).astype(np.float32)
    assert torch.allclose(Preprocessing()(image), Preprocessing()(as_floats), atol=1e-6)
    with pytest.raises(ValueError, match=r"instead of \(H, W\)"):
        Preprocessing()(image[None])
    with pytest.raises(ValueError, match="int64"):
        Preprocessing()(image.astype(np.int64))


def test_the_trained_tower_comes_back_from_its_directory(tmp_path: Path) -> None:
    tower = load_imagenet_tower()
    with torch.no_grad():
        tower.blocks[-1].project.bias.add_(torch.linspace(-1, 1, 320))
    write_eye(tmp_path / "tower", tower)
    encoder = load_encoder(str(tmp_path / "tower"))
    assert encoder.dim == 320
    images = [pixels(256, 256), pixels(300, 200, seed=1)]
    features = encoder(images)
    start = load_encoder("imagenet")
    assert features.shape == (2, 320)
    assert features.dtype == torch.float32
    assert not features.requires_grad
    assert not torch.allclose(features, start(images), atol=0.1)
    assert encoder.encoder_id != start.encoder_id
    assert encoder.encoder_id == load_encoder(str(tmp_path / "tower")).encoder_id
    assert torch.allclose(encoder(images[:1]), features[:1], atol=1e-4)
    assert encoder([]).shape == (0, 320)


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_a_directory_in_open_clips_layout(suffix: str, tmp_path: Path) -> None:
    """Without the text encoder, which its configuration would fetch from the network."""
    encoder = load_encoder(str(clip_directory(tmp_path / "model", suffix)))
    features = encoder([pixels(256, 200), pixels(90, 300, seed=1)])
    assert features.shape == (2, encoder.dim) == (2, 24)
    assert torch.allclose(features.norm(dim=1), torch.ones(2), atol=1e-5)


def test_a_local_checkpoint_of_a_named_architecture(tmp_path: Path) -> None:
    import open_clip

    directory = clip_directory(tmp_path / "model")
    (tmp_path / "tiny-radkg.json").write_text(json.dumps(TINY_CLIP))
    open_clip.add_model_config(tmp_path / "tiny-radkg.json")
    weights = directory / "open_clip_model.safetensors"
    encoder = load_encoder(f"open_clip:tiny-radkg:{weights}")
    assert torch.equal(encoder([pixels(80, 80)]), load_encoder(str(directory))([pixels(80, 80)]))


def test_the_id_is_of_weights_and_preprocessing(tmp_path: Path) -> None:
    one = load_encoder(str(clip_directory(tmp_path / "one"))).encoder_id
    moved = load_encoder(str(clip_directory(tmp_path / "moved"))).encoder_id
    other = clip_directory(tmp_path / "other", preprocess={"mean": MEAN, "std": MEAN})
    assert moved == one
    assert load_encoder(str(other)).encoder_id != one


def test_half_precision_weights_compute_in_single(tmp_path: Path) -> None:
    encoder = FrozenEncoder("half", load_imagenet_tower().half(), 320, Preprocessing())
    assert encoder([pixels(64, 64)]).dtype == torch.float32


def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    def message(name: str) -> str:
        with pytest.raises(ExtractorError) as caught:
            load_encoder(name)
        return str(caught.value)

    assert "no image encoder 'nothing'" in message("nothing")
    assert "no architecture 'nothing'" in message("open_clip:nothing:openai")
    assert "openai" in message("open_clip:ViT-B-32")
    assert "'nothing' is no file and no tag" in message("open_clip:ViT-B-32:nothing")
    assert "config.json" in message(str(tmp_path))
    (tmp_path / "config.json").write_text('{"kind": "onepass"}')
    assert "'onepass', not an image encoder" in message(str(tmp_path))
    (tmp_path / "config.json").write_text('{"kind": "eye"}')
    assert "no model.safetensors" in message(str(tmp_path))


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    directory = clip_directory(tmp_path / "model")

    def message() -> str:
        with pytest.raises(ExtractorError) as caught:
            load_encoder(str(directory))
        return str(caught.value)

    rewrite(directory, lambda c: c["model_cfg"]["vision_cfg"].update(layers=3))
    assert "missing ['transformer.resblocks.2" in message()
    rewrite(directory, lambda c: c["model_cfg"]["vision_cfg"].update(layers=2, image_size=128))
    assert "positional_embedding is (17, 32) instead of (65, 32)" in message()
    rewrite(directory, lambda c: c["model_cfg"].pop("vision_cfg"))
    assert "cannot build the model" in message()
    (directory / "open_clip_config.json").write_text("[]")
    assert "no open_clip configuration" in message()
    (directory / "open_clip_model.safetensors").write_bytes(b"\0" * 100)
    (directory / "open_clip_config.json").write_text(json.dumps(TINY_CLIP))
    assert "holds no weights" in message()
    (directory / "open_clip_model.safetensors").unlink()
    assert "no weights in" in message()
