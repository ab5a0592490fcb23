"""Fixtures that every test may use; torch has one thread a process, more would wait in turn."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["tests.clusters", "tests.demo_run", "tests.s3", "tests.servers"]
