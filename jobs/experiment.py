"""Train small variants, compare them on human codes, and write a table and a plot.

python jobs/experiment.py conditions --images DIR --out radkg-experiments
ray job submit --working-dir . -- python jobs/experiment.py conditions --images DIR \
    --split test --minutes 3 --out DIR
"""

from radkg.cli import run
from radkg.cli.model import experiment

if __name__ == "__main__":
    run(experiment)
