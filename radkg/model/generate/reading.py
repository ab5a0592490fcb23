"""From what a language model wrote of a sentence to the reading of the sentence."""

from __future__ import annotations

from radkg.model.generate.decode import Generation, compute_item_confidences
from radkg.schema.linearize import Reading, ground, parse


def make_reading(sentence: str, generation: Generation) -> Reading:
    """Return what a generation of the target `copy` states of its sentence."""
    items = parse(generation.text, "copy")
    confidences = compute_item_confidences(generation)
    spans, links, first = ground(sentence, items)
    # a link is as sure as the item that states it: the one whose head is its head
    of_head: dict[int, float] = {}
    for span, item in enumerate(first):
        of_head[span] = confidences[item]
    return Reading(
        tuple(spans),
        tuple(links),
        tuple(of_head[i] for i in range(len(spans))),
        tuple(of_head[head] for head, _, _ in links),
    )
