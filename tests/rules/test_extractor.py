import dataclasses
import pickle
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import radkg
from radkg.archive import open_archive
from radkg.rules import RulesExtractor
from radkg.rules import extractor as extractor_module
from radkg.schema.records import Section, check_extraction
from tests.rules.reading import study

REPORT = """INDICATION: Rule out pneumonia.
FINDINGS: Mild cardiomegaly. No pleural effusion.
IMPRESSION: 1. Stable left basilar opacity, likely atelectasis.
"""
SECTIONS = [
    ("indication", "Rule out pneumonia."),
    ("findings", "Mild cardiomegaly. No pleural effusion."),
    ("impression", "1. Stable left basilar opacity, likely atelectasis."),
]


@pytest.fixture(scope="module")
def wheel():
    archive = open_archive("openi")
    return list(archive.read(archive.index().to_pylist()))


def extract(report, sections=None):
    (extraction,) = RulesExtractor()([study(report, sections)])
    return extraction


def test_a_whole_extraction():
    extraction = check_extraction(extract(REPORT, SECTIONS), REPORT)
    assert [(e.text, e.label, e.concept, e.section) for e in extraction.entities] == [
        ("Mild", "OBS-DP", "mild", "findings"),
        ("cardiomegaly", "OBS-DP", "cardiomegaly", "findings"),
        ("pleural", "ANAT-DP", "pleural", "findings"),
        ("effusion", "OBS-DA", "effusion", "findings"),
        ("Stable", "OBS-DP", "stable", "impression"),
        ("left", "ANAT-DP", "left", "impression"),
        ("basilar", "ANAT-DP", "base", "impression"),
        ("opacity", "OBS-DP", "opacity", "impression"),
        ("atelectasis", "OBS-U", "atelectasis", "impression"),
    ]
    assert set(extraction.list_triplets()) == {
        ("Mild", "modify", "cardiomegaly"),
        ("effusion", "located_at", "pleural"),
        ("Stable", "modify", "opacity"),
        ("opacity", "located_at", "basilar"),
        ("left", "modify", "basilar"),
        ("opacity", "suggestive_of", "atelectasis"),
    }
    assert extraction.status == "ok"
    assert (extraction.extractor, extraction.condition) == ("rules", "report")
    assert (extraction.study_fingerprint, extraction.radkg_version) == ("f00d", radkg.__version__)
    assert {e.source for e in extraction.entities} == {"report"}


def test_the_history_is_never_read():
    report = "INDICATION: pneumonia\nHISTORY: effusion\n"
    extraction = extract(report, [("indication", "pneumonia"), ("history", "effusion")])
    assert (extraction.status, extraction.entities, extraction.relations) == ("empty", (), ())


def test_without_findings_and_impression_the_other_sections_are_read():
    report = "INDICATION: pneumonia\nLAST: mild edema\n"
    extraction = extract(report, [("indication", "pneumonia"), ("last_paragraph", "mild edema")])
    assert [(e.text, e.section) for e in extraction.entities] == [
        ("mild", "last_paragraph"),
        ("edema", "last_paragraph"),
    ]


def test_without_sections_the_whole_report_is_read():
    assert [e.text for e in extract("Mild edema.").entities] == ["Mild", "edema"]


@pytest.mark.parametrize("report", ["", " \n", "Nothing of note here.", "XXXX XXXX."])
def test_a_report_without_entities_is_empty(report):
    assert extract(report).status == "empty"


def test_what_only_compares_or_titles_is_no_entity():
    assert extract("Portable chest. CT is more sensitive. Both were seen.").status == "empty"


def test_masks_are_part_of_no_entity():
    assert [e.text for e in extract("Left basilar XXXX in place. ___ effusion.").entities] == [
        "Left",
        "basilar",
        "effusion",
    ]


def test_no_mention_is_related_to_itself_or_found_twice(wheel):
    for extraction in RulesExtractor()(wheel[:400]):
        assert all(relation.head != relation.tail for relation in extraction.relations)
        places = [(entity.start, entity.end) for entity in extraction.entities]
        assert len(set(places)) == len(places)


