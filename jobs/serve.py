"""Answer reports and images over HTTP, until the job is stopped.

python jobs/serve.py --extractor onepass --replicas 2
ray job submit --working-dir . -- python jobs/serve.py --extractor onepass --replicas 2
"""

from radkg.cli import run
from radkg.cli.service import serve

if __name__ == "__main__":
    run(serve)
