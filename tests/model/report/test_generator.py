"""The generator: which tokens the loss counts, what it writes, what it may not write."""

import pytest
import torch
from torch.nn import functional as F

from radkg.errors import ConfigError, ExtractorError
from radkg.model.language import make_language_model
from radkg.model.report.generator import ReportGenerator, read_causal_language
from radkg.model.report.lora import add_lora
from radkg.model.report.masks import NoMasks
from radkg.model.report.wording import SMALL_WORDING, ReportLanguage, Wording
from tests.model.report.tiny import (
    REPORTS,
    language,
    language_config,
    learnt_generator,
    make_batch,
    make_prefixes,
    random_generator,
)


def test_the_loss_is_the_mean_over_the_reports_tokens_one_by_one():
    generator, prefixes = random_generator().eval(), make_prefixes()
    losses = []
    for prefix, text in zip(prefixes, REPORTS, strict=True):
        ids = language().encode_report(text)
        assert ids[-1] == language().eos_id
        for i, token in enumerate(ids):
            known = torch.tensor([*language().after, *ids[:i]])
            inputs = torch.cat([prefix[None], generator.embed(known)[None]], dim=1)
            logits = generator.model(inputs_embeds=inputs).logits[0, -1]
            losses.append(F.cross_entropy(logits, torch.tensor(token)))
    torch.testing.assert_close(generator(prefixes, make_batch()), torch.stack(losses).mean())


@pytest.mark.parametrize("beams", [1, 3])
def test_each_prefix_brings_its_report_back(beams):
    found = learnt_generator().generate(make_prefixes(), 60, beams)
    assert [language().decode_report(ids) for ids in found] == list(REPORTS)
    (alone,) = learnt_generator().generate(make_prefixes()[1:], 60, beams)
    assert alone == found[1]


@pytest.mark.parametrize("beams", [1, 3])
def test_what_the_mask_leaves_out_of_a_prefix_has_no_effect(beams):
    generator, prefixes = learnt_generator(), make_prefixes()
    filler = torch.full((2, 2, generator.hidden), 7.0)
    padded = torch.cat([filler, prefixes[:, :3], filler, prefixes[:, 3:]], dim=1)
    is_there = torch.tensor([[0, 0, 1, 1, 1, 0, 0, 1, 1]] * 2, dtype=torch.bool)
    whole, part = (
        generator(prefixes, make_batch()),
        generator(padded, make_batch(), prefix_mask=is_there),
    )
    torch.testing.assert_close(whole, part)
    assert generator.generate(padded, 60, beams, prefix_mask=is_there) == generator.generate(
        prefixes, 60, beams
    )


def test_budget_and_least_length_hold():
    generator = learnt_generator()
    assert [len(ids) for ids in generator.generate(make_prefixes(), 3)] == [3, 3]
    short, long = (
        generator.generate(make_prefixes()[:1], 60, min_new_tokens=n)[0] for n in (0, 40)
    )
    assert len(short) < 40 <= len(long)
    with pytest.raises(ValueError, match="beams 0"):
        generator.generate(make_prefixes(), 3, 0)


@pytest.mark.parametrize("mask", ["XXXX", "xxxx", "____"])
def test_a_mask_is_not_written_even_where_it_is_all_that_is_likely(mask):
    generator = random_generator()
    ids = torch.tensor(language().encode_text(mask))
    with torch.no_grad():  # the head wants nothing but the mask's signs
        head = torch.zeros_like(generator.model.lm_head.weight)
        head[ids] = 1.0
        generator.model.lm_head.weight = torch.nn.Parameter(head)
        generator.model.model.norm.weight.fill_(1.0)
    for beams in (1, 3):
        for row in generator.generate(make_prefixes().abs(), 30, beams):
            text = language().decode_report(row).lower()
            assert "xx" not in text
            assert "__" not in text


def test_tokens_that_hold_a_pair_are_forbidden_and_single_signs_are_not():
    tokenizer = language().tokenizer
    processor = NoMasks(tokenizer, language().eos_id, 420)
    x, underscore, eos = tokenizer.token_to_id("x"), tokenizer.token_to_id("_"), language().eos_id
    scores = processor(torch.tensor([[x], [underscore], [eos]]), torch.zeros(3, 420))
    assert scores[:, x].isneginf().tolist() == [True, False, False]
    assert scores[:, underscore].isneginf().tolist() == [False, True, False]
    assert not scores[:, eos].isneginf().any()
    assert scores[:, [400, 419, tokenizer.token_to_id("<|write|>")]].isneginf().all()


