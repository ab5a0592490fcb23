"""Examples to batches: what is counted, how much is padding, and always the same order."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from radkg.errors import ConfigError
from radkg.model.vlmkg.batches import Example, collate, encode, order_batches, stack_views
from radkg.model.vlmkg.vlm import IGNORED
from tests.model.tiny import COPIED, language

FEATURES = {"a": torch.ones(3), "b": torch.full((3,), 2.0)}
LENGTHS = random.Random(1).choices(range(8, 91), k=2000)


def rows_of(*examples):
    return encode(examples, language(), 256)


def test_prompt_and_output_stand_in_one_row():
    (row,) = rows_of(Example("copy", "No effusion.", "effusion -", ("a",)))
    assert language().decode(row.ids[: row.num_prompt]) == "<|copy|> no effusion<|out|>"
    assert language().decode(row.ids[row.num_prompt :]) == "effusion -"
    assert row.ids[-1] == language().eos_id
    assert row.image_ids == ("a",)


def test_an_example_that_is_too_long_is_refused_not_cut():
    with pytest.raises(ConfigError, match=r"more than 4: raise max_length.*'No effusion'"):
        encode([Example("copy", "No effusion", "effusion -")], language(), 4)


def test_labels_are_the_output_and_nothing_else():
    examples = [Example("copy", s, o) for s, o in COPIED.items()]
    batch = collate(rows_of(*examples), language().pad_id, {})
    assert set(batch) == {"input_ids", "attention_mask", "labels"}
    for i, example in enumerate(examples):
        labels = batch["labels"][i]
        counted = labels[labels != IGNORED].tolist()
        assert counted == language().encode_output(example.output)
        assert int(batch["attention_mask"][i].sum()) == len(rows_of(example)[0].ids)
        assert (batch["labels"][i][batch["attention_mask"][i] == 0] == IGNORED).all()
    assert batch["input_ids"].dtype == batch["labels"].dtype == torch.int64


def test_images_come_with_their_rows():
    batch = collate(
        rows_of(
            Example("codes", "", "effusion", ("a", "b")),
            Example("copy", "Clear", ""),
            Example("codes", "", "", ("b",)),
        ),
        language().pad_id,
        FEATURES,
    )
    assert batch["features"].tolist() == [
        [[1] * 3, [2] * 3],
        [[0] * 3, [0] * 3],
        [[2] * 3, [0] * 3],
    ]
    assert batch["is_view"].tolist() == [[True, True], [False, False], [True, False]]
    assert batch["has_image"].tolist() == [True, False, True]


def test_views_may_be_none_at_all():
    views = stack_views([(), ()], FEATURES)
    assert views["features"].shape == (2, 1, 3)
    assert not views["has_image"].any()


@settings(max_examples=50)
@given(
    st.lists(st.integers(1, 300), max_size=300),
    st.integers(1, 2000),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_every_row_once_and_within_the_budget(lengths, budget, seed, epoch):
    order = order_batches(lengths, budget, seed, epoch)
    assert sorted(i for members in order for i in members) == list(range(len(lengths)))
    for members in order:
        assert len(members) * max(lengths[i] for i in members) <= budget or len(members) == 1
    assert order == order_batches(lengths, budget, seed, epoch)


def test_seed_and_epoch_fix_the_order():
    one = order_batches(LENGTHS, 2048, seed=1, epoch=0)
    assert one == order_batches(LENGTHS, 2048, seed=1, epoch=0)
    assert one != order_batches(LENGTHS, 2048, seed=1, epoch=1)
    assert one != order_batches(LENGTHS, 2048, seed=2, epoch=0)


def test_little_is_padding():
    order = order_batches(LENGTHS, 2048, seed=1, epoch=0)
    padded = sum(len(members) * max(LENGTHS[i] for i in members) for members in order)
    assert 1 - sum(LENGTHS) / padded < 0.05
    # and short and long batches come in no order
    longest = [max(LENGTHS[i] for i in members) for members in order]
    assert longest != sorted(longest)
