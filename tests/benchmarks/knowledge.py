"""How fast concepts and relations are counted: the published rows of a run, again and again.

python -m tests.benchmarks.knowledge RUN --studies 227835

Tiled rows have no new concept, so their graph has the size of the run's; its counts are as large
as those of a population. Rows are read from the disk once.
"""

from __future__ import annotations

import argparse
import resource
import time

from radkg.knowledge.counting import COLUMNS, GraphCounter
from radkg.run.run import Run


def main() -> None:
    """Print studies a second and the memory that the process took at most."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--studies", type=int, default=227_835)
    arguments = parser.parse_args()
    parts = [
        batch
        for table in Run(arguments.run).read_snapshot().read_tables(COLUMNS)
        for batch in table.to_batches()
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counter, counted, start = GraphCounter(), 0, time.process_time()
    while counted < arguments.studies:
        for part in parts:
            counter.add(part)
            counted += part.num_rows
    graph = counter.build()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{counted} studies in {seconds:.1f} s of CPU: {counted / seconds:,.0f} a second")
    print(f"{graph.nodes.num_rows} nodes, {graph.edges.num_rows} edges")
    print(f"memory: {before / 1024:.0f} MiB with the rows, {peak / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main()
