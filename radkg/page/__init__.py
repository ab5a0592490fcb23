"""The page: studies, their graphs and the population's answers in one HTML file."""

from radkg.page.document import write_page

__all__ = ["write_page"]
