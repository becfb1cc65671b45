"""What supervised processes use, for Prometheus. Nothing is measured until somebody asks."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aloft.supervise.cgroup import members
from aloft.supervise.supervisor import Supervisor

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessCollector(Collector):
    """Collects figures on each process by name; register it with a ``CollectorRegistry``.

    A process's descendants are counted with it where it has a control group. Resident memory counts shared pages in
    full, so the sum over a zygote's children is more than they take.

    Args:
        supervisor: whose processes.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def collect(self) -> Iterable[Metric]:
        """Look at every process."""
        labels = ["name"]
        up = GaugeMetricFamily("aloft_process_up", "1 if the process is ready, else 0.", labels=labels)
        state = GaugeMetricFamily("aloft_process_state", "1 for the state it is in.", labels=[*labels, "state"])
        restarts = CounterMetricFamily("aloft_process_restarts", "Starts after the first.", labels=labels)
        memory = GaugeMetricFamily("aloft_process_resident_memory_bytes", "Resident memory.", labels=labels)
        cpu = CounterMetricFamily("aloft_process_cpu_seconds", "CPU time used.", labels=labels)
        for status in self._supervisor.status():
            name = [status.name]
            up.add_metric(name, float(status.state == "ready"))
            state.add_metric([status.name, status.state], 1.0)
            restarts.add_metric(name, status.restarts)
            pid, group = self._supervisor.pids(status.name)
            if pid:
                pids = (members(group) if group else []) or [pid]
                memory.add_metric(name, sum(resident_bytes(each) for each in pids))
                cpu.add_metric(name, cpu_seconds(pid, group))
        return [up, state, restarts, memory, cpu]

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would measure everything only to learn the names."""
        return []


def resident_bytes(pid: int) -> int:
    """Resident memory of one process (proc(5), ``statm``); 0 if it is gone."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def cpu_seconds(pid: int, group: Path | None) -> float:
    """CPU time of a control group since it was made, or of one process where there is none; 0 if it is gone."""
    if group:
        with contextlib.suppress(OSError):
            figures = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
            return int(figures["usage_usec"]) / 1e6
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0
