"""Model directories: what is written comes back, what does not fit is refused by name."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from radkg.errors import ExtractorError
from radkg.model import checkpoint
from radkg.model.config import ModelConfig
from radkg.model.vlmkg.vlm import VisionLanguageModel
from tests.model.tiny import config, language, random_model

CARD = "---\nlicense: apache-2.0\n---\nA model of invented sentences.\n"
NORM = "model.model.norm.weight"


def write(directory, *, half=False, seed=1):
    model = random_model(seed)
    checkpoint.save(
        directory,
        config().to_json(),
        model.state_dict(),
        tokenizer=language().tokenizer,
        card=CARD,
        half=half,
    )
    return model


@pytest.fixture
def directory(tmp_path):
    write(tmp_path / "model")
    return tmp_path / "model"


def read(directory):
    model = VisionLanguageModel(config(), language())
    checkpoint.load_weights(model, directory)
    return model


def test_a_model_comes_back_bit_by_bit(tmp_path):
    model = write(tmp_path / "new" / "model")
    back = read(tmp_path / "new" / "model")
    for name, tensor in model.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name
    values = checkpoint.read_config(tmp_path / "new" / "model")
    assert checkpoint.parse_config(ModelConfig, values, tmp_path) == config()
    tokenizer = checkpoint.read_tokenizer(tmp_path / "new" / "model")
    assert tokenizer.to_str() == language().tokenizer.to_str()
    assert (tmp_path / "new" / "model" / "README.md").read_text() == CARD
    assert sorted(p.name for p in (tmp_path / "new" / "model").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]


def test_half_precision_is_half_the_bytes_and_computed_in_full(tmp_path):
    model = write(tmp_path / "full")
    write(tmp_path / "half", half=True)
    full, half = (
        (tmp_path / name / "model.safetensors").stat().st_size for name in ("full", "half")
    )
    assert half < 0.55 * full
    for name, tensor in read(tmp_path / "half").state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, model.state_dict()[name].half().float()), name


def test_whole_numbers_stay_whole_in_half_precision(tmp_path):
    checkpoint.save(tmp_path, "{}", {"n": torch.tensor([70_000])}, card="", half=True)
    assert load_file(tmp_path / "model.safetensors")["n"].tolist() == [70_000]


def test_a_tied_head_is_stored_once_and_tied_again(directory):
    stored = load_file(directory / "model.safetensors")
    assert "model.model.embed_tokens.weight" in stored
    assert "model.lm_head.weight" not in stored
    model = read(directory)
    assert model.model.lm_head.weight is model.model.get_input_embeddings().weight


def test_a_part_is_read_by_its_prefix(directory):
    whole, part = read(directory), random_model(5).model
    checkpoint.load_weights(part, directory, "model.")
    assert torch.equal(part.model.norm.weight, whole.model.model.norm.weight)
    projector = nn.Linear(8, 8)
    with pytest.raises(ExtractorError, match="missing"):
        checkpoint.load_weights(projector, directory, "projector.0.nothing")


def change(directory, edit):
    tensors = load_file(directory / "model.safetensors")
    edit(tensors)
    save_file(tensors, directory / "model.safetensors")


def to_pickle(directory, name="pytorch_model.bin"):
    (directory / "model.safetensors").unlink()
    torch.save({"a": torch.zeros(1)}, directory / name)


def put(name, tensor):
    return lambda directory: change(directory, lambda w: w.update({name: tensor}))


def cut(share):
    def spoil(directory):
        data = (directory / "model.safetensors").read_bytes()
        (directory / "model.safetensors").write_bytes(data[: int(len(data) * share)])

    return spoil


class Trap:
    """What a hostile file would run."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def trap(directory):
    (directory / "model.safetensors").write_bytes(pickle.dumps(Trap()))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "model.safetensors").unlink(), "no model.safetensors in"),
        (to_pickle, "pytorch_model.bin is a pickle, which radkg never loads"),
        (lambda d: to_pickle(d, "model.pt"), "model.pt is a pickle"),
        (trap, "is no safetensors file"),
        (cut(0.5), "is no safetensors file"),
        (cut(0.001), "is no safetensors file"),
        (cut(0), "is no safetensors file"),
        (put(NORM, torch.ones(64)), rf"{NORM} is \(64,\) instead of \(32,\)"),
        (put(NORM, torch.full((32,), float("nan"))), f"{NORM} holds NaN"),
        (put(NORM, torch.full((32,), float("inf"))), f"{NORM} holds NaN or infinity"),
        (put("model.more", torch.ones(1)), r"missing \[\], unknown \['model.more'\]"),
        (lambda d: change(d, lambda w: w.pop(NORM)), rf"missing \['{NORM}'\]"),
    ],
)
def test_weights_that_do_not_fit_are_refused(directory, spoil, message):
    spoil(directory)
    with pytest.raises(ExtractorError, match=message) as caught:
        read(directory)
    assert str(directory) in str(caught.value)


def test_a_refused_file_changes_nothing(directory):
    put(NORM, torch.full((32,), float("nan")))(directory)
    model = random_model(7)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ExtractorError):
        checkpoint.load_weights(model, directory)
    assert all(torch.equal(model.state_dict()[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is no model directory: config.json"),
        ("{", "is no model directory: config.json"),
        ("\xff", "is no model directory: config.json"),
        ("[1, 2]", "has no `kind`"),
        ('{"hidden": 3}', "has no `kind`"),
    ],
)
def test_settings_that_are_none_are_refused(directory, text, message):
    (directory / "config.json").unlink()
    if text is not None:
        (directory / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ExtractorError, match=message):
        checkpoint.read_config(directory)


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ExtractorError, match=r"no model directory at .*absent"):
        checkpoint.read_config(tmp_path / "absent")
    with pytest.raises(ExtractorError, match=r"tokenizer.json cannot be read"):
        checkpoint.read_tokenizer(tmp_path)


@pytest.mark.parametrize(
    "changes", [{"langage": {}}, {"language": {"heads": 3}}, {"language": {"hidden": "many"}}]
)
def test_impossible_settings_name_their_file(directory, changes):
    values = json.loads(config().to_json())
    if "language" in changes:
        changes = {"language": values["language"] | changes["language"]}
    with pytest.raises(ExtractorError, match=r"config\.json"):
        checkpoint.parse_config(ModelConfig, values | changes, directory)


def test_the_id_changes_with_one_byte_of_what_decides(directory):
    first = checkpoint.compute_model_id(directory)
    assert first == checkpoint.compute_model_id(directory)
    assert len(first) == 16
    (directory / "README.md").write_text("another card")
    assert checkpoint.compute_model_id(directory) == first
    found = {
        first,
        checkpoint.compute_model_id(directory, "a"),
        checkpoint.compute_model_id(directory, "a", "b"),
    }
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        data = bytearray((directory / name).read_bytes())
        data[-1] ^= 1
        (directory / name).write_bytes(data)
        found.add(checkpoint.compute_model_id(directory))
    assert len(found) == 6
