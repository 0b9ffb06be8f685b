"""The page about the tables tells of each, and of each of their columns."""

import re

import pytest
from docs_helpers import ROOT

PAGE = (ROOT / "docs/how-to/sql-tables.md").read_text(encoding="utf-8")
TABLE = re.compile(r"CREATE TABLE (?:woflo\.)?(\w+) \((.*?)\n?\)(?: WITHOUT ROWID)?;", re.DOTALL)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_all_tables_and_columns_are_told(dialect):
    """What a user can see in the schema, and the page says nothing of, is found here."""
    schema = (ROOT / "woflo/stores/sql" / dialect / "schema.sql").read_text(encoding="utf-8")
    found = TABLE.findall(re.sub(r"^ *--.*\n", "", schema, flags=re.MULTILINE))
    assert len(found) >= 6
    named = set(re.findall(r"`(\w+)`", PAGE))
    for table, body in found:
        columns = re.findall(r"(?:^|\n) *([a-z_]+) [A-Z]", body) or [body.split()[0]]
        assert {table, *columns} <= named, f"{table}: the page does not tell of {({table, *columns}) - named}"
