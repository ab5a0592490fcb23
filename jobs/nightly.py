"""Extract, load and verify what is new or changed since the last night; then prune.

python jobs/nightly.py --archive openi --out radkg-out
ray job submit --working-dir . -- python jobs/nightly.py --archive openi --out radkg-out --gate 0.05
"""

from radkg.cli import run
from radkg.cli.extract import nightly

if __name__ == "__main__":
    run(nightly)
