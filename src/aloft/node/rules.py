"""What customers decided about access and logs, kept on the node's own disk: it holds while the plane is down."""

import json
import re

from aloft.base import files
from aloft.base.errors import InvalidInput
from aloft.base.paths import Paths
from aloft.controller.rules import CustomerRules
from aloft.node.registry import Registry
from aloft.supervise import logs

_CUSTOMER = re.compile(r"[a-z0-9-]{1,64}")
_DAY = 86_400.0


class Rules:
    """The rules of all customers, each a file.

    Args:
        paths: where they lie.
        registry: the slots in which customers' logs lie.
    """

    def __init__(self, paths: Paths, registry: Registry) -> None:
        self._paths = paths
        self._registry = registry
        self._folder = paths.state / "node/rules"
        files.folder(self._folder, mode=0o700)
        self._rules = {
            file.stem: CustomerRules.model_validate_json(file.read_text()) for file in self._folder.glob("*.json")
        }

    def get(self, customer: str) -> CustomerRules:
        """A customer's rules; the usual ones where none were set."""
        return self._rules.get(customer, CustomerRules())

    def all(self) -> dict[str, CustomerRules]:
        """The rules that were set, by customer."""
        return dict(self._rules)

    def put(self, customer: str, rules: CustomerRules) -> None:
        """Keep a customer's rules.

        Raises:
            InvalidInput: that cannot be a customer's name.
        """
        if not _CUSTOMER.fullmatch(customer):
            raise InvalidInput(f"'{customer}' cannot be a customer's name.")
        files.write(self._folder / f"{customer}.json", json.dumps(rules.model_dump(mode="json")), mode=0o600)
        self._rules[customer] = rules

    def forget(self, customer: str) -> None:
        """Drop a customer's rules; nothing happens when it has none."""
        if self._rules.pop(customer, None) is not None:
            (self._folder / f"{customer}.json").unlink(missing_ok=True)

    def trim_logs(self, only: str | None = None) -> None:
        """Take out of all customers' logs what is older than they want.

        Args:
            only: whose are looked through line by line, as they want something else now; none when left out.

        Raises:
            OSError: a log cannot be changed.
        """
        for record in self._registry.all():
            days = self.get(record.spec.customer).log_days
            for folder in (self._paths.slot_log(number) for number in record.slots if days):
                if only == record.spec.customer:
                    logs.drop_older(folder, days * _DAY)
                logs.expire(folder, days * _DAY)
