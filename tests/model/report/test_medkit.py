"""MedKit: image, labels and their sentences make the prefix; a student has a frozen teacher."""

import dataclasses

import pytest
import torch

from radkg.errors import ConfigError
from radkg.model.report.distill import DistillConfig
from radkg.model.report.labelled import Seen
from radkg.model.report.medkit import MedKit, make_labelled_encoder
from radkg.model.report.medkit_config import MedKitConfig
from radkg.model.report.medkit_training import MedKitTraining
from radkg.model.report.prompts import NOTHING, LabelPrompts
from radkg.model.vision.tower import FEATURE_DIM
from tests.model.report.tiny import WIDTH, language, language_config, make_batch, random_generator

LABELS = ("effusion", "nodule")
SENTENCES = ("effusion: often small", "nodule: in the lung")


def make_config(**changes) -> MedKitConfig:
    values = {
        "labels": LABELS,
        "sentences": SENTENCES,
        "threshold": 0.5,
        "side": 64,
        "language": language_config(),
    }
    return MedKitConfig(**values | changes)


def make_model(**changes) -> MedKit:
    torch.manual_seed(0)
    return MedKit(make_config(**changes), random_generator())


def make_training_batch(depth: int | None = None) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (2, 72, 72) if depth is None else (2, depth, 64, 64)
    pixels = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    return {"pixels": pixels, "findings": torch.tensor([[1.0, 0.0], [0.0, 0.0]]), **make_batch()}


def test_the_surest_labels_make_the_prompt():
    prompts = LabelPrompts(SENTENCES, language(), threshold=0.5, most=1)
    logits = torch.tensor([[1.0, 2.0], [1.0, -1.0], [-1.0, -1.0]])
    assert prompts.select(logits) == [[1], [0], []]
    ids, seen = prompts.encode(logits)
    texts = [
        language().decode_report(row[there].tolist()) for row, there in zip(ids, seen, strict=True)
    ]
    assert texts == [f"{SENTENCES[1]}.", f"{SENTENCES[0]}.", f"{NOTHING}."]
    assert LabelPrompts(SENTENCES, language(), 0.5, 2).select(logits)[0] == [1, 0]
    with pytest.raises(ConfigError, match="label 1 has no sentence"):
        LabelPrompts(("a", " "), language(), 0.5, 1)


def test_the_prompt_stands_behind_the_image_and_is_the_embedding_of_its_words():
    model = make_model()
    tokens = torch.randn(1, 4, FEATURE_DIM)
    prefix, seen = model.make_prefix(tokens, torch.tensor([[3.0, -3.0]]))
    words = language().encode_text(f" {SENTENCES[0]}.")
    assert prefix.shape == (1, 4 + len(words), WIDTH)
    assert bool(seen.all())
    assert torch.equal(prefix[0, :4], model.projector(tokens)[0])
    assert torch.equal(prefix[0, 4:], model.generator.embed(torch.tensor(words)))
    bare, _ = make_model(sentences=()).make_prefix(tokens, torch.tensor([[3.0, -3.0]]))
    assert bare.shape == (1, 4, WIDTH)


def test_a_padded_prompt_changes_no_report():
    model = make_model().eval()
    tokens = torch.randn(2, 4, FEATURE_DIM)
    seen = Seen(tokens, torch.tensor([[3.0, 3.0], [-3.0, -3.0]]))
    alone = [model.write(Seen(tokens[i : i + 1], seen.logits[i : i + 1]))[0] for i in range(2)]
    assert model.write(seen) == alone


def test_views_are_averaged():
    model = make_model().eval()
    torch.nn.init.normal_(model.vision.head.weight)
    views = list(torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(3)))
    with torch.no_grad():
        each = model.vision(torch.stack(views))
    merged = model.look([views[:2], views[2:]], at_once=2)
    assert torch.allclose(merged.tokens[0], each.tokens[:2].mean(0), atol=1e-5)
    assert torch.allclose(merged.logits[0], each.logits[:2].mean(0), atol=1e-4)
    assert torch.allclose(merged.logits[1], each.logits[2], atol=1e-4)


