"""The door to the engines, and CTranslate2 against the torch engine."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from radkg.errors import ExtractorError
from radkg.model.generate.decode import (
    Draft,
    TransformersEngine,
    compute_item_confidences,
    cut_batches,
)
from radkg.model.generate.engine_ctranslate2 import CTranslate2Engine
from radkg.model.generate.engines import ENGINES, load_engine
from radkg.model.generate.spec import EngineSpec
from radkg.model.language import Prompt
from tests.benchmarks.grammar import problem
from tests.model.tiny import CODED, COPIED, NAMES, learnt_model, random_model

PROMPTS = [
    *(Prompt("copy", sentence) for sentence in COPIED),
    *(Prompt("codes", sentence) for sentence in CODED),
]
UNKNOWN = [  # what a model that knows PROMPTS by heart begins well and ends badly
    Prompt(target, sentence)
    for target in ("copy", "codes")
    for sentence in ("There is a large left effusion.", "The left base is clear.", "No edema; mild")
]


@pytest.fixture(scope="module")
def conversions(tmp_path_factory):
    return tmp_path_factory.mktemp("conversions")


@pytest.fixture(autouse=True)
def cache(conversions, monkeypatch):
    """Conversions are kept from test to test, away from those of the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(conversions))


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "radkg/ctranslate2"


def strict(model):
    engine = load_engine(EngineSpec("transformers"), model, NAMES)
    assert isinstance(engine, TransformersEngine)
    return engine


def test_float32_equals_the_torch_engine():
    expected = strict(learnt_model()).generate(PROMPTS, None, max_new_tokens=40)
    engine = CTranslate2Engine(strict(learnt_model()), NAMES, compute_type="float32", batch_size=3)
    found = engine.generate(PROMPTS[::-1], None, max_new_tokens=40)[::-1]
    assert engine.repaired == 0
    assert [g.token_ids for g in found] == [g.token_ids for g in expected]
    assert [g.text for g in found] == [*COPIED.values(), *CODED.values()]
    for one, other in zip(found, expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)
        assert compute_item_confidences(one) == pytest.approx(
            compute_item_confidences(other), abs=1e-3
        )


def test_int8_writes_the_same_text():
    found = load_engine(EngineSpec("ctranslate2"), learnt_model(), NAMES).generate(
        PROMPTS, None, max_new_tokens=40
    )
    same = [
        g.text == text for g, text in zip(found, [*COPIED.values(), *CODED.values()], strict=True)
    ]
    assert sum(same) >= len(same) - 1


@pytest.mark.parametrize("make", [random_model, learnt_model])
def test_what_is_invalid_goes_on_under_the_grammar(make):
    model = make()
    expected = strict(model).generate(UNKNOWN, None, max_new_tokens=20)
    engine = CTranslate2Engine(strict(model), NAMES, compute_type="float32")
    found = engine.generate(UNKNOWN, None, max_new_tokens=20)
    assert 0 < engine.repaired <= len(UNKNOWN)
    assert {problem(g.text, p, frozenset(NAMES)) for g, p in zip(found, UNKNOWN, strict=True)} == {
        None
    }
    assert [(g.token_ids, g.text, g.finished) for g in found] == [
        (g.token_ids, g.text, g.finished) for g in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)


@settings(max_examples=30)
@given(st.data())
def test_any_beginning_gives_the_same_end(data):
    model = learnt_model()
    (whole,) = strict(model).generate(PROMPTS[:1], None, max_new_tokens=40)
    cut = data.draw(st.integers(0, len(whole.token_ids)))
    wrong = data.draw(st.lists(st.integers(0, model.config.language.vocab_size - 1), max_size=2))
    ids = [*whole.token_ids[:cut], *wrong]
    drafts = {PROMPTS[0]: Draft(ids, [-1.0] * len(ids))}
    (found,) = strict(model).generate(PROMPTS[:1], None, max_new_tokens=40, drafts=drafts)
    assert problem(found.text, PROMPTS[0], frozenset(NAMES)) is None
    if not wrong:
        assert (found.token_ids, found.text) == (whole.token_ids, whole.text)
    assert len(found.token_ids) == len(found.logprobs) == len(found.item_of) <= 40


def test_prompts_with_an_image_go_to_the_torch_engine():
    model = learnt_model()
    images = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0))
    prompts = [Prompt("copy", "Clear lungs", 1), PROMPTS[0], Prompt("codes", "", 0)]
    expected = strict(model).generate(prompts, images, max_new_tokens=20)
    engine = CTranslate2Engine(strict(model), NAMES, compute_type="float32")
    found = engine.generate(prompts, images, max_new_tokens=20)
    assert [g.text for g in found] == [g.text for g in expected]
    assert engine.repaired == 0


