"""Fixtures that every test may use."""

pytest_plugins = ["tests.clusters", "tests.demo_run", "tests.s3", "tests.servers"]
