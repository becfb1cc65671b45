"""``aloft up``: from a bare machine to a customer's OpenStack with an instance that answers.

Every step looks at what is there and makes only what is missing. That is why a second run changes nothing, and why one
that follows a failure, or a kill, goes on where the first was.
"""

import contextlib
import datetime
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aloft.base import files
from aloft.base.errors import PermanentError
from aloft.base.invoke import CommandFailed, CommandStalled, invoke
from aloft.base.paths import Paths
from aloft.controller import environment
from aloft.controller.release import Release
from aloft.controller.release import release as find_release
from aloft.install import (
    account,
    bootstrap,
    clouds,
    daemons,
    facts,
    installation,
    nodefile,
    packages,
    pages,
    preflight,
    trust,
)
from aloft.install.clouds import Login
from aloft.install.demo import INSTANCE, Demo, ExternalNetwork
from aloft.install.health import await_node
from aloft.install.installation import DEMO_CUSTOMER, DEMO_REGION, Installation
from aloft.install.pages import Workshop
from aloft.install.steps import Step, together
from aloft.node import settings as node_settings
from aloft.node.settings import PhysicalNetwork

HYPERVISOR_SECONDS = 180.0
INSTANCE_SECONDS = 240.0
PING_SECONDS = 240.0


class Provider(Protocol):
    """The plane, as its REST API shows it."""

    def administrator(self) -> str:
        """Make sure that root on this machine has an account of the plane and a login kept in a file."""

    def customer(self, name: str, region: str, release: str) -> str:
        """Make a customer with one region unless it is there, and wait until the region is ready."""

    def login(self, name: str, region: str) -> Login:
        """How the customer's administrator logs in."""

    def networks(self, name: str, region: str, host: str, connected: Mapping[str, PhysicalNetwork]) -> str:
        """See to it that the region's network template says what this machine is connected to as a host."""

    def attach(self, name: str, region: str, host: str, roles: tuple[str, ...]) -> str:
        """Enrol this machine unless it is enrolled."""

    def converged(self, name: str, region: str, host: str, since: datetime.datetime) -> str:
        """Wait until the host's roles are there, by a report of the agent that came after ``since``."""


@dataclass(frozen=True)
class Machine:
    """What all steps share.

    Args:
        paths: where everything lies.
        chosen: what the person wants.
        log: the log of this run.
    """

    paths: Paths
    chosen: Installation
    log: Path


def machine_steps(machine: Machine, provider: Provider) -> list[Step]:
    """Up to a node that runs and an administrator who may use it."""
    paths, log, chosen = machine.paths, machine.log, machine.chosen
    release = find_release(chosen.release)
    return [
        Step("Check this machine", lambda: _check(machine)),
        Step(
            f"Install packages, {release.title} and the portal",
            together(
                Step("packages", lambda: _packages(machine)),
                Step(release.name, lambda: _environment(machine, release)),
                Step("portal", lambda: _pages(machine)),
            ),
        ),
        Step("Make users", lambda: account.ensure(log)),
        Step("Write settings", lambda: _settings(machine)),
        Step("Start the node", lambda: daemons.start(daemons.NODE, paths, log)),
        Step("Wait for the node", lambda: await_node(paths)),
        Step("Trust its certificates", lambda: trust.trust(paths, log)),
        Step("Make the administrator", provider.administrator),
        Step("Link the commands", lambda: trust.link_programs(paths, chosen.release)),
    ]


def demo_steps(machine: Machine, provider: Provider, cloud_file: Path = clouds.SYSTEM_FILE) -> list[Step]:
    """From a node to an instance that answers."""
    paths, log, chosen = machine.paths, machine.log, machine.chosen
    host = host_name()
    demo = Demo(DEMO_CUSTOMER, paths.state / "cache", paths.etc / "demo")
    outside = ExternalNetwork()

    def clouds_file() -> str:
        login = provider.login(DEMO_CUSTOMER, DEMO_REGION)
        changed = clouds.put(cloud_file, DEMO_CUSTOMER, clouds.entry(login, trust.authority(paths)))
        return str(cloud_file) if changed else "is there"

    started = [datetime.datetime.min.replace(tzinfo=datetime.UTC)]

    def agent() -> str:
        now = datetime.datetime.now(datetime.UTC)
        outcome = daemons.start(daemons.AGENT, paths, log)
        if outcome != daemons.RUNS:
            started[0] = now
        return outcome

    def connected() -> Mapping[str, PhysicalNetwork]:
        return node_settings.load(nodefile.file(paths)).physical_networks

    def network_roles() -> bool:
        return "network" in chosen.roles and "hypervisor" in chosen.roles

    steps = [
        Step(
            f"Make the customer {DEMO_CUSTOMER} with the region {DEMO_REGION}",
            lambda: provider.customer(DEMO_CUSTOMER, DEMO_REGION, chosen.release),
        ),
        Step("Write clouds.yaml", clouds_file),
        Step(
            "Say what its network is connected to",
            lambda: provider.networks(DEMO_CUSTOMER, DEMO_REGION, host, connected()),
        ),
        Step("Enrol this machine as a host", lambda: provider.attach(DEMO_CUSTOMER, DEMO_REGION, host, chosen.roles)),
        Step("Start the agent", agent),
        Step("Wait for the host's roles", lambda: provider.converged(DEMO_CUSTOMER, DEMO_REGION, host, started[0])),
    ]
    if "image-library" in chosen.roles:
        steps.append(Step("Upload the test image", demo.image))
    steps += [
        Step("Make flavors", demo.flavors),
        Step("Make networks and a router", lambda: demo.networks(outside)),
        Step("Let ping and SSH in", demo.access),
    ]
    if network_roles() and "image-library" in chosen.roles:
        address: list[str] = []

        def floating() -> str:
            address[:] = [demo.floating_ip()]
            return address[0]

        steps += [
            Step("Wait for the hypervisor", lambda: demo.hypervisor(HYPERVISOR_SECONDS)),
            Step(f"Boot the instance {INSTANCE}", lambda: demo.instance(INSTANCE_SECONDS)),
            Step("Give it a floating IP", floating),
            Step("Wait until it answers", lambda: demo.answers(address[0], PING_SECONDS)),
        ]
    return steps


