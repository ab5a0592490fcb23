"""What an eye sees on the test split, beside floors: python -m tests.benchmarks.eye --images DIR

Prints a Markdown table against the human codes: the eye with its shipped thresholds; a ridge
regression on the tower's averaged features (what a linear head can read of the same tower); the
best constant answer; the eye's answers in another order. Ridge and its thresholds are chosen on the
tenth of the training split that no eye learns from. AUROC is the mean over the findings that at
least ten test studies have, and over those of the 14 labels that at least five have. A second table
says which pictures the guard takes for no frontal radiograph.

    --eye DIR       an eye; default: the one in the shipped model
    --images DIR    the images of Open-i
"""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from radkg.archive.images.pixels import read_image, read_radiograph
from radkg.errors import ArchiveError
from radkg.evaluation.floors import make_quick_answers, shuffle_answers
from radkg.evaluation.reference import Answer
from radkg.evaluation.reports.labels import list_labels as list_14_labels
from radkg.evaluation.reports.labels import name_labels
from radkg.extractor import SHIPPED
from radkg.extractor.eye import EyeReader, make_codes
from radkg.gold.coded import CodedStudies, load_coded_studies
from radkg.gold.filing import fit_filing, list_gold_findings, list_gold_triplets
from radkg.metrics import score
from radkg.metrics.auroc import compute_auroc
from radkg.model.checkpoint import read_config
from radkg.model.vision.encoders import load_encoder
from radkg.model.vision.eye import load_eye
from radkg.rules import RulesExtractor
from radkg.schema.codes import Codes
from radkg.train.eye import list_labels
from radkg.train.supervision import split_held_out
from tests.archive.images.test_dicom import list_files

