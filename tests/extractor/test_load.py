"""`load_extractor`: what a name means, from any working directory, and what is refused."""

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from radkg.cli.app import app, run
from radkg.errors import ExtractorError
from radkg.extractor import SHIPPED, check_device, load_extractor, resolve_name
from radkg.model.config import LanguageConfig
from radkg.model.language import train_tokenizer
from radkg.model.vision.tower import Tower
from radkg.schema.records import DEVICES
from tests.support.archives.openi import make_studies, write_tar


@pytest.fixture
def copy(reading, tmp_path):
    return shutil.copytree(reading, tmp_path / "model")


def edit(directory, **changes):
    values = json.loads((directory / "config.json").read_text())
    for name, value in changes.items():
        values[name] = values[name] | value if isinstance(value, dict) else value
    (directory / "config.json").write_text(json.dumps(values))


def to_pickle(directory):
    weights = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    torch.save(weights, directory / "pytorch_model.bin")


def cut(directory):
    data = (directory / "model.safetensors").read_bytes()
    (directory / "model.safetensors").write_bytes(data[:-100])


def to_nan(directory):
    weights = load_file(directory / "model.safetensors")
    weights["model.model.norm.weight"][0] = float("nan")
    save_file(weights, directory / "model.safetensors")


def other_tokenizer(directory):
    other = train_tokenizer(["effusion"] * 9, LanguageConfig(vocab_size=300))
    other.save(str(directory / "tokenizer.json"))


