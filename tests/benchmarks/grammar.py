"""Count invalid outputs among random generations under the grammar: one JSON, `invalid` must be 0.

    nice -n 10 python -m tests.benchmarks.grammar --count 1000000

The sentences are Open-i's training sentences. Each step takes one of the tokens that the grammar
allows, all equally likely: the same as the best of random logits. One output in ten is of the
target `codes`; what reaches the budget of tokens is cut, and counts like the others.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from tokenizers import Tokenizer

from radkg.gold.coded import load_coded_studies
from radkg.model.config import make_small_config
from radkg.model.generate.grammar import Grammar, drop_unfinished
from radkg.model.language import Language, Prompt, train_tokenizer
from radkg.schema.linearize import ground, parse
from radkg.schema.sentences import find_words
from radkg.train.silver import count_sentences
from radkg.train.supervision import collect_vocabulary

TOKENS = 48  # budget of one output


def small_language(texts: Sequence[str], vocab_size: int) -> Language:
    """Return a byte-level tokenizer trained on the sentences as the prompt shows them."""
    config = dataclasses.replace(make_small_config().language, vocab_size=vocab_size)
    shown = [" " + " ".join(word for word, _, _ in find_words(text)) for text in texts]
    marks = [" @ + ? - ; modify located_at suggestive_of"] * len(shown)
    tokenizer: Tokenizer = train_tokenizer([*shown, *marks], config)
    return Language(tokenizer, config)


def random_texts(
    grammar: Grammar, language: Language, prompt: Prompt, count: int, rng: np.random.Generator
) -> Iterator[tuple[str, bool, int]]:
    """Yield text, whether it is finished, and tokens, of random outputs for one prompt."""
    start = grammar.make_matcher(prompt)
    matchers = [start.deep_copy() for _ in range(count)]
    outputs: list[list[int]] = [[] for _ in matchers]
    active = list(range(count))
    while active and len(outputs[active[0]]) < TOKENS:
        ids, allowed = grammar.list_allowed([matchers[row] for row in active])
        best = np.argmax((1 - rng.random(allowed.shape, np.float32)) * allowed, axis=1)
        kept = []
        for row, token in zip(active, ids[best].tolist(), strict=True):
            outputs[row].append(token)
            if token != language.eos_id and matchers[row].consume_token(token):
                kept.append(row)
        active = kept
    for ids_of, matcher in zip(outputs, matchers, strict=True):
        finished = ids_of[-1] == language.eos_id and not matcher.is_error()
        text = drop_unfinished(language.decode(ids_of), prompt.target, finished=finished)
        yield text, finished, len(ids_of)


def problem(text: str, prompt: Prompt, names: frozenset[str]) -> str | None:
    """Return what is wrong with an output, judged by the schema alone."""
    try:
        items = parse(text, prompt.target)
        if prompt.target == "copy":
            _, links, _ = ground(prompt.sentence, items)
            return "related to itself" if any(h == t for h, t, _ in links) else None
    except ValueError as error:
        return str(error)
    for head, tails in items:
        if any(" ".join(end.words) not in names for end in (head, *(t for _, t in tails))):
            return "no name of the vocabulary"
        if any(tail == head for _, tail in tails):
            return "related to itself"
    return None


def main() -> None:
    """Generate, check and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="outputs to generate")
    parser.add_argument("--vocabulary", type=int, default=1024, help="tokens of the tokenizer")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    coded = load_coded_studies("openi", "train")
    names = collect_vocabulary(coded)
    texts = sorted(count_sentences(coded.studies))
    language = small_language(texts, args.vocabulary)
    grammar = Grammar(language, args.vocabulary, names)
    rng = np.random.default_rng(args.seed)
    known = frozenset(names)
    sums: Counter[str] = Counter()
    invalid: Counter[str] = Counter()
    started, shown = time.process_time(), time.monotonic()
    shares = [args.count // len(texts) + (i < args.count % len(texts)) for i in range(len(texts))]
    for number, (text, share) in enumerate(zip(texts, shares, strict=True)):
        prompts: list[tuple[Prompt, int]] = [
            (Prompt("codes", text), share // 10),
            (Prompt("copy", text), share - share // 10),
        ]
        for prompt, count in prompts:
            for output, finished, tokens in random_texts(grammar, language, prompt, count, rng):
                wrong = problem(output, prompt, known)
                if wrong is not None:
                    invalid[wrong] += 1
                sums += Counter(
                    outputs=1,
                    finished=int(finished),
                    tokens=tokens,
                    items=len(parse(output, prompt.target)) if wrong is None else 0,
                )
        if time.monotonic() - shown > 60:
            shown = time.monotonic()
            print(f"{number + 1} of {len(texts)} sentences", file=sys.stderr)
    seconds = time.process_time() - started
    result = {
        "outputs": sums["outputs"],
        "invalid": sum(invalid.values()),
        "problems": dict(invalid.most_common(10)),
        "sentences": len(texts),
        "names": len(names),
        "finished": sums["finished"],
        "items": sums["items"],
        "tokens": sums["tokens"],
        "cpu_seconds": round(seconds, 1),
    }
    print(json.dumps(result))
    sys.exit(1 if invalid else 0)


if __name__ == "__main__":
    main()
