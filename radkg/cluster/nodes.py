"""The nodes of a cluster, looked at before they work: each needs radkg and what radkg needs.

Without this look a run would begin, lose its first worker, and say so by a traceback of Ray.
"""

from __future__ import annotations

import importlib.metadata
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import radkg
from radkg.errors import ClusterError

logger = logging.getLogger(__name__)

PATIENCE_S = 60.0
"""how long a node may take to answer; Ray itself takes as long to give up a node"""
_NAMED = 3


def check_nodes(needed: Sequence[str] | None = None) -> None:
    """Ask every node that has CPUs or GPUs what it lacks.

    Args:
        needed: names of distributions; None: what `list_needed` lists.

    Raises:
        ClusterError: nodes lack something; the message names each node, and what to install.
    """
    needed = list_needed() if needed is None else needed
    answers = {ask_node(node, needed): node["NodeManagerAddress"] for node in list_working()}
    found, late = ray.wait(list(answers), num_returns=len(answers), timeout=PATIENCE_S)
    for answer in late:
        logger.warning("node %s does not answer: it may lack radkg", answers[answer])
    lacks = []
    for answer in found:
        try:
            if lacking := ray.get(answer):
                lacks.append(f"{answers[answer]} has no {say_lacking(lacking)}")
        except RayError as error:  # it left meanwhile; Ray goes on without it
            logger.warning("node %s is gone: %s", answers[answer], type(error).__name__)
    if lacks:
        raise ClusterError(
            f"node {'; node '.join(sorted(lacks))}: install radkg {radkg.__version__} there as on "
            "this one (`pip install -c constraints.txt -e .` in a checkout), then run the same "
            "command again"
        )


def list_working() -> list[dict[str, Any]]:
    """Return the nodes that are alive and have CPUs or GPUs, as Ray describes them."""
    alive = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    return [node for node in alive if {"CPU", "GPU"} & node["Resources"].keys()]


def ask_node(node: Mapping[str, Any], needed: Sequence[str]) -> Any:
    """Ask a node what it lacks; return Ray's reference to its answer, a list of names."""
    there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    ask = ray.remote(num_cpus=0, max_retries=0)(_make_question())
    return ask.options(scheduling_strategy=there).remote(list(needed), radkg.__version__)


def list_needed() -> list[str]:
    """Return the names of the distributions that radkg needs and that this machine has."""
    try:
        requirements = importlib.metadata.requires("radkg") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    named = (re.match(r"[\w.-]+", line) for line in requirements if "extra ==" not in line)
    here = {one.name.lower().replace("_", "-") for one in importlib.metadata.distributions()}
    return [name[0] for name in named if name and name[0].lower().replace("_", "-") in here]


def say_lacking(lacking: Sequence[str]) -> str:
    """Return what a node has not, in a few words."""
    others = len(lacking) - _NAMED
    more = f" and {others} more packages" if others > 0 else ""
    return f"{', '.join(lacking[:_NAMED])}{more}"


def _make_question() -> Callable[[list[str], str], list[str]]:
    """Return what a node is asked: a function that travels whole, for there may be no radkg."""

    def list_lacking(needed: list[str], version: str) -> list[str]:
        import importlib
        import importlib.metadata as metadata

        try:
            there = importlib.import_module("radkg").__version__
        except ImportError:
            return ["radkg"]
        lacking = [] if there == version else [f"radkg {version} (but {there})"]
        for name in needed:
            try:
                metadata.version(name)
            except metadata.PackageNotFoundError:
                lacking.append(name)
        return lacking

    return list_lacking
