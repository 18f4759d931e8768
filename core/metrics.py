"""Counters and timings of everything the core calls, and of what plugins count themselves.

One registry a process, in Prometheus' own types; `exposition` tells it in theirs. Durations
are seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from core.log import get_logger, trace_id

if TYPE_CHECKING:
    import structlog

REGISTRY = CollectorRegistry()

# From a memory look-up (1 ms) to a long job (5 min): the spans that operators ask about.
_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


@cache
def counter(name: str, help_text: str, *labels: str) -> Counter:
    return Counter(f"plugram_{name}", help_text, labels, registry=REGISTRY)


@cache
def gauge(name: str, help_text: str, *labels: str) -> Gauge:
    return Gauge(f"plugram_{name}", help_text, labels, registry=REGISTRY)


@cache
def histogram(name: str, help_text: str, *labels: str) -> Histogram:
    return Histogram(f"plugram_{name}", help_text, labels, registry=REGISTRY, buckets=_BUCKETS)


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)


class PluginMetrics:
    """A plugin's own metrics, named `plugram_plugin_…` and labelled with its id."""

    def __init__(self, plugin_id: str, log: structlog.stdlib.BoundLogger | None = None) -> None:
        self._plugin = plugin_id
        self._log = log or get_logger(plugin_id)

    def count(self, event: str, amount: float = 1) -> None:
        """Count an event: `ctx.metrics.count("uploads")`."""
        counter("plugin_events", "Events that plugins count", "plugin", "event").labels(
            self._plugin, event
        ).inc(amount)

    @contextmanager
    def timing(self, what: str) -> Iterator[None]:
        """Measure a block, whether it succeeds or raises; logged at debug level too."""
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - started
            histogram("plugin_seconds", "Timings that plugins take", "plugin", "what").labels(
                self._plugin, what
            ).observe(seconds)
            self._log.debug("timed", what=what, seconds=round(seconds, 6))

    @contextmanager
    def tracking_errors(self, what: str) -> Iterator[None]:
        """Count and log an exception of the block with its trace id, and let it pass on."""
        try:
            yield
        except Exception as error:
            counter("plugin_errors", "Exceptions in tracked blocks", "plugin", "what").labels(
                self._plugin, what
            ).inc()
            self._log.error("failed", what=what, error=repr(error), trace_id=trace_id.get())
            raise
