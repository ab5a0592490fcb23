"""Every error that radkg raises, with the exit code that a job ends with.

RadkgError                  base (exit code 1)
  ConfigError               a setting does not exist or has no such value (2)
  ArchiveError              the archive is missing or is not what it should be
    ArchiveUnavailable      its store does not answer or refuses: no study is to blame (5)
  SchemaError               a record, a row or a file breaks the schema
  StorageError              a file or object could not be read or written (disk full, no rights)
  ExtractorError            no such extractor, or its model directory does not fit
  TrainingError             a loss that is no number, or a checkpoint of another run
  SnapshotError             nothing is published here, or published bytes were changed
  KnowledgeError            a knowledge graph is missing, damaged, empty or of other data
  GraphError                the graph refused a statement or a login
    GraphUnavailable        no graph answers, or another process holds the store (5)
  ClusterError              Ray could not start or lost the run (5)
  TooManyFailures           the share of failed studies passed --max-failed (3)
  TooManyFlips              the share of studies in which a finding flipped passed --gate

Messages say what failed, on what, and what to do. A caller's wrong argument is a ValueError, a
broken invariant of our own an assert; one study that fails is a row, never an exception of the job.
"""

from __future__ import annotations


class RadkgError(Exception):
    """Base of all errors of radkg; `exit_code` is what the process ends with."""

    exit_code = 1


class ConfigError(RadkgError):
    """A setting has an unknown name or value."""

    exit_code = 2


class ArchiveError(RadkgError):
    """The archive is missing, unreadable, or of no known format."""


class ArchiveUnavailable(ArchiveError):
    """The store of an archive does not answer, or refuses: it says nothing of any study."""

    exit_code = 5


class SchemaError(RadkgError):
    """A record, a table or a file does not follow the schema."""


class StorageError(RadkgError):
    """A file or object could not be read or written."""


class ExtractorError(RadkgError):
    """An extractor does not exist or cannot be loaded."""


class TrainingError(RadkgError):
    """The training broke, or cannot go on from what is there."""


class SnapshotError(RadkgError):
    """No snapshot is published, or its bytes are not the published ones."""


class KnowledgeError(RadkgError):
    """A knowledge graph is missing, damaged or empty, or was made from something else."""


class GraphError(RadkgError):
    """The graph refused a statement or a login."""


class GraphUnavailable(GraphError):
    """No graph server answers, or another process holds the embedded store."""

    exit_code = 5


class ClusterError(RadkgError):
    """Ray could not start, or the run was lost."""

    exit_code = 5


class TooManyFailures(RadkgError):
    """The share of failed studies passed the limit."""

    exit_code = 3


class TooManyFlips(RadkgError):
    """A finding changed between present, uncertain and absent in too many studies."""
