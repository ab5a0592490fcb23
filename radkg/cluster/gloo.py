"""Workers on CPUs talk over the network that the cluster uses, whatever the host's name says.

Gloo takes the address that the host's own name resolves to. On many hosts that is 127.0.0.1: the
workers of other hosts then connect to themselves.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from typing import Any

import ray
from ray.train.torch import TorchConfig

_GET_ADDRESS = 0x8915  # SIOCGIFADDR: the IPv4 address of an interface, netdevice(7)
_VARIABLE = "GLOO_SOCKET_IFNAME"


@dataclass
class ClusterTorchConfig(TorchConfig):
    """Ray Train's settings of torch, with the interface chosen on each worker."""

    @property
    def backend_cls(self) -> type[Any]:
        """What Ray Train starts on the workers."""
        parent: Any = TorchConfig().backend_cls

        class Backend(parent):  # type: ignore[misc]
            def on_start(self, worker_group: Any, backend_config: Any) -> None:
                worker_group.execute(choose_interface)
                super().on_start(worker_group, backend_config)

        return Backend


def choose_interface() -> None:
    """Have Gloo use the interface that leads to the cluster's head, unless the user named one."""
    if _VARIABLE in os.environ:
        return
    head = ray.get_runtime_context().gcs_address
    if name := find_interface(head):
        os.environ[_VARIABLE] = name


def find_interface(head: str) -> str | None:
    """Return the name of this host's interface from which packets to HOST:PORT leave.

    None where the address is no IPv4, or no interface has it: Gloo then chooses.
    """
    host, _, port = head.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as prober:
        try:
            prober.connect((host, int(port)))  # of UDP: nothing is sent
        except OSError:
            return None
        own = prober.getsockname()[0]
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # it has no IPv4 address
                request = struct.pack("256s", name.encode())
                answer = fcntl.ioctl(prober.fileno(), _GET_ADDRESS, request)
                if socket.inet_ntoa(answer[20:24]) == own:
                    return name
    return None
