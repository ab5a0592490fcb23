"""Logging for processes: one line an event on stderr. The library itself never configures it."""

from __future__ import annotations

import logging


def set_up(level: int = logging.INFO) -> None:
    """Send radkg's log lines to stderr; called once, by the command line and by jobs."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("radkg")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False
