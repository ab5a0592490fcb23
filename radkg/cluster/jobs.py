"""Jobs of a Ray cluster, asked for over its job server: how one stands, and what it ended with.

`ray job submit` ends with 1 whatever the job ended with; the job server knows the true exit code.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from radkg.errors import ClusterError, ConfigError

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
"""where `ray dashboard cluster.yaml` puts the job server of a cluster"""
POLL_S = 2.0
PATIENCE_S = 60.0
"""how long `follow_job` bears a job server that does not answer"""
_STOPPED, _LOST = 4, 5


@dataclass(frozen=True)
class JobReport:
    """How a job stands."""

    job: str
    status: str
    """PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED"""
    exit_code: int | None
    """what the job ended with, 4 where it was stopped, 5 where Ray lost it; None: not yet ended"""
    message: str
    """what Ray says of it"""
    seconds: float | None
    """since its start; None: not started"""


def read_job(job: str) -> JobReport:
    """Return how a job stands.

    Args:
        job: the submission id, as `ray job submit` prints it.

    Raises:
        ClusterError: no job server answers, or it refuses the token.
        ConfigError: it knows no such job.
    """
    return _read(_connect(), job)


def follow_job(job: str) -> JobReport:
    """Return how a job ended, when it has ended.

    Raises:
        ClusterError, ConfigError: as `read_job` says; a silent job server is borne for a minute.
    """
    client = _connect()
    heard = time.monotonic()
    while True:
        try:
            report = _read(client, job)
            heard = time.monotonic()
            if report.exit_code is not None:
                return report
        except ClusterError:
            if time.monotonic() > heard + PATIENCE_S:
                raise
        time.sleep(POLL_S)


def _connect() -> Any:
    from ray.job_submission import JobSubmissionClient

    names = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
    address = next((os.environ[name] for name in names if os.environ.get(name)), DEFAULT_ADDRESS)
    try:
        return JobSubmissionClient(address)
    except Exception as error:  # it raises RuntimeError, ConnectionError and those of requests
        raise _translate(error, address) from error


def _read(client: Any, job: str) -> JobReport:
    try:
        details = client.get_job_info(job)
    except Exception as error:
        if "404" in str(error):
            raise ConfigError(f"no job {job!r} there: `ray job list` names the jobs") from error
        raise _translate(error, client.get_address()) from error
    end = details.end_time or time.time() * 1000
    return JobReport(
        job=job,
        status=details.status.value,
        exit_code=_find_exit_code(details.status.value, details.driver_exit_code),
        message=" ".join((details.message or "").split()),
        seconds=round((end - details.start_time) / 1000, 1) if details.start_time else None,
    )


def _find_exit_code(status: str, driver: int | None) -> int | None:
    if status in ("PENDING", "RUNNING"):
        return None
    if status == "SUCCEEDED":
        return 0
    if status == "STOPPED":
        return _STOPPED
    if not driver:  # it failed without a driver's end: its node or its supervisor is gone
        return _LOST
    return driver if driver > 0 else 128 - driver  # as a shell counts signals


def _translate(error: Exception, address: str) -> ClusterError:
    reason = " ".join(str(error).split())[:300].rstrip(".")
    hint = "open the tunnel (`ray dashboard cluster.yaml`), or set RAY_API_SERVER_ADDRESS"
    if any(word in reason for word in ("401", "403", "oken")):
        hint = "set RAY_AUTH_MODE=token, and have the cluster's token in ~/.ray/auth_token"
    return ClusterError(f"no job server at {address}: {reason}: {hint}")
