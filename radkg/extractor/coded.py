"""What a model wrote as codes: merged over a study, and as entities whose source is the image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from radkg.model.config import ModelConfig
from radkg.model.generate.decode import Generation, compute_item_confidences
from radkg.model.language import Prompt
from radkg.schema.codes import CodedTriplet, Codes
from radkg.schema.linearize import list_triplets, parse
from radkg.schema.records import Condition, Entity, Relation


def merge_outputs(written: Iterable[Generation]) -> Codes:
    """Return the codes of all outputs of a study, each with the best confidence it has anywhere."""
    triplets: dict[CodedTriplet, float] = {}
    findings: dict[str, float] = {}
    for generation in written:
        items = parse(generation.text, "codes")
        for item, confidence in zip(items, compute_item_confidences(generation), strict=True):
            for triplet in list_triplets([item]):
                triplets[triplet] = max(confidence, triplets.get(triplet, 0.0))
            if not item.links:
                name = " ".join(item.head.words)
                findings[name] = max(confidence, findings.get(name, 0.0))
    sites = _sites(triplets)
    for (head, relation, tail), confidence in triplets.items():
        name = head if relation == "located_at" else tail
        if name not in sites:  # "left modify pleura" names no finding
            findings[name] = max(confidence, findings.get(name, 0.0))
    return Codes(tuple(sorted(findings.items())), tuple(sorted(triplets.items())))


def ask_codes(
    prompts: Sequence[Sequence[Prompt]], generate: Callable[[list[Prompt]], list[Generation]]
) -> list[Codes]:
    """Return the codes of each study from its prompts; those of all studies are asked at once."""
    written = iter(generate([prompt for one in prompts for prompt in one]))
    return [merge_outputs(islice(written, len(one))) for one in prompts]


def limit_codes(codes: Codes, threshold: float, normal_threshold: float = 0.0) -> Codes:
    """Return the codes that are at least as sure as `threshold`, both in [0, 1].

    A study none of whose codes is as sure as `normal_threshold` is taken as normal: it has none.
    """
    sure = [confidence for _, confidence in (*codes.findings, *codes.triplets)]
    if max(sure, default=0.0) < normal_threshold:
        return Codes((), ())
    return Codes(
        tuple(pair for pair in codes.findings if pair[1] >= threshold),
        tuple(pair for pair in codes.triplets if pair[1] >= threshold),
    )


def select_codes(codes: Codes, condition: Condition, config: ModelConfig) -> Codes:
    """Return the codes that are sure enough to be given under a condition."""
    if condition == "image":
        return limit_codes(codes, config.image_threshold)
    together = condition == "image+report"
    threshold = config.both_threshold if together else config.report_threshold
    return limit_codes(codes, threshold, config.normal_threshold)


def make_image_entities(
    codes: Codes, first: int, threshold: float
) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    """Return codes as entities without offsets, numbered from `first`, and their relations.

    Args:
        threshold: what is less sure [0, 1] is left out; it still tells what is a site.
    """
    sites = _sites(triplet for triplet, _ in codes.triplets)
    anatomy = sites | {h for (h, r, t), _ in codes.triplets if r == "modify" and t in sites}
    sure = limit_codes(codes, threshold)
    names = dict(sure.findings)
    for (head, _, tail), confidence in sure.triplets:
        for name in (head, tail):
            names[name] = max(confidence, names.get(name, 0.0))
    order = {name: first + i for i, name in enumerate(sorted(names))}
    entities = tuple(
        Entity(
            name,
            "ANAT-DP" if name in anatomy else "OBS-DP",
            name,
            None,
            None,
            None,
            "image",
            names[name],
        )
        for name in order
    )
    relations = tuple(
        Relation(order[head], order[tail], relation, confidence)  # type: ignore[arg-type]
        for (head, relation, tail), confidence in sure.triplets
    )
    return entities, relations


def describe_unsure(codes: Codes, threshold: float) -> str:
    """Return why the codes of an image say nothing: none of them is as sure as the threshold."""
    known = [(confidence, name) for name, confidence in codes.findings]
    known += [(confidence, head) for (head, _, _), confidence in codes.triplets]
    if not known:
        return "the model sees no finding in the image"
    confidence, name = max(known)
    return (
        f"nothing that the model sees in the image reaches confidence {threshold:.2f}: the surest "
        f"is {name}, {confidence:.2f}"
    )


def _sites(triplets: Iterable[CodedTriplet]) -> set[str]:
    return {tail for _, relation, tail in triplets if relation == "located_at"}
