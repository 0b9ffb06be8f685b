"""What executes workflows in a process: after a fork, with several stores, and when it is closed."""

import pytest
from programs import run
from systems import needs_fork, needs_proc

TASKS = """
import os, sys
from woflo import task, use_store, wait_signal, workflow
from woflo.durable.choice import current_store
from woflo.durable.engine import engine_of
from woflo.stores.opening import open_store
from woflo.testing import wait_until

@task
def step(x: int) -> int:
    return x

@workflow
def waiting(x: int) -> int:
    return step(x).get_result() + wait_signal("go")

@workflow
async def waiting_async(x: int) -> int:
    return await step(x) + await wait_signal("go")

def parked(run):
    wait_until(lambda: run._engine.store.get(run.id).state == "WAITING")
    return run
"""
FORKED = (
    TASKS
    + """
from woflo.errors import InheritedHandleError, StoreError
held = waiting(1)                      # executes, and waits in its thread
known = parked(waiting.with_options(key="k")(2))
store = current_store()
child = os.fork()
if child == 0:
    try:
        held.get_result()
    except InheritedHandleError:
        print("handle")
    try:
        store.get(held.id)
    except StoreError:
        print("store")
    use_store({url!r})
    mine = waiting.with_options(key="mine")(3)
    mine.send("go", 1)
    print(mine.get_result(30))
    again = waiting.with_options(key="k")(2)
    again.send("go", 5)
    print(again.get_result(30))
    sys.stdout.flush()
    engine_of(current_store()).close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
held.send("go", 1)
print(held.get_result(30), known.get_result(30))
workers = store.workers()
assert [one.pid for one in workers] == [os.getpid()], workers
"""
)
TWO = (
    TASKS
    + """
first, second = (open_store(url) for url in ({one!r}, {two!r}))
runs = []
for store in (first, second):
    use_store(store)
    runs += [kind.with_options(key="k")(len(runs)) for kind in (waiting, waiting_async)]
assert engine_of(first) is not engine_of(second)
use_store(first)
for number, one in enumerate(runs):
    one.send("go", 10 * number)
print([one.get_result(30) for one in runs])
assert [first.get(one.id) is None for one in runs] == [False, False, True, True]
engine_of(first).close()
use_store(second)
late = waiting.with_options(key="late")(1)
late.send("go", 1)
print(late.get_result(30))
assert len(second.workers()) == 1 and not first.workers()
"""
)
CLOSED = (
    TASKS
    + """
def open_now():
    return {{os.readlink(f"/proc/self/fd/{{number}}") for number in os.listdir("/proc/self/fd")
            if os.path.exists(f"/proc/self/fd/{{number}}")}}

def used():
    store = open_store({url!r})
    use_store(store)
    runs = [parked(kind.with_options(key="k")(1)) for kind in (waiting, waiting_async)]
    engine_of(store).close()
    use_store(None)
    store.close()

def count():
    return len(os.listdir("/proc/self/fd"))

used()                                 # what a process opens once, such as its event loop, stays
before = count()
for _ in range(5):
    used()
assert count() <= before, (before, sorted(open_now()))
print("closed")
"""
)
stores = pytest.mark.parametrize("url", ["sqlite:///runs.db", "dir:///{folder}/runs"], ids=["sqlite", "directory"])


@needs_fork
@stores
def test_a_fork_of_a_process_that_executes_workflows(tmp_path, url):
    """The child may use nothing of its parent's, and is told so by name; it has an engine of its own."""
    url = url.format(folder=tmp_path)
    program = FORKED.replace("held = waiting", "use_store({url!r})\nheld = waiting", 1)
    assert run(tmp_path, program.format(url=url)) == (0, "handle\nstore\n4\n7\n2 7\n")


@stores
def test_two_stores_in_one_process(tmp_path, url):
    """Each has its own engine; a run is in the one that was meant when it was called; one may be closed."""
    one, two = (url.format(folder=tmp_path).replace("runs", name) for name in ("one", "two"))
    assert run(tmp_path, TWO.format(one=one, two=two)) == (0, "[0, 10, 22, 32]\n2\n")


@needs_proc
@stores
def test_a_closed_engine_leaves_no_descriptors(tmp_path, url):
    """Nor does the store below it."""
    assert run(tmp_path, CLOSED.format(url=url.format(folder=tmp_path))) == (0, "closed\n")
