"""The loss on the output alone, the image prefix, and what a stage trains."""

import dataclasses

import pytest
import torch

from radkg.model.config import ProjectorConfig
from radkg.model.vlmkg.batches import Example, collate, encode
from radkg.model.vlmkg.vlm import IGNORED, VisionLanguageModel
from tests.model.tiny import CODED, COPIED, config, language, random_model

FEATURES = {f"i{n}": torch.linspace(-1, n, 8) for n in range(4)}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def batch_of(*examples, pad=None):
    rows = encode(examples, language(), 256)
    return collate(rows, language().pad_id if pad is None else pad, FEATURES)


def texts():
    found = [Example("copy", s, o) for s, o in COPIED.items()]
    return found + [Example("codes", s, o) for s, o in CODED.items()]


def seen(*image_ids):
    return Example("codes", "", "effusion located_at pleura", image_ids)


def by_hand(model, batch, row):
    """Return the sum of -log p over a row's output tokens, and their number, one by one."""
    length = int(batch["attention_mask"][row].sum())
    ids, labels = batch["input_ids"][row, :length], batch["labels"][row, :length]
    vectors = model.embed(ids[None])[0]
    start = 0
    if "features" in batch and batch["has_image"][row]:
        views = batch["features"][row][batch["is_view"][row]]
        prefix = torch.stack([model.projector(view[None])[0] for view in views]).mean(0)
        vectors, start = torch.cat([prefix, vectors]), len(prefix)
    logits = model.model(inputs_embeds=vectors[None]).logits[0]
    places = [t for t in range(length) if labels[t] != IGNORED]
    total = sum(-logits[start + t - 1].log_softmax(0)[labels[t]] for t in places)
    return total, len(places)


@torch.no_grad()
@pytest.mark.parametrize(
    "examples",
    [
        texts()[:1],
        texts(),
        [seen("i0")],
        [seen("i0"), seen("i1", "i2"), texts()[0], seen("i3")],
        [dataclasses.replace(e, image_ids=("i1",)) for e in texts()] + texts(),
    ],
    ids=["one", "texts", "image", "mixed", "each with and without"],
)
def test_the_loss_is_that_of_the_output_tokens_of_each_row_alone(examples):
    model = random_model()
    batch = batch_of(*examples)
    sums, counts = zip(*(by_hand(model, batch, i) for i in range(len(examples))), strict=True)
    torch.testing.assert_close(model(batch), sum(sums) / sum(counts), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_only_output_tokens_count():
    model = random_model()
    short, long = batch_of(*texts()[:1]), batch_of(*texts())
    # what is written for padding does not matter, nor how much of it there is
    padded = {name: tensor[:1] for name, tensor in long.items()}
    padded["input_ids"] = torch.where(padded["attention_mask"] == 0, 7, padded["input_ids"])
    torch.testing.assert_close(model(padded), model(short), rtol=1e-4, atol=1e-5)
    assert (short["labels"] != IGNORED).sum() == len(language().encode_output(texts()[0].output))


@torch.no_grad()
def test_views_are_averaged_and_what_is_no_view_is_not_read():
    model = random_model()
    views = torch.stack([FEATURES["i0"], FEATURES["i1"], torch.full((8,), float("nan"))])[None]
    prefix = model.make_prefix(views, torch.tensor([[True, True, False]]))
    each = [model.projector(FEATURES[name][None]) for name in ("i0", "i1")]
    torch.testing.assert_close(prefix, (each[0] + each[1]) / 2)
    assert torch.equal(model.make_prefix(views, torch.tensor([[False] * 3])), torch.zeros(1, 3, 32))


@torch.no_grad()
def test_the_image_matters_and_the_order_of_views_does_not():
    model = random_model()
    one, other = model(batch_of(seen("i0"))), model(batch_of(seen("i3")))
    assert not torch.isclose(one, other)
    torch.testing.assert_close(model(batch_of(seen("i0", "i3"))), model(batch_of(seen("i3", "i0"))))


def test_the_gradient_reaches_the_projector_from_rows_with_an_image_only():
    model = random_model()
    model(batch_of(seen("i0"), texts()[0])).backward()
    (grad,) = [p.grad for n, p in model.named_parameters() if n == "projector.0.weight"]
    assert grad.abs().sum() > 0
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    model.zero_grad()
    batch = batch_of(seen("i0"), texts()[0])
    batch["labels"][0] = IGNORED
    model(batch).backward()
    assert all(p.grad is None or p.grad.abs().sum() == 0 for p in model.projector.parameters())


def test_a_stage_trains_its_part():
    model = random_model()
    names = {name for name, _ in model.named_parameters()}
    in_projector = {name for name in names if name.startswith("projector.")}
    assert set(model.freeze_for("llm_kg")) == names - in_projector
    assert not any(p.requires_grad for p in model.projector.parameters())
    assert set(model.freeze_for("vlm_kg")) == names
    assert all(p.requires_grad for p in model.parameters())


def test_a_text_model_has_no_second_stage():
    model = VisionLanguageModel(dataclasses.replace(config(), projector=None), language())
    assert all(not name.startswith("projector") for name in model.freeze_for("llm_kg"))
    with pytest.raises(ValueError, match="needs a projector"):
        model.freeze_for("vlm_kg")


def test_every_kind_of_projector_fits_in():
    for kind, length in [("mapper", 2), ("mlp", 3), ("linear-1", 1)]:
        sizes = ProjectorConfig(
            kind=kind, dim_in=8, dim_out=32, prefix_length=length, clip_length=2, heads=4, layers=1
        )
        model = VisionLanguageModel(dataclasses.replace(config(), projector=sizes), language())
        assert torch.isfinite(model(batch_of(seen("i0"), texts()[0])))
