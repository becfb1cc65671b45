"""The commands on the provider's accounts."""

import json
import os
import sys
from dataclasses import replace
from typing import Annotated, Any

import typer

from aloft.cli.client import Connection, connect, find, own_file
from aloft.cli.output import emit, moment, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="Name of the account.")]
Roles = Annotated[list[str] | None, typer.Option("--role", help="admin, operator or auditor; may be repeated.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]

app = typer.Typer(help="Accounts of the provider, and logging in.", no_args_is_help=True)


@app.command("login")
def log_in(
    name: Name,
    password_stdin: FromStdin = False,
    hours: Annotated[int, typer.Option(min=1, max=2160, help="How long the login lasts.")] = 12,
) -> None:
    """Log in: keep a fresh token for this user of this machine."""
    connection = find()
    body = {"account": name, "password": _password(password_stdin), "lifetime": hours * 3600}
    told = connect(replace(connection, token="", customer=None)).call("POST", "/v1/tokens", body)
    _keep(connection, told["token"])
    sys.stdout.write(f"Logged in as {name} until {moment(told['expires'])}.\n")


@app.command("logout")
def log_out() -> None:
    """Make the token that is in use worthless, and forget it."""
    connect().call("DELETE", "/v1/tokens/current")
    own_file().unlink(missing_ok=True)


@app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """List accounts."""
    items = connect().items("/v1/accounts")
    if as_json:
        emit(items)
        return
    rows = [
        (one["name"], ", ".join(one["roles"]), "disabled" if one["disabled"] else "enabled", moment(one["created"]))
        for one in items
    ]
    table(("Account", "Roles", "State", "Created"), rows)


@app.command("create")
def create_account(name: Name, role: Roles = None, password_stdin: FromStdin = False, as_json: AsJson = False) -> None:
    """Create an account."""
    body = {"name": name, "roles": role or ["auditor"], "password": _password(password_stdin, new=True)}
    _show(connect().call("POST", "/v1/accounts", body), as_json)


@app.command("change")
def change_account(
    name: Name,
    role: Roles = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for another password.")] = False,
    password_stdin: FromStdin = False,
    disabled: Annotated[bool | None, typer.Option("--disable/--enable", help="Whether it can be used.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change an account; its tokens become worthless."""
    body: dict[str, Any] = {"roles": role or None, "disabled": disabled}
    if password or password_stdin:
        body["password"] = _password(password_stdin, new=True)
    _show(connect().call("PATCH", f"/v1/accounts/{name}", body), as_json)


@app.command("delete")
def delete_account(name: Name) -> None:
    """Delete an account."""
    connect().call("DELETE", f"/v1/accounts/{name}")


def _show(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(told)
    else:
        sys.stdout.write(f"{told['name']}: {', '.join(told['roles'])}{' (disabled)' if told['disabled'] else ''}\n")


def _password(stdin: bool, new: bool = False) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=new, err=True))


def _keep(connection: Connection, token: str) -> None:
    """Write the caller's own settings, readable by nobody else."""
    told = {"url": connection.url, "token": token}
    if connection.authority is not None:
        told["authority"] = str(connection.authority)
    file = own_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in told.items())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        os.fchmod(opened.fileno(), 0o600)
        opened.write(text)