def test_order_and_number_are_kept():
    studies = [study("Mild edema.", study_id=f"S{i}") for i in range(5)]
    assert [e.study_id for e in RulesExtractor()(studies)] == ["S0", "S1", "S2", "S3", "S4"]
    assert RulesExtractor()([]) == []


def test_the_cached_path_equals_the_uncached_one(wheel):
    cached, uncached = RulesExtractor(), RulesExtractor(cache_size=0)
    first = cached(wheel)
    assert first == uncached(wheel)
    assert first == cached(wheel)


def test_a_full_cache_changes_nothing(wheel):
    assert RulesExtractor(cache_size=3)(wheel[:50]) == RulesExtractor()(wheel[:50])


def test_every_report_of_the_archive_gives_a_valid_extraction(wheel):
    extractions = RulesExtractor()(wheel)
    for one, extraction in zip(wheel, extractions, strict=True):
        check_extraction(extraction, one.report)
        spans = {section.name: section for section in one.sections}
        for entity in extraction.entities:
            section = spans[entity.section]
            assert section.start <= entity.start < entity.end <= section.end
    assert sum(extraction.status == "ok" for extraction in extractions) > 3900


def test_it_travels_to_workers():
    extractor = RulesExtractor(cache_size=7)
    again = pickle.loads(pickle.dumps(extractor))
    assert (again.cache_size, again.model_id) == (7, extractor.model_id)
    assert again([study("Mild edema.")]) == extractor([study("Mild edema.")])


def test_the_model_id_follows_the_rules_and_the_lists(tmp_path, monkeypatch):
    before = RulesExtractor().model_id
    assert len(before) == 16
    assert int(before, 16) >= 0
    (tmp_path / "lexicon.csv").write_text("phrase,kind,concept\n")
    monkeypatch.setattr(extractor_module, "DATA", tmp_path)
    assert RulesExtractor().model_id != before


def test_importing_reads_no_file():
    code = (
        "import builtins, io, pathlib\n"
        "import radkg.schema.records\n"
        "def refuse(self, *a, **k): raise AssertionError(self)\n"
        "pathlib.Path.open = pathlib.Path.read_bytes = refuse\n"
        "import radkg.rules.extractor\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "report",
    [
        "\0" * 100_000,
        "," * 100_000,
        "opacity" * 20_000,
        "opacity base " * 10_000,
        "no opacity, " * 10_000,
        "opacity or opacity in base or " * 4_000,
        "mild " * 20_000,
        "1." * 50_000,
        "Mild left basilar atelectasis. " * 34_000,
    ],
    ids=lambda report: report[:12] + "...",
)
def test_hostile_text_is_read_to_its_end(report):
    extraction = check_extraction(extract(report), report)
    assert len(extraction.relations) <= 12 * (report.count(" ") + 1)  # no list joins all with all


FRAGMENTS = st.sampled_from(
    "no,not,without,possible,may represent,cannot exclude,resolved,but,and,or,/,in,the,is,with,"
    "mild,left,bibasilar,lung,base,heart,opacity,effusion,nodules,enlarged,normal,clear,XXXX,___,"
    "history of,.,;,\n,\0,é,İ,1.5,5th rib".replace(",.", ",.,,").split(",")
)


@given(st.lists(FRAGMENTS, max_size=60).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_any_words_give_a_valid_extraction(report):
    check_extraction(extract(report), report)


@given(st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_a_valid_extraction(report):
    check_extraction(extract(report), report)


@given(st.text(max_size=100), st.text(max_size=100))
@settings(deadline=None)
def test_sections_bound_what_is_read(before, after):
    report = f"{before}\nMild edema.\n{after}"
    start = len(before) + 1
    findings = Section("findings", start, start + len("Mild edema."))
    one = dataclasses.replace(study(report), sections=(findings,))
    (extraction,) = RulesExtractor()([one])
    assert [e.text for e in extraction.entities] == ["Mild", "edema"]
