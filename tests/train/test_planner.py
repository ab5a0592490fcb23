"""What a planner learns from training reports: sentences, usual claims, sites, templates."""

from radkg.extractor import load_extractor
from radkg.gold.coded import CodedStudies
from radkg.gold.codes import parse_gold
from radkg.metrics.constant import ConstantBleu
from radkg.metrics.radgraph_f1 import list_related, to_graph
from radkg.metrics.text import compute_bleu
from radkg.reporter.reading import READERS, ClaimReader, make_text_study
from radkg.rules import RulesExtractor
from radkg.schema.drafts import Claim
from radkg.train.planner import collect_sentences, find_sites, fit_usual, list_sided, read_texts
from radkg.train.template import ConstantScorer, drop_degree, find_template, tokenise
from tests.extractor.models import study

NORMAL = "The heart is normal in size. The lungs are clear. No pneumothorax."
LARGE = "Cardiomegaly. The lungs are clear. No pneumothorax."


def make_studies(normal: int, large: int) -> list:
    texts = [NORMAL] * normal + [LARGE] * large
    return [study(text, study_id=f"S{i}") for i, text in enumerate(texts)]


def make_coded(normal: int, large: int) -> CodedStudies:
    golds = [parse_gold(["normal"])] * normal + [parse_gold(["Cardiomegaly/mild"])] * large
    return CodedStudies(tuple(make_studies(normal, large)), tuple(golds))


def make_reader(*names: str) -> ClaimReader:
    return ClaimReader([load_extractor(name) for name in names])


def test_sentences_are_collected_by_what_both_readers_read():
    texts = read_texts(
        [
            study("1. No pneumothorax. Stable cardiomegaly. XXXX catheter. 3 mm nodule."),
            study("No pneumothorax. Mild cardiomegaly. Compared to the prior.", study_id="S2"),
        ]
    )
    bank = collect_sentences(texts, make_reader(*READERS))
    assert {(one.text, one.count) for one in bank} == {
        ("No pneumothorax.", 2),
        ("Mild cardiomegaly.", 1),
    }
    (first,) = (one for one in bank if one.count == 2)
    assert (first.claims, first.place) == ((Claim("pneumothorax", "absent"),), 0.0)
    assert [one.sentence_id for one in bank] == sorted(one.sentence_id for one in bank)


def test_a_usual_claim_is_left_out_beside_what_reports_do_not_say_it_with():
    coded = make_coded(30, 12)
    usual = fit_usual(read_texts(coded.studies), coded, make_reader("rules"))
    found = {one.claim: one.beside for one in usual}
    assert found == {
        Claim("pneumothorax", "absent"): (),
        Claim("normal", "present", "lung"): (),
        Claim("normal", "present", "heart"): ("cardiomegaly",),
    }


def test_what_few_reports_say_is_not_usual():
    coded = make_coded(99, 0)
    rare = [*coded.studies, study("No fracture.", study_id="R")]
    usual = fit_usual(read_texts(rare), coded, make_reader("rules"))
    assert "fracture" not in {one.claim.finding for one in usual}


def test_sites_and_sides_are_those_that_the_coders_file():
    golds = [
        parse_gold(["Opacity/lung/base/left"]),
        parse_gold(["Opacity/lung/base/right"]),
        parse_gold(["Opacity/lung/upper lobe/right"]),
        parse_gold(["Cardiomegaly/mild"]),
    ]
    coded = CodedStudies(tuple(make_studies(4, 0)), tuple(golds))
    assert find_sites(coded) == {"opacity": "base"}
    assert list_sided(coded) == ("base", "upper lobe")


def test_a_template_is_the_text_nearest_to_all_reports_of_allowed_claims():
    studies = make_studies(20, 5)
    texts = read_texts(studies)
    bank = collect_sentences(texts, make_reader(*READERS))
    rules = RulesExtractor()
    words = [[token for one in text.sentences for token in tokenise(one)] for text in texts]
    scorer = ConstantScorer(words, [list_related(to_graph(row)) for row in rules(studies)])
    own = rules([make_text_study(one.text) for one in bank])
    entities = {b.text: list_related(to_graph(row)) for b, row in zip(bank, own, strict=True)}
    usual = frozenset(
        {
            Claim("pneumothorax", "absent"),
            Claim("normal", "present", "lung"),
            Claim("normal", "present", "heart"),
        }
    )
    found = find_template(bank, usual, scorer, entities)
    assert " ".join(one.text for one in found) == NORMAL
    heart = Claim("normal", "present", "heart")
    assert " ".join(b.text for b in find_template(bank, usual - {heart}, scorer, entities)) == (
        "The lungs are clear. No pneumothorax."
    )
    assert find_template(bank, frozenset(), scorer, entities) == ()


def test_bleu_of_a_constant_is_bleu_of_the_text_given_for_every_document():
    references = [text.split() for text in ("a b c d e", "a b c d", "b c d e f g", "x y")]
    for text in ("a b c d", "b c d e", "x y z", "a a b c d"):
        expected = compute_bleu(references, [text.split()] * len(references))[3]
        assert ConstantBleu(references).score(text.split()) == expected


def test_a_denial_has_no_degree():
    assert drop_degree(Claim("effusion", "absent", degree="large")).degree is None
    assert drop_degree(Claim("effusion", "present", degree="large")).degree == "large"
