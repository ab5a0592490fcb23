"""The one-pass extractor beside the rules: python -m tests.benchmarks.onepass [model directory]

One core. Prints one line of JSON: agreement with the rules on sentences of the test split that no
training report has (silver: imitation, not correctness), strict on both spans, labels and type;
and reports per CPU-second from raw text to extractions, of the model and of the rules in turn,
with and without remembering sentences (best of `rounds`).
"""

import gc
import json
import sys
import time
from collections import Counter
from pathlib import Path

import torch

from radkg.archive import open_archive
from radkg.extractor import SHIPPED
from radkg.extractor.onepass import OnePassExtractor
from radkg.model.checkpoint import WEIGHTS, load_weights, parse_config, read_config
from radkg.model.onepass.network import OnePass, OnePassConfig
from radkg.model.onepass.reading import Reader
from radkg.rules import RulesExtractor
from radkg.rules.concepts import concepts
from radkg.schema.sentences import study_sentences
from radkg.train.silver import count_sentences, label_sentences

BATCH = 500  # studies read at a time, as radkg evaluate does


def plain(sentence):
    return " ".join(sentence.lower().split())


def facts(reading):
    """Return the entities and relations of a reading as a multiset of comparable facts."""
    spans = reading.spans
    links = [(relation, spans[head], spans[tail]) for head, tail, relation in reading.links]
    return Counter([*(("entity", span) for span in spans), *links])


def agreement(model, studies):
    """Return precision, recall and F1 of each kind of fact on unseen sentences."""
    seen = {plain(s) for s in count_sentences(x for x in studies if x.split == "train")}
    unseen = {}
    for sentence in sorted(count_sentences(x for x in studies if x.split == "test")):
        if plain(sentence) not in seen:
            unseen.setdefault(plain(sentence), sentence)
    gold = label_sentences(unseen.values(), only_stated=False)
    counts = {name: Counter() for name in ("gold", "found", "agreed")}
    for one, reading in zip(gold, Reader(model).read([g.sentence for g in gold]), strict=True):
        expected, got = facts(one), facts(reading)
        for name, some in (("gold", expected), ("found", got), ("agreed", expected & got)):
            for fact, count in some.items():
                counts[name][fact[0]] += count
    for count in counts.values():
        count["relation"] = count.total() - count["entity"]
    return {"sentences": len(gold)} | {
        kind: {
            "precision": round(counts["agreed"][kind] / counts["found"][kind], 4),
            "recall": round(counts["agreed"][kind] / gold_count, 4),
            "f1": round(2 * counts["agreed"][kind] / (gold_count + counts["found"][kind]), 4),
            "gold": gold_count,
        }
        for kind, gold_count in counts["gold"].items()
    }


def cpu_seconds(work, studies):
    """Return the CPU time of `work` over the studies, a batch of them at a time."""
    gc.collect()
    start = time.process_time()
    for k in range(0, len(studies), BATCH):
        work(studies[k : k + BATCH])
    return time.process_time() - start


def texts_of(studies):
    return [
        study.report[start:end] for study in studies for _, start, end in study_sentences(study)
    ]


def speeds(directory, model, studies):
    """Return reports per CPU-second of one round: the model's and the rules'."""
    extractor = OnePassExtractor(directory)
    cached = cpu_seconds(extractor, studies)
    warm = cpu_seconds(extractor, studies)  # all but the reading: every sentence is known
    reader = Reader(model)

    def read_all(some):
        found = texts_of(some)
        for text, reading in zip(found, reader.read(found), strict=True):
            concepts(text, reading.spans, reading.links)

    uncached = warm + cpu_seconds(
        read_all, studies
    )  # sentences are found twice: no less than it is
    seconds = {
        "onepass_uncached": uncached,
        "onepass_cached": cached,
        "rules_uncached": cpu_seconds(RulesExtractor(cache_size=0), studies),
        "rules_cached": cpu_seconds(RulesExtractor(), studies),
    }
    return {name: len(studies) / value for name, value in seconds.items()}


def main(rounds=3):
    torch.set_num_threads(1)
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED["onepass"]
    config = parse_config(OnePassConfig, read_config(directory), directory)
    model = OnePass(config)
    load_weights(model, directory)
    archive = open_archive("openi")
    studies = list(archive.read(archive.index().to_pylist()))
    found = [speeds(directory, model, studies) for _ in range(rounds)]
    print(
        json.dumps(
            {
                "parameters": sum(p.numel() for p in model.parameters()),
                "bytes": (directory / WEIGHTS).stat().st_size,
                "unseen_sentences": agreement(model, studies),
                "reports": len(studies),
                "reports_per_cpu_s": {n: round(max(f[n] for f in found)) for n in found[0]},
            }
        )
    )


if __name__ == "__main__":
    main()
