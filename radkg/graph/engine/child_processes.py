"""Server processes that end with the process that started them, even by SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

STOP_TIMEOUT_S = 20.0

# The kernel ends the server when its parent is gone, even by SIGKILL. The setting is made in a
# fresh interpreter that then becomes the server: nothing of ours runs between fork and exec.
_BOUND_TO_PARENT = """
import ctypes, os, sys
os.umask(0o077)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(sys.argv[1]))
    if os.getppid() != int(sys.argv[2]):
        sys.exit("the parent is gone")
os.execv(sys.argv[3], sys.argv[3:])
"""


def bind_to_parent(command: Sequence[str]) -> list[str]:
    """Return the command, an absolute path first, so that it ends when this process is gone.

    The kernel's notice goes out when the THREAD that forked ends: let one fork that lives on.
    """
    return [
        *(sys.executable, "-I", "-S", "-c", _BOUND_TO_PARENT),
        *(str(int(signal.SIGTERM)), str(os.getpid()), *command),
    ]


def stop(server: subprocess.Popen[bytes]) -> None:
    """End a server in order, or by force if that takes too long."""
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
