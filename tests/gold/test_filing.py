"""What the coders would file, from invented reports whose codes are invented with them."""

import pytest

from radkg.gold.codes import parse_gold
from radkg.gold.filing import fit_filing, list_gold_findings, list_gold_triplets
from radkg.gold.statements import list_stated_findings, list_statements
from radkg.rules import RulesExtractor
from tests.rules.reading import study


def extract(*reports):
    return RulesExtractor()([study(report, study_id=f"S{i}") for i, report in enumerate(reports)])


def stated(report, implied_sites=None):
    return list_statements(extract(report)[0], implied_sites or {})


@pytest.mark.parametrize(
    ("report", "statement"),
    [
        ("Mild edema.", (("mild", "modify", "edema"), "certain")),
        ("Mild edema.", (("edema", "located_at", "lung"), "implied")),
        ("Left effusion.", (("left", "modify", "pleura"), "implied")),
        ("Left pleural effusion.", (("left", "modify", "pleura"), "certain")),
        ("Possible opacity in the left base.", (("left", "modify", "base"), "doubted")),
        ("Left midlung scarring.", (("scarring", "located_at", "lingula"), "certain")),
        ("Right midlung scarring.", (("right", "modify", "middle lobe"), "certain")),
        ("Nodules.", (("multiple", "modify", "nodule"), "plural")),
        ("Flattened diaphragms.", (("bilateral", "modify", "diaphragm"), "plural")),
        ("Left atelectasis.", (("atelectasis", "located_at", "left"), "certain")),
        ("Pacemaker in the left chest.", (("implanted device", "located_at", "left"), "certain")),
        ("Prominent left hilum.", (("hilum", "modify", "lung"), "certain")),
        ("Borderline heart size.", (("borderline", "modify", "cardiomegaly"), "certain")),
        (
            "Left basilar opacity, likely atelectasis.",
            (("atelectasis", "located_at", "base"), "inherited"),
        ),
        (
            "Calcified left hilar node. Calcified nodule in the left base.",
            (("calcification", "located_at", "base"), "inherited"),
        ),
        (
            "Left base scarring. Right base scarring.",
            (("bilateral", "modify", "base"), "certain"),
        ),
    ],
)
def test_a_statement_and_its_evidence(report, statement):
    assert statement in stated(report)


def test_the_organ_goes_when_a_part_of_it_is_named():
    triplets = {triplet for triplet, _ in stated("Opacity in the lung at the left base.")}
    assert ("opacity", "located_at", "base") in triplets
    assert ("opacity", "located_at", "lung") not in triplets


@pytest.mark.parametrize(
    "report", ["No effusion.", "Normal interstitial markings.", "Clear lungs."]
)
def test_what_is_denied_or_normal_is_not_stated(report):
    assert stated(report) == set()
    assert list_stated_findings(extract(report)[0]) == set()


def test_a_mere_modifier_is_no_finding():
    assert list_stated_findings(extract("Prominent interstitial markings.")[0]) == {
        ("markings", "certain")
    }
    assert ("prominent", "certain") in list_stated_findings(extract("Prominent hila.")[0])


def test_gold_findings_leave_modifiers_out():
    assert list_gold_findings(parse_gold(["Cardiomegaly/mild", "Aorta/tortuous"])) == {
        "cardiomegaly",
        "tortuous",
    }


def test_one_anatomy_has_one_name():
    assert list_gold_triplets(
        parse_gold(["Pulmonary Edema", "Thickening/pleura", "Pleural Effusion"])
    ) == {
        ("edema", "located_at", "lung"),
        ("thickening", "located_at", "pleura"),
        ("effusion", "located_at", "pleura"),
    }


@pytest.fixture(scope="module")
def filing():
    """Thirty invented studies whose coders file doubted atelectasis, and never a doubted mass."""
    reports, codes = [], []
    for _ in range(10):
        reports += ["Possible atelectasis.", "Possible mass.", "Hyperinflation. Mild scarring."]
        codes += [["Pulmonary Atelectasis"], ["normal"], ["Lung/hyperdistention", "Cicatrix"]]
    for _ in range(20):
        reports.append("Atelectasis. Mass.")
        codes.append(["Pulmonary Atelectasis", "Mass"])
    return fit_filing(extract(*reports), [parse_gold(majors) for majors in codes])


def test_classes_are_what_is_filed_often(filing):
    assert filing.classes == {"atelectasis", "mass"}  # hyperdistention: ten studies are too few


def test_doubt_counts_where_the_coders_file_it(filing):
    possible_atelectasis, possible_mass, mass = extract(
        "Possible atelectasis.", "Possible mass.", "Mass."
    )
    assert filing.predict_findings(possible_atelectasis) == {"atelectasis"}
    assert filing.predict_findings(possible_mass) == frozenset()
    assert filing.predict_findings(mass) == {"mass"}


def test_a_site_that_goes_without_saying_is_filed(filing):
    (extraction,) = extract("Hyperinflation.")
    assert filing.predict_triplets(extraction) == {("hyperdistention", "located_at", "lung")}
    assert filing.list_certain_triplets(extraction) == frozenset()


def test_what_the_coders_never_file_is_left_out(filing):
    (extraction,) = extract("Mild scarring.")
    assert filing.predict_triplets(extraction) == frozenset()
