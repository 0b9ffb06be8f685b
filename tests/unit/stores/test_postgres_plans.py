"""How PostgreSQL looks for what it is asked for: by indexes, also in tables that were new when it made its plan."""

from __future__ import annotations

import pytest
from systems import needs_postgres

from woflo.kernel.state import RunState
from woflo.stores.opening import open_store
from woflo.stores.operations import Finish, Submit
from woflo.stores.rows import Row

pytestmark = needs_postgres

VALUES = {"now": 1.0, "queue": "q", "tasks": '["t"]', "limit": 10, "ids": '["a"]', "worker": "w", "ending": '["a"]'}
SETTINGS = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
CASES = [
    ("held", ["a", "w", 1], "runs_pkey"),
    ("held_together", ['[["a", "w", 1]]'], "runs_pkey"),
    ("end_run_together", ['[["SUCCEEDED", "1", null, null, 1.0, "a"]]'], "runs_pkey"),
    ("changed_among", {"known": '{"a": "PENDING"}'}, "runs_pkey"),
    ("lock_runs", VALUES, "runs_pkey"),
    ("claim", VALUES, "runs_pkey"),
    ("wake_due", VALUES, "runs_due"),
    ("ready_in_queue", VALUES, "runs_ready"),
    ("claim_in_queue", VALUES, "runs_ready"),
]


@pytest.fixture
def store(postgres):
    made = open_store(postgres.new_url())
    yield made
    made.close()


@pytest.mark.parametrize(("name", "values", "index"), CASES, ids=[case[0] for case in CASES])
def test_what_is_asked_of_a_new_table_goes_by_its_index(store, name, values, index):
    """Else it would be read whole with each statement, for as long as a connection keeps to its first plan."""
    connection = store._writer.connection
    plan = "\n".join(line for (line,) in connection.execute(f"EXPLAIN {store._sql[name]}", values).fetchall())
    connection.rollback()
    assert index in plan, plan
    assert "Seq Scan on runs" not in plan, plan
    assert "Hash Join" not in plan and "Merge Join" not in plan, plan


def test_users_have_the_planner_as_it_is(store):
    """What they ask for in a transaction need not have an index; afterwards the store has its own way again."""
    store.write(Submit(now=1.0, runs=(Row(id="a", task="t", worker="w"),)))
    claim = store.get("a").claim
    with store.transaction() as transaction:
        for setting in SETTINGS:
            assert transaction.connection.execute(f"SHOW {setting}").fetchone() == ("on",)
        transaction.commit(Finish(now=2.0, claim=claim, state=RunState.SUCCEEDED))
    connection = store._writer.connection
    for setting in SETTINGS:
        assert connection.execute(f"SHOW {setting}").fetchone() == ("off",)
    connection.rollback()
