"""What the models learn from: codes that go to the sentence that says them, on invented studies
and on the reports in the installed wheel."""

import subprocess
import sys

import pytest

from radkg.errors import ArchiveError
from radkg.gold.annotated import is_kept_out
from radkg.gold.coded import CodedStudies, load_coded_studies
from radkg.gold.codes import parse_gold
from radkg.gold.filing import Filing, fit_filing, list_gold_findings, list_gold_triplets
from radkg.rules import RulesExtractor
from radkg.schema.linearize import ground, list_triplets, parse
from radkg.schema.records import Image, Section, Study
from radkg.train.labelled import read_labelled_sentences
from radkg.train.silver import label_sentences, list_training_sentences
from radkg.train.supervision import (
    MAX_REPEATS,
    align,
    collect_vocabulary,
    make_codes_examples,
    make_copy_examples,
    make_image_examples,
    split_held_out,
)
from tests.support.archives.openi import make_xml, write_tar
from tests.support.runs.demo_run import user_environment

FILING = Filing(
    classes=frozenset({"cardiomegaly", "opacity"}),
    doubted=frozenset(),
    implied_sites={},
    statements=frozenset(),
    vocabulary=frozenset(),
)
EFFUSION = ("effusion", "located_at", "pleura")


def study(report, study_id="S1", images=()):
    found = tuple(Image(name) for name in images)
    section = Section("findings", 0, len(report))
    return Study(study_id, "P1", "invented", None, report, (section,), found, "train", "f")


def aligned(report, *codes):
    """Return {sentence: (triplets, names)}."""
    found = {}
    for sentence, output in align(study(report), parse_gold(codes), FILING):
        items = parse(output, "codes")
        alone = [" ".join(item.head.words) for item in items if not item.links]
        found[sentence] = (list_triplets(items), alone)
    return found


def test_a_code_goes_to_the_sentence_that_says_it():
    assert aligned(
        "The heart is enlarged. There is a pleural effusion. No pneumothorax.",
        "Cardiomegaly",
        "Pleural Effusion",
    ) == {
        "The heart is enlarged": ([], ["cardiomegaly"]),
        "There is a pleural effusion": ([EFFUSION], []),
        "No pneumothorax": ([], []),
    }


def test_what_was_not_coded_is_not_learnt():
    report = "The heart is enlarged. There is a pleural effusion."
    assert aligned(report, "normal") == {
        "The heart is enlarged": ([], []),
        "There is a pleural effusion": ([], []),
    }


def test_a_triplet_that_no_sentence_yields_goes_where_its_finding_stands():
    found = aligned("Opacity. Clear bones.", "Opacity/lung/base/left")
    assert set(found["Opacity"][0]) == list_gold_triplets(parse_gold(["Opacity/lung/base/left"]))
    assert found["Clear bones"] == ([], [])


def test_a_code_that_no_sentence_says_is_left_out():
    assert aligned("Stable appearance.", "Pleural Effusion") == {"Stable appearance": ([], [])}
    assert align(study(""), parse_gold(["Cardiomegaly"]), FILING) == []


def coded(*pairs):
    found = [study(report, f"S{i}", [f"i{i}"]) for i, (report, _) in enumerate(pairs)]
    return CodedStudies(tuple(found), tuple(parse_gold(codes) for _, codes in pairs))


def test_a_sentence_that_all_say_is_not_all_there_is():
    part = coded(*[("Clear lungs.", ["normal"])] * (MAX_REPEATS + 5))
    assert len(make_codes_examples(part, 0, seed=0)) == MAX_REPEATS


def test_images_come_with_all_codes_of_their_study():
    part = coded(("Clear.", ["Pleural Effusion", "Cardiomegaly"]), ("Clear.", ["normal"]))
    one, two = make_image_examples(part, ["i0", "i1", "other"])
    assert (one.sentence, one.image_ids) == ("", ("i0",))
    assert one.output == "cardiomegaly ; effusion located_at pleura"
    assert (two.output, two.image_ids) == ("", ("i1",))
    assert make_image_examples(part, []) == []
    with_image = [e for e in make_codes_examples(part, 0, 0, known_images=["i1"]) if e.image_ids]
    assert [e.image_ids for e in with_image] == [("i1",)]


