"""The vision-language model as an extractor: valid rows for any text, images read or refused."""

import shutil

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage

from radkg.errors import ExtractorError
from radkg.extractor import extract_rows, load_extractor
from radkg.model.vision.encoders import FrozenEncoder
from radkg.schema.records import DEVICES, check_extraction
from tests.archive.images.test_pixels import png_header
from tests.extractor.models import REPORT, blind, study, write_image, write_vlm
from tests.model.tiny import COPIED, NAMES

SPANISH = "El corazón es de tamaño normal. No hay derrame pleural."
TEXT = st.lists(
    st.sampled_from([*COPIED, "XXXX", "1.5", "modify ; +", "???", "\n\n", "İ", "Effusion effusion"])
    | st.text(alphabet="abcAB1.,;:()/&-_ \n\t+@?", max_size=30),
    max_size=4,
).map(". ".join)


def shown(row):
    """Return {(words, label)} and {(head, relation, tail)} of what the report states."""
    entities = {(e.text.lower(), e.label) for e in row.entities if e.source == "report"}
    return entities, set(row.list_triplets())


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(TEXT, min_size=1, max_size=3))
def test_whatever_the_report_the_rows_are_valid_and_grounded(random_extractor, reports):
    studies = [study(report, study_id=f"S{i}") for i, report in enumerate(reports)]
    rows = extract_rows(random_extractor, studies)
    assert [row.study_id for row in rows] == [s.study_id for s in studies]
    for one, row in zip(studies, rows, strict=True):
        check_extraction(row, one.report)
        assert row.status in ("ok", "empty")
        assert row.condition == "report"
        ends = [(r.head, r.tail, r.relation) for r in row.relations]
        assert len(set(ends)) == len(ends)


@pytest.fixture(scope="module")
def random_extractor(random_directory):
    return load_extractor(str(random_directory))


@pytest.fixture(scope="module")
def text_extractor(reading):
    return load_extractor(str(reading))


@pytest.fixture(scope="module", params=["seeing", "looking"])
def both(request):
    return load_extractor(str(request.getfixturevalue(request.param)))


@pytest.fixture(scope="module")
def image_extractor(both):
    return both.choose_condition("image")


def test_what_was_learnt_is_read(text_extractor):
    (row,) = extract_rows(text_extractor, [study(REPORT)])
    assert row.status == "ok"
    entities, triplets = shown(row)
    assert entities == {
        ("small", "OBS-DP"),
        ("left", "ANAT-DP"),
        ("effusion", "OBS-DP"),
        ("effusion", "OBS-DA"),
        ("mild", "OBS-DP"),
        ("cardiomegaly", "OBS-DP"),
        ("edema", "OBS-DA"),
    }
    assert triplets == {
        ("small", "modify", "effusion"),
        ("left", "modify", "effusion"),
        ("Mild", "modify", "cardiomegaly"),
    }
    assert all(0.5 < e.confidence <= 1 for e in row.entities)
    assert all(e.section == "findings" for e in row.entities)


def test_one_sentence_is_one_reading_in_every_study(text_extractor, both):
    reports = ["No effusion. Clear lungs.", "Clear lungs.", "No effusion. No effusion."]
    studies = [study(r, study_id=f"S{i}") for i, r in enumerate(reports)]
    rows = text_extractor(studies)
    alone = [row for one in studies for row in load_again(text_extractor)([one])]
    for row, single in zip(rows, alone, strict=True):
        assert shown(row) == shown(single)
        assert row.relations == pytest.approx(single.relations) or len(row.relations) > 0
    assert len(rows[2].entities) == 2


def load_again(extractor):
    return extractor.choose_condition(extractor.condition)


def test_a_study_without_text_is_empty(text_extractor):
    rows = extract_rows(text_extractor, [study(""), study("...", study_id="S2")])
    assert [row.status for row in rows] == ["empty", "empty"]
    assert text_extractor([]) == []


