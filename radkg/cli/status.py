"""The status of a run as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import typer

from radkg.run.status import DriverStatus, Status


def print_status(status: Status) -> None:
    """Print a status, a fact a line, with an empty line behind it."""
    typer.echo("\n".join([f"run: {status.run}", *_list_lines(status), ""]))


def _list_lines(status: Status) -> Iterator[str]:
    if not status.drivers:
        yield "driver: none has left a heartbeat"
    for driver in status.drivers:
        yield from _describe(driver)
    yield f"units: {status.units_finished:,} finished, {status.units_begun:,} begun"
    if (there := status.published) is None:
        yield "published: nothing"
    else:
        counts = ", ".join(f"{number:,} {name}" for name, number in there.status.items() if number)
        yield (
            f"published: snapshot {there.snapshot_id}, {there.studies:,} studies ({counts})"
            f"{_list_reasons(there.failed_by)}, {there.time or 'at a time that the log lacks'}"
        )
    if status.lag is not None:
        yield f"lag: {status.lag:,} studies without their row, by {status.lag_from}"
    if status.verified is not None:
        yield f"last verified night: {status.verified}"
    if status.cost is not None:
        yield f"cost: {status.cost:,.2f}"


def _describe(driver: DriverStatus) -> Iterator[str]:
    state = f"ended: {driver.outcome}"
    if driver.outcome is None:
        state = f"alive, heard {driver.silent_s:.0f} s ago"
        if not driver.alive:
            state = f"lost: its last beat is {driver.silent_s:,.0f} s old"
    yield f"driver: {driver.verb} by {driver.who}, process {driver.pid}, {state}"
    yield f"  began: {driver.begun}, {driver.seconds:,.0f} s{_say_earlier(driver)}"
    for stage in driver.stages:
        done = f", {stage['done']:,} of {stage['total']:,}" if stage["total"] else ""
        yield f"  stage: {stage['name']}, {stage['seconds']:,.0f} s{done}"
    if driver.studies:
        yield (
            f"  studies: {driver.finished:,} of {driver.studies:,} have their row, "
            f"{driver.made:,} by this driver"
        )
        failed = sum(driver.failed_by.values())
        yield f"  failed: {failed:,}{_list_reasons(driver.failed_by)}"
        yield f"  units to do: {driver.units - driver.units_done:,} of {driver.units:,}"
    if driver.rate is not None and driver.left_s is not None:
        yield f"  rate: {driver.rate:,.3g} a second, about {driver.left_s:,.0f} s left"
    if driver.worker_busy is not None and driver.model_busy is not None:
        yield (
            f"  workers: {driver.workers}, {driver.worker_hours:.2f} hours, busy "
            f"{driver.worker_busy:.0%}, in the model {driver.model_busy:.0%}"
        )
    if driver.tokens_read or driver.tokens_written:
        yield f"  tokens: {driver.tokens_read:,} read, {driver.tokens_written:,} written"


def _say_earlier(driver: DriverStatus) -> str:
    return f", and {driver.earlier_s:,.0f} s of killed drivers" if driver.earlier_s else ""


def _list_reasons(failed_by: Mapping[str, int]) -> str:
    listed = ", ".join(f"{name} {number:,}" for name, number in failed_by.items())
    return f": {listed}" if listed else ""
