from radkg.experiments.context import Laboratory
from radkg.experiments.examples import examples
from radkg.experiments.scoring import TRIPLETS


def test_a_variant_learns_from_reports_and_is_scored_on_others(settings):
    laboratory = Laboratory(settings(images=None, limit=None, steps=450, batch_tokens=512))
    part = laboratory.training
    taught = examples(part, "report", laboratory.aligned, part.images)
    model = laboratory.model(None, fresh=True)
    before, _ = laboratory.score(model, "report", {})
    after, _ = laboratory.score(laboratory.train(model, taught, fresh=True).model, "report", {})
    assert before[TRIPLETS].value < 0.2
    assert after[TRIPLETS].value > 0.8
    assert after["false on normal"].value < 0.2


def test_a_variant_learns_from_images_and_needs_the_right_ones(settings):
    laboratory = Laboratory(settings(limit=80, steps=400, batch_tokens=512))
    part, scored = laboratory.training, laboratory.scored
    taught = examples(part, "image", laboratory.aligned, part.images)
    model = laboratory.model(laboratory.projector(kind="linear-n"), fresh=True)
    variant = laboratory.train(model, taught, fresh=True)
    own, _ = laboratory.score(variant.model, "image", scored.images)
    others, _ = laboratory.score(variant.model, "image", scored.shuffled(0))
    assert own[TRIPLETS].value > 0.8
    assert others[TRIPLETS].value < 0.6


def test_kinds_of_examples_take_turns_with_all_their_steps(settings):
    laboratory = Laboratory(settings(steps=3))
    part = laboratory.training
    kinds = [
        examples(part, condition, laboratory.aligned, part.images)
        for condition in ("report", "image")
    ]
    variant = laboratory.train(laboratory.model(laboratory.projector()), *kinds)
    assert variant.notes["steps"] == 6
    assert variant.notes["examples"] == sum(map(len, kinds))
