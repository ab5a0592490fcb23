"""The page: studies, their graphs and the population's answers in one HTML file."""

from radkg.page.answer import Answer
from radkg.page.document import page

__all__ = ["Answer", "page"]
