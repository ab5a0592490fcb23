import json
import os
from collections import Counter
from pathlib import Path

import pytest

from radkg.archive import open_archive
from radkg.errors import SchemaError
from radkg.gold.codes import parse_gold

DATA = Path(os.environ.get("RADKG_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="module")
def golds():
    archive = open_archive("openi")
    codes = archive.read_codes(archive.index().to_pylist())
    return {study_id: parse_gold(majors) for study_id, majors in codes.items()}


def test_the_counts_of_the_collection(golds):
    triplets = [triplet for g in golds.values() for triplet in g.triplets]
    assert len(golds) == 3955
    assert len(triplets) == 10_860
    assert Counter(relation for _, relation, _ in triplets) == {
        "located_at": 5853,
        "modify": 5007,
    }
    assert len(set(triplets)) == 917
    assert sum(bool(g.triplets) for g in golds.values()) == 2393
    assert max(len(g.triplets) for g in golds.values()) == 24


def test_the_kinds_of_reports(golds):
    coded = [g for g in golds.values() if g.usable and not g.normal]
    assert sum(g.normal for g in golds.values()) == 1391
    assert sum(not g.usable for g in golds.values()) == 95
    assert len(coded) == 2469
    assert sum(bool(g.entities) and not g.triplets for g in coded) == 70
    assert sum(not g.entities for g in coded) == 6


def test_the_names(golds):
    entities = {entity for g in golds.values() for entity in g.entities}
    assert len({name for name, _ in entities}) == 180
    assert Counter(label for _, label in entities) == {"OBS-DP": 117, "ANAT-DP": 64}
    frequent = Counter(t for g in golds.values() for t in g.triplets)
    assert frequent["hypoinflation", "located_at", "lung"] == 291
    assert frequent["degenerative", "located_at", "thoracic vertebrae"] == 259
    assert frequent["left", "modify", "base"] == 171


def test_the_manifest_holds_the_same_triplets(golds):
    path = DATA / "openi" / "manifest.jsonl"
    if not path.exists():
        pytest.skip(f"no {path}: name a folder with openi/manifest.jsonl in RADKG_TEST_DATA")
    compared = set()
    for line in path.read_text().splitlines():
        known = json.loads(line)
        found = golds[known["uid"]]
        assert found.triplets == {tuple(triplet) for triplet in known["triplets"]}, known["uid"]
        assert {name for name, _ in found.entities} == set(known["entities"]), known["uid"]
        assert known["status"] == (
            "normal" if found.normal else "coded" if found.usable else "not coded"
        )
        compared.add(known["uid"])
    assert len(compared) == 3666


@pytest.mark.parametrize(
    ("codes", "triplets"),
    [
        (["normal"], set()),
        (["Technical Quality of Image Unsatisfactory "], set()),
        (["Cardiomegaly"], set()),
        (["Cardiomegaly/mild"], {("mild", "modify", "cardiomegaly")}),
        (
            ["Pleural Effusion/left"],
            {("effusion", "located_at", "pleural"), ("left", "modify", "pleural")},
        ),
        (
            ["Opacity/lung/base/right/patchy"],
            {
                ("opacity", "located_at", "base"),
                ("right", "modify", "base"),
                ("patchy", "modify", "opacity"),
            },
        ),
        (["Opacity/lung"], {("opacity", "located_at", "lung")}),
        (
            ["Pulmonary Atelectasis/right/mild"],
            {("atelectasis", "located_at", "right"), ("mild", "modify", "atelectasis")},
        ),
        (
            ["Aorta/tortuous/mild"],
            {("tortuous", "located_at", "aorta"), ("mild", "modify", "tortuous")},
        ),
        (["Aorta/mild"], {("mild", "located_at", "aorta")}),
        (["Aorta"], set()),
        (
            ["Cardiac Shadow/enlarged/borderline"],
            {
                ("enlarged", "located_at", "cardiac silhouette"),
                ("borderline", "modify", "enlarged"),
            },
        ),
        (["Cardiac Shadow/borderline"], {("borderline", "located_at", "cardiac silhouette")}),
        (
            ["Pulmonary Artery/hilum/prominent"],
            {
                ("hilum", "modify", "pulmonary artery"),
                ("prominent", "located_at", "pulmonary artery"),
            },
        ),
        (
            ["Markings/lung/interstitial", "Markings/lung/interstitial"],
            {("markings", "located_at", "lung"), ("interstitial", "modify", "markings")},
        ),
    ],
)
def test_the_rules(codes, triplets):
    assert parse_gold(codes).triplets == triplets


def test_normal_beside_a_finding_is_no_true_negative():
    found = parse_gold(["normal", "Cardiomegaly"])
    assert (found.usable, found.normal) == (True, False)
    assert found.observations == {"cardiomegaly"}


def test_without_codes_a_report_is_not_usable():
    assert not parse_gold([]).usable
    assert not parse_gold(["No Indexing"]).usable


def test_an_anatomy_alone_is_an_entity():
    assert parse_gold(["Aorta"]).entities == {("aorta", "ANAT-DP")}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Wings/left", "MeSH head 'Wings' is not in codes.csv"),
        ("Opacity/purple", "MeSH qualifier 'purple' is not in codes.csv"),
        ("left/Opacity", "MeSH head 'left'"),
    ],
)
def test_an_unknown_term_is_refused(code, message):
    with pytest.raises(SchemaError, match=message):
        parse_gold([code])
