"""Transactions over MariaDB, and the migrations that run before the first one.

Everything that a transaction tells others (events, signals) happens when it commits, or not at all. Events are given
their numbers and committed under one lock, so that a reader who has seen event N never misses a smaller one.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, delete, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from aloft.base.errors import Conflict, TemporaryError
from aloft.plane.records.migrations import HEAD
from aloft.plane.records.tables import AuditEntry, EventRow, utcnow

MIGRATION_LOCK_SECONDS = 120
DEADLOCKS = (1205, 1213)  # ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK


class Transaction:
    """One transaction: a session, and what shall be told when it commits."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.events: list[EventRow] = []
        self.topics: set[str] = set()

    def event(self, kind: str, subject: str, customer: str | None, /, **data: object) -> None:
        """Note that something happened."""
        self.events.append(EventRow(kind=kind, subject=subject, customer=customer, data=data))
        self.topics.add("events")

    def audit(
        self,
        actor: str,
        action: str,
        subject: str,
        customer: str | None,
        /,
        outcome: str = "accepted",
        **detail: object,
    ) -> None:
        """Note who did what; ``detail`` never holds a secret."""
        entry = AuditEntry(
            actor=actor, action=action, subject=subject, customer=customer, outcome=outcome, detail=dict(detail)
        )
        self.session.add(entry)

    def ring(self, *topics: str) -> None:
        """Wake those who wait for these topics, after the commit."""
        self.topics.update(topics)

    def work(self, kind: str, identity: str) -> None:
        """Have the reconciler look at this record, after the commit."""
        self.topics.add(work_topic(kind, identity))


def work_topic(kind: str, identity: str) -> str:
    """The topic that tells the reconciler to look at a record (``region``, ``customer``, ``host``, ``release``)."""
    return f"work/{kind}/{identity}"


class Records:
    """The plane's database.

    Args:
        url: SQLAlchemy's URL of the schema.
        ring: told the topics of every commit.
    """

    def __init__(self, url: URL, ring: Callable[[Iterable[str]], None] = lambda topics: None) -> None:
        self.engine: Engine = create_engine(
            url,
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=16,
            pool_timeout=10,
            connect_args={"connect_timeout": 5, "read_timeout": 60, "write_timeout": 60},
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._ring = ring
        self._event_order = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction that commits when the block ends well.

        Raises:
            TemporaryError: the database does not answer, or two transactions were in each other's way.
            Conflict: a uniqueness rule was broken by two requests at once.
        """
        try:
            with self._sessions() as session:
                work = Transaction(session)
                yield work
                self._commit(work)
        except IntegrityError as error:
            raise Conflict(
                "Another request changed the same thing at the same time.", "Look at what is there now and try again."
            ) from error
        except (OperationalError, InterfaceError) as error:
            raise unreachable(error) from error
        self._ring(work.topics)

    def _commit(self, work: Transaction) -> None:
        if not work.events:
            work.session.commit()
            return
        work.session.flush()
        with self._event_order:
            work.session.add_all(work.events)
            work.session.commit()

    def migrate(self) -> None:
        """Bring the schema up to date; whoever comes second waits until the first is done.

        Raises:
            TemporaryError: the database does not answer, or another migration does not end.
        """
        try:
            with self.engine.connect() as connection:
                if self._revision(connection) == HEAD:
                    return
                lock = {"name": f"aloft.migrate.{self.engine.url.database}", "seconds": MIGRATION_LOCK_SECONDS}
                if connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), lock) != 1:
                    raise TemporaryError("Another process has been migrating the plane's records for too long.")
                self._upgrade(connection)
                connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": lock["name"]})
        except (OperationalError, InterfaceError) as error:
            raise unreachable(error) from error

    def _revision(self, connection: Connection) -> str | None:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))

    def _upgrade(self, connection: Connection) -> None:
        from alembic import command
        from alembic.config import Config

        settings = Config()
        settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        settings.set_main_option("path_separator", "os")
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
        connection.commit()

    def prune(self, event_days: int) -> None:
        """Drop events older than that many days."""
        with self.transaction() as work:
            work.session.execute(delete(EventRow).where(EventRow.at < utcnow() - timedelta(days=event_days)))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def unreachable(error: DBAPIError) -> TemporaryError:
    """What to tell of a database error, without its SQL."""
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    if code in DEADLOCKS:
        return TemporaryError("The plane's records were busy with another change.", "Try again.")
    return TemporaryError(
        f"The plane's database does not answer (error {code}).",
        "Aloft restarts MariaDB by itself; if this lasts, look at `aloft status` and `aloft logs mariadb`.",
    )
