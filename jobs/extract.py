"""Extract triplets from every study of an archive that does not stand yet.

python jobs/extract.py --archive openi --out radkg-out
ray job submit --working-dir . -- python jobs/extract.py --archive openi --out radkg-out --json
"""

from radkg.cli import run
from radkg.cli.extract import extract

if __name__ == "__main__":
    run(extract)
