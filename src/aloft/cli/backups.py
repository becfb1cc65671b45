"""The commands about backups: making, proving and restoring from them, and where they are kept."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from aloft.base.errors import InvalidInput
from aloft.cli import recovery
from aloft.cli.client import PlaneClient, connect
from aloft.cli.hosts import confirm
from aloft.cli.live import backup_note, repository_note
from aloft.cli.output import details, emit, follow, moment, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the operation has ended.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name of the customer.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the repository.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

SshKey = Annotated[Path | None, typer.Option(help="A private key, for sftp: and append:.")]
KnownHosts = Annotated[
    Path | None, typer.Option(help="Host keys of the far side, as ssh-keyscan prints them; else those that root knows.")
]

app = typer.Typer(help="Backups of customers' metadata, and restoring from them.", no_args_is_help=True)
repository = typer.Typer(help="Where backups are kept.", no_args_is_help=True)
app.add_typer(repository, name="repository")


@app.command("run")
def run(customer: Customer, wait: Wait = True, as_json: AsJson = False) -> None:
    """Back up a customer now; nothing of the customer's is held up by it."""
    client = connect()
    follow(client, client.call("POST", f"/v1/customers/{customer}/backups")["operation"], wait, as_json)


@app.command("list")
def list_backups(
    customer: Annotated[str | None, typer.Argument(metavar="[CUSTOMER]", help="Only this customer's.")] = None,
    place: Annotated[
        str | None, typer.Option("--repository", help="What lies in this repository, whoever wrote it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List backups on record, newest first; or with --repository what lies in it."""
    client = connect()
    if place is not None:
        items = client.items(f"/v1/repositories/{place}/snapshots", {"customer": customer})
        if as_json:
            emit(items)
        else:
            table(
                ("Snapshot", "Customer", "Made", "Copy of"),
                [(one["id"][:12], one["customer"], moment(one["made"]), one["original"][:12]) for one in items],
            )
        return
    items = client.items("/v1/backups" if customer is None else f"/v1/customers/{customer}/backups")
    if as_json:
        emit(items)
        return
    rows = [
        (
            one["id"],
            one["customer"],
            moment(one["made"]),
            one["state"],
            f"{one['repository']}:{one['snapshot'][:8]}" + (f" on {one['node']}" if one["node"] else ""),
            ", ".join(f"{name}: {trouble or 'ok'}" for name, trouble in one["copies"].items()),
            f"{one['bytes_added'] / 1024:.0f} KiB",
        )
        for one in items
    ]
    table(("Backup", "Customer", "Made", "State", "Where", "Copies", "Added"), rows)


@app.command("show")
def show(
    customer: Customer,
    backup: Annotated[str, typer.Argument(metavar="BACKUP", help="Id of the backup.")],
    as_json: AsJson = False,
) -> None:
    """Show a backup."""
    told = connect().call("GET", f"/v1/customers/{customer}/backups/{backup}")
    if as_json:
        emit(told)
        return
    details(
        (
            ("backup", told["id"]),
            ("customer", told["customer"]),
            ("state", told["state"]),
            ("why", told["detail"]),
            ("made", moment(told["made"])),
            ("proved", moment(told["proved"])),
            ("repository", told["repository"]),
            ("on node", told["node"]),
            ("snapshot", told["snapshot"]),
            ("read", f"{told['bytes_read']} bytes"),
            ("added", f"{told['bytes_added']} bytes"),
            ("copies", ", ".join(f"{name}: {trouble or 'ok'}" for name, trouble in told["copies"].items())),
        )
    )


@app.command("prove")
def prove(
    customer: Customer,
    backup: Annotated[str, typer.Argument(metavar="[BACKUP]", help="Id of the backup.")] = "newest",
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into a scratch controller, start that, and compare rows and API lists."""
    client = connect()
    answer = client.call("POST", f"/v1/customers/{customer}/backups/{backup}/prove")
    follow(client, answer["operation"], wait, as_json)


@app.command("check")
def check(name: Name = "local", wait: Wait = True, as_json: AsJson = False) -> None:
    """Read all of a repository and see that it is what was written; also removes locks of what is no more."""
    client = connect()
    follow(client, client.call("POST", f"/v1/repositories/{name}/check")["operation"], wait, as_json)


@app.command("restore")
def restore(
    customer: Customer,
    backup: Annotated[str | None, typer.Option("--backup", help="Id of the backup; the newest when left out.")] = None,
    place: Annotated[str | None, typer.Option("--repository", help="Restore from this repository.")] = None,
    snapshot: Annotated[str | None, typer.Option("--snapshot", help="A snapshot in it; else the newest.")] = None,
    at: Annotated[
        str | None, typer.Option(help='As it was at this moment, such as "2026-11-20 14:03:10" (UTC unless it says).')
    ] = None,
    yes: Yes = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Bring a customer back as it was when it was backed up, or at a later moment, also one that is gone.

    What serves it now goes on until the restored controller answers.
    """
    if snapshot is not None and place is None:
        raise InvalidInput("A snapshot lies in a repository.", "Name it with --repository.")
    client = connect()
    confirm(yes, f"Replace customer {customer} by what was backed up?")
    body = {"customer": customer, "backup": backup, "repository": place, "snapshot": snapshot, "at": _moment(at)}
    follow(client, client.call("POST", "/v1/restores", body)["operation"], wait, as_json)


@app.command("policy")
def policy(
    customer: Customer,
    at: Annotated[str | None, typer.Option(help="Time of day, such as 02:30, in UTC.")] = None,
    keep_days: Annotated[int | None, typer.Option(min=1, max=3650, help="For how many days backups are kept.")] = None,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Whether it is backed up every day.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show or change when a customer is backed up, and how long backups are kept."""
    client, path = connect(), f"/v1/customers/{customer}/backup-policy"
    given = {"at": at, "keep_days": keep_days, "enabled": enabled}
    changes = {name: value for name, value in given.items() if value is not None}
    told = client.call("PATCH", path, changes) if changes else client.call("GET", path)
    if as_json:
        emit(told)
        return
    details(
        (
            ("customer", told["customer"]),
            ("every day", f"at {told['at']} UTC" if told["enabled"] else "no"),
            ("kept for", f"{told['keep_days']} days"),
        )
    )


@app.command("restore-all")
def restore_all(
    place: Annotated[str, typer.Option("--repository", help="Name of the repository that the lost node left.")],
    url: Annotated[str | None, typer.Option(help="Where it is, if this node does not know it yet.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(envvar="RESTIC_PASSWORD_FILE", help="Its password, with --url.")
    ] = None,
    aws_file: Annotated[
        Path | None, typer.Option(envvar="AWS_SHARED_CREDENTIALS_FILE", help="An AWS credentials file, for s3:.")
    ] = None,
    ssh_key: SshKey = None,
    known_hosts: KnownHosts = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Bring back all customers of a lost node on this one, from a repository alone.

    Interrupted, the same command goes on; a customer that cannot be restored does not stop the others. This node takes
    over the authority of the lost one's edge, so that hosts and users trust it.
    """
    confirm(yes, f"Restore on this node all customers that lie in {place}?")
    client = connect()
    if url is not None:
        if password_file is None:
            raise InvalidInput(f"The repository {place} cannot be opened.", "Name the file with its password.")
        files = {"aws": aws_file, "ssh": ssh_key, "known-hosts": known_hosts}
        _put_repository(client, place, url, "secondary", password_file, files)
    begun = client.call("POST", "/v1/restores/all", {"repository": place})["operation"]
    found = recovery.await_survey(client, begun)["result"]
    recovery.trust_again()
    ended = recovery.await_all(found["restores"])
    told = {**found, "restores": ended, "failed": sorted(name for name, one in ended.items() if not recovery.well(one))}
    if as_json:
        emit(told)
    else:
        recovery.show(told)
    if told["failed"] or told["missing"]:
        raise typer.Exit(1)


@app.command("status")
def status(as_json: AsJson = False) -> None:
    """Show how all backups stand: customers and repositories; the exit code is 1 when something is unwell."""
    told = connect().call("GET", "/v1/backups/status")
    if as_json:
        emit(told)
    else:
        rows = [("customer", one["customer"], one["state"], backup_note(one)) for one in told["customers"]]
        rows += [("repository", *repository_note(one)) for one in told["repositories"]]
        table(("What", "Name", "State", "Note"), rows)
    if not told["healthy"]:
        raise typer.Exit(1)


@repository.command("list")
def list_repositories(as_json: AsJson = False) -> None:
    """List the places for backups."""
    items = connect().items("/v1/repositories")
    if as_json:
        emit(items)
    else:
        rows = [
            (one["name"], one["role"], one["url"], moment(one["shipped"]), moment(one["checked"]), one["check_failure"])
            for one in items
        ]
        table(("Repository", "Role", "Where", "All changes until", "Checked", "Trouble"), rows)


@repository.command("add")
def add_repository(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where it is.")],
    secondary: Annotated[bool, typer.Option("--secondary", help="Backups are copied there, not written.")] = False,
    password_file: Annotated[Path | None, typer.Option(help="Its password; a random one is made else.")] = None,
    aws_file: Annotated[Path | None, typer.Option(help="An AWS credentials file, for s3:.")] = None,
    ssh_key: SshKey = None,
    known_hosts: KnownHosts = None,
    as_json: AsJson = False,
) -> None:
    """Name a place for backups, or change what is known of it.

    URL is a folder, sftp:user@host:/folder (with a port sftp://user@host:2222//folder), s3:https://host/bucket, or
    append:user@host:/folder for one that is served there by `rclone serve restic --append-only`, so that nothing can be
    deleted from here.
    """
    role = "secondary" if secondary else "primary"
    files = {"aws": aws_file, "ssh": ssh_key, "known-hosts": known_hosts}
    told = _put_repository(connect(), name, url, role, password_file, files)
    if as_json:
        emit(told)
    else:
        typer.echo(f"Keep its password where the repository is not: aloft backup repository password {name}")


@repository.command("remove")
def remove_repository(name: Name, yes: Yes = False) -> None:
    """Forget a place for backups, its password too; what lies there stays."""
    confirm(yes, f"Forget the repository {name} and its password?")
    connect().call("DELETE", f"/v1/repositories/{name}")


@repository.command("password")
def show_password(name: Name) -> None:
    """Print what encrypts a repository; it is noted in the audit log."""
    typer.echo(connect().call("GET", f"/v1/repositories/{name}/password")["password"])


def _put_repository(
    client: PlaneClient,
    name: str,
    url: str,
    role: str,
    password_file: Path | None,
    files: dict[str, Path | None],
) -> list[dict[str, Any]]:
    """Have the node know a repository; secrets are read from files."""
    credentials = {kind: _text(file) for kind, file in files.items() if file is not None}
    password = _text(password_file).strip() if password_file else None
    body = {"url": url, "role": role, "password": password, "credentials": credentials}
    told: list[dict[str, Any]] = client.call("PUT", f"/v1/repositories/{name}", body)["items"]
    return told


def _moment(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no point in time.", 'Write it like "2026-11-20 14:03:10".') from error
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).isoformat()


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.", "Name a file that you may read.") from error