def test_a_row_says_what_was_read(both, image_extractor, image_files):
    studies = [
        study(REPORT, image_files[0], study_id="seen"),
        study(REPORT, None, study_id="not at hand"),
        study(REPORT, study_id="text"),
        study("", *image_files, study_id="three views"),
    ]
    rows = extract_rows(both, studies)
    assert [row.condition for row in rows] == ["image+report", "report", "report", "image+report"]
    for row in rows[:3]:
        assert ("effusion", "OBS-DP") in shown(row)[0]
    assert {e.source for e in rows[1].entities} == {"report"}
    report_only = extract_rows(both.choose_condition("report"), studies)
    assert {row.condition for row in report_only} == {"report"}
    assert shown(rows[1]) == shown(report_only[1])

    rows = extract_rows(image_extractor, studies)
    assert [row.status == "failed" for row in rows] == [False, True, True, False]
    assert {row.condition for row in rows} == {"image"}
    for row in rows[1:3]:
        assert "has no image at hand: give --images" in row.reason
    for row in (rows[0], rows[3]):
        assert all(e.source == "image" and e.start is e.end is None for e in row.entities)
        assert {e.text for e in row.entities} <= set(NAMES)


def test_entities_of_the_image_stand_behind_those_of_the_report(both, image_extractor, image_files):
    one = study(REPORT, *image_files)
    (row,) = extract_rows(both, [one])
    (image,) = extract_rows(image_extractor, [one])
    count = len(row.entities) - len(image.entities)
    assert [(e.text, e.label) for e in row.entities[count:]] == [
        (e.text, e.label) for e in image.entities
    ]
    assert {e.source for e in row.entities[:count]} == {"report"}
    own = [(r.head, r.tail) for r in row.relations if r.head >= count or r.tail >= count]
    assert own == [(r.head + count, r.tail + count) for r in image.relations]


def bad_images(folder):
    """Yield name, file and the words of the reason."""
    PilImage.new("L", (1, 1)).save(folder / "one.png")
    yield folder / "one.png", "less than 16 a side"
    write_image(folder / "whole.png")
    data = (folder / "whole.png").read_bytes()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    yield folder / "cut.png", "is damaged"
    yield png_header(folder / "huge.png", 10_000, 10_000), "more than 64 million"
    (folder / "text.png").write_text("no image")
    yield folder / "text.png", "no JPEG, PNG or DICOM"
    yield folder / "absent.png", "No such file"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("condition", ["image", "image+report"])
def test_an_image_that_cannot_be_read_is_a_failed_row(
    both, image_extractor, image_files, tmp_path, condition
):
    extractor = image_extractor if condition == "image" else both
    bad = list(bad_images(tmp_path))
    studies = [study(REPORT, path, study_id=path.stem) for path, _ in bad]
    rows = extract_rows(
        extractor, [*studies, study("Clear lungs", image_files[0], study_id="good")]
    )
    for row, (path, reason) in zip(rows, bad, strict=False):
        assert row.status == "failed"
        assert row.condition == condition
        assert reason in row.reason
        assert str(path) in row.reason
    assert rows[-1].status in ("ok", "empty")


@pytest.mark.parametrize("encoder", ["vision", "imagenet"])
def test_a_study_whose_image_says_nothing_is_empty_with_the_reason(encoder, image_files, tmp_path):
    directory = write_vlm(tmp_path / "model", encoder=encoder, sure_threshold=1.0)
    extractor = load_extractor(str(directory), "image")
    (row,) = extract_rows(extractor, [study("", image_files[0])])
    assert (row.status, row.entities) == ("empty", ())
    assert "in the image" in row.reason


def test_an_image_that_is_no_radiograph_leaves_the_report(seeing, image_files, tmp_path):
    directory = shutil.copytree(seeing, tmp_path / "model")
    blind(directory / "vision")
    one = study(REPORT, image_files[0])
    (row,) = extract_rows(load_extractor(str(directory)), [one])
    (report,) = extract_rows(load_extractor(str(directory), "report"), [one])
    assert (row.status, row.condition, row.entities) == ("ok", "report", report.entities)
    assert "no image of study S1 looks like a frontal chest radiograph" in row.reason


def test_images_of_every_depth_and_colour_are_read(image_extractor, tmp_path):
    write_image(tmp_path / "grey.png")
    grey = PilImage.open(tmp_path / "grey.png")
    grey.convert("CMYK").save(tmp_path / "cmyk.jpg")
    grey.convert("I;16").point(lambda v: v * 256).save(tmp_path / "deep.png")
    found = [study("", p, study_id=p.stem) for p in sorted(tmp_path.iterdir())]
    assert [row.status in ("ok", "empty") for row in extract_rows(image_extractor, found)] == [
        True
    ] * 3


