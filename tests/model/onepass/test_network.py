import itertools
import json
import random

import numpy as np
import pytest
import torch

from radkg.errors import ConfigError
from radkg.extractor import SHIPPED
from radkg.model.calibration import Calibration
from radkg.model.checkpoint import load_weights, parse_config, read_config
from radkg.model.onepass.batches import collate, encode, list_pairs
from radkg.model.onepass.network import IGNORED, MAX_SPANS_APART, OnePass, OnePassConfig
from radkg.model.onepass.reading import OnePassReader
from radkg.model.onepass.words import WordTable
from radkg.model.vlmkg.batches import order_batches
from radkg.schema.linearize import Reading, make_items
from radkg.schema.records import LABELS, RELATIONS
from radkg.schema.sentences import find_words
from radkg.train.labelled import LabelledSentence
from radkg.train.silver import invent_sentences, label_sentences
from radkg.train.trainer import TrainConfig, Trainer

REAL = (
    "Small left pleural effusion",
    "There is no pneumothorax or focal consolidation",
    "Patchy bibasilar opacities, which may represent atelectasis",
    "Heart size is normal, and the thoracic aorta is tortuous",
    "Possible nodule in the right upper lobe",
    "Mild dextroscoliosis of the thoracic spine",
)
HOSTILE = (
    "",
    " ",
    ".,;:()/&",
    "XXXX ___ _",
    "3.5 cm İ ß ﬁ 胸部 X-ray: effusión pleural izquierda 🫁 \u0301",
    "a" * 2000,
    "left opacity, " * 143,
    ", ".join(["no effusion / edema (and)"] * 77),
    "\n\t\x00 opacity \ufffd",
)


def small(**changes) -> OnePass:
    torch.manual_seed(0)
    return OnePass(OnePassConfig(buckets=512, width=32, pair_width=32, **changes))


def check_valid(sentence: str, reading: Reading) -> None:
    """Assert what every reading must hold: grounded spans, relations between two of them."""
    make_items(sentence, reading.spans, reading.links)  # raises where a span is no run of words
    places = [(start, end) for start, end, _ in reading.spans]
    for (a, b), (c, d) in itertools.pairwise(places):
        assert a < b <= c < d
    for start, end, label in reading.spans:
        assert label in LABELS
        assert sentence[start:end] == sentence[start:end].strip() != ""
    ends = [(head, tail) for head, tail, _ in reading.links]
    assert len(set(ends)) == len(ends)
    for head, tail, relation in reading.links:
        assert relation in RELATIONS
        assert head != tail
        assert {head, tail} <= set(range(len(reading.spans)))
    assert len(reading.span_confidences) == len(reading.spans)
    assert len(reading.link_confidences) == len(reading.links)
    assert all(0 <= c <= 1 for c in reading.span_confidences + reading.link_confidences)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Keep threads from waiting for each other: the matrices are small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def learnt() -> tuple[OnePass, list[LabelledSentence]]:
    """Return a small network that has learnt 50 sentences by heart, and the sentences."""
    found = label_sentences([*REAL, *invent_sentences(REAL, 100, seed=1)], only_stated=False)
    found = [one for one in found if len(find_words(one.sentence)) <= 12][:50]
    model = small(dropout=0.0)  # by heart
    table = WordTable(model.config.buckets)
    rows = encode(found, table)
    trainer = Trainer(model, TrainConfig(learning_rate=1e-2), num_steps=150)
    for _ in range(150):
        trainer.step([collate(rows, table)])
    return model, found


def test_it_learns_sentences_by_heart(learnt):
    model, found = learnt
    read = OnePassReader(model).read([one.sentence for one in found])
    right = [
        r.spans == one.spans and set(r.links) == set(one.links)
        for one, r in zip(found, read, strict=True)
    ]
    assert sum(right) >= 48
    sure = [c for reading in read for c in reading.span_confidences]
    assert sum(sure) / len(sure) > 0.9


def test_whatever_the_weights_what_is_read_is_valid():
    made = list(invent_sentences(REAL, 200, seed=2))
    noise = random.Random(0)
    made += ["".join(noise.choices("ab1 ,;_.é胸-\n", k=noise.randrange(80))) for _ in range(200)]
    found = 0
    for seed in range(4):
        torch.manual_seed(seed)
        model = OnePass(OnePassConfig(buckets=64, width=16, pair_width=16))
        with torch.no_grad():  # far from the start, so that every answer occurs
            for weights in model.parameters():
                weights.normal_(std=0.7)
        for sentence, reading in zip(
            [*HOSTILE, *made], OnePassReader(model).read([*HOSTILE, *made]), strict=True
        ):
            check_valid(sentence, reading)
            found += len(reading.links)
    assert found > 1000


def test_a_sentence_without_words_states_nothing():
    assert OnePassReader(small()).read(["", " .!? ", "-"]) == [Reading()] * 3
    assert OnePassReader(small()).read([]) == []


