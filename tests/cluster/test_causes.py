"""Why Ray gave a run up, in one line."""

from ray.exceptions import ActorDiedError, RayTaskError
from ray.train import TrainingFailedError

from radkg.cluster.causes import find_ours, say_cause
from radkg.errors import StorageError


class WorkersFailed(TrainingFailedError):
    """An error of Ray Train, as its workers' errors make it."""

    def __init__(self, **failures: BaseException) -> None:
        super().__init__("Training failed due to worker errors:\n" + 100 * "a line\n")
        self.worker_failures = {int(rank[1:]): error for rank, error in failures.items()}


class Wrapped(Exception):
    """An error behind one of Ray's wrappers."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("Traceback\n" + 50 * "another line\n")
        self._base_exc = error


def test_workers_are_named_with_what_each_raised():
    key = KeyError("a bug")
    assert say_cause(WorkersFailed(_0=Wrapped(key))) == "worker 0: KeyError: 'a bug'"
    both = WorkersFailed(_0=Wrapped(key), _1=Wrapped(key), _2=OSError("gone"), _3=ValueError("x"))
    assert say_cause(both) == (
        "worker 0, 1: KeyError: 'a bug'; worker 2: OSError: gone; and 1 more"
    )


def test_an_error_of_radkg_is_found_behind_the_wrappers():
    ours = StorageError("no room")
    assert find_ours(WorkersFailed(_0=OSError("gone"), _1=Wrapped(ours))) is ours
    assert find_ours(WorkersFailed(_0=OSError("gone"))) is None
    assert find_ours(ActorDiedError()) is None


def test_an_error_is_one_short_line_and_a_node_without_radkg_is_said():
    task = RayTaskError("f", 2000 * "long\n", OSError(1000 * "far too long "))
    assert "\n" not in say_cause(task)
    assert say_cause(task).startswith("OSError: far too long far")
    assert len(say_cause(task)) < 450
    lacking = ModuleNotFoundError("No module named 'radkg'")
    absent = RayTaskError("f", "trace", lacking)
    assert say_cause(absent) == "a node has no radkg: install radkg there as on the others"
    absent = RayTaskError("f", "ray::f() (pid=7, ip=10.0.0.2)", lacking)
    assert say_cause(absent) == "node 10.0.0.2 has no radkg: install radkg there as on the others"
