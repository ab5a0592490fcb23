"""Speed of the rules on one core, from raw text: python tests/benchmarks/rules.py

Prints one line of JSON: reports per CPU-second with and without the cache of sentences (best of
`rounds`), and as a ratio to the least that any reader of text must do, a regular expression that
finds the words.
"""

import gc
import json
import re
import time

from radkg.archive import open_archive
from radkg.rules import RulesExtractor

WORD = re.compile(r"\w+")


def reports_per_cpu_second(work, studies, rounds=3):
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        work(studies)
        best = min(best, time.process_time() - start)
    return len(studies) / best


def tokenise(studies):
    return [
        [(m[0].lower(), m.start(), m.end()) for m in WORD.finditer(study.report)]
        for study in studies
    ]


def main():
    archive = open_archive("openi")
    studies = list(archive.read(archive.index().to_pylist()))
    start = time.process_time()
    RulesExtractor()(studies[:1])
    first_call_s = time.process_time() - start
    uncached = reports_per_cpu_second(lambda s: RulesExtractor(cache_size=0)(s), studies)
    cached = reports_per_cpu_second(lambda s: RulesExtractor()(s), studies)  # starts empty
    baseline = reports_per_cpu_second(tokenise, studies)
    print(
        json.dumps(
            {
                "reports": len(studies),
                "reports_per_cpu_s_uncached": round(uncached),
                "reports_per_cpu_s_cached": round(cached),
                "cache_gain": round(cached / uncached, 2),
                "tokenising_alone_reports_per_cpu_s": round(baseline),
                "uncached_share_of_tokenising_speed": round(uncached / baseline, 3),
                "cached_share_of_tokenising_speed": round(cached / baseline, 3),
                "construct_and_first_report_cpu_s": round(first_call_s, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
