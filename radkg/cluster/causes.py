"""Why a run on Ray failed, in one line: the error of a worker, not Ray's account of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ray.exceptions import RayTaskError

from radkg.errors import RadkgError

_NAMED = 2  # causes of a message; the others have mostly lost their partners
_LONG = 400  # characters of a cause


def find_ours(error: BaseException) -> RadkgError | None:
    """Return the error of radkg's own that made workers of Ray Train fail; None: there is none."""
    for cause in _find_failures(error).values():
        if isinstance(found := _unwrap(cause), RadkgError):
            return found
    return None


def say_cause(error: BaseException) -> str:
    """Return the causes of an error of Ray, each once, with the workers that met them."""
    failures = _find_failures(error)
    if not failures:
        return _say(error)
    workers: dict[str, list[int]] = {}
    for rank, cause in sorted(failures.items()):
        workers.setdefault(_say(cause), []).append(rank)
    said = [f"worker {', '.join(map(str, ranks))}: {text}" for text, ranks in workers.items()]
    others = len(said) - _NAMED
    return "; ".join(said[:_NAMED]) + (f"; and {others} more" if others > 0 else "")


def _find_failures(error: BaseException) -> Mapping[int, BaseException]:
    found: Mapping[int, BaseException] = getattr(error, "worker_failures", {})
    return found


def _unwrap(error: BaseException) -> BaseException:
    """Return what was raised first, inside of Ray's wrappers."""
    inner = (
        getattr(error, "controller_failure", None)
        or getattr(error, "health_check_failure", None)
        or getattr(error, "_base_exc", None)
        or getattr(error, "base_exc", None)
        or (error.cause if isinstance(error, RayTaskError) else None)
    )
    return error if inner is None else _unwrap(inner)


def _say(error: BaseException) -> str:
    first = _unwrap(error)
    text = " ".join(str(first).split())
    if lacking := re.search(r"No module named '([\w.]+)'", text):  # of a node that came late
        where = re.search(r"\bip=([\w.:]+)", f"{error} {text}")
        node = f"node {where[1]}" if where else "a node"
        return f"{node} has no {lacking[1]}: install radkg there as on the others"
    if len(text) > _LONG:
        text = f"{text[: _LONG // 2]} ... {text[-_LONG // 2 :]}"
    return f"{type(first).__name__}: {text}" if text else type(first).__name__
