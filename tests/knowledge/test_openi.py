"""The shipped eye on real radiographs: tokens of a few studies of Open-i."""

import pytest

from radkg.errors import KnowledgeError
from radkg.extractor import SHIPPED
from radkg.knowledge.store import check_current, check_tower, load_knowledge
from radkg.model.vision.encoders import load_encoder
from radkg.run.local import LocalRunner
from radkg.run.run import Run
from radkg.run.settings import ExtractConfig
from radkg.verbs.extract import extract
from radkg.verbs.knowledge import KnowledgeConfig, build
from tests.support.archives.data import require_data


@pytest.mark.long
def test_tokens_of_openi_are_of_its_training_images(tmp_path):
    images = require_data("openi/images")
    out = str(tmp_path / "out")
    extract(ExtractConfig(archive="openi", out=out, extractor="rules", limit=80), LocalRunner(0))
    report = build(KnowledgeConfig(out=out, images=str(images)))
    knowledge = load_knowledge(tmp_path / "out" / "knowledge")
    check_current(knowledge, Run(out))
    check_tower(knowledge, load_encoder(str(SHIPPED["small"] / "vision")).encoder_id)
    facts = knowledge.facts
    assert report.built
    assert report.split == "train"
    assert 0 < report.studies < 80
    assert report.tokens == knowledge.bank.num_rows > 20
    assert facts["bank"]["labels_from"] == "human codes"
    assert facts["bank"]["adapter"]["accuracy"] is not None
    assert "effusion" in knowledge.nodes["name"].to_pylist()
    with pytest.raises(KnowledgeError, match="build the knowledge graph again"):
        check_tower(knowledge, "another")
