"""Where visual tokens lie: in the half of the image that the coders named, or in the other one.

python -m tests.benchmarks.tokens radkg-out/knowledge

Of a finding that a study's codes place on one side alone, a cell in that half of the image points
to the right place; a cell of the middle column counts half. A cell drawn at random would be right
in half of all cases. The patient's right side is on the left of the image. Nothing is tuned on it.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from radkg.gold.coded import load_coded_studies
from radkg.gold.codes import Gold
from radkg.gold.filing import list_gold_triplets
from radkg.knowledge.store import load_knowledge
from radkg.metrics.figures import estimate_rate


def find_side(gold: Gold, finding: str) -> str | None:
    """Return the one side of all codes of a study, where it is of the finding; else None."""
    triplets = list_gold_triplets(gold)
    ends = {end for head, _, tail in triplets for end in (head, tail)}
    sides = ends & {"left", "right", "bilateral"}
    if len(sides) != 1 or "bilateral" in sides:
        return None
    (side,) = sides
    sites = {tail for head, kind, tail in triplets if (head, kind) == (finding, "located_at")}
    sided = {tail for head, kind, tail in triplets if (head, kind) == (side, "modify")}
    return side if side in sites or sites & sided else None


def main() -> None:
    """Print the share of tokens in the right half, with its interval by studies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    knowledge = load_knowledge(parser.parse_args().directory)
    coded = load_coded_studies("openi", "train")
    golds = {s.study_id: gold for s, gold in zip(coded.studies, coded.golds, strict=True)}
    counted: dict[str, list[float]] = defaultdict(list)
    assert knowledge.bank is not None, "built without images"
    for row in knowledge.bank.drop_columns(["token"]).to_pylist():
        side = find_side(golds[row["study_id"]], row["label"])
        if side is not None:
            middle = (row["box"][0] + row["box"][2]) / 2
            is_middle = abs(middle - 0.5) < 1e-6
            right = 0.5 if is_middle else float((middle < 0.5) == (side == "right"))
            counted[row["study_id"]].append(right)
    pairs = [(int(2 * sum(each)), 2 * len(each)) for each in counted.values()]  # of halves
    rate = estimate_rate(pairs)
    print(f"{sum(map(len, counted.values()))} tokens of {len(counted)} studies have a side")
    print(f"in its half: {rate['rate']} {rate['interval_95']}; of {knowledge.bank.num_rows} tokens")


if __name__ == "__main__":
    main()
