"""Transfer between Open-i and another institution's RadGraph JSON: target copy, by sentence.

Language models annotated Open-i's sentences; the labels of the other side come from the file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar

from radkg.errors import ConfigError
from radkg.experiments.base import Experiment
from radkg.experiments.context import ExperimentContext
from radkg.experiments.scoring import Figures, score_f1, score_relations
from radkg.experiments.table import TableRow
from radkg.gold.annotated import is_kept_out, read_annotated_sentences
from radkg.model.generate.engines import load_engine
from radkg.model.generate.spec import EngineSpec
from radkg.model.language import Prompt
from radkg.model.vlmkg.batches import Example
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.schema.linearize import Link, Span, ground, make_items, parse, write
from radkg.schema.records import RELATIONS
from radkg.train.labelled import LabelledSentence, can_be_stated, cut_labelled_sentences
from radkg.train.radgraph import read_radgraph_sentences
from radkg.train.silver import label_sentences

ENTITIES, TRIPLETS = "entity F1", "triplet F1, copy"
_MAX_NEW_TOKENS = 256
_HELD_OUT = 20  # per cent of the other side's sentences


@dataclasses.dataclass(frozen=True, kw_only=True)
class InstitutionsExperiment(Experiment):
    """Train on each of two archives and test on both; the experiment has no settings of its own."""

    name: ClassVar[str] = "transfer"
    title: ClassVar[str] = "Trained on one archive, tested on the other"
    shown: ClassVar[tuple[str, ...]] = (ENTITIES, TRIPLETS, *(f"{name} F1" for name in RELATIONS))

    def write_caption(self, context: ExperimentContext) -> str:
        """Return what was trained and what is compared."""
        return (
            "Target copy, sentence by sentence, strict: an entity agrees with span and label, a "
            "triplet with both ends and relation. Open-i's side is annotated sentences "
            "(model-made), the other side is what its file states; sentences that the language "
            "model's form cannot state are left out on both. Equal sentences are on one side of "
            "each split; as many training sentences on both sides; the language model starts from "
            "random weights. Rules: read without any training."
        )

    def make_rows(self, context: ExperimentContext) -> Iterator[TableRow]:
        """Yield each pair of a side to train on and a side to test on, and the rules on both."""
        assert context.config.other is not None
        other = _split(_read(Path(context.config.other)))
        sides = {"Open-i": _read_openi(), "the other file": other}
        number = min(len(training) for training, _ in sides.values())
        for name, (training, tested) in sides.items():
            if not training or not tested:
                raise ConfigError(f"{name} has too few sentences to train and to test on")
        for tested_on, (_, tested) in sides.items():
            read = label_sentences((s.sentence for s in tested), only_stated=False)
            answers = [(s.spans, s.links) for s in read]
            yield TableRow(f"tested on {tested_on}", "rules", _figures(tested, answers), {})
        for trained_on, (training, _) in sides.items():
            examples = [_example(s) for s in sorted(training, key=_hash)[:number]]
            model = context.make_model(None, fresh=True)
            variant = context.train(model, examples, fresh=True)
            for tested_on, (_, tested) in sides.items():
                yield TableRow(
                    f"tested on {tested_on}",
                    f"trained on {trained_on}",
                    _figures(tested, _answers(variant.model, tested)),
                    {**variant.notes, "tested sentences": len(tested)},
                )


def _read_openi() -> tuple[list[LabelledSentence], list[LabelledSentence]]:
    """Return the annotated sentences of Open-i to train on, and those kept out of training."""
    texts = read_annotated_sentences()
    training, tested = (
        [
            one
            for text in texts
            if is_kept_out(text.text) == kept
            for one in cut_labelled_sentences(text)
            if can_be_stated(one.sentence, one.spans, one.links)
        ]
        for kept in (False, True)
    )
    return training, tested


def _read(path: Path) -> list[LabelledSentence]:
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise ConfigError(f"no .json file in {path}: --other takes RadGraph JSON")
    found = {s.sentence: s for file in files for s in read_radgraph_sentences(file)}
    return list(found.values())


def _split(
    found: Sequence[LabelledSentence],
) -> tuple[list[LabelledSentence], list[LabelledSentence]]:
    held = [_hash(s) % 100 < _HELD_OUT for s in found]
    return (
        [s for s, is_held in zip(found, held, strict=True) if not is_held],
        [s for s, is_held in zip(found, held, strict=True) if is_held],
    )


def _hash(found: LabelledSentence) -> int:
    text = " ".join(found.sentence.lower().split())
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _example(found: LabelledSentence) -> Example:
    items = make_items(found.sentence, found.spans, found.links)
    return Example("copy", found.sentence, write(items))


def _answers(
    model: VisionLanguageModel, tested: Sequence[LabelledSentence]
) -> list[tuple[Sequence[Span], Sequence[Link]]]:
    prompts = [Prompt("copy", s.sentence) for s in tested]
    engine = load_engine(EngineSpec("transformers"), model, ())
    written = engine.generate(prompts, None, max_new_tokens=_MAX_NEW_TOKENS)
    grounded = [
        ground(s.sentence, parse(g.text, "copy")) for s, g in zip(tested, written, strict=True)
    ]
    return [(spans, links) for spans, links, _ in grounded]


def _figures(
    tested: Sequence[LabelledSentence], answers: Sequence[tuple[Sequence[Span], Sequence[Link]]]
) -> Figures:
    gold = [_facts(s.spans, s.links) for s in tested]
    predicted = [_facts(spans, links) for spans, links in answers]
    return {
        ENTITIES: score_f1([set(s.spans) for s in tested], [set(spans) for spans, _ in answers]),
        TRIPLETS: score_f1(gold, predicted),
        **score_relations(gold, predicted),
    }


def _facts(
    spans: Sequence[Span], links: Sequence[Link]
) -> set[tuple[Hashable, Hashable, Hashable]]:
    return {(spans[head], relation, spans[tail]) for head, tail, relation in links}
