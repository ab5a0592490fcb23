"""How many reports that coders call normal state a finding: the annotators, and each reader.

The annotators' answer is the ceiling: where they mark a finding in a report that the coders call
normal, a reader that is right is charged with a false triplet. Counted are training reports of
Open-i, for their sentences are annotated; a reader's answer on them is no measure of the reader.

    python -m tests.benchmarks.normal_reports
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace

from radkg.evaluation.copying import has_asserted_finding
from radkg.extractor import load_extractor
from radkg.extractor.sentencewise import SentencewiseReader, make_extraction
from radkg.gold.annotated import read_annotated_sentences
from radkg.gold.coded import load_coded_studies
from radkg.model.calibration import Calibration
from radkg.schema.linearize import Reading
from radkg.schema.records import Extraction, Study
from radkg.schema.sentences import list_study_sentences

Read = Callable[[Sequence[Study]], list[Extraction]]


def main() -> None:
    annotated = {one.text: one for one in read_annotated_sentences()}
    coded = load_coded_studies("openi", "train", None)
    pairs = zip(coded.studies, coded.golds, strict=True)
    normal = [study for study, gold in pairs if not gold.observations and not gold.triplets]
    known = [
        study
        for study in normal
        if all(study.report[a:b] in annotated for _, a, b in list_study_sentences(study))
    ]

    def read_annotations(texts: Sequence[str]) -> list[Reading]:
        found = [annotated[text] for text in texts]
        return [
            Reading(
                tuple(one.spans), tuple(one.links), (1.0,) * len(one.spans), (1.0,) * len(one.links)
            )
            for one in found
        ]

    read = SentencewiseReader(read_annotations, Calibration())

    annotators = SimpleNamespace(name="annotators", model_id="annotators", condition="report")

    def read_as_annotated(studies: Sequence[Study]) -> list[Extraction]:
        return [
            make_extraction(annotators, study, *found)
            for study, found in zip(studies, read(studies), strict=True)
        ]

    readers: dict[str, Read] = {name: load_extractor(name) for name in ("onepass", "rules")}
    wanted = [has_asserted_finding(row) for row in read_as_annotated(known)]
    print(f"normal training reports: {len(normal)}, all sentences annotated: {len(known)}\n")
    print("| reader | annotated: state a finding | as the annotators | all: state a finding |")
    print("|---|--:|--:|--:|")
    print(f"| annotators | {sum(wanted)} | {sum(wanted)} | |")
    for name, reader in readers.items():
        stated = [has_asserted_finding(row) for row in reader(known)]
        both = sum(a and b for a, b in zip(wanted, stated, strict=True))
        everywhere = sum(map(has_asserted_finding, reader(normal)))
        print(f"| {name} | {sum(stated)} | {both} | {everywhere} |")


if __name__ == "__main__":
    main()
