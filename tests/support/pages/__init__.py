"""What the pages of docs/ are made from: screenshots, the table of verbs, their commands."""