def host_name() -> str:
    """This machine's name as a host: the first part of its own name, in lower case."""
    return socket.gethostname().partition(".")[0].lower()


def outlook(machine: Machine, with_demo: bool) -> str:
    """What a person reads at the end: where things are, and what to try next."""
    chosen, paths = machine.chosen, machine.paths
    lines = [
        "",
        f"The plane (/v1/openapi.json)   {chosen.url('plane')}/v1",
        f"Its login                      {paths.etc / 'cli.toml'} (read by `aloft`)",
    ]
    lines += [
        f"The provider's portal          {chosen.url('portal')}",
        f"Its login                      user `admin`, password in {paths.etc / 'portal.password'}",
    ]
    if with_demo:
        lines += [
            f"The portal of {DEMO_CUSTOMER}             {chosen.url(f'portal.{DEMO_CUSTOMER}')}",
            f"Its login                      user `admin`, password as in {clouds.SYSTEM_FILE}",
        ]
        identity = chosen.url(f"identity.{DEMO_CUSTOMER}")
        lines += [
            f"OpenStack of {DEMO_CUSTOMER}              {identity}/v3",
            f"Its login                      {clouds.SYSTEM_FILE}, cloud `{DEMO_CUSTOMER}`",
            f"Key for instances              {paths.etc / 'demo/demo.key'}",
        ]
    lines += ["", "Try next:", "  aloft status"]
    if with_demo:
        lines += [
            f"  openstack --os-cloud {DEMO_CUSTOMER} server list",
            f"  openstack --os-cloud {DEMO_CUSTOMER} console log show {INSTANCE}",
        ]
    return "\n".join([*lines, "  aloft customer create acme", "  aloft doctor"])


def _check(machine: Machine) -> str:
    """Judge the machine; stop at what it lacks, and show what it could do better."""
    paths, chosen = machine.paths, machine.chosen
    running = daemons.running(daemons.NODE, paths)
    made = environment.ready(find_release(chosen.release), paths)
    registry = None if made else bootstrap.registry_environment(paths.opt / "bootstrap")
    findings = preflight.judge(facts.gather(paths, chosen.port, running, registry))
    lacking = preflight.lacks(findings)
    if lacking:
        reasons = "; ".join(f"{finding.check}: {finding.message} ({finding.why})" for finding in lacking)
        raise PermanentError(f"This machine is not fit: {reasons}.", " ".join(finding.remedy for finding in lacking))
    warned = [finding for finding in findings if finding.level == "warning"]
    return "; ".join(f"{finding.message}: {finding.why}" for finding in warned)


def _packages(machine: Machine) -> str:
    lacking = packages.missing_here(packages.needed())
    packages.install(lacking, log=machine.log, record=machine.paths.state / "packages.json")
    return f"installed {len(lacking)}" if lacking else "are there"


def _environment(machine: Machine, release: Release) -> str:
    """Make the release's environment, and compile it, which the first start would do on its way and more slowly."""
    outcome = environment.prepare(release, machine.paths, machine.log)
    prefix = machine.paths.present(release.name)
    if outcome == "was made":
        command: list[str | Path] = [
            "nice",
            prefix / "bin/python",
            "-m",
            "compileall",
            "-q",
            "-j",
            "0",
            "-x",
            "/tests?/",
            prefix / "lib",
        ]
        with contextlib.suppress(CommandFailed, CommandStalled):  # packages hold templates that are not quite Python
            invoke(command, log=machine.log, timeout=600)
    return outcome


def _pages(machine: Machine) -> str:
    """Build the portal's pages where this was started from a checkout."""
    workshop = Workshop.of(machine.paths, Path(os.environ.get("ALOFT_CHECKOUT") or "/nonexistent"))
    return pages.install(machine.paths, workshop)


def _settings(machine: Machine) -> str:
    """Keep the choices, and hand the node its part of them."""
    for folder in (machine.paths.etc, machine.paths.state, machine.paths.run, machine.paths.log):
        files.folder(folder)
    installation.save(machine.paths, machine.chosen)
    return str(nodefile.file(machine.paths)) if nodefile.write(machine.paths, machine.chosen) else "are there"
