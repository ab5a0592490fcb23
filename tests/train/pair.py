"""Two gloo workers without Ray: what each mode learns, written to files.

python -m tests.train.pair OUT RANK PORT
"""

import copy
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from radkg.train.loop import run_stage
from tests.support.runs.stage_tasks import TinyTask, stage

STEPS = 12
MODES = ("ddp", "fsdp")


def settings(**changes):
    return stage(**{"num_steps": STEPS, "accumulate": 4, "checkpoint_every": 6} | changes).config


def learn(out, parallel="ddp", state=None, **changes):
    """Return the last state, and those at the checkpoints by step."""
    kept = {}
    out.mkdir(parents=True, exist_ok=True)
    last = run_stage(
        TinyTask("plain"),
        settings(**changes),
        "vlm_kg",
        out,
        state=copy.deepcopy(state),  # torch goes on in the tensors that it is given
        checkpoint=lambda state, step: kept.update({step: copy.deepcopy(state)}),
        parallel=parallel,
    )
    return last, kept


def main(out, rank, port):
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    dist.init_process_group("gloo", rank=rank, world_size=2)
    for mode in MODES:
        last, kept = learn(out / mode, mode)
        if rank == 0:
            torch.save(last, out / mode / "last.pt")
            torch.save(kept[6], out / mode / "half.pt")
    state = torch.load(out / "ddp" / "half.pt", weights_only=True)
    last, _ = learn(out / "ddp-fsdp", "fsdp", state)
    learn(out / "bf16", "fsdp", precision="bf16")
    learn(out / "uneven", "ddp", accumulate=3)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
