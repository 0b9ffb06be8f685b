"""A stop that another process asks for is heard of as any other write, and not only seen by the look now and then."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from store_programs import Program
from systems import needs_postgres

from woflo.stores.opening import open_store
from woflo.stores.operations import RequestStop

EXECUTING = """
from woflo import current_run, task, use_store, workflow
from woflo.durable import engine
from woflo.stores.opening import open_store
{slowly}
engine.LOOK = 3600.0
store = open_store(path)
use_store(store)

@task
def obedient() -> int:
    say("begun")
    while not current_run().stop_requested:
        threading.Event().wait(0.001)
    say("obeyed")

@workflow
def executing() -> int:
    return obedient().get_result()

run = executing()
say(run.id)
run.wait()
say(run.state)
os._exit(0)
"""
"""For `format`: nothing is looked at without having been heard of."""
SQLITE = "from woflo.stores.sqlite import wakeups\nwakeups.PAUSE = 3600.0"
POSTGRES = "from woflo.stores.postgres import wakeups\nwakeups.PAUSE = 3600.0"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=needs_postgres)])
def opening(request, path):
    """The URL of a store, and what has it tell nothing but what it hears."""
    if request.param == "sqlite":
        return f"sqlite:///{path}", SQLITE
    return request.getfixturevalue("url"), POSTGRES


def test_a_stop_from_another_process_wakes_the_one_that_executes(opening):
    """Both real, on a real store: it comes though the executing process looks by itself once an hour only."""
    url, slowly = opening
    with Program(EXECUTING.format(slowly=slowly), url) as program, closing(open_store(url)) as store:
        told = {program.hear(), program.hear()}
        (run_id,) = told - {"begun"}
        store.write(RequestStop(now=time.time(), run_id=run_id))
        assert program.hear() == "obeyed"
        assert program.hear() == "STOPPED"