def test_conversion_is_kept_by_the_hash_of_the_model(empty_cache):
    for model in (learnt_model(), learnt_model(), random_model()):
        engine = CTranslate2Engine(strict(model), NAMES)
        engine.generate(PROMPTS[:1], None, max_new_tokens=5)
    assert len(list(empty_cache.iterdir())) == 2


def test_nothing_is_converted_for_images_alone(empty_cache):
    engine = load_engine(EngineSpec("ctranslate2"), learnt_model(), NAMES)
    engine.generate([Prompt("codes", "", 0)], torch.zeros(1, 3, 32), max_new_tokens=3)
    assert not empty_cache.exists()


def test_directory_that_cannot_be_written_is_said(empty_cache):
    empty_cache.parent.write_text("a file in the way")
    engine = CTranslate2Engine(strict(learnt_model()), NAMES)
    with pytest.raises(ExtractorError, match="XDG_CACHE_HOME"):
        engine.generate(PROMPTS[:1], None, max_new_tokens=5)


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    def find_none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", find_none)
    engine = CTranslate2Engine(strict(learnt_model()), NAMES)
    with pytest.raises(ExtractorError, match=r"no home .* set XDG_CACHE_HOME"):
        engine.generate(PROMPTS[:1], None, max_new_tokens=5)


def test_auto_takes_the_fastest_that_is_there(monkeypatch):
    assert isinstance(load_engine(EngineSpec("auto"), learnt_model(), NAMES), CTranslate2Engine)
    assert isinstance(
        load_engine(EngineSpec("ctranslate2"), learnt_model(), NAMES), CTranslate2Engine
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert isinstance(load_engine(EngineSpec("auto"), learnt_model(), NAMES), TransformersEngine)
    with pytest.raises(ExtractorError, match="pip install ctranslate2"):
        load_engine(EngineSpec("ctranslate2"), learnt_model(), NAMES)


def test_unknown_engine():
    with pytest.raises(ExtractorError, match=", ".join(ENGINES)):
        load_engine(EngineSpec("onnx"), learnt_model(), NAMES)


@pytest.mark.parametrize("name", ["auto", "transformers", "ctranslate2"])
def test_no_engine_runs_without_a_grammar(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(ExtractorError, match="pip install llguidance"):
        load_engine(EngineSpec(name), learnt_model(), NAMES)


def test_missing_vllm_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ExtractorError, match="pip install vllm"):
        load_engine(EngineSpec("vllm"), learnt_model(), NAMES)


@pytest.mark.parametrize("make", [random_model, learnt_model])
def test_continuous_batching_writes_what_the_torch_engine_writes(make):
    """In three calls at once, whose requests share batches, with prompts of an image among them."""
    model = make()
    images = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0))
    prompts = [*PROMPTS, *UNKNOWN, Prompt("copy", "Clear lungs", 1)]
    expected = strict(model).generate(prompts, images, max_new_tokens=20)
    engine = load_engine(EngineSpec("continuous", 64), model, NAMES)

    def generate(some):
        return engine.generate(some, images, max_new_tokens=20)

    with ThreadPoolExecutor(3) as calls:
        parts = list(calls.map(generate, [prompts[i::3] for i in range(3)]))
    for i, part in enumerate(parts):
        for one, other in zip(part, expected[i::3], strict=True):
            assert (one.token_ids, one.text, one.finished) == (
                other.token_ids,
                other.text,
                other.finished,
            )
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)
    assert model.model.config._attn_implementation == "sdpa"  # as it was: other engines go on
    assert not [t for t in threading.enumerate() if "_run_generation_loop" in t.name]


def test_images_are_read_while_continuous_batching_runs():
    model = learnt_model()
    images = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0))
    prompts = [Prompt("copy", "Clear lungs", 1)]
    expected = strict(model).generate(prompts, images, max_new_tokens=20)
    engine = load_engine(EngineSpec("continuous", 64), model, NAMES)
    with engine._running(64) as manager:
        assert manager.is_running()
        assert engine.generate(prompts, images, max_new_tokens=20) == expected
    assert {t.data_ptr() for t in engine._network.parameters()} == {
        t.data_ptr() for t in model.model.parameters()
    }


def test_batches_are_cut_by_rows_or_by_tokens():
    assert list(cut_batches([1, 2, 3, 9], 3, None)) == [(0, 3), (3, 4)]
    assert list(cut_batches([1, 2, 3, 9], 3, 6)) == [(0, 2), (2, 3), (3, 4)]
    assert list(cut_batches([], 3, 6)) == []


def test_one_model_over_several_gpus_needs_an_engine_that_can():
    with pytest.raises(ExtractorError, match="give --engine vllm"):
        load_engine(EngineSpec("continuous", gpus=2), learnt_model(), NAMES)
