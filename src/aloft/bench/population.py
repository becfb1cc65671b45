"""A customer with many records: one of each kind made by the APIs, the others copied from it, row by row, in MariaDB.

The copies have ids, names and MAC addresses of their own and are listed by the APIs like those that they come from.
"""

from dataclasses import dataclass, field

from aloft.base.errors import PermanentError
from aloft.bench import records
from aloft.bench.caller import Caller
from aloft.controller.context import Context
from aloft.node.database import Database

INSTANCES, PORTS, VOLUMES, USERS = 500, 1000, 300, 100
USER = "bench-user"

_ID = "CONCAT('00000000-0000-4000-8000-', LPAD(HEX(n.seq), 12, '0'))"
_USER_ID = "LPAD(LOWER(HEX(n.seq)), 32, '0')"


@dataclass(frozen=True)
class Copies:
    """Rows to be copied.

    Args:
        schema: without the slot's prefix.
        table: where they are.
        where: which of them.
        values: for each column that differs in a copy its expression; ``n.seq`` is the copy's number.
    """

    schema: str
    table: str
    where: str
    values: dict[str, str] = field(default_factory=dict)

    def statement(self, columns: list[str], count: int) -> str:
        """The statement that makes so many copies of a table with these columns."""
        chosen = [self.values.get(name, f"t.`{name}`") for name in columns]
        names = ", ".join(f"`{name}`" for name in columns)
        source = f"`{self.table}` t JOIN seq_1_to_{count:d} n"
        return f"INSERT INTO `{self.table}` ({names}) SELECT {', '.join(chosen)} FROM {source} WHERE t.{self.where}"  # noqa: S608 - names of our own


async def fill(context: Context, caller: Caller, database: Database) -> None:
    """Give a customer its records.

    Raises:
        PermanentError: a row that is copied is not there, or a copy is refused.
    """
    records.fill(caller, ports=1, servers=1)
    server = caller.get("compute", "/v2.1/servers")["servers"][0]["id"]
    port = caller.get("network", "/v2.0/ports?name=bench-0")["ports"][0]["id"]
    caller.expect(202, "POST", "volume", "/v3/volumes", {"volume": {"size": 1, "name": "bench"}})
    volume = caller.get("volume", "/v3/volumes")["volumes"][0]["id"]
    body = {"user": {"name": USER, "domain_id": "default", "password": context.secrets.metadata}}
    user = caller.expect(201, "POST", "identity", "/v3/users", body)["user"]["id"]
    await _copy(context, database, _instances(server), INSTANCES - 1)
    await _copy_ports(context, database, port)
    await _copy(context, database, [Copies("cinder", "volumes", f"id = '{volume}'", {"id": _ID})], VOLUMES - 1)
    await _copy(context, database, _users(user), USERS - 1)


def _instances(server: str) -> list[Copies]:
    by_uuid = f"instance_uuid = '{server}'"
    return [
        Copies("nova_cell0", "instances", f"uuid = '{server}'", {"uuid": _ID, "hostname": "CONCAT('bench-', n.seq)"}),
        *(
            Copies("nova_cell0", table, by_uuid, {"instance_uuid": _ID})
            for table in ("instance_extra", "instance_info_caches", "instance_system_metadata")
        ),
        *(
            Copies("nova_api", table, by_uuid, {"instance_uuid": _ID})
            for table in ("instance_mappings", "request_specs")
        ),
    ]


def _users(user: str) -> list[Copies]:
    named = {"user_id": _USER_ID, "name": f"CONCAT('{USER}-', n.seq)"}
    return [
        Copies("keystone", "user", f"id = '{user}'", {"id": _USER_ID}),
        Copies("keystone", "local_user", f"user_id = '{user}'", named),
    ]


async def _copy_ports(context: Context, database: Database, port: str) -> None:
    """Copy a port; each copy has standard attributes of its own, whose numbers are chosen here."""
    schema = context.slot.schema("neutron")
    first = (await database.execute(schema, ["SELECT MAX(id) FROM standardattributes"]))[0][0]
    number = f"{first:d} + n.seq"
    own = (await database.execute(schema, [f"SELECT standard_attr_id FROM ports WHERE id = '{port}'"]))[0][0]  # noqa: S608 - an id that Neutron gave
    mac = "CONCAT('fa:16:3f:00:', LPAD(HEX(n.seq DIV 256), 2, '0'), ':', LPAD(HEX(n.seq MOD 256), 2, '0'))"
    copies = [
        Copies("neutron", "standardattributes", f"id = {own:d}", {"id": number}),
        Copies("neutron", "ports", f"id = '{port}'", {"id": _ID, "standard_attr_id": number, "mac_address": mac}),
        Copies("neutron", "ml2_port_bindings", f"port_id = '{port}'", {"port_id": _ID}),
    ]
    await _copy(context, database, copies, PORTS - 1)


async def _copy(context: Context, database: Database, copies: list[Copies], count: int) -> None:
    for one in copies:
        schema = context.slot.schema(one.schema)
        told = await database.execute(schema, [f"SHOW COLUMNS FROM `{one.table}`"])
        columns = [str(row[0]) for row in told if "auto_increment" not in str(row[5]) or row[0] in one.values]
        if not columns:
            raise PermanentError(f"The table {one.schema}.{one.table} has no columns.")
        await database.execute(schema, [one.statement(columns, count)])
