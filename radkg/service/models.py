"""The models behind the service: a pool for each, and one that reads images."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from radkg.archive.files.members import digest
from radkg.errors import RadkgError
from radkg.extractor import PreparedImage
from radkg.run.settings import ModelSpec
from radkg.service.answers import make_answerer, make_image_reader
from radkg.service.bodies import SentFile, SentStudy
from radkg.service.child import Child
from radkg.service.metrics import ServiceMetrics
from radkg.service.pool import JobLost, Pool, PoolSettings
from radkg.service.settings import ServiceConfig
from radkg.service.submission import Answer, Form, ModelFacts, SentImage, Submission

logger = logging.getLogger(__name__)


class Models:
    """What answers; use it from one event loop, between `start` and `stop`."""

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config
        self.metrics = ServiceMetrics()
        self.extractor = self._make_pool("extractor", config.extractor_spec)
        spec = config.reporter_spec
        self.reporter = None if spec is None else self._make_pool("reporter", spec)
        self._images: Pool | None = None
        self.is_started = self._is_stopping = False
        self._reloading = asyncio.Lock()

    @property
    def is_ready(self) -> bool:
        """Whether every model has a process that can answer."""
        pools = [self.extractor, self.reporter, self._images]
        return not self._is_stopping and all(pool is None or pool.ready for pool in pools)

    @property
    def is_broken(self) -> bool:
        """Whether a model has no process any more, and none can be started."""
        pools = [self.extractor, self.reporter, self._images]
        return self.is_started and any(pool is not None and pool.is_broken for pool in pools)

    async def start(self) -> None:
        """Load the models.

        Raises:
            RadkgError: one cannot be loaded.
        """
        pools = [pool for pool in (self.extractor, self.reporter) if pool]
        await asyncio.gather(*(pool.start() for pool in pools))
        if any(self.get_facts(pool).preprocessing is not None for pool in pools):
            start = functools.partial(Child, make_image_reader, self._config.limits)
            settings = replace(self._settings("images"), batch=1)
            self._images = Pool(start, settings, self.metrics)
            await self._images.start()
        self.is_started = True
        self._show_models()

    async def load_again(self) -> bool:
        """Load the models anew from where they are; return whether they are in place.

        Requests go on meanwhile. A model that cannot be loaded leaves the old one in its place.
        """
        async with self._reloading:
            outcome = "failed"
            try:
                for pool in (self.extractor, self.reporter):
                    if pool is not None:
                        await pool.load_again()
                outcome = "done"
            except RadkgError as error:
                logger.error("the models stay as they were: %s", error)
            self.metrics.reloads.labels(outcome).inc()
            self._show_models()
            return outcome == "done"

    async def stop(self) -> None:
        """End the processes."""
        self._is_stopping = True
        pools = [pool for pool in (self.extractor, self.reporter, self._images) if pool]
        await asyncio.gather(*(pool.stop() for pool in pools))

    @staticmethod
    def get_facts(pool: Pool) -> ModelFacts:
        """Return what the model of a pool is."""
        facts: ModelFacts = pool.facts
        return facts

    async def read(self, pool: Pool, studies: Sequence[SentStudy], form: Form) -> list[Answer]:
        """Return the answers of a model, in order; of a lost study the answer says so.

        Raises:
            PoolFull: the model or the reader of images has too much to do.
        """
        facts = self.get_facts(pool)
        images = [await self._prepare(study.images, facts) for study in studies]
        jobs = [
            Submission(study.values, form, sent)
            for study, sent in zip(studies, images, strict=True)
        ]
        found = await asyncio.gather(*pool.add(jobs), return_exceptions=True)
        answers: list[Answer] = []
        for job, each in zip(jobs, found, strict=True):
            if isinstance(each, JobLost):
                reason = self._explain_loss(each)
                again = await pool.add_first(job._replace(images=(), problem=reason))
                each = again._replace(is_lost=True)
            if isinstance(each, BaseException):
                raise each
            answers.append(each)
            self.metrics.studies.labels(pool.name, each.status).inc()
        return answers

    def _explain_loss(self, lost: JobLost) -> str:
        if lost.hung:
            return f"the study took longer than --study-timeout {self._config.study_timeout:g} s"
        return "the study ended its process"

    async def _prepare(self, files: Sequence[SentFile], facts: ModelFacts) -> tuple[SentImage, ...]:
        if not files:
            return ()
        assert self._images is not None
        jobs = [(file.name, file.data, facts.preprocessing) for file in files]
        found = await asyncio.gather(*map(_explain, self._images.add(jobs)))
        return tuple(
            SentImage(file.name, f"{digest(file.data)}/{file.name}", len(file.data), prepared)
            for file, prepared in zip(files, found, strict=True)
        )

    def _make_pool(self, name: str, spec: ModelSpec) -> Pool:
        start = functools.partial(Child, make_answerer, spec, self._config.limits)
        return Pool(start, self._settings(name), self.metrics)

    def _settings(self, name: str) -> PoolSettings:
        config = self._config
        return PoolSettings(
            name=name,
            workers=config.workers,
            batch=config.batch,
            queue=config.queue,
            job_s=config.study_timeout,
        )

    def _show_models(self) -> None:
        self.metrics.model.clear()
        for name, pool in (("extractor", self.extractor), ("reporter", self.reporter)):
            if pool is not None:
                facts = self.get_facts(pool)
                self.metrics.model.labels(name, facts.name, facts.model_id).set(1)
                logger.info("%s %s, model %s", name, facts.name, facts.model_id)


async def _explain(prepared: asyncio.Future[Any]) -> PreparedImage:
    """Return a prepared image; one that ends its process has a reason too."""
    try:
        found: PreparedImage = await prepared
    except JobLost as lost:
        why = "took too long to decode" if lost.hung else "ended the process that decoded it"
        return f"an image {why}: export it again"
    return found