BAD = {
    "a pickle": (to_pickle, "pytorch_model.bin is a pickle"),
    "a cut file": (cut, "no safetensors file"),
    "NaN": (to_nan, "holds NaN"),
    "another size": (
        lambda d: edit(d, language={"hidden": 64}),
        r"model.safetensors does not fit config.json: .* instead of \(\d+, 64\)",
    ),
    "more layers": (lambda d: edit(d, language={"layers": 3}), "missing"),
    "fewer layers": (lambda d: edit(d, language={"layers": 1}), "unknown"),
    "another tokenizer": (other_tokenizer, "no token '<|end|>': it is not of this model"),
    "a tokenizer too large": (
        lambda d: edit(d, language={"vocab_size": 300}),
        "they are not of one model",
    ),
    "no tokenizer": (lambda d: (d / "tokenizer.json").unlink(), "tokenizer.json cannot be read"),
    "an unknown setting": (lambda d: edit(d, namse=["a"]), "did you mean 'names'"),
    "a wrong type": (lambda d: edit(d, language={"vocab_size": "many"}), "config.json"),
    "a list for a part": (lambda d: edit(d, language=[1]), "config.json"),
    "nothing for zero": (lambda d: edit(d, language={"heads": 0}), "config.json"),
    "an impossible name": (lambda d: edit(d, names=["a ; b"]), "'a ; b' cannot be a name"),
    "another kind": (lambda d: edit(d, kind="tower"), "holds a 'tower', which extracts nothing"),
    "no settings": (lambda d: (d / "config.json").unlink(), "is no model directory"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_directory_that_is_no_model_is_refused(copy, case):
    spoil, message = BAD[case]
    spoil(copy)
    with pytest.raises(ExtractorError, match=message.replace("|", r"\|")) as caught:
        load_extractor(str(copy))
    assert str(copy) in str(caught.value)


@pytest.mark.parametrize("case", ["a pickle", "another size", "another tokenizer"])
def test_a_bad_model_ends_the_command_with_one_line(copy, tmp_path, capfd, case):
    BAD[case][0](copy)
    archive = write_tar(tmp_path / "a.tgz", make_studies(1))
    arguments = ["--archive", str(archive), "--out", str(tmp_path / "out"), "--extractor"]
    with pytest.raises(SystemExit) as end:
        run(app, ["extract", *arguments, str(copy)])
    assert end.value.code == 1
    said = capfd.readouterr().err
    assert str(copy) in " ".join(said.split()).replace(" ", "") or copy.name in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [*SHIPPED, "rules"])
def test_rows_carry_the_name_by_which_a_reader_is_chosen(name):
    assert load_extractor(name).name == name


def test_names_and_directories(reading, onepass):
    assert load_extractor("rules").name == "rules"
    assert load_extractor(str(reading)).name == "vlm"
    assert load_extractor(str(onepass)).name == "onepass"


@pytest.mark.parametrize("name", ["nonsense", "no.such.module:make", "os:missing", ":", "os:"])
def test_an_unknown_extractor_is_named(name):
    with pytest.raises(ExtractorError, match=f"extractor '{name}'"):
        load_extractor(name)


def test_the_message_says_what_there_is():
    with pytest.raises(ExtractorError, match="give small, onepass, rules, a model directory, llm:"):
        load_extractor("nonsense")


def test_what_an_extractor_does_not_read_is_refused(reading, onepass, seeing):
    for name in ("rules", str(onepass)):
        assert load_extractor(name, "report").condition == "report"
        with pytest.raises(ExtractorError, match="reads report, not image"):
            load_extractor(name, "image+report")
    for condition in ("image", "image+report"):
        with pytest.raises(ExtractorError, match="no projector: it reads reports only, not image"):
            load_extractor(str(reading), condition)
        assert load_extractor(str(seeing), condition).condition == condition
    assert load_extractor(str(reading)).condition == "report"
    assert load_extractor(str(seeing)).condition == "image+report"


def test_an_unknown_condition_is_refused(seeing):
    with pytest.raises(ExtractorError, match="'images' is none of image"):
        load_extractor(str(seeing), "images")


def test_a_relative_directory_means_the_same_resolve_name(reading, tmp_path, monkeypatch):
    monkeypatch.chdir(reading.parent)
    name = resolve_name(reading.name)
    monkeypatch.chdir(tmp_path)
    assert load_extractor(name).name == "vlm"
    with pytest.raises(ExtractorError):
        load_extractor(reading.name)


def test_other_names_stay(tmp_path, monkeypatch):
    for name in (*SHIPPED, "rules"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    for name in (*SHIPPED, "rules", "package.module:factory", "nonsense"):
        assert resolve_name(name) == name


def test_a_model_crosses_processes(seeing, onepass):
    for name, condition in [(seeing, "image"), (seeing, "report"), (onepass, None)]:
        one = load_extractor(str(name), condition)
        other = pickle.loads(pickle.dumps(one))
        assert (other.name, other.model_id, other.condition) == (
            one.name,
            one.model_id,
            one.condition,
        )


def test_the_id_says_what_decides_the_rows(seeing, copy):
    conditions = ("report", "image", "image+report")
    ids = {load_extractor(str(seeing), condition).model_id for condition in conditions}
    first = load_extractor(str(copy)).model_id
    assert load_extractor(str(copy)).model_id == first
    edit(copy, report_threshold=0.5)
    assert len({*ids, first, load_extractor(str(copy)).model_id}) == 5


def test_features_of_another_encoder_are_refused(seeing, tmp_path):
    from tests.extractor.models import study, write_eye, write_image

    copy = shutil.copytree(seeing, tmp_path / "model")
    torch.manual_seed(9)
    write_eye(copy / "vision", Tower())
    extractor = load_extractor(str(copy), "image")
    with pytest.raises(ExtractorError, match="give the encoder it was trained with"):
        extractor([study("Clear lungs", write_image(tmp_path / "a.png"))])


def test_a_model_on_a_gpu_has_another_identity_also_where_there_is_none(seeing, onepass):
    for directory in (seeing, onepass):
        here, there = (load_extractor(str(directory), device=d).model_id for d in DEVICES)
        assert here != there == load_extractor(str(directory), device="cuda").model_id
    with pytest.raises(ExtractorError, match="the rules compute on the CPU"):
        load_extractor("rules", device="cuda")
    if not torch.cuda.is_available():
        with pytest.raises(ExtractorError, match="shows no GPU"):
            check_device(load_extractor(str(seeing), device="cuda"))