MIN_STUDIES, MIN_LABELLED = 10, 5  # with a finding, or a label, for its AUROC to count
PENALTIES = (30, 100, 300, 1000, 3000)
THRESHOLDS = tuple(i / 50 for i in range(1, 40))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--eye", type=Path, default=SHIPPED["small"] / "vision")
    parser.add_argument("--images", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    every = load_coded_studies("openi", "train", args.images)
    training, held_out = (part.select_with_image() for part in split_held_out(every))
    tested = load_coded_studies("openi", "test", args.images).select_with_image()
    reader = EyeReader(args.eye)
    rows = [row for row in reader.compute_confidences(tested.studies) if row is not None]
    answers = [to_answer(reader.select(make_codes(row, reader.config))) for row in rows]
    findings = reader.config.findings
    seen = np.array(rows)[:, 1 : 1 + len(findings)]
    ridge, ridge_seen = fit_ridge(args.eye, training, held_out, tested, reader)
    filing = fit_filing(RulesExtractor()(every.studies), every.golds)
    constant = make_quick_answers(filing, every, tested.studies)["constant"]
    print(f"{len(tested)} test studies with an image\n")
    print("| read | findings P | R | F1 | triplets P | R | F1 | accused | AUROC | AUROC, 14 |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    show("eye", answers, tested, seen, findings)
    show("ridge on the tower's features", ridge, tested, ridge_seen, findings)
    show("best constant answer", constant, tested)
    show("the eye's answers in another order", shuffle_answers(answers), tested)
    print("\n| pictures | taken for no frontal radiograph |\n|---|--:|")
    eye, config = load_eye(args.eye, read_config(args.eye))
    for kind, pictures in list_pictures(tested):
        squares = torch.stack([config.preprocessing(p) for p in pictures])
        with torch.no_grad():
            far = torch.cat([eye(part)[1] > config.unlike_limit for part in squares.split(32)])
        print(f"| {kind} | {int(far.sum())} of {len(pictures)} |")


def list_pictures(tested: CodedStudies) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield kinds of pictures, grey in [0, 1]."""
    from skimage import data as photographs
    from skimage.color import rgb2gray

    places = [i.location for s in tested.studies for i in s.images if i.location]
    radiographs = [read_image(place) for place in places]
    yield "test radiographs", radiographs
    some = radiographs[:100]
    yield "test radiographs on their side", [np.rot90(one).copy() for one in some]
    yield "test radiographs upside down", [one[::-1].copy() for one in some]
    yield "test radiographs, black for white", [1 - one for one in some]
    extra = Path(os.environ.get("RADKG_TEST_DATA", "../shared/data")) / "images_extra"
    for kind, folder in (
        ("radiographs of NIH ChestX-ray14", "nih1000_256"),
        ("radiographs of children", "kermany224/test"),
    ):
        files = sorted((extra / folder).rglob("*.jp*g"))[:100]
        if files:
            yield kind, [read_image(str(file)) for file in files]
    names = ("astronaut", "brick", "camera", "cat", "clock", "coffee", "coins", "grass", "gravel")
    names += ("horse", "hubble_deep_field", "moon", "page", "rocket", "text")
    found = [np.asarray(getattr(photographs, name)(), np.float32) for name in names]
    grey = [rgb2gray(p) if p.ndim == 3 else p for p in found]
    yield "photographs and pages", [(p / max(p.max(), 1)).astype(np.float32) for p in grey]
    slices = [read_slice(path) for path in list_files().values()]
    yield "CT, MR and ultrasound", [one for one in slices if one is not None]
    rng = np.random.default_rng(0)
    yield "noise", [rng.random((256, 256), np.float32) for _ in range(20)]


def read_slice(path: Path) -> np.ndarray | None:
    """Return the image of a DICOM file of another modality; None where it is none."""
    try:
        read_radiograph(str(path))
        return None
    except ArchiveError as error:
        if "no radiograph" not in str(error):
            return None
    try:
        return read_image(str(path))
    except ArchiveError:
        return None


def to_answer(codes: Codes) -> Answer:
    return Answer(frozenset(n for n, _ in codes.findings), frozenset(t for t, _ in codes.triplets))


def fit_ridge(
    eye: Path,
    training: CodedStudies,
    held_out: CodedStudies,
    tested: CodedStudies,
    reader: EyeReader,
) -> tuple[list[Answer], np.ndarray]:
    """Return the answers of a ridge regression, and its scores of the findings."""
    config = reader.config
    features = [compute_features(eye, part) for part in (training, held_out, tested)]
    labels = np.array([list_labels(gold, config)[1:] for gold in training.golds], float)
    mean, prevalence = features[0].mean(0), labels.mean(0)
    centred = features[0] - mean

    def predict(penalty: float, part: np.ndarray) -> np.ndarray:
        weights = np.linalg.solve(
            centred.T @ centred + penalty * np.eye(centred.shape[1]), centred.T @ labels
        )
        return (part - mean) @ weights + prevalence

    number = len(config.findings)
    golds = [list_gold_findings(gold) for gold in held_out.golds]
    facts = [list_gold_triplets(gold) for gold in held_out.golds]

    def give(scores: np.ndarray, names: Sequence, threshold: float) -> list[frozenset]:
        return [frozenset(names[i] for i in np.flatnonzero(row >= threshold)) for row in scores]

    def rate(names: Sequence, at: slice, wanted: list) -> tuple[float, float]:
        tried = itertools.product(PENALTIES, THRESHOLDS)
        known = {penalty: predict(penalty, features[1])[:, at] for penalty in PENALTIES}
        return max(tried, key=lambda pt: score(wanted, give(known[pt[0]], names, pt[1])).f1)

    first, second = slice(0, number), slice(number, None)
    penalty, threshold = rate(config.findings, first, golds)
    other, limit = rate(config.triplets, second, facts)
    seen = predict(penalty, features[2])[:, first]
    named = give(seen, config.findings, threshold)
    filed = give(predict(other, features[2])[:, second], config.triplets, limit)
    return [Answer(n, t) for n, t in zip(named, filed, strict=True)], seen


def compute_features(eye: Path, part: CodedStudies) -> np.ndarray:
    """Return the tower's features (N, 320), averaged over a study's views."""
    encoder = load_encoder(str(eye))
    found = []
    for study in part.studies:
        views = [read_radiograph(i.location) for i in study.images if i.location]
        found.append(encoder(views).mean(0).numpy())
    return np.stack(found).astype(float)


def show(
    name: str,
    answers: Sequence[Answer],
    tested: CodedStudies,
    seen: np.ndarray | None = None,
    findings: Sequence[str] = (),
) -> None:
    """Print a row of the table."""
    golds = [list_gold_findings(gold) for gold in tested.golds]
    facts = [list_gold_triplets(gold) for gold in tested.golds]
    one = score(golds, [a.findings for a in answers])
    other = score(facts, [a.triplets for a in answers])
    accused = [bool(a.findings) for a, gold in zip(answers, golds, strict=True) if not gold]
    figures = (one.precision, one.recall, one.f1, other.precision, other.recall, other.f1)
    areas = " | " if seen is None else show_areas(seen, golds, findings)
    shown = " | ".join(f"{figure:.3f}" for figure in figures)
    print(f"| {name} | {shown} | {sum(accused)} of {len(accused)} | {areas} |")


def show_areas(
    seen: np.ndarray,
    golds: Sequence[frozenset[str]],
    findings: Sequence[str],
    least: int = MIN_STUDIES,
) -> str:
    """Return the mean areas under the curves, of findings and of the 14 labels, with their number.

    What ranks the studies by a label is the surest of its findings. A finding counts that `least`
    studies have.
    """
    by_name = [(column, [name in gold for gold in golds]) for column, name in enumerate(findings)]
    areas = [compute_auroc(h, list(seen[:, c])) for c, h in by_name if sum(h) >= least]
    labelled = []
    for label in list_14_labels():
        columns = [c for c, name in enumerate(findings) if label in name_labels({name})]
        has = [label in name_labels(gold) for gold in golds]
        if columns and sum(has) >= MIN_LABELLED:
            labelled.append(compute_auroc(has, list(seen[:, columns].max(1))))
    return " | ".join(f"{np.mean(found):.3f} ({len(found)})" for found in (areas, labelled))


if __name__ == "__main__":
    main()
