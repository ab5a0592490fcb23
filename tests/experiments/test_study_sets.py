from radkg.experiments.context import ExperimentContext
from radkg.experiments.examples import list_texts, make_examples
from radkg.experiments.scoring import TRIPLETS, make_floors, score_codes
from radkg.schema.linearize import parse


def test_no_text_is_on_both_sides(settings):
    context = ExperimentContext(settings(split="dev", limit=None, images=None))
    train, dev = (
        {study.report for study in part.studies} for part in (context.training, context.scored)
    )
    assert train
    assert dev
    assert not train & dev
    assert all(s.split == "train" for s in (*context.training.studies, *context.scored.studies))


def test_a_shuffled_study_never_sees_its_own_image_and_all_images_are_seen(settings):
    part = ExperimentContext(settings()).training
    shuffled = part.shuffle_images(0)
    assert sorted(shuffled) == sorted(part.images)
    assert sorted(shuffled.values()) == sorted(part.images.values())
    assert all(shuffled[study] != part.images[study] for study in shuffled)
    assert shuffled == part.shuffle_images(0)
    assert shuffled != part.shuffle_images(1)


def test_drawn_studies_stay_in_order(settings):
    part = ExperimentContext(settings(images=None)).training
    drawn = part.draw(5, seed=3)
    order = [study.study_id for study in part.studies]
    places = [order.index(study.study_id) for study in drawn.studies]
    assert len(places) == 5
    assert places == sorted(places)
    assert drawn == part.draw(5, seed=3)


def test_sentences_answer_for_their_part_and_reports_for_all(settings):
    context = ExperimentContext(settings(images=None))
    part, aligned = context.training, context.aligned
    by_sentence = make_examples(part, "report", aligned, {}, "sentence")
    by_report = make_examples(part, "report", aligned, {}, "report")
    assert len(by_report) == len(part)
    assert len(by_sentence) > len(by_report)
    facts = {item for e in by_report for item in parse(e.output, "codes")}
    assert {item for e in by_sentence for item in parse(e.output, "codes")} <= facts
    assert list_texts(part.studies[0], "image", "sentence") == [""]


def test_image_examples_carry_their_images_and_no_text(settings):
    context = ExperimentContext(settings())
    part = context.training
    alone = make_examples(part, "image", context.aligned, part.images)
    assert [e.image_ids for e in alone] == [part.images[s.study_id] for s in part.studies]
    assert {e.sentence for e in alone} == {""}
    both = make_examples(part, "image+report", context.aligned, part.images)
    assert all(e.sentence and e.image_ids for e in both)
    text = make_examples(part, "report", context.aligned, part.images)
    assert not any(e.image_ids for e in text)


def test_the_right_answers_score_one_and_the_floors_less(settings):
    context = ExperimentContext(settings(images=None))
    part = context.scored
    references = context.list_references(part)
    right = score_codes(references, [known.answer for known in references])
    assert right[TRIPLETS] == (1.0, 1.0, 1.0, right[TRIPLETS].of)
    assert right["hallucination, codes"].value == 0
    assert right["false on normal"].value == 0
    for answers in make_floors(context.training, part, context.filing).values():
        assert score_codes(references, answers)[TRIPLETS].value < 1
