"""The command line of radkg."""

from radkg.cli.app import main, run

__all__ = ["main", "run"]
