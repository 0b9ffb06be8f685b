"""Nothing fails silently: a failure that nobody looks at is told once on stderr, and one that somebody saw is not."""

import pytest
from programs import run
from systems import needs_fork

pytestmark = needs_fork

KINDS = ["thread", "sequential", "async", "process", "pool"]
BEGINNING = """
import asyncio, os, time
from woflo import as_completed, gather, subscribe, task, wait
from woflo.kernel import runtime
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.testing import wait_until

Runner = {{"process": MultiprocessTaskRun, "pool": PoolTaskRun.configured(max_concurrency=2)}}.get({kind!r}, {kind!r})

@task(runner=Runner)
def fails(number=0):
    raise ValueError(f"number {{number}}.")

@task(runner=Runner)
def works(value):
    return value

def fails_alive():
    return [run for run in list(runtime.current.live) if run.task is fails]
"""


def told(folder, kind, text):
    """What a program wrote, which ends well though tasks of it failed."""
    code, output = run(folder, BEGINNING.format(kind=kind) + text)
    assert code == 0, output
    return output


@pytest.mark.parametrize("kind", KINDS)
def test_a_handle_that_is_dropped(tmp_path, kind):
    """It is told with its traceback, at once: not only at the end of the program."""
    text = """
fails(1)
wait_until(lambda: not fails_alive() and not runtime.current.failures)
fails(2)
"""
    output = told(tmp_path, kind, text)
    for number in (1, 2):
        assert f"ValueError: number {number}.\n" in output, output
    assert "in fails\n" in output, output
    assert output.count("failed, and nobody looked") == 2, output


@pytest.mark.parametrize("kind", KINDS)
def test_handles_that_are_kept(tmp_path, kind):
    """At the end of the program the first ten are named, in one message, and the others counted."""
    output = told(tmp_path, kind, "runs = [fails(n) for n in range(12)]\nwait_until(lambda: not fails_alive())")
    assert output.count("runs that failed, and nobody looked:\n") == 1, output
    for number in range(10):
        assert output.count(f"ValueError: number {number}.\n") == 1, output
    assert output.count("and 2 more\n") == 1, output
    assert len(output.splitlines()) == 12, output


LOOKS = """
def ask(run):
    try:
        run.get_result()
    except ValueError:
        return
    raise AssertionError("nothing was raised")

async def await_it(run):
    try:
        await run
    except ValueError:
        return
    raise AssertionError("nothing was raised")

async def as_they_end(runs):
    async for run in as_completed(runs):
        pass

def poll(run):
    wait_until(lambda: run.state == "FAILED")

def in_a_group(runs):
    gather(*runs).exception()

ask(fails())
fails().get_result(raise_exceptions=False)
fails().exception()
fails().wait()
asyncio.run(await_it(fails()))
asyncio.run(as_they_end([fails(), fails()]))
wait([fails(), fails()])
for run in as_completed([fails(), fails()]):
    pass
poll(fails())
in_a_group([fails(), fails()])
fails().add_done_callback(lambda run: None)
ask_later = works(fails().ref)
assert "number 0" in str(ask_later.exception().__cause__)
try:
    list(fails.map([1]).results())
except ValueError:
    seen = True
assert seen
with subscribe(lambda event: None):
    fails()
    wait_until(lambda: not fails_alive())
"""


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_looks_has_seen_it(tmp_path, kind):
    """By whichever way somebody learns of the end: then it is not told again."""
    assert told(tmp_path, kind, LOOKS) == ""


@pytest.mark.parametrize("kind", ["thread", "process", "pool"])
def test_a_run_that_was_stopped(tmp_path, kind):
    """It has not failed: whoever stopped it knows."""
    text = """
@task(runner=Runner)
def patient():
    from woflo import current_run
    while not current_run().stop_requested:
        time.sleep(0.001)  # it is under way until it sees that it is to stop

run = patient()
run.stop(grace=0.5)
"""
    assert told(tmp_path, kind, text) == ""


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_what_depends_on_a_failure(tmp_path, kind):
    """It is told once, by the last that was called, with the reason; so is a group."""
    output = told(tmp_path, kind, "last = works(works(fails(7).ref).ref)")
    assert output.count("nobody looked") == output.count("number 7.") == 1, output
    assert "because of ValueError: number 7." in output
    output = told(tmp_path, kind, "both = gather(fails(7), fails(7), works(1))")
    assert output.count("nobody looked") == output.count("number 7.") == 1, output


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_where_logging_is_configured(tmp_path, kind):
    """The log has told of the end already; a level above lets only this be heard, and the highest nothing."""
    dropped = "import logging; logging.basicConfig(level={level!r})\nfails(7)\nkept = fails(8)"
    output = told(tmp_path, kind, dropped.format(level="WARNING"))
    assert "nobody looked" not in output
    assert output.count("FAILED") == 2, output
    output = told(tmp_path, kind, dropped.format(level="ERROR"))
    assert output.count("ERROR:woflo:") == output.count("nobody looked") == 2, output
    assert told(tmp_path, kind, dropped.format(level="CRITICAL")) == ""


@pytest.mark.parametrize("kind", ["thread", "process", "pool"])
def test_it_is_not_doubled_in_children(tmp_path, kind):
    """A child that has inherited a handle drops it, and ends, without a word about it."""
    text = """
kept, dropped = fails(1), fails(2)
wait_until(lambda: not fails_alive())  # the state would be a look

@task(runner=MultiprocessTaskRun)
def child():
    global dropped
    del dropped

assert child().get_result() is None
pid = os.fork()
if pid == 0:
    del dropped
else:
    assert os.waitpid(pid, 0)[1] == 0
"""
    output = told(tmp_path, kind, text)
    assert [output.count(f"number {number}.") for number in (1, 2)] == [1, 1], output
    assert output.count("nobody looked") == 1, output


@pytest.mark.parametrize("kind", ["thread", "sequential", "process"])
def test_in_a_task(tmp_path, kind):
    """What a task calls and does not look at is told by the process in which it was called, once."""
    text = """
kept = []

@task(runner=MultiprocessTaskRun)
def outer():
    fails(1)
    kept.append(fails(2))

outer().get_result()
"""
    output = told(tmp_path, kind, text)
    for number in (1, 2):
        assert f"ValueError: number {number}.\n" in output, output
    assert output.count("fails (") == 2, output


WORKFLOWS = """
from woflo import send, use_store, wait_signal, workflow
from woflo.stores.memory import MemoryStore
from woflo.testing import wait_until

store = MemoryStore()
use_store(store)

@workflow
def child(fails):
    wait_signal("go")
    if fails:
        raise ValueError("the child failed")

@workflow
def parent():
    children = [child(False), child(True)]
    for one in children:
        {look}

run = parent()

def all_wait():
    found = [store.get(run.id), *store.steps(run.id)]
    return [str(row.state) for row in found] == ["WAITING"] * 3

wait_until(all_wait)
for one in reversed(store.steps(run.id)):
    send(one.id, "go")
    wait_until(lambda one=one: store.get(one.id).is_terminal)
run.exception(30)
"""


@pytest.mark.parametrize(("look", "times"), [("one.exception()", 0), ("one.wait() if one is children[0] else None", 1)])
def test_in_a_workflow_that_was_parked(tmp_path, look, times):
    """Whoever goes on with it has other handles: what is seen, or not seen, of these counts."""
    code, output = run(tmp_path, WORKFLOWS.format(look=look))
    assert code == 0, output
    assert output.count("nobody looked") == times, output
