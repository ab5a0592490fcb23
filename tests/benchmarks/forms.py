"""How many short forms, lists and turns of speech each reader gets wrong; forms.jsonl has them.

The texts were invented to be hard. `findings` says what a person reads: a label by concept, null
where the concept is not stated of this study.

    python -m tests.benchmarks.forms [READER ...]
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from radkg.archive import open_archive
from radkg.extractor import extract_rows, load_extractor
from radkg.schema.arrow import to_table
from radkg.schema.findings import list_findings

CASES = Path(__file__).with_suffix(".jsonl")


def main() -> None:
    """Print what each reader gets wrong, and how many texts that are."""
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        archive_file = Path(folder) / "forms.jsonl"
        lines = [{"study_id": f"{i:03}", "report": c["report"]} for i, c in enumerate(cases)]
        archive_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        archive = open_archive(str(archive_file))
        studies = list(archive.read(archive.index().to_pylist()))
    for reader in sys.argv[1:] or ["rules", "onepass"]:
        rows = to_table(extract_rows(load_extractor(reader), studies)).to_batches()[0]
        of_study = dict(
            zip(rows["study_id"].to_pylist(), list_findings(rows).to_pylist(), strict=True)
        )
        wrong = 0
        for i, case in enumerate(cases):
            labels = {one["name"]: one["label"] for one in of_study[f"{i:03}"]}
            read = {name: labels.get(name) for name in case["findings"]}
            if read != case["findings"]:
                wrong += 1
                print(f"{reader}: {case['report']!r}: {read}")
        print(f"{reader}: {wrong} of {len(cases)} wrong")


if __name__ == "__main__":
    main()
