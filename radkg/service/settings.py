"""The settings of the service, and the token that clients must have."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.model.generate.spec import EngineName, EngineSpec, check_engine
from radkg.run.isolation import Limits
from radkg.run.settings import ModelSpec
from radkg.schema.records import CONDITIONS, DEVICES, Condition, Device

TOKEN_VARIABLE = "RADKG_TOKEN"
_TOKEN = re.compile(r"[!-~]{16,512}")  # printable ASCII without blanks: what a header can hold
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ServiceConfig(Config):
    """What to serve, where, and how much of it at once."""

    extractor: str = "small"
    """name of an extractor, see radkg.extractor.load_extractor"""
    condition: Condition | None = None
    """report, image or image+report; None: what the extractor was made for"""
    reporter: str | None = None
    """name of a reporter, see radkg.reporter.load_reporter; None: no drafts"""
    device: Device = "cpu"
    """where a model computes"""
    engine: EngineName = "auto"
    """what generates where the extractor writes text, see radkg.model.generate.engines"""
    batch_tokens: int | None = None
    """tokens that the engine reads at once; None: as the engine has it"""
    host: str = "127.0.0.1"
    """address to listen on"""
    port: int = 8000
    """0: a free one"""
    workers: int = 1
    """processes of each model"""
    batch: int = 32
    """most studies that a model reads at once"""
    queue: int = 256
    """most studies that wait for a model, also most studies of one request"""
    timeout: float = 60.0
    """seconds of a request, from its last byte to its answer"""
    study_timeout: float = 30.0
    """seconds that one study may take a model"""
    client_timeout: float = 10.0
    """seconds that a client may take to send a header, and thrice that for a body"""
    max_memory: float | None = None
    """GiB that a process may allocate; None: its share of four fifths of the machine"""
    max_report: float = 1.0
    """MiB of a request with one report"""
    max_upload: float = 64.0
    """MiB of a request with several reports, or with images"""
    token_file: Path | None = None
    """file with the token; None: RADKG_TOKEN"""
    tls_cert: Path | None = None
    """file with the certificate chain; None: no TLS"""
    tls_key: Path | None = None
    """file with the private key"""
    insecure: bool = False
    """listen to other machines without TLS"""

    def __post_init__(self) -> None:
        if not self.extractor or self.reporter == "":
            raise ConfigError("--extractor or --reporter is empty")
        if self.condition not in (None, *CONDITIONS):
            raise ConfigError(f"--condition is one of {', '.join(CONDITIONS)}")
        if self.device not in DEVICES:
            raise ConfigError(f"--device is {' or '.join(DEVICES)}, not {self.device!r}")
        check_engine(self.engine, self.batch_tokens)
        for name in ("workers", "batch", "queue"):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name} must be at least 1, not {getattr(self, name)}")
        numbers = ("timeout", "study_timeout", "client_timeout", "max_report", "max_upload")
        for name in (*numbers, *(["max_memory"] if self.max_memory is not None else [])):
            if not 0 < getattr(self, name) < float("inf"):
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag} is more than 0, not {getattr(self, name)}")
        if not 0 <= self.port < 1 << 16:
            raise ConfigError(f"--port {self.port} is no port")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("TLS needs both --tls-cert and --tls-key")

    @property
    def is_local(self) -> bool:
        """Whether nobody else than this machine reaches the service."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def extractor_spec(self) -> ModelSpec:
        """Which extractor answers."""
        engine = EngineSpec(self.engine, self.batch_tokens)
        return ModelSpec(self.extractor, self.condition, self.device, engine=engine)

    @property
    def reporter_spec(self) -> ModelSpec | None:
        """Which reporter answers; None: none does."""
        if self.reporter is None:
            return None
        return ModelSpec(self.reporter, None, self.device, "drafts")

    @property
    def limits(self) -> Limits:
        """What a study may take of a process."""
        memory = None if self.max_memory is None else int(self.max_memory * (1 << 30))
        shares = self.workers if self.device == "cpu" or memory is not None else None
        return Limits(self.study_timeout, memory, shares)


def read_token(config: ServiceConfig) -> str | None:
    """Return the token of a file or of the environment; None where there is none.

    Raises:
        ConfigError: the file cannot be read, the token is none, or other machines could ask without
            a token or would send it and their reports unencrypted.
    """
    where = TOKEN_VARIABLE
    token = os.environ.get(TOKEN_VARIABLE)
    if config.token_file is not None:
        where = str(config.token_file)
        try:
            token = config.token_file.read_text("ascii").strip()
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read the token in {where}: {error}") from error
    if token is not None and not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"the token in {where} is not 16 to 512 printable ASCII characters without blanks: "
            "make one with `openssl rand -hex 32`"
        )
    if config.is_local:
        return token
    if token is None:
        raise ConfigError(
            f"--host {config.host} lets other machines ask: give a token with --token-file or "
            f"{TOKEN_VARIABLE}"
        )
    if config.tls_cert is None and not config.insecure:
        raise ConfigError(
            f"--host {config.host} would take reports unencrypted: give --tls-cert and --tls-key, "
            "or --insecure behind a proxy that encrypts"
        )
    return token
