"""A small language model that writes a sentence for a claim, of a list of words alone."""

import pytest
import torch

from radkg.errors import ExtractorError
from radkg.model.config import LanguageConfig
from radkg.model.report.plan_writer import PlanWriter, PlanWriterConfig, collate_pairs
from radkg.model.report.wording import SMALL_WORDING, train_report_tokenizer
from radkg.model.report.words import WordGrammar, make_word_grammar
from radkg.reporter.bank import BankSentence, SentenceBank
from radkg.reporter.generated import GeneratedWriter, find_common_parts, list_parts
from radkg.schema.drafts import Claim

PAIRS = {
    "small left effusion at the pleura": "Small left pleural effusion.",
    "mild cardiomegaly": "Mild cardiomegaly.",
    "effusion at the pleura (absent)": "No pleural effusion.",
    "pneumothorax (absent)": "No pneumothorax.",
}
CLAIMS = (
    Claim("effusion", "present", "pleura", "left", "small"),
    Claim("cardiomegaly", "present", degree="mild"),
    Claim("effusion", "absent", "pleura"),
    Claim("pneumothorax", "absent"),
)
SIZES = LanguageConfig(
    vocab_size=400,
    hidden=32,
    layers=2,
    heads=2,
    kv_heads=2,
    intermediate=64,
    max_positions=128,
    rope_theta=1e4,
    eos=SMALL_WORDING.eos,
)


@pytest.fixture(scope="module")
def writer() -> PlanWriter:
    """A writer that has learnt the pairs by heart."""
    torch.manual_seed(0)
    tokenizer = train_report_tokenizer([*PAIRS, *PAIRS.values()], SIZES.vocab_size)
    model = PlanWriter(PlanWriterConfig(language=SIZES), tokenizer)
    language = model.language
    pairs = [(language.encode_text(c), language.encode_report(s)) for c, s in PAIRS.items()]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = model(collate_pairs(pairs, language))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    return model.eval()


@pytest.fixture(scope="module")
def bank() -> SentenceBank:
    texts = PAIRS.values()
    return SentenceBank(
        BankSentence(text, (claim,), 1, 0.0) for text, claim in zip(texts, CLAIMS, strict=True)
    )


def test_it_writes_what_it_learnt_and_finds_it_usual(writer):
    words = {word for text in PAIRS.values() for word in text.lower().rstrip(".").split()}
    for (text, unusual), expected in zip(
        writer.write(list(PAIRS), [words] * len(PAIRS)), PAIRS.values(), strict=True
    ):
        assert text == expected
        assert unusual < 0.2


def test_a_word_that_is_not_in_the_list_is_never_written(writer):
    words = ["mild", "effusion", "no"]
    for claim in PAIRS:
        ((text, unusual),) = writer.write([claim], [words])
        assert {word.strip(",.").lower() for word in text.split()} <= set(words)
        assert text[0].isupper()
        assert text.endswith(".") or len(text.split()) > 10
    assert unusual > 0.2  # the grammar forced it


def test_a_list_without_words_is_refused(writer):
    with pytest.raises(ExtractorError, match="the list of a row is empty"):
        writer.write(["mild cardiomegaly"], [[]])
    tokenizer = writer.language.tokenizer
    with pytest.raises(ExtractorError, match="the list of a row is empty"):
        WordGrammar(tokenizer, SIZES.vocab_size, writer.language.eos_id, [["a"], []])


def test_signs_of_a_word_are_signs_of_the_grammar():
    grammar = make_word_grammar(['say "no"', "a|b"])
    assert '"Say \\"no\\""' in grammar
    assert '" a|b"' in grammar


def test_a_word_says_what_all_its_sentences_have_in_common(bank):
    common = find_common_parts(bank)
    assert common["effusion"] == {("finding", "effusion"), ("site", "pleura")}
    assert common["no"] == {("polarity", "absent")}
    assert ("degree", "small") in common["small"]
    assert common["pneumothorax"] == list_parts(CLAIMS[3])


def test_the_writer_offers_a_sentence_of_allowed_words_then_with_fewer_details(writer, bank):
    offered = list(GeneratedWriter(writer, bank).write(CLAIMS[0], CLAIMS[:1]))
    assert offered[0].text == "Small left pleural effusion."
    assert {one.origin for one in offered} == {"generated"}
    denied = list(GeneratedWriter(writer, bank).write(CLAIMS[2], CLAIMS[2:3]))
    assert denied[0].text == "No pleural effusion."
    assert not any("small" in one.text.lower() for one in denied)
