"""How far readers agree on the same items, beyond what chance would give.

Kappa is 1 for full agreement and 0 for chance (Cohen 1960 for two readers, Fleiss 1971 for more);
it is undefined (None) where every reader gives one and the same answer to all items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence


def compute_raw_agreement(readings: Sequence[Sequence[Hashable]]) -> float:
    """Return the share of pairs of readers that agree, over all items, in [0, 1].

    Args:
        readings: one sequence of answers per reader, over the same items in the same order.

    Raises:
        ValueError: there are fewer than two readers, no item, or readers of different items.
    """
    items = _items(readings)
    return sum(map(_agreeing, items)) / len(items)


def compute_cohen_kappa(one: Sequence[Hashable], other: Sequence[Hashable]) -> float | None:
    """Return Cohen's kappa of two readers; ValueError as in `compute_raw_agreement`."""
    items = _items([one, other])
    observed = sum(a == b for a, b in items) / len(items)
    ones, others = Counter(one), Counter(other)
    by_chance = sum(ones[answer] * others[answer] for answer in ones) / len(items) ** 2
    return _kappa(observed, by_chance)


def compute_fleiss_kappa(readings: Sequence[Sequence[Hashable]]) -> float | None:
    """Return Fleiss' kappa of two or more readers; ValueError as in `compute_raw_agreement`."""
    items = _items(readings)
    observed = sum(map(_agreeing, items)) / len(items)
    answers = Counter(answer for item in items for answer in item)
    by_chance = sum((count / answers.total()) ** 2 for count in answers.values())
    return _kappa(observed, by_chance)


def _items(readings: Sequence[Sequence[Hashable]]) -> list[tuple[Hashable, ...]]:
    if len(readings) < 2:
        raise ValueError(f"{len(readings)} readers: agreement needs two")
    items = list(zip(*readings, strict=True))
    if not items:
        raise ValueError("agreement needs at least one item that all readers judged")
    return items


def _agreeing(item: Sequence[Hashable]) -> float:
    """Return the share of pairs of readers with the same answer to one item."""
    num = len(item)
    return sum(n * (n - 1) for n in Counter(item).values()) / (num * (num - 1))


def _kappa(observed: float, by_chance: float) -> float | None:
    return (observed - by_chance) / (1 - by_chance) if by_chance < 1 else None