@pytest.mark.parametrize("which", ["learnt", "shipped"])
def test_neighbours_do_not_change_an_answer(learnt, which):
    model = learnt[0] if which == "learnt" else shipped()
    found = [*invent_sentences(REAL, 150, seed=3), *HOSTILE]
    expected = dict(zip(found, OnePassReader(model).read(found), strict=True))
    shuffled = list(found)
    random.Random(0).shuffle(shuffled)
    for order in (found, shuffled):
        for size in (1, 8, 64):
            reader = OnePassReader(model)
            for k in range(0, len(order), size):
                part = order[k : k + size]
                for sentence, reading in zip(part, reader.read(part), strict=True):
                    assert reading == expected[sentence]  # to the last bit


def shipped() -> OnePass:
    directory = SHIPPED["onepass"]
    model = OnePass(parse_config(OnePassConfig, read_config(directory), directory))
    load_weights(model, directory)
    return model


def test_the_same_seed_gives_the_same_weights():
    found = label_sentences(REAL, only_stated=False)

    def train() -> OnePass:
        model = small()
        table = WordTable(model.config.buckets)
        rows = encode(found, table)
        trainer = Trainer(model, TrainConfig(learning_rate=1e-2), num_steps=6)
        for members in order_batches([len(row.words) for row in rows], 20, seed=5, epoch=0):
            trainer.step([collate([rows[i] for i in members], table)])
        return model

    one, other = train().state_dict(), train().state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_settings_alone_build_the_network():
    config = small(calibration=Calibration(entity_slope=0.5)).config
    again = OnePassConfig.from_mapping(json.loads(config.to_json()))
    assert again == config
    assert {k: v.shape for k, v in OnePass(again).state_dict().items()} == {
        k: v.shape for k, v in small().state_dict().items()
    }
    with pytest.raises(ConfigError, match="did you mean 'width'"):
        OnePassConfig.from_mapping({"widht": 3})


def test_sentences_without_relations_or_entities_can_be_learnt_from():
    found = [
        LabelledSentence("Left effusion", ((0, 4, "ANAT-DP"), (5, 13, "OBS-DP")), ()),
        LabelledSentence("Thank you", (), ()),
    ]
    table = WordTable(512)
    rows = encode(found, table)
    for some in (rows, rows[1:]):
        loss = small()(collate(some, table))
        loss.backward()
        assert torch.isfinite(loss)


def test_spans_that_are_no_runs_of_words_or_cross_are_refused():
    for spans in (((0, 3, "OBS-DP"),), ((0, 13, "OBS-DP"), (5, 13, "OBS-DP"))):
        with pytest.raises(ValueError, match=r"run of words|overlap"):
            encode([LabelledSentence("Left effusion", spans, ())], WordTable(64))


def test_a_sentence_costs_the_same_alone_and_beside_others():
    found = label_sentences([REAL[0], REAL[2], REAL[5]], only_stated=False)
    model = small().eval()  # without dropout
    table = WordTable(512)
    rows = encode(found, table)
    together = model(collate(rows + rows[::-1], table))
    assert together.item() == pytest.approx(model(collate(rows, table)).item(), rel=1e-5)
    batch = collate(rows, table)
    assert batch["lengths"].tolist() == sorted(len(row.words) for row in rows)
    assert int(batch["attention_mask"].sum()) == int((batch["labels"] != IGNORED).sum())


def test_a_hidden_word_is_shown_by_its_characters_alone():
    found = label_sentences(REAL)
    table = WordTable(512)
    rows = encode(found, table)
    shown, hidden = collate(rows, table), collate(rows, table, hidden=1.0, seed=1)
    first = hidden["offsets"]
    assert (shown["weights"][first] == 1).all()
    assert (hidden["weights"][first] == 0).all()
    assert hidden["weights"].sum() == pytest.approx(len(first))
    half = [collate(rows, table, 0.5, seed)["weights"] for seed in (1, 1, 2)]
    assert torch.equal(half[0], half[1])
    assert not torch.equal(half[0], half[2])


def test_pairs_join_spans_of_one_sentence_only():
    pairs = list_pairs(np.array([0, 0, 0, 2, 2, 5])).tolist()
    expected = [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1], [3, 4], [4, 3]]
    assert sorted(pairs) == expected
    many = list_pairs(np.zeros(300, dtype=np.int64))
    assert len(many) < 300 * 2 * MAX_SPANS_APART


def test_words_and_slips_of_the_fingers_have_features_of_their_own():
    table = WordTable(6144)
    met = sorted({w for s in invent_sentences(REAL, 2000, 5) for w, _, _ in find_words(s)})
    numbers = table.number_words([(w, 0, 1) for w in [*met, "opacity", "opactiy"]])
    features = [frozenset(table.encode_features([n])[0].tolist()) for n in dict.fromkeys(numbers)]
    assert len(set(features)) == len(features)
    one, comma, other = table.number_words(find_words("Opacity , opacity"))
    assert one == other == numbers[-2]
    assert table.is_word()[[one, comma]].tolist() == [True, False]
