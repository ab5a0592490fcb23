"""Encrypted connections to a graph server: whom they trust, and what went wrong with one."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from radkg.errors import ConfigError

CA = "NEO4J_CA"
"""variable of the environment with the name of a file of certificates in PEM"""
PORT = 7687  # where an address names none
_PATIENCE_S = 5.0


def make_context(file: str) -> ssl.SSLContext:
    """Return a context that trusts only the certificates in a file, and checks the host's name.

    Raises:
        ConfigError: the file cannot be read, or holds no certificate.
    """
    try:
        text = Path(file).read_text("ascii")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(
            f"{CA}={file} cannot be read: {reason}; name the file of the CA's certificate"
        ) from error
    try:
        return ssl.create_default_context(cadata=text)  # else it would trust the system's CAs too
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{CA}={file} holds no certificate in PEM: name the file of the CA's certificate"
        ) from error


def describe_failure(address: str, context: ssl.SSLContext | None) -> str | None:
    """Return why no encrypted connection to a server comes about; None: something else failed.

    The driver's error does not say it where it asked for the members of a cluster.

    Args:
        address: of the server.
        context: whom the connection trusts; None: the CAs of this machine.
    """
    parts = urlsplit(address)
    context = context or ssl.create_default_context()
    place = (parts.hostname or "", parts.port or PORT)
    try:
        with (
            socket.create_connection(place, timeout=_PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return (
            f"the certificate of {address} is not trusted ({error.verify_message}): name the file"
            f" of its CA's certificate in {CA}, and ask for the host by the name in the certificate"
        )
    except ssl.SSLError as error:
        return (
            f"{address} does not speak TLS as this machine does ({error.reason}): is encryption"
            " (server.bolt.tls_level) switched on there?"
        )
    except OSError:
        return None
