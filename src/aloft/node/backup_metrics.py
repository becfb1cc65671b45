"""How backups stand, for Prometheus. Nothing is asked of a repository for it."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aloft.node.backups import Backups
from aloft.node.binlog import Binlog


class BackupCollector(Collector):
    """Collects how far each repository is, and when each customer was last backed up.

    Args:
        binlog: knows the repositories.
        backups: knows the customers.
    """

    def __init__(self, binlog: Binlog, backups: Backups) -> None:
        self._binlog = binlog
        self._backups = backups

    def collect(self) -> Iterable[Metric]:
        """Look at every repository and every customer."""
        labels = ["repository", "role"]
        behind = GaugeMetricFamily(
            "aloft_repository_behind_seconds", "No change older than this is missing there.", labels=labels
        )
        shipped = GaugeMetricFamily(
            "aloft_repository_shipped_timestamp_seconds", "Up to when it has all changes.", labels=labels
        )
        failing = GaugeMetricFamily(
            "aloft_repository_failing", "1 if the last shipment of changes to it failed, else 0.", labels=labels
        )
        for one in self._binlog.shipments():
            behind.add_metric([one.name, one.role], one.behind)
            failing.add_metric([one.name, one.role], float(bool(one.trouble)))
            if one.shipped is not None:
                shipped.add_metric([one.name, one.role], one.shipped)
        made = GaugeMetricFamily(
            "aloft_backup_made_timestamp_seconds", "When the customer's last backup was made.", labels=["customer"]
        )
        for customer, moment in self._backups.made().items():
            made.add_metric([customer], moment)
        return behind, shipped, failing, made
