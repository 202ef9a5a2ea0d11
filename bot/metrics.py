"""What the process counts about itself, in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
SLOW = (0.01, 0.05, 0.1, 0.5, 1.0, 3.0, 10.0, 30.0, 60.0)


class Metrics:
    """The counters of the HTTP shell and the inbox; further parts register theirs in `registry`."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.acks = Histogram(
            "stagedoor_ack_seconds", "From the last byte of a request of Slack's to its answer.",
            ["status"], buckets=QUICK, registry=self.registry,
        )
        self.deliveries = Counter(
            "stagedoor_deliveries", "Deliveries of Slack's by kind: stored, again (seen before), ignored or failed.",
            ["kind", "outcome"], registry=self.registry,
        )
        self.worked = Histogram(
            "stagedoor_delivery_work_seconds", "Working off one delivery: done, refused, postponed or failed.",
            ["kind", "outcome"], buckets=SLOW, registry=self.registry,
        )
        self.waiting = Gauge(
            "stagedoor_deliveries_waiting", "Deliveries that were acknowledged and wait for a thread.",
            registry=self.registry,
        )
