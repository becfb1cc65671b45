"""Users and endpoints in Keystone, made over its API as the install guide does with the ``openstack`` command."""

from aloft.bench.caller import Caller
from aloft.controller.declare import Service


def register_project(caller: Caller) -> None:
    """Make the project that the services' users belong to."""
    body = {"project": {"name": "service", "domain_id": "default"}}
    caller.expect(201, "POST", "identity", "/v3/projects", body)


def register(caller: Caller, service: Service) -> None:
    """Make a service's user with its roles, and its endpoints."""
    context = caller.context
    password = context.secrets.keystone[service.name]
    body = {"user": {"name": service.name, "password": password, "domain_id": "default"}}
    user = caller.expect(201, "POST", "identity", "/v3/users", body)["user"]["id"]
    project = caller.get("identity", "/v3/projects?name=service")["projects"][0]["id"]
    for name in service.roles:
        role = caller.get("identity", f"/v3/roles?name={name}")["roles"][0]["id"]
        caller.expect(204, "PUT", "identity", f"/v3/projects/{project}/users/{user}/roles/{role}")
    for endpoint in service.endpoints:
        if not endpoint.type:
            continue
        body = {"service": {"name": service.name, "type": endpoint.type}}
        ident = caller.expect(201, "POST", "identity", "/v3/services", body)["service"]["id"]
        for interface in ("public", "internal", "admin"):
            told = {
                "service_id": ident,
                "interface": interface,
                "region_id": context.spec.region,
                "url": context.internal(endpoint.label, endpoint.path),
            }
            caller.expect(201, "POST", "identity", "/v3/endpoints", {"endpoint": told})
