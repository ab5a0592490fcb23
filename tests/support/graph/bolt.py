"""What a proxy must know of the Bolt protocol: handshake, messages, and answers of its own.

A message is a structure, packed, in chunks of at most 64 KiB, ended by an empty chunk; a chunk of
nothing between messages keeps a connection alive. Versions 5.0 to 5.8 are understood.
"""

from __future__ import annotations

import socket
from typing import Any, BinaryIO

REQUESTS = {
    0x01: "HELLO",
    0x02: "GOODBYE",  # has no answer
    0x0F: "RESET",
    0x10: "RUN",
    0x11: "BEGIN",
    0x12: "COMMIT",
    0x13: "ROLLBACK",
    0x2F: "DISCARD",
    0x3F: "PULL",
    0x54: "TELEMETRY",
    0x66: "ROUTE",
    0x6A: "LOGON",
    0x6B: "LOGOFF",
}
SUCCESS, RECORD, IGNORED, FAILURE = 0x70, 0x71, 0x7E, 0x7F

_MANIFEST = b"\x00\x00\x01\xff"  # the server lists its versions, and the client chooses one
_READING = b"\x84mode\x81r"


def shake_hands(client: BinaryIO, server: BinaryIO, to: tuple[socket.socket, ...]) -> int:
    """Pass the handshake of a connection on; return the minor version of Bolt 5 that was agreed.

    Args:
        client: what the client sends.
        server: what the server sends.
        to: sockets of client and server.
    """
    to_client, to_server = to
    to_server.sendall(_exactly(client, 20))
    agreed = _exactly(server, 4)
    to_client.sendall(agreed)
    if agreed == _MANIFEST:
        number = _exactly(server, 1)
        to_client.sendall(number + _exactly(server, 4 * number[0]) + _exactly(server, 1))
        agreed = _exactly(client, 4)
        to_server.sendall(agreed + _exactly(client, 1))
    assert agreed[3] == 5, f"Bolt {agreed[3]}.{agreed[2]} was agreed"
    return agreed[2]


def read_message(stream: BinaryIO) -> bytes:
    """Return the next message with its chunks' heads, or the two zeros of a keep-alive.

    Raises:
        EOFError: the other side has hung up.
    """
    raw = b""
    while True:
        head = _exactly(stream, 2)
        raw += head
        if head == b"\0\0":
            return raw
        raw += _exactly(stream, int.from_bytes(head))


def tag(raw: bytes) -> int:
    """Return what kind of message this is: one of the numbers above; -1 of a keep-alive."""
    return raw[3] if len(raw) > 3 else -1


def writes(begin: bytes) -> bool:
    """Tell whether this BEGIN, or this RUN outside a transaction, may write."""
    return _READING not in begin


def message(kind: int, *fields: Any) -> bytes:
    """Return a message in one chunk."""
    body = bytes([0xB0 + len(fields), kind]) + b"".join(pack(field) for field in fields)
    return len(body).to_bytes(2) + body + b"\0\0"


def failure(code: str, minor: int) -> bytes:
    """Return a FAILURE as a server says it in this minor version of Bolt 5."""
    text = f"{code.rpartition('.')[2]} (said by a test)"
    if minor < 7:
        return message(FAILURE, {"code": code, "message": text})
    status = {"gql_status": "50N42", "description": text, "diagnostic_record": {}}
    return message(FAILURE, {"neo4j_code": code, "message": text, **status})


def routes(leader: str, all_servers: list[str]) -> bytes:
    """Return the answer to ROUTE: who writes, who reads, and who knows the way."""
    servers = [
        {"role": "WRITE", "addresses": [leader]},
        {"role": "READ", "addresses": all_servers},
        {"role": "ROUTE", "addresses": all_servers},
    ]
    return message(SUCCESS, {"rt": {"ttl": 300, "db": "neo4j", "servers": servers}})


def pack(value: Any) -> bytes:
    """Return a text, a number, a list or a dict as Bolt packs it."""
    if isinstance(value, int):
        return b"\xc9" + value.to_bytes(2, signed=True)
    if isinstance(value, str):
        data = value.encode()
        return b"\xd1" + len(data).to_bytes(2) + data
    if isinstance(value, list):
        return b"\xd4" + bytes([len(value)]) + b"".join(map(pack, value))
    pairs = b"".join(pack(name) + pack(item) for name, item in value.items())
    return b"\xd8" + bytes([len(value)]) + pairs


def _exactly(stream: BinaryIO, number: int) -> bytes:
    data = stream.read(number)
    if len(data) < number:
        raise EOFError
    return data
