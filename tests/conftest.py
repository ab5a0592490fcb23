"""Fixtures that every test may use."""

pytest_plugins = ["tests.clusters", "tests.servers"]
