"""`python -m radkg.graph.engine.keeper STORE SECONDS`: leave an embedded engine open for a while.

It ends when nobody has asked for these seconds, when another process wants the store, when the
store is removed, and when its engine has ended. It says one line, then nothing more.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from radkg import private
from radkg.errors import RadkgError
from radkg.graph.engine.client import Graph
from radkg.graph.engine.embedded import open_embedded
from radkg.graph.engine.holding import Holder, amend_notice, is_wanted
from radkg.graph.engine.sharing import open_shares, take_all_shares

HOLDER = Holder(who="an engine that `radkg query` left open", yields=True)
_POLL_S = 0.1
_ALIVE_EVERY_S = 5.0


def main() -> None:
    """Have the engine open on a store until it is time to end."""
    private.set_umask()
    store, idle_s = Path(sys.argv[1]), float(sys.argv[2])
    try:
        with open_embedded(store, HOLDER) as graph:
            _say("")
            _wait(graph, store, idle_s)
    except RadkgError as error:
        _say(json.dumps([type(error).__name__, str(error)]))


def _say(line: str) -> None:
    """Write the one line to whoever started this process, and let go of the pipe."""
    if not sys.stdout.closed:
        sys.stdout.write(line + "\n")
        sys.stdout.close()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _wait(graph: Graph, store: Path, idle_s: float) -> None:
    """Return when it is time to end: nobody is being answered then, and from then on nobody joins.

    Raises:
        GraphUnavailable: the engine has ended.
    """
    share = open_shares(store)
    try:
        used, asked_at, alive_at = os.fstat(share).st_mtime_ns, time.monotonic(), time.monotonic()
        while True:
            now = time.monotonic()
            if used != (used := os.fstat(share).st_mtime_ns):
                asked_at = now
            wanted = is_wanted(store)
            if wanted:
                amend_notice(store, state="ending")
            if wanted or now - asked_at > idle_s:
                if take_all_shares(share):
                    amend_notice(store, state="ending")
                    return
                asked_at = now
            if now - alive_at > _ALIVE_EVERY_S:
                graph.read("RETURN 1 AS alive")
                alive_at = now
            time.sleep(_POLL_S)
    finally:
        os.close(share)


if __name__ == "__main__":
    main()
