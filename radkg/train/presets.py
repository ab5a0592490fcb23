"""The presets as a table: which stages, in which order, and how each trains."""

from __future__ import annotations

import dataclasses

from radkg.errors import ConfigError
from radkg.train.reports.medkit_settings import MedKitSettings
from radkg.train.reports.settings import R2GenKGSettings
from radkg.train.stage_task import TrainStage
from radkg.train.trainer import TrainConfig

_VLM = "radkg.train.stages.vlm"
_TOWER = "radkg.train.stages.tower"
_PLANNER = "radkg.train.stages.planner"
_ONEPASS = "radkg.train.stages.onepass"
_REPORT = "radkg.train.stages.report"
_MEDKIT = "radkg.train.stages.medkit"

_SEE = TrainStage(
    name="vision",
    task=_TOWER,
    config=TrainConfig(
        epochs=8,
        batch_tokens=32,
        learning_rate=4e-4,
        weight_decay=0.02,
        precision="bf16",
        log_every=20,
    ),
    needs_images=True,
)

_WRITE = TrainConfig(
    epochs=12,
    batch_tokens=1000,
    accumulate=2,
    learning_rate=1.5e-3,
    weight_decay=0.05,
    betas=(0.9, 0.98),
    precision="bf16",
    log_every=20,
)

_WRITE_AND_TELL = dataclasses.replace(
    _WRITE, epochs=6, batch_tokens=800, accumulate=1, learning_rate=1.5e-3
)

PRESETS: dict[str, tuple[TrainStage, ...]] = {
    # trains on two CPU cores, ships in the repository
    "small": (
        _SEE,
        TrainStage(
            name="llm_kg",
            task=_VLM,
            takes_teacher=True,
            config=TrainConfig(
                num_steps=12_000,
                batch_tokens=1024,
                accumulate=2,
                learning_rate=1.5e-3,
                weight_decay=0.05,
                betas=(0.9, 0.98),
                precision="bf16",
                log_every=100,
                checkpoint_every=1000,
            ),
            invented=100_000,
        ),
        TrainStage(
            name="vlm_kg",
            task=_VLM,
            takes_teacher=True,
            config=TrainConfig(
                num_steps=3000,
                batch_tokens=1024,
                accumulate=2,
                learning_rate=5e-4,
                projector_learning_rate=1e-3,
                weight_decay=0.05,
                betas=(0.9, 0.98),
                precision="bf16",
                seed=1,  # other inventions than those of the stage before
                log_every=50,
            ),
            invented=40_000,
            needs_images=True,
        ),
    ),
    # the image tower with its readout, without a language model
    "eye": (_SEE,),
    # plans of the eye, written with sentences of the training part
    "planner": (
        TrainStage(
            name="write",
            task=_PLANNER,
            config=TrainConfig(
                num_steps=600,
                batch_tokens=2048,
                learning_rate=3e-3,
                weight_decay=0.05,
                betas=(0.9, 0.98),
                log_every=100,
                checkpoint_every=500,
            ),
        ),
    ),
    # the fast text tier
    "onepass": (
        TrainStage(
            name="onepass",
            task=_ONEPASS,
            takes_teacher=True,
            config=TrainConfig(
                epochs=12,
                batch_tokens=1000,
                learning_rate=3e-3,
                betas=(0.9, 0.98),
                log_every=100,
            ),
            invented=5_000,
        ),
    ),
    # writes reports; trains on two CPU cores
    "r2genkg-small": (
        TrainStage(
            name="report",
            task=_REPORT,
            config=_WRITE,
            needs_images=True,
            needs_knowledge=True,
            settings=R2GenKGSettings(),
        ),
    ),
    # the same for a minute: to see that everything fits together
    "r2genkg-smoke": (
        TrainStage(
            name="report",
            task=_REPORT,
            config=dataclasses.replace(_WRITE, num_steps=20, batch_tokens=256, log_every=5),
            needs_images=True,
            needs_knowledge=True,
            settings=R2GenKGSettings(nodes=100, vocab_size=600),
        ),
    ),
    # R2GenKG as published; --language and --vision name the weights it starts from
    "r2genkg-published": (
        TrainStage(
            name="report",
            task=_REPORT,
            # 6 reports of at most 100 tokens a step; no warm-up, no clipping
            config=TrainConfig(
                epochs=10,
                batch_tokens=600,
                learning_rate=0.9e-4,
                warmup=0.0,
                clip_norm=1e9,
                precision="bf16",
                seed=42,
            ),
            needs_images=True,
            needs_knowledge=True,
            settings=R2GenKGSettings(size="published", language_dtype="float16"),
        ),
    ),
    # MedKit: labels, what is known of them, and a report; trains on two CPU cores
    "medkit-small": tuple(
        TrainStage(
            name=name,
            task=_MEDKIT,
            config=_WRITE_AND_TELL,
            needs_images=True,
            settings=MedKitSettings(),
        )
        for name in ("medkit_base", "medkit_student")
    ),
    # VLM-KG as published; --language and --vision name the weights it starts from
    "published": (
        TrainStage(
            name="llm_kg",
            task=_VLM,
            takes_teacher=True,
            config=TrainConfig(epochs=3, accumulate=8, precision="bf16", log_every=1),
        ),
        TrainStage(
            name="vlm_kg",
            task=_VLM,
            takes_teacher=True,
            config=TrainConfig(epochs=3, accumulate=8, precision="bf16", log_every=1),
            needs_images=True,
        ),
    ),
}


def select_stages(preset: str, names: tuple[str, ...] = ()) -> tuple[TrainStage, ...]:
    """Return the stages of a preset, or those of them that are named, in the preset's order.

    Raises:
        ConfigError: there is no such preset or stage.
    """
    if preset not in PRESETS:
        raise ConfigError(f"no preset {preset!r}: known: {', '.join(PRESETS)}")
    stages = PRESETS[preset]
    known = [stage.name for stage in stages]
    for name in names:
        if name not in known:
            raise ConfigError(f"preset {preset} has no stage {name!r}: known: {', '.join(known)}")
    return tuple(stage for stage in stages if not names or stage.name in names)
