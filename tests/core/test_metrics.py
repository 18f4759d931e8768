"""Metrics that plugins take land in the process's one registry."""

from __future__ import annotations

import pytest

from core.metrics import PluginMetrics, exposition


def _line(start: str) -> str:
    return next(line for line in exposition().decode().splitlines() if line.startswith(start))


def test_count_adds_up_per_plugin_and_event() -> None:
    metrics = PluginMetrics("alpha")
    metrics.count("uploads")
    metrics.count("uploads", 2)
    assert _line('plugram_plugin_events_total{event="uploads",plugin="alpha"}').endswith(" 3.0")


def test_timing_counts_also_when_the_block_raises() -> None:
    metrics = PluginMetrics("beta")
    with pytest.raises(ValueError, match="no"), metrics.timing("parse"):
        raise ValueError("no")
    assert _line('plugram_plugin_seconds_count{plugin="beta",what="parse"}').endswith(" 1.0")


def test_a_tracked_error_is_counted_and_passes_on() -> None:
    metrics = PluginMetrics("gamma")
    with pytest.raises(ValueError, match="no"), metrics.tracking_errors("parse"):
        raise ValueError("no")
    assert _line('plugram_plugin_errors_total{plugin="gamma",what="parse"}').endswith(" 1.0")
