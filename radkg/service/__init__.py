"""The service: a model behind HTTP, for reports and images one at a time. No Ray.

`settings` says what is served, `app` answers requests, `pool` runs models in processes of their
own, `server` listens until it is stopped.
"""

from radkg.service.app import make_app
from radkg.service.server import serve
from radkg.service.settings import ServiceConfig, read_token

__all__ = ["ServiceConfig", "make_app", "read_token", "serve"]
