"""Speed of training the small preset on CPU cores: python tests/benchmarks/train.py

Prints one line of JSON. Padding share of batches of like length and of batches as they come, on
Open-i's sentences; tokens per second on one core in fp32 and bf16; one worker against two (one
core each, gloo, the same steps). Everything in one run, so that the ratios mean something.
"""

import json
import os
import random
import socket
import subprocess
import sys
import time

import torch
import torch.distributed as dist

from radkg.archive import open_archive
from radkg.model.config import make_small_config
from radkg.model.flops import count_training_flops, find_peak_flops
from radkg.model.language import Language, train_tokenizer
from radkg.model.vlmkg.batches import Example, collate, encode, order_batches
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.schema.linearize import make_items, write
from radkg.train.silver import count_sentences, label_sentences
from radkg.train.trainer import TrainConfig, Trainer

BATCH_TOKENS, ACCUMULATE, STEPS, WARM = 2048, 2, 6, 2


def sentences(limit=1500):
    archive = open_archive("openi")
    records = [r for r in archive.index().to_pylist() if r["split"] == "train"][:limit]
    found = label_sentences(sorted(count_sentences(archive.read(records))))
    return [
        Example("copy", s.sentence, write(make_items(s.sentence, s.spans, s.links))) for s in found
    ]


def padding(lengths, batches):
    positions = sum(len(rows) * max(lengths[i] for i in rows) for rows in batches)
    return 1 - sum(lengths[i] for rows in batches for i in rows) / positions


def as_they_come(lengths, batch_tokens):
    """Batches of the same number of tokens in random order."""
    order = list(range(len(lengths)))
    random.Random(0).shuffle(order)
    batches, now = [], []
    for i in order:
        if now and (len(now) + 1) * max(lengths[j] for j in [*now, i]) > batch_tokens:
            batches.append(now)
            now = []
        now.append(i)
    return [*batches, now]


def speed(model, rows, precision="fp32"):
    """Tokens per second over all workers, and model FLOPs utilisation."""
    config = TrainConfig(
        batch_tokens=BATCH_TOKENS, accumulate=ACCUMULATE, learning_rate=1e-4, precision=precision
    )
    trainer = Trainer(model, config, STEPS, stage="llm_kg")
    order = order_batches([len(row.ids) for row in rows], BATCH_TOKENS, 0, 0)
    tokens = flops = 0
    for step in range(STEPS):
        if step == WARM:
            start, tokens, flops = time.perf_counter(), 0, 0.0
        members, _ = trainer.take_share(order[step * ACCUMULATE : (step + 1) * ACCUMULATE])
        result = trainer.step(
            [collate([rows[i] for i in m], model.language.pad_id, {}) for m in members]
        )
        tokens += result.tokens
        flops += count_training_flops(model, result.tokens, result.outputs, result.rows)
    seconds = time.perf_counter() - start
    peak, _ = find_peak_flops(trainer.device, precision)
    return tokens / seconds, flops / seconds / (peak * trainer.world_size)


def make():
    examples = sentences()
    config = make_small_config().language
    language = Language(train_tokenizer((e.sentence for e in examples), config), config)
    torch.manual_seed(0)
    return VisionLanguageModel(make_small_config(), language), encode(examples, language, 1024)


def worker(rank, port):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    model, rows = make()
    dist.init_process_group("gloo", rank=rank, world_size=2)
    rate, _ = speed(model, rows)
    if rank == 0:
        print(rate)
    dist.destroy_process_group()


def pair():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    both = [
        subprocess.Popen([sys.executable, __file__, rank, port], stdout=subprocess.PIPE, text=True)
        for rank in "01"
    ]
    said = [process.communicate()[0] for process in both]
    return float(said[0])


def main():
    model, rows = make()
    lengths = [len(row.ids) for row in rows]
    bf16, _ = speed(model, rows, "bf16")
    fp32, mfu = speed(model, rows)
    two = pair()
    bucketed = padding(lengths, order_batches(lengths, BATCH_TOKENS, 0, 0))
    naive = padding(lengths, as_they_come(lengths, BATCH_TOKENS))
    print(
        json.dumps(
            {
                "sentences": len(rows),
                "mean_tokens": round(sum(lengths) / len(lengths), 1),
                "padding_bucketed": round(bucketed, 4),
                "padding_as_they_come": round(naive, 4),
                "positions_saved_ratio": round((1 - bucketed) / (1 - naive), 2),
                "tokens_per_s_fp32": round(fp32),
                "mfu_fp32_of_measured_matmul": round(mfu, 3),
                "bf16_to_fp32": round(bf16 / fp32, 2),
                "two_workers_to_one": round(two / fp32, 2),
            }
        )
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    if len(sys.argv) == 3:
        worker(int(sys.argv[1]), sys.argv[2])
    else:
        main()
