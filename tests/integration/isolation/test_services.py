"""What a customer's credentials do not open: another's databases, broker, tokens and links, and the plane's records."""

import json
import socket
import ssl

import httpx
import pytest

from ...running import LISTS, PATHS, aloft, eventually, https, node
from .conftest import enrol, trust

INTERNAL = "http://127.0.0.1:7080"


def logins(customer):
    """Database user and password of each of a customer's services."""
    held = customer.region.secrets["database"]
    return {service: (customer.slot.database_user(service), password) for service, password in held.items()}


SCHEMAS = {
    "keystone": ("keystone",),
    "placement": ("placement",),
    "nova": ("nova_api", "nova", "nova_cell0"),
    "neutron": ("neutron",),
    "glance": ("glance",),
    "cinder": ("cinder",),
    "sync": ("sync",),
}
SOME_TABLE = {"sync": "things"}


def look(customer, login, schema, table=None):
    """An attempt to read a schema of a customer with a login."""
    user, password = login
    statement = f"SELECT COUNT(*) FROM `{table or SOME_TABLE.get(schema, 'alembic_version')}`"
    return ("database", str(PATHS.database_socket), user, password, statement, customer.slot.schema(schema))


def test_each_database_user_of_b_opens_its_own_schemas(b):
    assert logins(b).keys() == SCHEMAS.keys()
    assert b.opens([look(b, logins(b)[service], schema) for service in SCHEMAS for schema in SCHEMAS[service]])


def test_no_database_user_of_a_opens_a_schema_of_b(a, b):
    every = [schema for schemas in SCHEMAS.values() for schema in schemas]
    assert a.refused([look(b, login, schema) for login in logins(a).values() for schema in every])


def test_no_database_user_opens_a_schema_of_another_service(a):
    assert a.refused(
        [
            look(a, login, schema)
            for service, login in logins(a).items()
            for other, schemas in SCHEMAS.items()
            for schema in schemas
            if other != service
        ]
    )


def test_no_database_user_opens_the_planes_records_or_the_servers_own(a):
    def attempt(login, schema, table):
        return ("database", str(PATHS.database_socket), *login, f"SELECT * FROM `{table}` LIMIT 1", schema)

    tried = (("aloft", "customers"), ("mysql", "global_priv"), ("mysql", "user"))
    assert a.refused([attempt(login, *one) for login in logins(a).values() for one in tried])


def test_database_users_see_nothing_of_others(a, b):
    def count(login, statement):
        return ("database", str(PATHS.database_socket), *login, statement)

    def seen(customer, where):
        return f"SELECT * FROM information_schema.schemata WHERE schema_name LIKE 's{customer.slot.number}\\_{where}'"

    running = f"SELECT * FROM information_schema.processlist WHERE user LIKE 's{b.slot.number}\\_%'"
    assert a.refused([count(login, seen(b, "%")) for login in logins(a).values()])
    assert a.refused([count(login, running) for login in logins(a).values()])
    assert b.opens([count(login, seen(b, SCHEMAS[service][0])) for service, login in logins(b).items()])
    assert b.opens([count(logins(b)["nova"], running)])


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT LOAD_FILE('/etc/passwd') IS NOT NULL FROM DUAL HAVING 1 = LOAD_FILE('/etc/passwd') IS NOT NULL",
        "CREATE DATABASE s999_mine",
        "CREATE USER mine@localhost",
        "GRANT ALL ON *.* TO CURRENT_USER",
        "SET GLOBAL general_log = ON",
        "SELECT 1 INTO OUTFILE '/tmp/aloft-attempt'",
        "SHOW GRANTS FOR root@localhost",
    ],
)
def test_no_database_user_has_power_over_the_server(a, statement):
    assert a.refused([("database", str(PATHS.database_socket), *login, statement) for login in logins(a).values()])


def test_a_is_not_the_databases_root(a, b):
    tried = [("root", ""), ("mysql", ""), ("aloft", ""), (b.slot.database_user("nova"), "")]
    assert a.refused([("database", str(PATHS.database_socket), *login, "SELECT 1") for login in tried])
    assert a.opens([("database", str(PATHS.database_socket), *logins(a)["nova"], "SELECT 1")])


def broker_logins(customer):
    """Broker users and passwords of a customer: its services' and a host's."""
    held = customer.region.secrets["broker"]
    services = [(customer.slot.broker_user(service), password) for service, password in held.items()]
    amqp = customer.host.granted["amqp"]
    return [*services, (amqp["user"], amqp["password"])]


def test_no_broker_user_of_a_opens_the_virtual_host_of_b(a, b):
    def attempts(who, vhost):
        return [("broker", "127.0.0.1", 7672, vhost, *login) for login in broker_logins(who)]

    assert len(broker_logins(a)) > 3
    assert a.refused(attempts(a, b.slot.vhost))
    assert a.refused(attempts(a, "/"))
    assert a.opens(attempts(a, a.slot.vhost))
    assert b.opens(attempts(b, b.slot.vhost))


