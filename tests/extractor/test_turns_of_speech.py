"""What a turn of speech says of a finding, read by every reader that ships in this convention."""

import pytest

from radkg.extractor import extract_rows, load_extractor
from radkg.schema.arrow import to_table
from radkg.schema.findings import list_findings
from tests.extractor.models import study

PRESENT, ABSENT, UNCERTAIN, UNSAID = "OBS-DP", "OBS-DA", "OBS-U", None

CASES = [
    ("The right effusion is gone.", {"effusion": ABSENT}),
    ("Left lower lobe consolidation has disappeared.", {"consolidation": ABSENT}),
    ("The apical pneumothorax has resolved.", {"pneumothorax": ABSENT}),
    ("The pneumothorax is no longer seen.", {"pneumothorax": ABSENT}),
    ("Neg for pneumothorax.", {"pneumothorax": ABSENT}),
    ("Lungs w/o consolidation.", {"consolidation": ABSENT}),
    ("Pneumothorax: No", {"pneumothorax": ABSENT}),
    ("Effusion: None.", {"effusion": ABSENT}),
    ("Consolidation: absent", {"consolidation": ABSENT}),
    ("Pneumothorax (-)", {"pneumothorax": ABSENT}),
    ("Cardiomegaly: Yes", {"cardiomegaly": PRESENT}),
    ("There is no evidence that the pneumothorax has resolved.", {"pneumothorax": PRESENT}),
    ("No evidence that the edema has cleared.", {"edema": PRESENT}),
    ("The consolidation has not resolved.", {"consolidation": PRESENT}),
    ("Nearly resolved pulmonary edema.", {"edema": PRESENT}),
    ("No mass, a nodule is present.", {"mass": ABSENT, "nodule": PRESENT}),
    ("No pneumothorax but small effusion.", {"pneumothorax": ABSENT, "effusion": PRESENT}),
    ("Left effusion, none on the right.", {"effusion": PRESENT}),
    ("No progression of the pneumonia.", {"pneumonia": PRESENT}),
    ("No change in the right effusion.", {"effusion": PRESENT}),
    ("r/o pneumonia", {"pneumonia": UNCERTAIN}),
    ("?pneumonia", {"pneumonia": UNCERTAIN}),
    ("Differential includes edema, infection, and organizing pneumonia.", {"pneumonia": UNCERTAIN}),
    ("Pneumonia cannot be excluded.", {"pneumonia": UNCERTAIN}),
    ("History of tuberculosis.", {"tuberculosis": UNSAID}),
    ("Treated for pneumonia.", {"pneumonia": UNSAID}),
    ("A nodule would be better seen on CT.", {"nodule": UNSAID}),
    ("CT advised to exclude mass.", {"mass": UNSAID}),
    ("Small bilat. pleural effussions.", {"effusion": PRESENT}),
    ("No pneumthorax.", {"pneumothorax": ABSENT}),
    ("RLL PNA.", {"pneumonia": PRESENT}),
]


@pytest.mark.parametrize("reader", ["rules", "onepass"])
def test_what_is_said_of_a_finding(reader):
    studies = [study(text, study_id=f"S{i:02}") for i, (text, _) in enumerate(CASES)]
    rows = to_table(extract_rows(load_extractor(reader), studies)).to_batches()[0]
    wrong = []
    for (text, wanted), of_study in zip(CASES, list_findings(rows).to_pylist(), strict=True):
        labels = {found["name"]: found["label"] for found in of_study}
        wrong += [(text, labels) for name, label in wanted.items() if labels.get(name) != label]
    assert wrong == []
