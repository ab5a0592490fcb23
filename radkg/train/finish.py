"""What a run leaves: one model directory that needs nothing beside it, with a card.

What is particular to a kind of model, the task of its stage does (`TaskModule.finish`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from radkg.model.checkpoint import CARD
from radkg.private import write_text
from radkg.train.presets import select_stages
from radkg.train.stage_task import StagePaths, TrainJob, TrainStage, finish_stage

_CARD = """# {title}

{what}

- Trained on the training split of `{archive}`{held}. Where that is Open-i (Indiana
  University; Demner-Fushman et al., JAMIA 2016, doi 10.1093/jamia/ocv080): its reports and
  images are CC BY-NC-ND 4.0, so use this model for non-commercial research only.
- Not for diagnosis. The model {scope}
{targets}
{figures}## How it was trained

{notes}"""


def finish_model(job: TrainJob, last: TrainStage) -> Path:
    """Write OUT/model from the model of the last stage, and return it."""
    paths = StagePaths(Path(job.out).resolve(), last.name)
    model, unfinished = paths.out / "model", paths.out / "model.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(paths.model, unfinished)
    card = finish_stage(job, last, paths, unfinished)
    cards = [paths.locate_stage(stage.name) / "model" / CARD for stage in select_stages(job.preset)]
    notes = "\n".join(file.read_text() for file in cards if file.exists())
    write_text(
        unfinished / CARD,
        _CARD.format(
            title=f"radkg {job.preset}",
            what=card.what,
            scope=card.scope,
            archive=Path(job.archive).name,
            targets=card.targets,
            held=" without the tenth held out to choose on" if card.holds_out else "",
            figures=card.figures,
            notes=notes,
        ),
    )
    shutil.rmtree(model, ignore_errors=True)
    unfinished.rename(model)
    return model
