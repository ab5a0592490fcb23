"""Reports as other hospitals lay them out, read by every reader: what is present, what is absent.

The reports stand in cases/lines.jsonl and cases/cli_check.jsonl; each is a form of text that was
once misread. EXPECTED says what a person reads in them.
"""

import json
import shutil

import pytest

from radkg.archive import open_archive
from radkg.extractor import SHIPPED, extract_rows, load_extractor
from radkg.extractor.vlm import VlmExtractor
from radkg.model.checkpoint import CONFIG, read_config
from radkg.rules import RulesExtractor
from radkg.schema.arrow import to_table
from radkg.schema.findings import list_findings
from radkg.schema.records import Study
from tests.support.archives.data import require_data

PRESENT, ABSENT = "OBS-DP", "OBS-DA"
GROUPS = [
    (
        """lf_para crlf_para cr_para lf_lines_nostop crlf_lines_nostop semicolon list_lf list_crlf
        list_bullet list_bullet2 list_paren list_letter list_roman list_inline list_inline_dot
        struct_blank struct_dash struct_no struct_no_nostop struct_eq uk crlf_paragraphs
        lf_paragraphs yes_no_lines comparison_last""",
        {"effusion": PRESENT, "pneumothorax": ABSENT},
    ),
    (
        """uk2 uk3 exam_then_text exam_then_text1 history_then_text1 technique_mid
        comparison_in_text lower_heads fnd_abbrev imp_colon_dash imp_spelling final_report
        findings_comma chest_findings impression_summary diagnosis uk_report organ_caps""",
        {"effusion": PRESENT},
    ),
    (
        "addendum_only_pos addendum_dict addendum_after_stop addendum",
        {"pneumothorax": PRESENT},
    ),
    (
        "struct_organ struct_organ_nostop struct_organ_caps",
        {"effusion": ABSENT, "pneumothorax": ABSENT, "fracture": ABSENT},
    ),
    ("struct_caps_only", {"consolidation": PRESENT, "effusion": ABSENT}),
    ("neg_pre", {"pneumothorax": ABSENT, "effusion": ABSENT, "edema": ABSENT}),
]
EXPECTED = {name: wanted for names, wanted in GROUPS for name in names.split()}
# What is asked for, suspected or only a reason for the examination is never present.
NEVER = {
    **{name: {"pneumothorax"} for name in ("ro", "rule_out", "cannot_exclude", "eval_for")},
    "qmark": {"pneumonia", "effusion"},
    "recommend": {"mass"},
}
NEVER_ANYWHERE = {"pneumonia", "abnormality"}


def read_cases() -> list[Study]:
    """Return the reports as the archive door gives them."""
    found: list[Study] = []
    for name in ("lines", "cli_check"):
        archive = open_archive(str(require_data(f"cases/{name}.jsonl")))
        found += archive.read(archive.index().to_pylist())
    return found


def load_language_model(tmp_path):
    """Return `small` with its language model as the reader of sentences, not the one-pass model."""
    directory = tmp_path / "language"
    shutil.copytree(SHIPPED["small"], directory)
    settings = read_config(directory)
    assert settings["copy_reader"] == "onepass"
    (directory / CONFIG).write_text(json.dumps(settings | {"copy_reader": None}))
    return VlmExtractor(directory, "report")


READERS = {
    "rules": lambda _: RulesExtractor(),
    "onepass": lambda _: load_extractor("onepass"),
    "language model": load_language_model,
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_reads_the_layouts_of_other_hospitals(reader, tmp_path):
    rows = to_table(extract_rows(READERS[reader](tmp_path), read_cases())).to_batches()[0]
    labels = {
        row["study_id"]: {found["name"]: found["label"] for found in of_study}
        for row, of_study in zip(rows.to_pylist(), list_findings(rows).to_pylist(), strict=True)
    }
    wrong = [
        (name, concept, label, labels[name].get(concept))
        for name, wanted in EXPECTED.items()
        for concept, label in wanted.items()
        if labels[name].get(concept) != label
    ]
    wrong += [
        (name, concept, "not present", PRESENT)
        for name, found in labels.items()
        for concept in NEVER.get(name, set()) | NEVER_ANYWHERE
        if found.get(concept) == PRESENT
    ]
    assert wrong == []
