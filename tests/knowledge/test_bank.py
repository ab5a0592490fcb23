"""Visual tokens of training images, and the adapter that makes them."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from radkg.archive.images.pixels import read_radiograph
from radkg.errors import KnowledgeError
from radkg.knowledge.bank import TOKENS_A_LABEL, choose_cells
from radkg.knowledge.building import BuildSettings, build_knowledge, is_up_to_date
from radkg.knowledge.cells import ShownCell, find_shown_cells
from radkg.knowledge.labels import LabelledImage, label_images
from radkg.knowledge.members import find_members
from radkg.knowledge.records import BANK
from radkg.knowledge.store import ADAPTER, check_tower, load_knowledge
from radkg.model.checkpoint import read_config
from radkg.model.vision.encoders import load_encoder
from radkg.model.vision.eye import load_eye, normalise_cells
from radkg.model.vision.token_adapter import load_adapter
from tests.support.runs.knowledge import (
    TEST,
    TRAINING,
    publish_rows,
    publish_run,
    write_eye,
    write_images,
)
from tests.support.runs.rows import row

WIDTH = 8


@pytest.fixture
def settings(tmp_path):
    images, eye = write_images(tmp_path / "images"), write_eye(tmp_path / "eye")
    return BuildSettings(images=str(images), eye=eye, token_width=WIDTH)


def build(run, directory, settings):
    build_knowledge(run, directory, settings)
    return load_knowledge(directory)


def cell(study, rank=0, activation=1.0, logit=0.0, label="effusion", image=""):
    image = LabelledImage(image or f"{study}-1", study, "place", (label,), False)
    return ShownCell(image, label, rank, 7, activation, logit, rank, torch.zeros(1))


def test_tokens_are_cells_of_training_images_that_show_what_was_filed(tmp_path, settings):
    knowledge = build(publish_run(tmp_path), tmp_path / "k", settings)
    rows, facts = knowledge.bank.to_pylist(), knowledge.facts["bank"]
    assert knowledge.bank.schema.equals(BANK)
    assert f"CXR{TEST}" not in {r["study_id"] for r in rows}
    filed = {"CXR2": {"effusion", "cardiomegaly"}, "CXR3": {"cardiomegaly"}}
    for one in rows:
        assert one["label"] in filed.get(one["study_id"], {"effusion"})
        assert 0.75 < one["activation"] <= 1
        assert one["image_id"] == f"{one['study_id']}_IM-1"
        assert len(one["token"]) == WIDTH
        left, top, right, bottom = one["box"]
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
    assert max(Counter((r["image_id"], r["label"]) for r in rows).values()) <= 6
    assert facts["labels_from"] == "human codes"
    assert facts["labels_left_out"] == {"opacity": "the eye does not read it"}
    assert facts["tokens"] == len(rows) == sum(n["tokens"] for n in facts["labels"].values())
    check_tower(knowledge, load_encoder(str(settings.eye)).encoder_id)
    with pytest.raises(KnowledgeError, match="build the knowledge graph again with that --eye"):
        check_tower(knowledge, load_encoder(str(write_eye(tmp_path / "b", seed=1))).encoder_id)


def test_the_saved_adapter_makes_the_tokens_of_the_bank(tmp_path, settings):
    knowledge = build(publish_run(tmp_path), tmp_path / "k", settings)
    adapter = load_adapter(tmp_path / "k" / ADAPTER)
    eye, config = load_eye(settings.eye, read_config(settings.eye))
    for one in knowledge.bank.to_pylist()[:5]:
        pixels = read_radiograph(f"{settings.images}/{one['image_id']}.png")
        square = config.preprocessing.make_square(pixels)
        with torch.no_grad():
            cells = normalise_cells(eye.tower.compute_feature_maps(square[None]))[0]
        left, top = (round(3 * share) for share in one["box"][:2])
        made = adapter(cells[3 * top + left])  # of 3 x 3 cells
        assert torch.allclose(made, torch.tensor(one["token"]), atol=1e-4)
    (tmp_path / "k" / ADAPTER).write_bytes(b"")
    with pytest.raises(KnowledgeError, match="no adapter of visual tokens"):
        load_adapter(tmp_path / "k" / ADAPTER)
    with pytest.raises(KnowledgeError, match="was changed after it was written"):
        load_knowledge(tmp_path / "k")


def test_equal_images_give_equal_bytes_and_the_settings_are_known(tmp_path, settings):
    run = publish_run(tmp_path)
    for name in ("a", "b"):
        build(run, tmp_path / name, settings)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert is_up_to_date(run, tmp_path / "a", settings)
    other = BuildSettings(images=settings.images, eye=settings.eye, token_width=WIDTH + 1)
    assert not is_up_to_date(run, tmp_path / "a", other)
    write_eye(settings.eye, unlike_limit=9.0)  # the same tower in another eye
    assert not is_up_to_date(run, tmp_path / "a", settings)
    assert not is_up_to_date(run, tmp_path / "a", BuildSettings())


def test_an_archive_without_human_codes_has_the_present_findings_of_its_reports(tmp_path, settings):
    table = tmp_path / "reports.csv"
    images = {
        n: str(write_images(tmp_path / "images", (n,)) / f"CXR{n}_IM-1.png") for n in TRAINING
    }
    lines = [f"s{n},Small effusion number {n}.,{place}" for n, place in images.items()]
    table.write_text("\n".join(["study_id,report,image", *lines]) + "\n")
    denies = row("s2", entities=(row("s").entities[3],), relations=())
    rows = [denies if n == 2 else row(f"s{n}") for n in TRAINING]
    knowledge = build(publish_rows(tmp_path / "out", table, rows), tmp_path / "k", settings)
    facts = knowledge.facts["bank"]
    assert facts["labels_from"] == "published extraction (silver)"
    assert set(facts["labels"]) == {"effusion"}
    assert "(published extraction (silver))" in facts["labels_left_out"]["cardiomegaly"]
    studies = set(knowledge.bank["study_id"].to_pylist())
    assert studies
    assert "s2" not in studies


def test_images_that_cannot_be_looked_at_are_counted(tmp_path, settings):
    run = publish_run(tmp_path)
    (tmp_path / "images" / "CXR1_IM-1.png").write_bytes(b"\x89PNG broken")
    facts = build(run, tmp_path / "k", settings).facts["bank"]
    assert facts["images_left_out"] == {"unreadable": 1}
    guarded = write_eye(tmp_path / "guarded", unlike_limit=1e-9)
    with pytest.raises(KnowledgeError, match="no visual token"):
        build(run, tmp_path / "g", BuildSettings(images=settings.images, eye=guarded))
    (tmp_path / "none").mkdir()
    with pytest.raises(KnowledgeError, match="0 images have one of the eye's findings"):
        build(run, tmp_path / "g", BuildSettings(images=str(tmp_path / "none"), eye=settings.eye))


def test_what_the_eye_does_not_see_where_it_was_filed_gives_no_token(tmp_path, settings):
    run = publish_run(tmp_path)
    before = build(run, tmp_path / "a", settings).facts["bank"]
    assert before["findings_filed"] >= before["findings_seen"] > 0
    eye, config = load_eye(settings.eye, read_config(settings.eye))
    members = find_members(run, settings.images)
    images = label_images(members, config.findings).images
    cells = list(find_shown_cells(images, eye, config, Counter()))
    least, *_, most = sorted({cell.logit for cell in cells})  # an image gives one to all its cells
    middle = (least + most) / 2
    half = replace(config, finding_threshold=float(torch.sigmoid(torch.tensor(middle))))
    seen = list(find_shown_cells(images, eye, half, Counter()))
    assert 0 < len(seen) < len(cells)
    assert all(cell.logit >= middle - 1e-4 for cell in seen)


def test_the_first_cell_of_every_study_comes_before_a_second_one():
    cells = [cell("s1", rank, 1 - rank / 100) for rank in range(6)]
    cells += [cell("s2", logit=-1.0), cell("s3", logit=2.0), cell("s1", 0, image="s1-2", logit=5)]
    chosen = [(c.image.study_id, c.rank) for c in choose_cells(cells)]
    assert chosen[:4] == [("s1", 0), ("s3", 0), ("s2", 0), ("s1", 0)]
    assert chosen[4:] == [("s1", rank) for rank in range(1, 6)]


def test_a_label_has_no_more_tokens_than_its_share():
    number = TOKENS_A_LABEL - 1
    cells = [cell(f"s{i}", rank) for i in range(number) for rank in range(2)]
    chosen = choose_cells([*cells, cell("t", label="edema")])
    effusions = [c for c in chosen if c.label == "effusion"]
    assert len(effusions) == TOKENS_A_LABEL
    assert len({c.image.study_id for c in effusions}) == number
    assert chosen[0].label == "edema"  # labels stand in order
