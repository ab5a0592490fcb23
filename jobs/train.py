"""Train a model, stage by stage; a run that was stopped goes on with the same command.

python jobs/train.py --preset small --archive openi --images DIR --out radkg-train
ray job submit --working-dir . -- python jobs/train.py --preset published --language DIR \
    --vision DIR --images DIR --workers 2-8 --precision bf16 --out DIR
"""

from radkg.cli import run
from radkg.cli.model import train

if __name__ == "__main__":
    run(train)
