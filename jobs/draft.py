"""Write a draft of a report for each study of an archive from its images: research, not diagnosis.

python jobs/draft.py --archive openi --images DIR --out radkg-drafts
ray job submit --working-dir . -- python jobs/draft.py --archive openi --images DIR \
    --out radkg-drafts --json
"""

from radkg.cli import run
from radkg.cli.extract import draft

if __name__ == "__main__":
    run(draft)