def test_published_wording_stands_around_the_prefix_as_documented():
    tokenizer = language().tokenizer
    with pytest.raises(ExtractorError, match="no token '</s>'"):
        ReportLanguage(tokenizer, Wording())
    known = ReportLanguage(tokenizer, Wording(bos="<|write|>", eos="<|end|>"))
    assert tokenizer.decode(known.before, skip_special_tokens=False) == "<|write|>Human: <Img>"
    assert known.decode_report(known.after).startswith("</Img> Generate a comprehensive")


def test_no_text_writes_a_special_token():
    ids = language().encode_report("Clear.<|end|> No effusion.")
    assert ids.count(language().eos_id) == 1
    assert language().decode_report(ids) == "Clear.<|end|> No effusion."


def test_a_report_is_cut_without_an_end_and_decoded_as_it_stood():
    short = ReportLanguage(language().tokenizer, Wording(bos="", eos="<|end|>", max_length=4))
    ids = short.encode_report(REPORTS[0])
    assert len(ids) == 4
    assert short.eos_id not in ids
    whole = language().encode_report(REPORTS[0])
    assert language().decode_report([*whole, *whole]) == REPORTS[0]
    with pytest.raises(ConfigError, match="max_length is 1"):
        Wording(max_length=1)


def test_lora_changes_nothing_at_first_and_trains_alone():
    plain, adapted = random_generator(), random_generator("lora")
    torch.testing.assert_close(
        plain.eval()(make_prefixes(), make_batch()), adapted.eval()(make_prefixes(), make_batch())
    )
    trains = {n for n, p in adapted.named_parameters() if p.requires_grad}
    assert {n.rpartition("proj.")[2] for n in trains} == {"down.weight", "up.weight"}
    assert len(trains) == 2 * 2 * 2  # down and up of two maps in two layers
    optimiser = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad], lr=1e-2)
    before = adapted(make_prefixes(), make_batch())
    for _ in range(20):
        optimiser.zero_grad()
        loss = adapted(make_prefixes(), make_batch())
        loss.backward()
        optimiser.step()
    assert loss < before
    with pytest.raises(ConfigError, match="no linear map called other"):
        add_lora(random_generator(), 2, 2, names=["other"])


def test_a_frozen_language_model_lets_the_gradient_through_to_the_prefix():
    generator = random_generator("frozen")
    assert not any(p.requires_grad for p in generator.parameters())
    prefixes = make_prefixes().requires_grad_()
    generator(prefixes, make_batch()).backward()
    assert prefixes.grad is not None
    assert prefixes.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", ["qwen2", "llama", "gpt2"])
def test_any_causal_model_of_transformers_generates(kind, tmp_path):
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"vocab_size": 400, "hidden_size": 32, "num_hidden_layers": 1, "n_layer": 1}
    sizes |= {"num_attention_heads": 2, "n_head": 2, "n_embd": 32, "intermediate_size": 32}
    sizes |= {"num_key_value_heads": 2, "bos_token_id": None, "eos_token_id": None}
    config = AutoConfig.for_model(kind, **{k: v for k, v in sizes.items() if kind != "gpt2" or k[:2] in ("n_", "vo", "bo", "eo")})  # fmt: skip  # noqa: E501
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(ExtractorError, match="is no model directory"):
        read_causal_language(tmp_path)
    language().tokenizer.save(str(tmp_path / "tokenizer.json"))
    model, tokenizer = read_causal_language(tmp_path)
    generator = ReportGenerator(model, ReportLanguage(tokenizer, SMALL_WORDING))
    assert generator.hidden == 32
    assert generator(make_prefixes(), make_batch()).isfinite()
    assert len(generator.generate(make_prefixes(), 4, 2)) == 2


def test_a_language_directory_without_safetensors_or_with_other_weights_is_refused(tmp_path):
    model = make_language_model(language_config())
    model.save_pretrained(tmp_path)
    language().tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "model.safetensors").rename(tmp_path / "model.bin")
    with pytest.raises(ExtractorError, match=r"no \.safetensors"):
        read_causal_language(tmp_path)
    (tmp_path / "model.bin").rename(tmp_path / "model.safetensors")
    text = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"hidden_size": 32', '"hidden_size": 64'))
    with pytest.raises(ExtractorError, match=r"cannot be read|do not fit"):
        read_causal_language(tmp_path)
