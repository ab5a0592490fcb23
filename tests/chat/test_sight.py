"""Vision-language chat models look at images: codes of a closed vocabulary, whatever they say."""

import dataclasses

import numpy as np
import pytest
from PIL import Image as Picture

from radkg.chat import extractor as chat
from radkg.chat import sight
from radkg.chat.codebook import EXAMPLES, CodeBook, read_code_book
from radkg.errors import ExtractorError
from radkg.extractor import extract_rows, load_extractor
from radkg.extractor.base import ChoosesCondition, CountsTokens
from radkg.model.generate.engine_generate import generate_batch
from radkg.model.generate.spec import EngineSpec
from radkg.schema.linearize import parse
from radkg.schema.records import Image, check_extraction
from tests.chat.models import write_chat
from tests.chat.seeing import SEEING, write_seeing_chat
from tests.extractor.models import study

BOOK = CodeBook(
    ("base", "cardiomegaly", "effusion", "left", "opacity", "pleura"),
    ("opacity located_at base", "left modify effusion ; cardiomegaly"),
)


@pytest.fixture(autouse=True)
def few_words(monkeypatch):
    """A small book, and short answers: a model that knows nothing fills them."""
    monkeypatch.setattr(sight, "read_code_book", lambda: BOOK)
    monkeypatch.setattr(chat, "MAX_NEW_TOKENS", 60)


@pytest.fixture
def written(monkeypatch):
    """What the models write, batch by batch."""
    found = []

    def note(*asked):
        found.append(generate_batch(*asked))
        return found[-1]

    monkeypatch.setattr(sight, "generate_batch", note)
    return found


@pytest.fixture
def studies(tmp_path):
    """Two views, one view, none."""
    rng = np.random.default_rng(0)
    images = []
    for name in ("a", "b", "c"):
        path = tmp_path / f"{name}.png"
        Picture.fromarray(rng.integers(0, 255, (200, 180), dtype=np.uint8)).save(path)
        images.append(Image(name, None, str(path)))
    parts = (tuple(images[:2]), (images[2],), ())
    return [
        dataclasses.replace(study("Left effusion.", study_id=f"S{i}"), images=part)
        for i, part in enumerate(parts)
    ]


@pytest.mark.parametrize("architecture", SEEING)
def test_what_is_seen_is_of_the_vocabulary_and_has_the_image_as_source(
    tmp_path, studies, architecture
):
    place = write_seeing_chat(tmp_path / architecture, architecture)
    extractor = load_extractor(f"llm:{place}", "image")
    assert isinstance(extractor, CountsTokens)
    assert isinstance(extractor, ChoosesCondition)
    *seen, blind = extract_rows(extractor, studies)
    for row, one in zip(seen, studies, strict=False):
        assert row.status != "failed", row.reason
        assert row.condition == "image"
        check_extraction(row, one.report)
        assert {entity.text for entity in row.entities} <= set(BOOK.names)
        assert {entity.source for entity in row.entities} <= {"image"}
    assert any(row.entities for row in seen) or architecture != "gemma3"  # the others write on
    assert blind.status == "failed"
    assert "no image at hand" in blind.reason
    both = extractor.choose_condition("image+report")
    rows = extract_rows(both, studies)
    assert [row.condition for row in rows] == ["image+report", "image+report", "report"]
    for row, alone in zip(rows, seen, strict=False):
        of_image = [entity for entity in row.entities if entity.source == "image"]
        assert of_image == list(alone.entities)
    identities = {extractor.model_id, both.model_id, load_extractor(f"llm:{place}").model_id}
    assert len(identities) == 3


@pytest.mark.parametrize("architecture", SEEING)
def test_the_image_decides_and_the_studies_beside_it_do_not(
    tmp_path, studies, architecture, written, monkeypatch
):
    place = write_seeing_chat(tmp_path / "m", architecture)
    reader = load_extractor(f"llm:{place}", "image")._sight
    assert reader.read(studies, 24)[2] is None
    (two,), (one,) = written
    assert two.logprobs != one.logprobs
    swapped = dataclasses.replace(studies[1], images=studies[0].images[:1])
    reader.read([swapped], 24)
    assert written[2][0].logprobs != one.logprobs
    monkeypatch.setitem(sight._STUDIES_AT_ONCE, "cpu", 8)
    load_extractor(f"llm:{place}", "image")._sight.read(studies, 24)
    for together, alone in zip(written[3], (two, one), strict=True):
        assert together.token_ids == alone.token_ids
        assert together.logprobs == pytest.approx(alone.logprobs, abs=1e-4)


def test_a_model_of_text_is_not_asked_for_images(tmp_path, studies):
    place = write_chat(tmp_path / "text")
    with pytest.raises(ExtractorError, match="reads text alone: leave --condition out"):
        load_extractor(f"llm:{place}", "image")
    place = write_seeing_chat(tmp_path / "m", "llava")
    with pytest.raises(ExtractorError, match="vllm reads reports alone"):
        load_extractor(f"llm:{place}", "image", engine=EngineSpec("vllm"))
    extractor = load_extractor(f"llm:{place}", "image")
    extractor._model.max_positions = 100
    (row,) = extract_rows(extractor, studies[:1])
    assert "the model reads 100 tokens at most" in row.reason
    (place / "chat_template.jinja").unlink()
    with pytest.raises(ExtractorError, match="does not say how it is asked about images"):
        load_extractor(f"llm:{place}", "image")


def test_a_template_that_wants_parts_gets_the_question(tmp_path):
    extractor = load_extractor(f"llm:{write_seeing_chat(tmp_path / 'm', 'llava')}")
    language = extractor._model.language
    text = language.tokenizer.decode(
        language.encode_prompt(extractor._make_prompt("No edema", "")), skip_special_tokens=False
    )
    assert text.endswith("Sentence: No edema<|im_end|>\n<|im_start|>assistant\nOutput:")
    place = write_chat(tmp_path / "mute", template="{% for m in messages %}?{% endfor %}")
    with pytest.raises(ExtractorError, match="does not show the question"):
        load_extractor(f"llm:{place}")


def test_the_book_is_of_training_studies():
    book = read_code_book()
    assert len(book.outputs) == EXAMPLES
    question = book.write_question()
    for output in book.outputs:
        for head, links in parse(output, "codes"):
            for end in (head, *(tail for _, tail in links)):
                assert " ".join(end.words) in book.names
        assert output in question
    assert "cardiomegaly" in book.names
