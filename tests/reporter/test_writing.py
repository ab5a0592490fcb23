"""From a plan to a text: nothing that was not planned stands, and nothing planned is denied.

The two injections of the read-back: a sentence that nobody planned, and a denial of a planned
finding. A comparison of findings alone catches no denial.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from radkg.extractor import load_extractor
from radkg.reporter.bank import BankSentence, SentenceBank, normalise_sentence
from radkg.reporter.reading import READERS, ClaimReader
from radkg.reporter.retrieval import RetrievalWriter
from radkg.reporter.writing import Proposed, compare_readings, repair
from radkg.schema.drafts import Claim

SENTENCES = (
    "Small left pleural effusion",
    "Left pleural effusion",
    "Mild cardiomegaly",
    "Cardiomegaly is present",
    "The heart is normal in size",
    "No pleural effusion",
    "No pneumothorax",
    "Bibasilar atelectasis",
    "Calcified granuloma in the right upper lobe",
    "The lungs are clear",
    "Degenerative changes of the thoracic spine",
)


@pytest.fixture(scope="module")
def reader() -> ClaimReader:
    return ClaimReader([load_extractor(name) for name in READERS])


@pytest.fixture(scope="module")
def bank(reader) -> SentenceBank:
    texts = [normalise_sentence(text) for text in SENTENCES]
    places = range(len(texts))
    return SentenceBank(
        BankSentence(text, readings[0], 5, place / len(texts))
        for text, readings, place in zip(texts, reader.read(texts), places, strict=True)
    )


def plans(bank: SentenceBank) -> Iterator[tuple[Claim, ...]]:
    """Yield plans of one and of two findings that can both hold."""
    from radkg.reporter.claims import is_contradiction

    stated = [claim for one in bank.sentences for claim in one.claims]
    for i, one in enumerate(stated):
        yield (one,)
        yield from ((one, o) for o in stated[:i] if not is_contradiction(one, o) and o != one)


def test_every_plan_of_the_bank_is_written_and_verified(bank, reader):
    writers = [RetrievalWriter(bank)]
    for plan in plans(bank):
        written = repair([], plan, reader, writers)
        assert written.reason is None, (plan, written)
        assert written.dropped == 0
        said = [written.text[s.start : s.end] for s in written.sentences]
        assert " ".join(said) == written.text
        assert {claim for s in written.sentences for claim in s.claims} == set(range(len(plan)))


def test_an_unplanned_sentence_and_a_denial_are_caught(bank, reader):
    """Each sentence of the bank is put into each draft whose plan lacks or opposes it."""
    writers = [RetrievalWriter(bank)]
    tried = {"unplanned": 0, "denied": 0}
    for plan in plans(bank):
        for one in bank.sentences:
            found = compare_readings(plan, reader.read([one.text])[0])
            kind = "denied" if found.denied else "unplanned" if found.unplanned else ""
            if kind:
                tried[kind] += 1
                written = repair([Proposed(one.text, "generated", 0.0)], plan, reader, writers)
                assert one.text not in written.text
                assert written.reason is None
    assert tried["unplanned"] > 200
    assert tried["denied"] > 20


@pytest.mark.parametrize(
    ("plan", "denial"),
    [
        ((Claim("effusion", "present", "pleura", "left", "small"),), "No pleural effusion."),
        ((Claim("effusion", "present", "pleura", "left", "small"),), "No left effusion."),
        ((Claim("cardiomegaly", "present"),), "The heart is normal in size."),
        ((Claim("atelectasis", "present", "base", "bilateral"),), "The lungs are clear."),
        ((Claim("pneumothorax", "absent"),), "Small right pneumothorax."),
        ((Claim("effusion", "present", "pleura", "left"),), "Normal chest."),
    ],
)
def test_a_denial_is_a_denial(plan, denial, reader):
    assert compare_readings(plan, reader.read([denial])[0]).denied


def test_a_draft_says_what_it_could_not_write(bank, reader):
    plan = (Claim("mass", "present", "lung"), Claim("pneumothorax", "absent"))
    written = repair([], plan, reader, [RetrievalWriter(bank)])
    assert written.text == "No pneumothorax."
    assert written.reason == "the plan is not said: mass at the lung"


def test_a_sentence_that_cannot_be_mended_is_dropped(bank, reader):
    plan = (Claim("pneumothorax", "absent"),)
    faulty = [
        Proposed("Large mass.", "generated", 0.0),
        Proposed("No pneumothorax.", "retrieved", 1),
    ]
    written = repair(faulty, plan, reader, [RetrievalWriter(bank)])
    assert (written.text, written.dropped) == ("No pneumothorax.", 1)
    assert [s.origin for s in written.sentences] == ["retrieved"]


def test_a_mended_sentence_stands_where_the_other_one_stood(bank, reader):
    plan = (Claim("cardiomegaly", "present"), Claim("pneumothorax", "absent"))
    proposed = [
        Proposed("The heart is normal in size.", "generated", 0.0),
        Proposed("No pneumothorax.", "retrieved", 1.0),
    ]
    written = repair(proposed, plan, reader, [RetrievalWriter(bank)])
    assert [s.origin for s in written.sentences] == ["rewritten", "retrieved"]
    assert written.dropped == 0
    assert written.reason is None


def test_details_that_were_not_planned_are_not_written(bank, reader):
    plan = (Claim("effusion", "present", "pleura", "left"),)
    written = repair([], plan, reader, [RetrievalWriter(bank)])
    assert written.text == "Left pleural effusion."
    side = replace(plan[0], side="right")
    assert repair([], (side,), reader, [RetrievalWriter(bank)]).text == ""
