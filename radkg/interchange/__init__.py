"""Export a published snapshot to other formats, and import files of other formats.

formats/ holds the registry with one class for each format; the modules beside it write and read the
files.
"""
