"""The service: a model behind HTTP, for reports and images one at a time. No Ray.

`settings` says what is served, `app.make_app` answers requests, `pool` runs models in processes of
their own, `server.serve` listens until it is stopped. This file imports none of them, for the
processes of the models need neither a server nor a framework.
"""
