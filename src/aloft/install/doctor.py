"""``aloft doctor``: the machine's fitness and every component's health, each with a remedy where it is not well."""

import datetime
from collections.abc import Callable
from typing import Any

from cryptography import x509

from aloft.base.errors import AloftError
from aloft.base.paths import Paths
from aloft.install import daemons, facts, health, installation, preflight, trust
from aloft.install.installation import Installation
from aloft.install.preflight import Finding
from aloft.install.provider import Plane

EXPIRY_WARNING = datetime.timedelta(days=14)


def examine(paths: Paths, plane: Callable[[Installation], Plane]) -> list[Finding]:
    """Look at everything; what cannot be looked at is a finding itself.

    Args:
        paths: where everything lies.
        plane: makes a client of the plane.
    """
    chosen = installation.load(paths)
    running = daemons.running(daemons.NODE, paths)
    port = chosen.port if chosen else installation.DEFAULT_PORT
    findings = preflight.judge(facts.gather(paths, port, running))
    if chosen is None:
        return [*findings, Finding("installation", "lack", "Aloft is not installed", "", "Run: sudo ./aloft up")]
    findings.append(_daemon(daemons.NODE, running, paths))
    if _agent_wanted(paths):
        findings.append(_daemon(daemons.AGENT, daemons.running(daemons.AGENT, paths), paths))
    findings += [*_parts(paths), _certificate(paths), *_plane(plane(chosen))]
    return findings


def parts(found: list[health.Part], log: str) -> list[Finding]:
    """Findings on the node's processes: one for each that is unwell, or one for all that are well."""
    bad = [
        Finding(
            part.name, "lack", f"is {part.state}", part.reason, f"Look: aloft logs {part.name}; all logs are in {log}."
        )
        for part in health.unwell(found)
    ]
    return bad or [Finding("node's processes", "ok", f"all {len(found)} are ready")]


def regions(status: dict[str, Any]) -> list[Finding]:
    """Findings on regions and hosts, from the plane's status."""
    found = [
        _record(f"region {told['customer']}/{told['region']}", told["phase"], "ready", told.get("error") or {})
        for told in status["regions"]
    ]
    found += [
        _record(f"host {told['customer']}/{told['region']}/{told['host']}", told["state"], "ok", {})
        for told in status["hosts"]
    ]
    return found


def nodes(status: dict[str, Any]) -> list[Finding]:
    """Findings on the other nodes that this one is connected with, from the plane's status."""
    remedy = "See to it that it runs and that the way to it is open; `aloft doctor` there tells more."
    return [
        Finding(f"node {told['name']}", "ok", f"is up at {told['address']}")
        if told["state"] == "up"
        else Finding(f"node {told['name']}", "lack", f"is {told['state']}", told["detail"], remedy)
        for told in status["peers"]
    ]


def backups(status: dict[str, Any]) -> list[Finding]:
    """Findings on customers' backups, from the plane's status."""
    look = "See `aloft backup list` and `aloft operation list`, then run `aloft backup run CUSTOMER`."
    found: dict[str, tuple[preflight.Level, str, str]] = {
        "late": ("lack", "has had no good backup for more than a day", look),
        "suspect": ("lack", "could not be proved by its newest backup", look),
        "off": ("warning", "is switched off", "Switch it on: aloft backup policy CUSTOMER --on"),
    }
    return [
        Finding(f"backup of {told['customer']}", level, what, "", remedy.replace("CUSTOMER", told["customer"]))
        for told in status["backups"]
        if told["state"] in found
        for level, what, remedy in (found[told["state"]],)
    ]


def repositories(status: dict[str, Any]) -> list[Finding]:
    """Findings on the places for backups, from the plane's status."""
    look = "See `aloft backup status`; read all of it with `aloft backup check {}` once it can be reached."
    return [
        Finding(
            f"repository {told['name']}",
            "lack",
            "could not be read whole" if told["check_failure"] else "lacks changes",
            told["check_failure"] or told["trouble"],
            look.format(told["name"]),
        )
        for told in status["repositories"]
        if told["late"]
    ]


def certificate(expires: datetime.datetime, now: datetime.datetime) -> Finding:
    """Finding on a certificate's remaining life."""
    left = expires - now
    if left < datetime.timedelta(0):
        return Finding("certificate", "lack", f"expired on {expires:%Y-%m-%d}", "no client trusts it", "Run: aloft up")
    if left < EXPIRY_WARNING:
        text = f"expires on {expires:%Y-%m-%d}"
        return Finding("certificate", "warning", text, "clients will not trust it then", "Run: aloft up")
    return Finding("certificate", "ok", f"is good until {expires:%Y-%m-%d}")


def _record(name: str, state: str, good: str, error: dict[str, Any]) -> Finding:
    if state == good:
        return Finding(name, "ok", f"is {state}")
    passing = state in ("building", "pending", "converging", "deleting")
    remedy = error.get("remedy") or "Wait, then look again." if passing else error.get("remedy") or "Look: aloft status"
    return Finding(name, "warning" if passing else "lack", f"is {state}", error.get("message", ""), remedy)


def _daemon(daemon: daemons.Daemon, running: bool, paths: Paths) -> Finding:
    if running:
        return Finding(daemon.name, "ok", "runs")
    return Finding(daemon.name, "lack", "does not run", f"its log is {daemon.log(paths)}", "Run: sudo aloft up")


def _agent_wanted(paths: Paths) -> bool:
    return (paths.state / "agent/host.json").exists()


def _parts(paths: Paths) -> list[Finding]:
    try:
        return parts(health.processes(paths), str(paths.log))
    except AloftError as error:
        return [Finding("node", "lack", error.message, "", error.remedy)]


def _certificate(paths: Paths) -> Finding:
    file = trust.authority(paths)
    try:
        held = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        return Finding(
            "certificate", "lack", f"{file} cannot be read: {error}", "clients need it", "Run: sudo aloft up"
        )
    return certificate(held.not_valid_after_utc, datetime.datetime.now(datetime.UTC))


def _plane(plane: Plane) -> list[Finding]:
    try:
        status = plane.status()
        return [
            Finding("plane", "ok", "answers"),
            *nodes(status),
            *regions(status),
            *backups(status),
            *repositories(status),
        ]
    except (AloftError, OSError) as error:
        remedy = error.remedy if isinstance(error, AloftError) else "Run: sudo aloft up"
        return [Finding("plane", "lack", str(error), "", remedy)]
