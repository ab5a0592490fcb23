"""Fixtures that every test may use."""

pytest_plugins = ["tests.clusters", "tests.demo_run", "tests.servers"]
