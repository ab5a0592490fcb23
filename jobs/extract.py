"""Extract the studies of an archive that are not extracted yet, and publish a row for each.

python jobs/extract.py --archive openi --out radkg-out
ray job submit --working-dir . -- python jobs/extract.py --archive openi --out radkg-out --json
"""

from radkg.cli import run
from radkg.cli.extract import extract

if __name__ == "__main__":
    run(extract)