def test_every_term_counts_with_its_weight():
    """The loss of all terms is the sum of the losses of one term each."""
    student, batch = make_model(), make_training_batch()
    torch.manual_seed(1)
    teacher = make_labelled_encoder(student.config)
    torch.nn.init.normal_(teacher.head.weight)

    def compute(**weights) -> float:
        none = {"label_weight": 0.0, "teacher_weight": 0.0}
        training = MedKitTraining(student, DistillConfig(**none | weights), teacher).eval()
        with torch.no_grad():
            return float(training(batch))

    report = compute()
    terms = [
        {"label_weight": 0.5},
        {"teacher_weight": 2.0},
        {"feature_weight": 3.0, "feature_levels": (4, 15)},
    ]
    alone = [compute(**term) - report for term in terms]
    assert min(alone) > 1e-3
    together = {key: value for term in terms for key, value in term.items()}
    assert compute(**together) == pytest.approx(report + sum(alone), rel=1e-4)
    twice = compute(label_weight=1.0) - report
    assert twice == pytest.approx(2 * alone[0], rel=1e-3)


def test_the_teacher_stays_and_the_student_comes_to_see_as_it_does():
    student = make_model(sentences=())
    torch.manual_seed(1)
    teacher = make_labelled_encoder(student.config)
    torch.nn.init.normal_(teacher.head.weight, std=0.1)
    before = {name: weight.clone() for name, weight in teacher.state_dict().items()}
    distill = DistillConfig(label_weight=0.0, temperature=1.0)
    training = MedKitTraining(student, distill, teacher).train()
    assert not teacher.training
    trained = training.freeze_for("medkit_student")
    assert trained
    assert all(name.startswith("student.") for name in trained)
    batch = make_training_batch()
    images = batch["pixels"][:, None, :64, :64].float() / 255
    optimiser = torch.optim.AdamW([p for p in training.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for _ in range(12):
        _, loss = training.compute_label_terms(images, batch["findings"])
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < losses[0] / 4
    assert all(torch.equal(weight, before[name]) for name, weight in teacher.state_dict().items())


def test_one_step_moves_tower_head_projector_and_language_model():
    training = MedKitTraining(make_model(), DistillConfig(teacher_weight=0.0)).train()
    training.freeze_for("medkit_base")
    training(make_training_batch()).backward()
    for part in ("vision.encoder.tower.blocks.15", "vision.head", "projector", "generator.model"):
        grads = [
            weight.grad
            for name, weight in training.student.named_parameters()
            if name.startswith(part) and weight.requires_grad
        ]
        assert grads, part
        assert any(grad is not None and bool(grad.abs().max() > 0) for grad in grads), part


@pytest.mark.parametrize("kind", ["slices", "inflated"])
def test_a_volume_is_learnt_from_as_an_image_is(kind):
    model = make_model(tokens=kind, depth=4, num_tokens=3)
    teacher = make_labelled_encoder(model.config)
    distill = DistillConfig(feature_weight=1.0, feature_levels=(15,))
    training = MedKitTraining(model, distill, teacher).train()
    loss = training(make_training_batch(depth=4))
    loss.backward()
    assert torch.isfinite(loss)
    with pytest.raises(ValueError, match="given 2D images"):
        training(make_training_batch())


def test_settings_come_back_from_json():
    import json

    config = make_config(distill=DistillConfig(feature_weight=1.0, feature_levels=(3, 5)))
    assert MedKitConfig.from_mapping(json.loads(config.to_json())) == config
    for wrong in (
        {"sentences": ("one",)},
        {"threshold": 2.0},
        {"tokens": "video"},
        {"window_level": 40.0},
        {"side": 0},
    ):
        with pytest.raises(ConfigError):
            dataclasses.replace(config, **wrong)
