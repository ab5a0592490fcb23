"""Fixtures that every test may use; torch has one thread a process, more would wait in turn.

Java compiles quickly instead of well: a server of the tests lives for seconds, and spends half of
them on compiling well.
"""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
os.environ.setdefault("RADKG_KEEP_OPEN", "0")  # a process of a test ends with it
os.environ.setdefault("RAY_worker_niceness", "0")  # 15 by default: starved on a shared machine

pytest_plugins = [
    "tests.support.budget",
    "tests.support.ray.session",
    "tests.support.runs.demo_run",
    "tests.support.faults.s3_server",
    "tests.support.graph.servers",
]

settings.register_profile("radkg", deadline=None)  # the machine decides how long one takes
settings.load_profile("radkg")
