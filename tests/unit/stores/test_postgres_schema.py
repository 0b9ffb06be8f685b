"""The tables in PostgreSQL: how they come about, and what is refused."""

from __future__ import annotations

import re
import threading

import pytest
from systems import needs_postgres
from unit_helpers import in_thread

from woflo.errors import StoreError
from woflo.kernel.state import RunState
from woflo.stores.opening import open_store
from woflo.stores.operations import Submit
from woflo.stores.rows import Row
from woflo.stores.sql import migrations, schema, statements
from woflo.stores.sql.rows import values_of

pytestmark = needs_postgres

COLUMNS = """
SELECT c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attcollation
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = to_regnamespace(%s) AND a.attnum > 0 AND c.relkind = 'r'
"""
CONSTRAINTS = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = to_regnamespace(%s)"
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = %s"


def schema_of(url):
    return re.search(r"schema=(\w+)", url)[1]


def made(url):
    """Tables as the store makes them; the name of their schema."""
    open_store(url).close()
    return schema_of(url)


def tables(postgres, name):
    """All that there is in a schema, without its name."""
    found = [row for query in (COLUMNS, CONSTRAINTS, INDEXES) for row in postgres.execute(query, name)]
    return sorted(str(row).replace(f"{name}.", "") for row in found)


def run_sql(postgres, name, text):
    """Statements that speak of the schema `woflo`, done to another one."""
    return postgres.execute(re.sub(r"\bwoflo\.", f"{name}.", text))


def test_the_migrations_lead_to_the_schema(postgres, url):
    """New tables, which are made by all migrations, are those of the documented schema."""
    postgres.execute("CREATE SCHEMA documented")
    run_sql(postgres, "documented", schema("postgres"))
    assert tables(postgres, made(url)) == tables(postgres, "documented")
    assert len(tables(postgres, "documented")) > 40


def test_a_newer_schema_is_refused(postgres, url):
    """The error names both versions."""
    postgres.execute(f"UPDATE {made(url)}.version SET number = 99")
    with pytest.raises(StoreError, match=r"version 99.*newer woflo"):
        open_store(url)


def test_a_migration_is_whole_or_not_at_all(postgres, url):
    """Where a step fails, because the user has a table of that name, nothing of it is there."""
    name = schema_of(url)
    postgres.execute(f"CREATE SCHEMA {name}")
    postgres.execute(f"CREATE TABLE {name}.workers (a INTEGER)")
    with pytest.raises(StoreError, match="workers"):
        open_store(url)
    assert postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", name) == [("workers",)]


def test_an_older_schema_is_migrated(postgres, url, monkeypatch):
    """By the steps that it lacks; what is in it stays."""
    store = open_store(url)
    store.write(Submit(now=1.0, runs=(Row(id="a", task="t"),)))
    store.close()
    steps = [*migrations("postgres"), "CREATE TABLE woflo.later (a INTEGER);\n-- A comment.\n"]
    monkeypatch.setattr("woflo.stores.postgres.preparing.migrations", lambda dialect: steps)
    store = open_store(url)
    assert [row.id for row in store.select()] == ["a"]
    store.close()
    assert postgres.execute(f"SELECT * FROM {schema_of(url)}.later") == []
    assert postgres.execute(f"SELECT number FROM {schema_of(url)}.version") == [(len(steps),)]


def test_opened_by_many_at_once(postgres, url):
    """The tables are made once, however many open the store at the same time."""
    together = threading.Barrier(8)

    def open_one():
        together.wait(20)
        return open_store(url)

    for call in [in_thread(open_one) for _ in range(8)]:
        call().close()
    assert postgres.execute(f"SELECT number FROM {schema_of(url)}.version") == [(len(migrations("postgres")),)]


@pytest.mark.parametrize(
    "change",
    ["state = 'DONE'", "worker = 'w'", "waits_for = '{}'", "fence = NULL", "task = NULL", "stop_requested = NULL"],
)
def test_the_database_checks_too(postgres, url, change):
    """Whoever writes into the tables by hand cannot make states that there are not."""
    import psycopg

    store = open_store(url)
    store.write(Submit(now=1.0, runs=(Row(id="a", task="t"),)))
    store.close()
    with pytest.raises(psycopg.IntegrityError):
        postgres.execute(f"UPDATE {schema_of(url)}.runs SET {change}")


def test_the_columns_are_those_of_rows(postgres, url):
    """In their order: rows are read and written by place."""
    query = "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = 'runs'"
    columns = [name for (name,) in postgres.execute(f"{query} ORDER BY ordinal_position", made(url))]
    assert sorted(columns) == sorted(Row.__slots__)
    others = ("state", "waits_for", "stop_requested")
    row = Row(**{name: name for name in columns if name not in others}, state=RunState.PENDING)
    values = dict(zip(columns, values_of(row), strict=True))
    assert all(value == name for name, value in values.items() if name not in others)


@pytest.mark.parametrize("statement", ["ready_in_queue", "claim_in_queue"])
def test_claiming_uses_the_index(postgres, url, statement):
    """However many runs there are: no scan, no sorting, also when the server has not counted them yet."""
    name = made(url)
    postgres.execute(
        f"INSERT INTO {name}.runs SELECT 'r' || n, 't', 'PENDING', 'q', NULL, '', NULL, NULL, 0, NULL, '{{}}', '',"
        f" NULL, NULL, 0, 0, NULL, '[]', FALSE, NULL, 0, NULL, 1, NULL, NULL FROM generate_series(1, 5000) n"
    )
    sql = statements("postgres")[statement].replace("woflo.", f"{name}.")
    values = {"%(queue)s": "'q'", "%(tasks)s": "'[\"t\"]'", "%(limit)s": "9", "%(worker)s": "'w'", "%(now)s": "1.0"}
    for placeholder, value in values.items():
        sql = sql.replace(placeholder, value)
    plan = " ".join(line for (line,) in postgres.execute(f"EXPLAIN {sql}"))
    assert "runs_ready" in plan, plan
    assert "Sort" not in plan, plan