def test_the_brokers_management_lets_no_customer_in(a):
    logins = [*broker_logins(a), ("guest", "guest"), ("aloft", "aloft")]
    url = "http://127.0.0.1:7673/api/overview"
    assert a.refused([("management", url, *login) for login in logins])
    with httpx.Client(trust_env=False) as client:
        held = (PATHS.state / "rabbitmq.secret").read_text()
        assert client.get(url, auth=("aloft", held)).status_code == 200


def test_the_token_of_a_is_worth_nothing_with_b(a, b):
    token, valid = a.region.token(), b.region.token()
    for service, path in LISTS.items():
        assert b.region.get(service, path, token).status_code == 401, service
        assert b.region.get(service, path, valid).status_code == 200, service
        assert a.region.get(service, path, token).status_code == 200, service


def test_b_does_not_validate_the_token_of_a(a, b):
    def validated(by, token):
        mine = by.region.token()
        headers = {"X-Auth-Token": mine, "X-Subject-Token": token}
        return https("GET", f"{by.region.endpoint('identity')}/auth/tokens", headers=headers).status_code

    assert validated(b, a.region.token()) == 404
    assert validated(b, b.region.token()) == 200


def test_no_password_of_a_logs_in_with_b(a, b):
    def logged_in(at, name, password, project):
        domain = {"name": "Default"}
        user = {"name": name, "password": password, "domain": domain}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"name": project, "domain": domain}}}}
        return https("POST", f"{at.region.endpoint('identity')}/auth/tokens", json=body).status_code

    services = a.region.secrets["keystone"]
    assert {logged_in(b, name, password, "service") for name, password in services.items()} == {401}
    assert {logged_in(a, name, password, "service") for name, password in services.items()} == {201}
    assert logged_in(b, "admin", a.region.credentials["password"], "admin") == 401
    assert logged_in(b, "admin", b.region.credentials["password"], "admin") == 201


def forged(customer, payload):
    """A token with this payload, made with a customer's primary Fernet key as Keystone makes it."""
    from cryptography.fernet import Fernet

    key = (customer.slot.state / "keys/fernet/1").read_bytes()
    return Fernet(key).encrypt(payload).rstrip(b"=").decode()


def payload_of(customer, token):
    """What is in a token of a customer."""
    from cryptography.fernet import Fernet

    keys = customer.slot.state / "keys/fernet"
    return Fernet((keys / "1").read_bytes()).decrypt(token.encode() + b"=" * (-len(token) % 4))


def test_the_keys_of_a_make_no_token_that_b_accepts(a, b):
    payload = payload_of(b, b.region.token())
    projects = LISTS["identity"]
    assert b.region.get("identity", projects, forged(a, payload)).status_code == 401
    assert b.region.get("identity", projects, forged(b, payload)).status_code == 200


def test_no_two_customers_share_a_key_or_a_password(a, b):
    def held(of):
        keys = [path.read_text() for path in (of.slot.state / "keys").rglob("*") if path.is_file()]
        secrets = of.region.secrets
        words = [word for name in ("database", "broker", "keystone") for word in secrets[name].values()]
        return {*keys, *words, secrets["admin"], secrets["metadata"], (of.slot.state / "ca/ca.key").read_text()}

    assert len(held(a)) == len(held(b)) > 20
    assert not held(a) & held(b)


def opened(name, bundle, ask):
    """Open a name at the edge with a host's certificate, send something, and return what comes back."""
    with (
        socket.create_connection(("127.0.0.1", 443), 10) as raw,
        trust(bundle).wrap_socket(raw, server_hostname=name) as link,
    ):
        link.sendall(ask)
        return link.recv(4096)


AMQP = b"AMQP\x00\x00\x09\x01"
OVSDB = b'{"id":0,"method":"list_dbs","params":[]}'
LINKS = {"ovn": (OVSDB, b"OVN_Southbound"), "amqp": (AMQP, b"RabbitMQ"), "db": (b"", b"mysql_native_password")}


@pytest.mark.parametrize("label", LINKS)
def test_the_link_of_b_opens_for_hosts_of_b_alone(a, b, label):
    ask, expected = LINKS[label]
    name = b.name_of(label)
    assert expected in opened(name, b.host.bundle, ask)
    for bundle in (a.host.bundle, None):
        try:
            answer = opened(name, bundle, ask)
        except (ssl.SSLError, ConnectionError):
            continue
        assert answer == b"", f"{name} answered {answer!r} to {bundle}"


def test_the_agents_api_of_b_is_for_hosts_of_b(a, b):
    def ask(bundle):
        with httpx.Client(verify=trust(bundle), timeout=30, trust_env=False) as client:
            return client.get(f"https://{b.name_of('agent')}/agent/v1/state").status_code

    assert ask(b.host.bundle) == 200
    for bundle in (a.host.bundle, None):
        with pytest.raises(httpx.TransportError):
            ask(bundle)


