"""The page: studies, their graphs and the population's answers in one HTML file."""

from radkg.page.document import write_page
from radkg.page.figures import Figure

__all__ = ["Figure", "write_page"]
