"""Reports of the held-out tenth: what a finished model writes there, and how right it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from radkg.gold.filing import Filing, fit_filing
from radkg.gold.held_out import is_held_out
from radkg.metrics import score
from radkg.model.report.files import VISION, read_r2genkg
from radkg.model.report.r2genkg import R2GenKG
from radkg.rules import RulesExtractor
from radkg.train.reports.examples import ReportExample, make_examples, read_studies, show
from radkg.train.reports.images import compute_cells, list_image_locations, read_squares
from radkg.train.reports.scores import compute_bleu_4, read_written
from radkg.train.stage_task import TrainJob

_AT_ONCE = 16  # studies that are written together


def write_texts(
    model: R2GenKG, examples: Sequence[ReportExample], seen: Mapping[str, Tensor]
) -> list[str]:
    """Return what a model in evaluation mode writes for each study."""
    device = model.norm.weight.device
    texts = []
    for start in range(0, len(examples), _AT_ONCE):
        shown = show(examples[start : start + _AT_ONCE], seen, model)
        found = model.generate(*(tensor.to(device) for tensor in shown.values()))
        texts += [model.generator.language.decode_report(ids) for ids in found]
    return texts


def describe_held_out(job: TrainJob, directory: Path, cache: Path) -> str:
    """Return how right a model is on the held-out tenth, as Markdown; "" where that has no study.

    Args:
        job: names the archive.
        directory: of the model, complete.
        cache: directory of features that were computed earlier.
    """
    studies, golds = read_studies(job.archive, job.images, "train", job.limit)
    held_out = [study for study in studies if is_held_out(study)]
    model = read_r2genkg(directory)
    sight, locations = model.config.sight, list_image_locations(held_out)
    if sight.kind == "swin":
        seen = read_squares(sight.side, locations)
    else:
        inside = directory / VISION
        _, seen = compute_cells(str(inside) if inside.is_dir() else job.vision, locations, cache)
    examples = make_examples(held_out, golds, seen)
    if not examples:
        return ""
    texts = write_texts(model, examples, seen)
    lines = ["## On the held-out tenth", "", "| figure | value |", "|---|--:|"]
    lines.append(f"| studies | {len(examples)} |")
    bleu = compute_bleu_4([example.text for example in examples], texts)
    lines.append(f"| BLEU-4 | {bleu:.3f} |")
    lines.append(f"| different reports | {len(set(texts))} |")
    coded = [study for study in studies if study.study_id in golds and not is_held_out(study)]
    if coded:
        filing = fit_filing(RulesExtractor()(coded), [golds[study.study_id] for study in coded])
        lines += _compare(examples, texts, filing, set(golds))
    return "\n".join([*lines, ""]) + "\n"


def _compare(
    examples: Sequence[ReportExample], texts: Sequence[str], filing: Filing, coded: set[str]
) -> list[str]:
    """Return the lines on findings, of the studies with human codes."""
    written = read_written(texts, filing)
    pairs = [
        (frozenset(example.findings) & filing.classes, one.findings & filing.classes)
        for example, one in zip(examples, written, strict=True)
        if example.study_id in coded
    ]
    found = score([gold for gold, _ in pairs], [said for _, said in pairs])
    normal = [said for gold, said in pairs if not gold]
    return [
        f"| findings P, by the rules' reading and human codes | {found.precision:.3f} |",
        f"| findings R | {found.recall:.3f} |",
        f"| findings F1 | {found.f1:.3f} |",
        f"| studies without a coded finding that get one | {sum(map(bool, normal))} of "
        f"{len(normal)} |",
    ]
