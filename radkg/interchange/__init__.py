"""A published snapshot to other formats, and files of other formats into radkg.

formats/ holds the registry, one class a format; the modules beside it write and read the files.
"""