@pytest.mark.parametrize("path", ["/agent/v1/state", "/agent//v1/state", "/%61gent/v1/state", "/v1/../agent/v1/state"])
def test_nobody_passes_for_a_host_by_saying_so(b, path):
    headers = {"X-Aloft-Host": "far", "X-Aloft-Region": f"{b.name}/{b.region.name}"}
    assert b.host.granted
    plane = f"plane.{b.domain}"
    assert https("GET", f"https://{plane}{path}", headers=headers).status_code in (400, 401, 403, 404)
    with httpx.Client(trust_env=False) as client:
        for name in (plane, b.name_of("agent")):
            answer = client.get(f"{INTERNAL}{path}", headers={**headers, "Host": name})
            assert answer.status_code in (400, 401, 403, 404), answer.text


def test_names_for_hosts_are_not_served_among_the_services(a, b):
    with httpx.Client(trust_env=False) as client:
        for label in ("agent", "amqp", "db", "ovn"):
            assert client.get(INTERNAL, headers={"Host": b.name_of(label)}).status_code in (403, 404), label
        assert client.get(INTERNAL, headers={"Host": b.name_of("compute")}).status_code < 400


def as_administrator(customer, path, of=None, method="GET", **more):
    """A call of the plane's API with a Keystone token of a customer's administrator."""
    headers = {"X-Auth-Token": customer.region.token(), "X-Aloft-Customer": (of or customer).name}
    return https(method, f"https://plane.{customer.domain}{path}", headers=headers, **more)


def test_the_administrator_of_a_finds_nothing_of_b_in_the_plane(a, b):
    customer, region = f"/v1/customers/{b.name}", f"/v1/customers/{b.name}/regions/{b.region.name}"
    nobody = customer.replace(b.name, "no-such-customer")
    reads = [customer, f"{customer}/regions", region, f"{region}/hosts", f"{region}/hosts/far"]
    for path in reads:
        refusal = as_administrator(a, path)
        assert refusal.status_code == 404, path
        assert as_administrator(b, path).status_code == 200, path
    hidden, absent = as_administrator(a, customer).json(), as_administrator(a, nobody).json()
    assert json.dumps(hidden).replace(b.name, "X") == json.dumps(absent).replace("no-such-customer", "X")
    token = as_administrator(a, f"{region}/host-tokens", method="POST", json={"roles": []})
    assert token.status_code == 404
    assert as_administrator(a, customer, method="DELETE").status_code in (403, 404)


def test_the_administrator_of_a_sees_only_what_is_of_a(a, b):
    for path in ("/v1/customers", "/v1/regions", "/v1/hosts", "/v1/operations"):
        text = as_administrator(a, path).text
        assert a.name in text, path
        assert b.name not in text, path
        assert "demo" not in text, path
    theirs = as_administrator(b, "/v1/operations").json()["items"]
    assert theirs
    for operation in theirs:
        assert as_administrator(a, f"/v1/operations/{operation['id']}").status_code == 404
        assert as_administrator(a, f"/v1/operations/{operation['id']}/watch").status_code == 404


def test_the_administrator_of_a_does_not_pass_for_b(a, b):
    assert as_administrator(a, f"/v1/customers/{b.name}", of=b).status_code == 401
    assert as_administrator(b, f"/v1/customers/{b.name}", of=b).status_code == 200


def test_a_customers_administrator_is_no_provider(a):
    for path in ("/v1/nodes", "/v1/accounts", "/v1/status", f"/v1/customers/{a.name}/credentials"):
        assert as_administrator(a, path).status_code in (403, 404), path


def test_a_customers_administrator_reads_its_own_audit_log_alone(a, b):
    own = as_administrator(a, "/v1/audit").json()["items"]
    assert {entry["customer"] for entry in own} == {a.name}
    assert as_administrator(a, f"/v1/audit?customer={b.name}").json()["items"] == []


def test_a_detached_host_is_let_in_no_more(b):
    host = enrol(b, "leaver")
    ask, expected = LINKS["ovn"]
    assert expected in opened(b.name_of("ovn"), host.bundle, ask)
    said = aloft("host", "delete", b.name, b.region.name, "leaver", "--yes")
    assert said.code == 0, said
    amqp = host.granted["amqp"]
    assert b.refused([("broker", "127.0.0.1", 7672, b.slot.vhost, amqp["user"], amqp["password"])])

    def shut():
        try:
            return opened(b.name_of("ovn"), host.bundle, ask) == b""
        except (ssl.SSLError, ConnectionError):
            return True

    assert eventually(shut, 10, "the certificate of a detached host is refused")
    assert expected in opened(b.name_of("ovn"), b.host.bundle, ask)


def test_a_customer_has_names_of_its_own_at_the_edge(a, b):
    """A certificate of the edge is for one customer's names, and each name leads to that customer's service."""
    for customer, other in ((a, b), (b, a)):
        assert customer.slot.number != other.slot.number
        region = node(f"/v1/controllers/{customer.name}/{customer.region.name}").json()
        assert all(customer.name in url and other.name not in url for url in region["endpoints"].values())
