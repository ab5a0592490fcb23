"""Scores of invented reports by pycocoevalcap 1.2: what our own are held against.

    pip install pycocoevalcap && python -m tests.metrics.coco_oracle

writes coco_values.json. The package has 104 MB, for it carries METEOR and SPICE, so that tests read
its values from that file instead of installing it.
"""

import json
import random
from pathlib import Path

VALUES = Path(__file__).with_name("coco_values.json")
SENTENCES = (
    "the heart is normal in size .",
    "heart size is mildly enlarged .",
    "the lungs are clear .",
    "no pleural effusion or pneumothorax .",
    "there is a small left pleural effusion .",
    "no acute disease .",
    "streaky opacity in the right lung base .",
    "mild degenerative changes of the thoracic spine .",
    "no no no focal focal consolidation .",
)


def make_pairs(count: int = 40, seed: int = 0) -> list[tuple[str, str]]:
    """Return invented references and hypotheses: overlapping, equal, disjoint, short and empty."""
    draw = random.Random(seed)
    pairs = []
    for i in range(count):
        reference = draw.sample(SENTENCES, draw.randint(1, 5))
        hypothesis = [draw.choice([one, draw.choice(SENTENCES)]) for one in reference]
        hypothesis = hypothesis[: draw.choice([len(hypothesis), 1 + len(hypothesis) // 2])]
        pairs.append((" ".join(reference), "" if i % 13 == 5 else " ".join(hypothesis)))
    return [*pairs, ("no acute disease .", "no acute disease ."), ("clear .", "clear")]


def main() -> None:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    pairs = make_pairs()
    truth = {i: [reference] for i, (reference, _) in enumerate(pairs)}
    found = {i: [hypothesis] for i, (_, hypothesis) in enumerate(pairs)}
    bleu, _ = Bleu(4).compute_score(truth, found, verbose=0)
    rouge, _ = Rouge().compute_score(truth, found)
    cider, each = Cider().compute_score(truth, found)
    values = {"bleu": bleu, "rouge_l": float(rouge), "cider": float(cider), "each": list(each)}
    VALUES.write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
