"""The plane's records: tables, migrations and transactions over MariaDB."""
