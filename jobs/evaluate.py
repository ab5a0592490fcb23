"""Score an extractor against the human codes of an archive.

python jobs/evaluate.py --archive openi --extractor rules
python jobs/evaluate.py --archive openi --target codes --json
python jobs/evaluate.py --archive openi --target codes --condition image --images DIR
ray job submit --working-dir . -- python jobs/evaluate.py --archive openi --extractor rules --json
"""

from radkg.cli import run
from radkg.cli.evaluation import evaluate

if __name__ == "__main__":
    run(evaluate)
