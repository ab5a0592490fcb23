"""Load what is published into the graph: the difference to what stands there.

python jobs/load.py --out radkg-out
ray job submit --working-dir . -- python jobs/load.py --out radkg-out --graph bolt://localhost:7687
ray job submit --working-dir . -- python jobs/load.py --out s3://bucket/run --on-cluster \
    --graph neo4j+s://graph-host:7687
"""

from radkg.cli import run
from radkg.cli.graph import load

if __name__ == "__main__":
    run(load)
