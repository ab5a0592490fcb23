"""The table of presets, a job's settings, and supervision that a user brings."""

import importlib
import inspect
import json

import pytest

from radkg.errors import ConfigError, SchemaError, StorageError
from radkg.train.presets import PRESETS, select_stages
from radkg.train.radgraph import read_radgraph_sentences
from radkg.train.stage_task import StagePaths, TaskModule, TrainJob, TrainStage, prepare_stage
from radkg.train.trainer import TrainConfig
from tests.support.runs import stage_tasks


def job(**changes):
    return TrainJob(**{"preset": "small", "archive": "openi", "out": "x"} | changes)


def test_presets_have_their_stages_in_order():
    assert [s.name for s in select_stages("small")] == ["vision", "llm_kg", "vlm_kg"]
    assert [s.name for s in select_stages("published", ("vlm_kg", "llm_kg"))] == [
        "llm_kg",
        "vlm_kg",
    ]
    for wrong in (("big", ()), ("small", ("llm",))):
        with pytest.raises(ConfigError, match="known: "):
            select_stages(*wrong)
    for stages in PRESETS.values():
        assert len({stage.name for stage in stages}) == len(stages)


@pytest.mark.parametrize("name", sorted({s.task for stages in PRESETS.values() for s in stages}))
def test_the_task_of_every_stage_has_the_functions_of_the_protocol(name):
    module = importlib.import_module(name)
    for function in ("prepare", "open_task", "finish"):
        expected = list(inspect.signature(getattr(TaskModule, function)).parameters)[1:]
        assert list(inspect.signature(getattr(module, function)).parameters) == expected


def test_a_step_is_cut_finer_for_many_workers_and_stays_as_large():
    stage = TrainStage(name="s", task="l", config=TrainConfig(batch_tokens=900, accumulate=2))
    assert stage.make_train_config(job()) == stage.config
    for most, (tokens, parts) in {2: (900, 2), 3: (450, 4), 6: (300, 6)}.items():
        settings = stage.make_train_config(job(workers=(1, most), steps=7, precision="bf16"))
        assert (settings.batch_tokens, settings.accumulate) == (tokens, parts)
        assert (settings.num_steps, settings.precision) == (7, "bf16")


def test_what_was_prepared_is_not_prepared_again(tmp_path):
    paths = StagePaths(tmp_path, "vlm_kg")
    prepare_stage(job(), stage_tasks.stage(), paths)
    (paths.data / "rows").write_text("kept")
    prepare_stage(job(), stage_tasks.stage(), paths)
    assert (paths.data / "rows").read_text() == "kept"


def test_a_radgraph_file_is_cut_into_sentences(tmp_path):
    def entity(tokens, label, first, relations=()):
        last = first + len(tokens.split()) - 1
        return {
            "tokens": tokens,
            "label": label,
            "start_ix": first,
            "end_ix": last,
            "relations": [list(pair) for pair in relations],
        }

    document = {
        "text": "Small effusion . No edema .",
        "entities": {
            "1": entity("Small", "OBS-DP", 0, [("modify", "2"), ("modify", "3")]),
            "2": entity("effusion", "OBS-DP", 1),
            "3": entity("edema", "OBS-DA", 4),
        },
    }
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"a": document}))
    first, second = read_radgraph_sentences(file)
    assert first.sentence == "Small effusion"
    assert first.spans == ((0, 5, "OBS-DP"), (6, 14, "OBS-DP"))
    assert first.links == ((0, 1, "modify"),)  # the one across sentences is left out
    assert (second.sentence, second.spans) == ("No edema", ((3, 8, "OBS-DA"),))


@pytest.mark.parametrize("text", ["{", "[]", '{"a": {}}'])
def test_what_is_no_radgraph_is_said(tmp_path, text):
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(SchemaError, match="not RadGraph JSON"):
        read_radgraph_sentences(file)
    with pytest.raises(StorageError, match="cannot read"):
        read_radgraph_sentences(tmp_path / "gone.json")
