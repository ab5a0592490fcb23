"""Forms, lists and ends of lines of other hospitals, read by every reader.

Each was once misread in silence: a sign or a word of one item spoke for another one.
"""

import dataclasses

import pytest

from radkg.archive.formats.headings import find_headed_sections
from radkg.extractor import extract_rows
from radkg.schema.arrow import to_table
from radkg.schema.findings import list_findings
from tests.extractor.models import study
from tests.extractor.test_other_hospitals import READERS

# effusion is present and pneumothorax absent
EFFUSION_ALONE = """Pneumothorax: N⏎Effusion: Y⏎Consolidation: N
Pneumothorax - none. Effusion - small left.
Pneumothorax: nil⏎Effusion: trace right
Pneumothorax: not seen⏎Pleural effusion: small, left
Pneumothorax [ ] Effusion [x] Consolidation [ ]
[ ] Pneumothorax [x] Effusion [ ] Consolidation
☐ Pneumothorax ☑ Effusion ☐ Consolidation
( ) Pneumothorax⏎(X) Effusion⏎( ) Consolidation
- [ ] Pneumothorax⏎- [x] Effusion
Pneumothorax = 0⏎Effusion = 1
Pneumothorax: false; Effusion: true; Consolidation: false
Effusion? yes. Pneumothorax? no.
Effusion........Yes⏎Pneumothorax....No
| Effusion | Yes |⏎| Pneumothorax | No |
effusion,yes⏎pneumothorax,no
No pneumothorax | Small left effusion | No consolidation
No pneumothorax     Small left effusion     No consolidation
No pneumothorax // Small left effusion // No edema
· No pneumothorax · Small left effusion
* No pneumothorax * Small left effusion * No edema
1.No pneumothorax 2.small effusion 3.no edema
-No pneumothorax.-Small left effusion.-No edema.
No pneumothorax…Small effusion
No pneumothorax, small effusion.
Lungs: no pneumothorax, small effusion.
(-) pneumothorax (+) effusion
-ve for pneumothorax; effusion +ve
Neg. for PTX. Small effusion.
Ø pneumothorax. Small effusion.
There isn't a pneumothorax. There's an effusion which hasn't changed.
Can't see a pneumothorax. Small effusion.
Failed to demonstrate pneumothorax. Not only effusion but also consolidation.
Effusion (+), pneumothorax (-), nodule (-)
pneumothorax -ve, effusion +ve
Pneumothorax 0, nodule 0, effusion 1
Absent: pneumothorax, nodule. Present: effusion.
No evidence of:⏎- consolidation⏎- pneumothorax⏎There is an effusion.
NO EVIDENCE OF:⏎1. CONSOLIDATION⏎2. PNEUMOTHORAX⏎⏎EFFUSION IS PRESENT.
There is no:⏎consolidation⏎pneumothorax⏎⏎Effusion.
Pertinent negatives: pneumothorax, edema.⏎Pertinent positives: effusion.
We did not find any of the following: edema; pneumothorax. Small effusion.
Indication Pneumothorax follow up⏎Findings No pneumothorax. Small effusion.
[INDICATION] pneumothorax⏎[FINDINGS] no pneumothorax, small effusion
Hx: pneumothorax. Fdgs: small effusion. No pneumothorax.
FINDINGS: Small effusion. No pneumothorax.⏎Electronically signed by Ann Nodule, MD
Small effusion sans pneumothorax.
No PNX. Small effusion.""".splitlines()
# effusion and pneumothorax are absent
NEITHER = """There is no⇥pneumothorax or⇥effusion.
There is no evidence of⇥pneumothorax or pleural⇥effusion.
No pneumothorax, small or large effusion, or consolidation.
Ø effusion, Ø pneumothorax
Effusion: [ ] yes [x] no⏎Pneumothorax: [ ] yes [x] no
Effusion       ( ) yes (x) no⏎Pneumothorax   ( ) yes (x) no
Devoid of effusion or pneumothorax.
There is no evidence of:⏎* Effusion;⏎* Pneumothorax.
No: effusion, pneumothorax
The following are not seen: effusion, pneumothorax.
No pneumothorax is seen, nor is there an effusion.""".splitlines()
DOUBTED = ["Effusion?", "effusion (?)", "? small effusion", "At most a tiny effusion."]
PRESENT, ABSENT, UNCERTAIN = "OBS-DP", "OBS-DA", "OBS-U"
CASES = [
    *((text, {"effusion": PRESENT, "pneumothorax": ABSENT}) for text in EFFUSION_ALONE),
    *((text, {"effusion": ABSENT, "pneumothorax": ABSENT}) for text in NEITHER),
    *((text, {"effusion": UNCERTAIN}) for text in DOUBTED),
]


def make_study(number, text):
    text = text.replace("⏎", "\n").replace("⇥", "\r\n")
    return dataclasses.replace(
        study(study_id=f"S{number:02}"), report=text, sections=find_headed_sections(text)
    )


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_reads_forms(reader, tmp_path):
    studies = [make_study(i, text) for i, (text, _) in enumerate(CASES)]
    rows = to_table(extract_rows(READERS[reader](tmp_path), studies)).to_batches()[0]
    wrong = []
    for (text, wanted), found in zip(CASES, list_findings(rows).to_pylist(), strict=True):
        labels = {one["name"]: one["label"] for one in found}
        wrong += [(text, labels) for name, label in wanted.items() if labels.get(name) != label]
    assert wrong == []