def test_studies_without_usable_codes_teach_nothing(tmp_path):
    members = {
        f"{n}.xml": make_xml(n, codes=codes)
        for n, codes in enumerate([("normal",), ("No Indexing",), ("Cardiomegaly",), ()], 1)
    }
    uri = str(write_tar(tmp_path / "a.tgz", members))
    found = [
        s for split in ("train", "val", "test") for s in load_coded_studies(uri, split).studies
    ]
    assert {s.study_id for s in found} == {"CXR1", "CXR3"}


def test_an_archive_that_is_none_is_named(tmp_path):
    with pytest.raises(ArchiveError, match="absent"):
        load_coded_studies(str(tmp_path / "absent"), "train")


@pytest.fixture(scope="module")
def wheel():
    return load_coded_studies("openi", "train")


@pytest.fixture(scope="module")
def parts(wheel):
    return split_held_out(wheel)


def test_the_hold_out_has_no_text_of_the_training_part(wheel, parts):
    train, chosen = parts
    assert len(train) + len(chosen) == len(wheel)
    assert 0.07 < len(chosen) / len(wheel) < 0.13
    read = ("findings", "impression")
    texts = [
        {
            " ".join(s.report[p.start : p.end] for p in s.sections if p.name in read).lower()
            for s in part.studies
        }
        for part in parts
    ]
    assert not texts[0] & (texts[1] - {""})
    assert {s.split for s in wheel.studies} == {"train"}


def test_nearly_all_training_triplets_stand_with_a_sentence(parts):
    train, _ = parts
    filing = fit_filing(RulesExtractor()(train.studies), train.golds)
    there = wanted = 0
    for one, codes in zip(train.studies, train.golds, strict=True):
        triplets = list_gold_triplets(codes)
        found = set()
        for _, output in align(one, codes, filing):
            found.update(list_triplets(parse(output, "codes")))
        assert found <= triplets
        there += len(found)
        wanted += len(triplets)
    assert wanted > 7000
    assert there / wanted >= 0.97


def test_the_vocabulary_covers_every_output(parts):
    train = parts[0].choose(range(600))
    names = set(collect_vocabulary(train))
    examples = make_codes_examples(train, 50, seed=1)
    assert len(examples) > 2000
    used = set()
    for example in {e.output: e for e in examples}.values():
        for item in parse(example.output, "codes"):
            used |= {" ".join(end.words) for end in (item.head, *(t for _, t in item.links))}
    assert used <= names
    for codes in train.golds:
        assert list_gold_findings(codes) <= names
    assert list(collect_vocabulary(train)) == sorted(names)


def read_by_rules(sentences):
    return label_sentences(sentences, only_stated=False)


def test_copied_examples_ground_in_their_sentence(parts):
    others = list_training_sentences(parts[0].choose(range(150)).studies)
    annotated = read_labelled_sentences()[:100]
    examples = make_copy_examples(annotated, read_by_rules(others), 100, seed=1)
    assert len(examples) > 400
    assert {e.target for e in examples} == {"copy"}
    for example in examples:
        ground(example.sentence, parse(example.output, "copy"))
    assert examples == make_copy_examples(annotated, read_by_rules(others), 100, seed=1)
    assert examples != make_copy_examples(annotated, read_by_rules(others), 100, seed=2)
    silver = [e.sentence for e in examples][-len(others) // 2 :]
    assert not any(map(is_kept_out, silver))
    assert not {one.sentence for one in annotated} & set(silver)


DIGEST = """
from tests.train.test_supervision import (
    coded,
    collect_vocabulary,
    make_codes_examples,
    list_training_sentences,
    make_copy_examples,
    read_by_rules,
    read_labelled_sentences,
)
heads = ["Opacity", "Nodule", "Density", "Granuloma", "Infiltrate"]
sites = ["lung/base", "lung/apex", "lung/upper lobe"]
part = coded(*[
    (f"{h}. Clear {number} bones.", [f"{h}/{site}/{side}/small"])
    for number, h in enumerate(heads) for site in sites for side in ("left", "right")
])
annotated = read_labelled_sentences()[:9]
others = list_training_sentences(part.studies)
print(make_codes_examples(part, 20, 1))
print(make_copy_examples(annotated, read_by_rules(others), 20, 1))
print(collect_vocabulary(part))
"""


def test_every_process_makes_the_same_examples():
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            capture_output=True,
            text=True,
            check=True,
            env=user_environment(PYTHONHASHSEED=seed),
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1, digests
