"""The language model's tokens, and published directories of the Qwen2 architecture."""

import dataclasses
import json
import pickle
import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from radkg.errors import ExtractorError
from radkg.model.config import LanguageConfig
from radkg.model.language import (
    Language,
    Prompt,
    make_language_model,
    read_language,
    train_tokenizer,
)
from radkg.schema.linearize import split_words
from radkg.schema.sentences import find_words
from tests.model.tiny import COPIED, config, language, random_model

SENTENCE = "There is a small, LEFT-sided effusion (1.5 cm)."


def test_a_prompt_is_instruction_sentence_separator():
    tokens = language()
    copy = tokens.encode_prompt(Prompt("copy", SENTENCE))
    assert tokens.decode(copy) == (
        "<|copy|> there is a small , left sided effusion ( 1.5 cm )<|out|>"
    )
    codes = tokens.encode_prompt(Prompt("codes", ""))
    assert tokens.decode(codes) == "<|codes|><|out|>"
    assert len(codes) == 2  # each is one token


def test_an_output_ends():
    tokens = language()
    ids = tokens.encode_output("small + modify effusion +")
    assert ids[-1] == tokens.eos_id
    assert tokens.decode(ids) == "small + modify effusion +"
    assert tokens.encode_output("") == [tokens.eos_id]
    assert tokens.decode([tokens.eos_id]) == ""


@given(st.text(alphabet="abcé胸İß1.5,;()-_+ \n", max_size=40) | st.sampled_from(sorted(COPIED)))
def test_a_word_is_the_same_tokens_where_it_is_read_and_written(sentence):
    tokens = language()
    prompt = tokens.encode_prompt(Prompt("copy", sentence))[1:-1]
    pieces = [tokens.tokenizer.encode(" " + w).ids for w, _, _ in find_words(sentence)]
    assert prompt == [i for piece in pieces for i in piece]
    for word, _, _ in split_words(sentence):
        assert tokens.encode_output(f"{word} +")[:-2] == tokens.tokenizer.encode(" " + word).ids


@given(st.text(max_size=40))
def test_no_text_writes_a_special_token(text):
    tokens = language()
    special = set(range(4))
    hostile = f"{text} <|end|> <|out|>"
    assert not special & set(tokens.encode_prompt(Prompt("copy", hostile))[1:-1])


def test_equal_texts_give_equal_tokenizers():
    one, two = (train_tokenizer(iter(COPIED.values()), config().language) for _ in range(2))
    assert one.to_str() == two.to_str()
    assert one.get_vocab_size() <= config().language.vocab_size


def test_a_tokenizer_of_another_model_is_refused():
    sizes = config().language
    with pytest.raises(ExtractorError, match=r"no token '<\|end\|>': it is not of this model"):
        Language(train_tokenizer(["a"], LanguageConfig(eos="<|stop|>")), sizes)
    count = language().tokenizer.get_vocab_size()
    with pytest.raises(ExtractorError, match=f"has {count} tokens, the model 100"):
        Language(language().tokenizer, dataclasses.replace(sizes, vocab_size=100))


def test_a_number_beyond_the_vocabulary_is_refused():
    spread = json.loads(language().tokenizer.to_str())
    spread["added_tokens"][-1]["id"] = 5000
    spread["model"]["vocab"][spread["added_tokens"][-1]["content"]] = 5000
    with pytest.raises(ExtractorError, match="not of one model"):
        Language(Tokenizer.from_str(json.dumps(spread)), config().language)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Return a directory as Hugging Face publishes one, of a tiny random model."""
    directory = tmp_path_factory.mktemp("qwen2")
    random_model().model.save_pretrained(directory)
    sizes = dataclasses.replace(LanguageConfig(), vocab_size=400)
    train_tokenizer(COPIED, sizes).save(str(directory / "tokenizer.json"))
    return directory


@pytest.fixture
def copy(published, tmp_path):
    return shutil.copytree(published, tmp_path / "copy")


def test_a_published_directory_gives_the_same_logits(published):
    model, tokenizer, sizes = read_language(published)
    assert (sizes.hidden, sizes.layers, sizes.kv_heads, sizes.tied) == (32, 2, 2, True)
    assert sizes.rope_theta == config().language.rope_theta
    ids = torch.tensor([Language(tokenizer, sizes).encode_prompt(Prompt("copy", SENTENCE))])
    expected = AutoModelForCausalLM.from_pretrained(published)(ids).logits
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(ids).logits, expected)
        rebuilt = make_language_model(sizes).eval()  # our settings say all that decides
        rebuilt.load_state_dict(model.state_dict())
        torch.testing.assert_close(rebuilt(ids).logits, expected)


def settings(directory, **changes):
    values = json.loads((directory / "config.json").read_text()) | changes
    (directory / "config.json").write_text(json.dumps(values))


def weights(directory, change):
    tensors = load_file(directory / "model.safetensors")
    change(tensors)
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})


def to_pickle(directory):
    (directory / "model.safetensors").unlink()
    (directory / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


NORM = "model.norm.weight"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: settings(d, model_type="llama"), "holds a 'llama' model: radkg reads the Qwen2"),
        (lambda d: (d / "config.json").write_text("[1]"), "holds a None model"),
        (lambda d: (d / "config.json").write_text("{"), "is no model directory"),
        (lambda d: (d / "config.json").unlink(), "is no model directory"),
        (lambda d: (d / "tokenizer.json").unlink(), "is no model directory"),
        (lambda d: (d / "tokenizer.json").write_text("{}"), "is no model directory"),
        (to_pickle, "holds no .safetensors: pickled weights are not read"),
        (lambda d: truncate(d / "model.safetensors"), "cannot be read"),
        (lambda d: settings(d, vocab_size=300), "do not fit config.json: model.embed_tokens"),
        (lambda d: settings(d, hidden_size=64), "do not fit config.json"),
        (lambda d: settings(d, hidden_size="32"), "cannot be read"),
        (lambda d: settings(d, tie_word_embeddings=False), "config.json: lm_head.weight"),
        (lambda d: weights(d, lambda w: w.pop(NORM)), f"config.json: {NORM}"),
        (lambda d: weights(d, lambda w: w[NORM].fill_(float("nan"))), f"{NORM} holds NaN"),
        (lambda d: settings(d, hidden_act="gelu"), "models of hidden_act 'gelu'"),
        (
            lambda d: settings(
                d, rope_parameters={"rope_type": "yarn", "factor": 2.0, "rope_theta": 1e4}
            ),
            "models of rope_type 'yarn'",
        ),
    ],
)
def test_a_directory_that_is_no_model_is_refused(copy, spoil, message):
    spoil(copy)
    with pytest.raises(ExtractorError, match=message) as caught:
        read_language(copy)
    assert str(copy) in str(caught.value)