def test_a_report_in_another_language_costs_itself_alone(text_extractor, both, image_files):
    for extractor in (text_extractor, both):
        studies = [
            study(SPANISH, image_files[0], study_id="es"),
            study("No effusion", study_id="en"),
        ]
        spanish, english = extract_rows(extractor, studies)
        assert spanish.status == "failed"
        assert "not in English (" in spanish.reason
        assert "corazón" not in spanish.reason
        assert english.status == "ok"
    with pytest.raises(ExtractorError, match="not in English"):
        text_extractor.read_codes([study(SPANISH)])


def test_codes_of_reports(text_extractor):
    reports = ["There is a small left effusion. No effusion.", "No effusion.", ""]
    one, two, three = text_extractor.read_codes([study(r) for r in reports])
    assert [t for t, _ in one.triplets] == [
        ("effusion", "located_at", "pleura"),
        ("left", "modify", "effusion"),
    ]
    assert [name for name, _ in one.findings] == ["effusion"]
    assert two.findings == three.findings == two.triplets == ()
    assert all(0.5 < confidence <= 1 for _, confidence in (*one.findings, *one.triplets))


def test_codes_of_images(both, image_extractor, image_files):
    seen = study(REPORT, *image_files[:2])
    (codes,) = image_extractor.read_codes([seen])
    assert {name for name, _ in codes.findings} <= set(NAMES)
    assert image_extractor.read_codes([seen]) == [codes]
    with pytest.raises(ExtractorError, match="no image at hand"):
        image_extractor.read_codes([study(REPORT)])
    with_image, without = both.read_codes([seen, study(REPORT, study_id="S2")])
    assert all(0 <= c <= 1 for _, c in (*with_image.findings, *with_image.triplets))
    (text,) = both.choose_condition("report").read_codes([study(REPORT)])
    assert [t for t, _ in without.triplets] == [t for t, _ in text.triplets]


def test_thresholds_of_the_settings_are_kept(reading, tmp_path):
    import json

    directory = shutil.copytree(reading, tmp_path / "model")
    values = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps(values | {"report_threshold": 1.1}))
    (codes,) = load_extractor(str(directory)).read_codes([study(REPORT)])
    assert codes.findings == codes.triplets == ()


def test_the_lexicon_names_what_the_model_found(text_extractor):
    (row,) = text_extractor([study("Opacity of 1.5 cm at the left base. Clear lungs.")])
    concepts = {e.text: e.concept for e in row.entities}
    assert concepts["Opacity"] == "opacity"
    assert concepts["lungs"] == "lung"


def test_images_of_many_studies_are_encoded_at_once_on_a_gpu(seeing, image_files, monkeypatch):
    """Where there is no GPU the extractor of one computes here, in the same batches."""
    batches = []
    encode_squares = FrozenEncoder.encode_squares

    def counted(encoder, squares):
        batches.append(len(squares))
        return encode_squares(encoder, squares)

    monkeypatch.setattr(FrozenEncoder, "encode_squares", counted)
    studies = [study("", *image_files[: 1 + i % 3], study_id=f"S{i}") for i in range(6)]
    studies.insert(2, study(REPORT, study_id="without"))
    one, many = (load_extractor(str(seeing), device=d)._prefixes(studies) for d in DEVICES)
    assert batches == [1, 2, 3, 1, 2, 3, 12]
    assert one[2] is many[2] is None
    for alone, beside in zip(one[:2] + one[3:], many[:2] + many[3:], strict=True):
        assert torch.allclose(alone, beside, atol=1e-4)


def test_a_study_on_the_cpu_is_the_same_bits_whatever_is_read_beside_it(both, image_files):
    """Its confidences are published: a batch of several studies would change their last bits."""
    studies = [study(REPORT, *image_files[: 1 + i % 3], study_id=f"S{i}") for i in range(6)]
    together = both._prefixes(studies)
    for one, prefix in zip(studies, together, strict=True):
        (alone,) = both._prefixes([one])
        assert torch.equal(alone, prefix)
