"""Greedy decoding: batches, order, cache and prefixes change nothing; the text is always valid."""

from __future__ import annotations

import math
import random

import pytest
import torch

from radkg.model.generate.decode import (
    Generation,
    TransformersEngine,
    compute_item_confidences,
    make_generation,
)
from radkg.model.generate.grammar import Grammar
from radkg.model.language import Prompt
from radkg.schema.linearize import parse
from tests.benchmarks.grammar import problem
from tests.model.tiny import CODED, COPIED, NAMES, language, learnt_model, random_model

BUDGET = 16
PROMPTS = [
    *(Prompt("copy", sentence) for sentence in COPIED),
    *(Prompt("codes", sentence) for sentence in CODED),
    Prompt("copy", ""),
    Prompt("copy", "___ 1.5 ; modify na\u00efve " + "very " * 30 + "large heart"),
]
SEEN = [
    *(Prompt("copy", sentence, i % 3) for i, sentence in enumerate(COPIED)),
    *(Prompt("codes", "", i) for i in range(34)),
]


def grammar():
    return Grammar(language(), 400, NAMES)


def prefixes(model):
    views = torch.randn(34, 2, 8, generator=torch.Generator().manual_seed(1))
    return model.make_prefix(views, torch.ones(34, 2, dtype=torch.bool)).detach()


@torch.inference_mode()
def plain(model, prompt, images):
    """One row, no cache, everything anew at each step: tokens and log-probabilities."""
    rules, embed = grammar(), model.model.get_input_embeddings()
    matcher, ids, logprobs = rules.make_matcher(prompt), [], []
    start = torch.tensor(language().encode_prompt(prompt))
    while len(ids) < BUDGET and language().eos_id not in ids:
        inputs = embed(torch.cat([start, torch.tensor(ids, dtype=torch.int64)]))
        if prompt.image is not None:
            inputs = torch.cat([images[prompt.image], inputs])
        logits = model.model(inputs_embeds=inputs[None], use_cache=False).logits[0, -1]
        allowed, _ = rules.list_allowed([matcher])
        token = int(allowed[logits[torch.from_numpy(allowed)].argmax()])
        logprobs.append(float(logits.log_softmax(0)[token]))
        matcher.consume_token(token)
        ids.append(token)
    return ids, logprobs


@pytest.mark.parametrize(
    ("make", "prompts"),
    [(random_model, PROMPTS), (learnt_model, PROMPTS), (random_model, SEEN)],
    ids=["random", "learnt", "images"],
)
def test_equal_to_the_plain_loop(make, prompts):
    model = make()
    images = prefixes(model)
    expected = {prompt: plain(model, prompt, images) for prompt in prompts}
    for batch_size in (1, 8, 64):
        shuffled = random.Random(batch_size).sample(prompts, len(prompts))
        engine = TransformersEngine(model, grammar(), batch_size=batch_size)
        found = engine.generate(shuffled, images, max_new_tokens=BUDGET)
        assert [list(g.token_ids) for g in found] == [expected[p][0] for p in shuffled]
        for generation, prompt in zip(found, shuffled, strict=True):
            assert generation.logprobs == pytest.approx(expected[prompt][1], abs=1e-4)


def test_random_weights_write_valid_text():
    model = random_model(3)
    found = TransformersEngine(model, grammar()).generate(PROMPTS, None, max_new_tokens=BUDGET)
    assert {problem(g.text, p, frozenset(NAMES)) for g, p in zip(found, PROMPTS, strict=True)} == {
        None
    }
    assert {g.finished for g in found} == {True, False}
    for generation in found:
        ended = generation.token_ids[-1] == language().eos_id
        assert generation.finished == ended
        assert ended or len(generation.token_ids) == BUDGET
        assert len(generation.logprobs) == len(generation.token_ids) == len(generation.item_of)
        assert all(logprob <= 0 for logprob in generation.logprobs)


def test_learnt_outputs_come_back():
    engine = TransformersEngine(learnt_model(), grammar(), batch_size=4)
    for target, learnt in (("copy", COPIED), ("codes", CODED)):
        prompts = [Prompt(target, sentence) for sentence in learnt]
        found = engine.generate(prompts, None, max_new_tokens=64)
        assert [g.text for g in found] == list(learnt.values())
        for generation in found:
            confidences = compute_item_confidences(generation)
            assert len(confidences) == len(parse(generation.text, target))
            assert all(0.5 < confidence <= 1 for confidence in confidences)


def test_image_changes_the_output():
    model = random_model()
    images = prefixes(model)
    prompts = [Prompt("copy", "There is a small left effusion.", image) for image in (0, 1, None)]
    found = TransformersEngine(model, grammar()).generate(prompts, images, max_new_tokens=BUDGET)
    assert len({g.logprobs for g in found}) == 3


def test_equal_prompts_are_generated_once():
    model = learnt_model()
    prompts = [PROMPTS[0], PROMPTS[1], PROMPTS[0]]
    found = TransformersEngine(model, grammar()).generate(prompts, None, max_new_tokens=BUDGET)
    assert found[0] is found[2]
    assert found[0] != found[1]


def test_nothing_to_generate():
    assert TransformersEngine(learnt_model(), grammar()).generate([], None, max_new_tokens=5) == []


def test_wrong_arguments():
    engine = TransformersEngine(learnt_model(), grammar())
    with pytest.raises(ValueError, match="no prefixes"):
        engine.generate([Prompt("codes", "", 0)], None, max_new_tokens=5)
    with pytest.raises(ValueError, match="at least 1"):
        engine.generate(PROMPTS, None, max_new_tokens=0)


def test_confidence_is_the_product_over_an_item():
    generation = Generation(
        text="a + ; b -",
        token_ids=(1, 2, 3, 4, 5, 0),
        logprobs=tuple(math.log(p) for p in (0.5, 0.5, 1.0, 0.9, 0.8, 1.0)),
        finished=True,
        item_of=(0, 0, 0, 1, 1, 1),
    )
    assert compute_item_confidences(generation) == pytest.approx([0.25, 0.72])


def test_confidence_of_a_cut_output_leaves_the_cut_item_out():
    ids = language().encode_output("small + modify effusion + ; left @ modify")[:-1]
    prompt = Prompt("copy", "There is a small left effusion.")
    cut = make_generation(learnt_model(), prompt, ids, [-0.1] * len(ids), finished=False)
    assert cut.text == "small + modify effusion +"
    first = cut.item_of.count(0)
    assert compute_item_confidences(cut) == pytest.approx([math.exp(-0.1 * first)])
    assert (
        compute_item_confidences(make_generation(learnt_model(), prompt, [], [], finished=False))
        == []
    )
