"""Reporters: `load_reporter` is the one door; images in, one draft of a report per study out.

`base` says what a reporter is, `loading` finds one by its name, `rows` turns its answers into
checked rows. A draft is research output, and no reporter reads the report of the study. No Ray.
"""

from radkg.reporter.base import Plan, Reporter, WritesPlans
from radkg.reporter.loading import DEFAULT_REPORTER, load_reporter, resolve_reporter
from radkg.reporter.rows import make_draft, make_unreadable_draft, write_drafts

__all__ = [
    "DEFAULT_REPORTER",
    "Plan",
    "Reporter",
    "WritesPlans",
    "load_reporter",
    "make_draft",
    "make_unreadable_draft",
    "resolve_reporter",
    "write_drafts",
]
