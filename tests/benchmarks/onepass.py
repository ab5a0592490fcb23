"""The one-pass extractor beside the rules: python -m tests.benchmarks.onepass [model directory]

One core. Prints one line of JSON: reports per CPU-second from raw text to extractions, of the model
and of the rules in turn, with and without remembering sentences (best of `rounds`). How right both
are, `radkg evaluate --target radgraph` says.
"""

import gc
import json
import sys
import time
from pathlib import Path

import torch

from radkg.archive import open_archive
from radkg.extractor import SHIPPED
from radkg.extractor.onepass import OnePassExtractor
from radkg.model.checkpoint import WEIGHTS, load_weights, parse_config, read_config
from radkg.model.onepass.network import OnePass, OnePassConfig
from radkg.model.onepass.reading import OnePassReader
from radkg.rules import RulesExtractor
from radkg.rules.concepts import name_concepts
from radkg.schema.sentences import list_study_sentences

BATCH = 500  # studies read at a time, as radkg evaluate does


def cpu_seconds(work, studies):
    """Return the CPU time of `work` over the studies, a batch of them at a time."""
    gc.collect()
    start = time.process_time()
    for k in range(0, len(studies), BATCH):
        work(studies[k : k + BATCH])
    return time.process_time() - start


def texts_of(studies):
    return [
        study.report[start:end]
        for study in studies
        for _, start, end in list_study_sentences(study)
    ]


def speeds(directory, model, studies):
    """Return reports per CPU-second of one round: the model's and the rules'."""
    extractor = OnePassExtractor(directory)
    cached = cpu_seconds(extractor, studies)
    warm = cpu_seconds(extractor, studies)  # all but the reading: every sentence is known
    reader = OnePassReader(model)

    def read_all(some):
        found = texts_of(some)
        for text, reading in zip(found, reader.read(found), strict=True):
            name_concepts(text, reading.spans, reading.links)

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
                "reports": len(studies),
                "reports_per_cpu_s": {n: round(max(f[n] for f in found)) for n in found[0]},
            }
        )
    )


if __name__ == "__main__":
    main()
