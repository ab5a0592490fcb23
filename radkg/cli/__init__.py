"""The command line of radkg: one file for a group of verbs, which app.py lists."""

from radkg.cli.app import main, run

__all__ = ["main", "run"]
