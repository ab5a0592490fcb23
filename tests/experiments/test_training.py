from radkg.experiments.context import ExperimentContext
from radkg.experiments.examples import make_examples
from radkg.experiments.scoring import TRIPLETS


def test_a_variant_learns_from_reports_and_is_scored_on_others(settings):
    context = ExperimentContext(settings(images=None, limit=None, steps=450, batch_tokens=512))
    part = context.training
    taught = make_examples(part, "report", context.aligned, part.images)
    model = context.make_model(None, fresh=True)
    before, _ = context.score(model, "report", {})
    after, _ = context.score(context.train(model, taught, fresh=True).model, "report", {})
    assert before[TRIPLETS].value < 0.2
    assert after[TRIPLETS].value > 0.8
    assert after["false on normal"].value < 0.2


def test_a_variant_learns_from_images_and_needs_the_right_ones(settings):
    context = ExperimentContext(settings(limit=80, steps=400, batch_tokens=512))
    part, scored = context.training, context.scored
    taught = make_examples(part, "image", context.aligned, part.images)
    model = context.make_model(context.make_projector_config(kind="linear-n"), fresh=True)
    variant = context.train(model, taught, fresh=True)
    own, _ = context.score(variant.model, "image", scored.images)
    others, _ = context.score(variant.model, "image", scored.shuffle_images(0))
    assert own[TRIPLETS].value > 0.8
    assert others[TRIPLETS].value < 0.6


def test_kinds_of_examples_take_turns_with_all_their_steps(settings):
    context = ExperimentContext(settings(steps=3))
    part = context.training
    kinds = [
        make_examples(part, condition, context.aligned, part.images)
        for condition in ("report", "image")
    ]
    variant = context.train(context.make_model(context.make_projector_config()), *kinds)
    assert variant.notes["steps"] == 6
    assert variant.notes["examples"] == sum(map(len, kinds))
