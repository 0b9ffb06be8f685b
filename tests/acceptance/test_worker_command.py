"""`woflo worker`: what it does until it is told to end, how it ends, and what its exit status says."""

import signal

import pytest
from programs import Program, lines
from systems import needs_fork
from worker_programs import APP, PENDING, SUCCEEDED, folder

__all__ = ["folder"]
pytestmark = needs_fork
STATUS = {signal.SIGTERM: 143, signal.SIGINT: 130}


def test_once_it_executes_all_that_there_is(folder):
    """Calls and workflows, each once; what is due later is left."""
    folder.touch("w1.go")
    folder.touch("w2.go")
    ids = [folder.call("note", str(number)) for number in range(20)] + [folder.call("steps", "w")]
    later = folder.call("note", "later", run_after=4e9)
    with folder.worker("--once") as worker:
        assert worker.wait() == 0
        first, last = worker.read().splitlines()
    assert "serves held, note, step, steps from default in " in first
    assert "nothing is left to do; 21 done" in last
    assert {folder.state(run_id) for run_id in ids} == {SUCCEEDED}
    assert sorted(lines(folder.path / "notes"), key=int) == [str(number) for number in range(20)]
    assert folder.state(later) is PENDING


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_it(folder, number):
    """It finishes what it holds, claims nothing more, and ends well."""
    worker, held = folder.worker_that_holds("a", "--concurrency", "1", "--verbose")
    with worker:
        waiting = folder.call("note", "not any more")
        worker.process.send_signal(number)
        worker.wait_for("claims nothing more; 1 under way")
        folder.touch("a.go")
        assert worker.wait() == 0
        assert f"ends: {signal.Signals(number).name}; 1 done, 0 given back" in worker.read()
    assert folder.state(held) is SUCCEEDED
    assert folder.state(waiting) is PENDING


def test_what_it_cannot_finish_is_given_back(folder):
    """After the grace, as if it had not been claimed; that is an end in order."""
    worker, held = folder.worker_that_holds("a", "--grace", "0.05")
    with worker:
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait() == 0
        assert "0 done, 1 given back" in worker.read()
    row = folder.store.get(held)
    assert (row.state, row.attempt, row.deaths) == (PENDING, 0, 0)


OBSERVED = """
class Observer:
    def update(self, event):
        pass

    def on_destroy(self):
        Path("observer ended").touch()

from woflo import subscribe
subscribe(Observer)
"""


def test_observers_end_though_it_leaves_at_once(folder):
    """What they still have to write or to send is not lost with what is given back."""
    folder.write("app.py", APP + OBSERVED)
    worker, _ = folder.worker_that_holds("a", "--grace", "0.05")
    with worker:
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert (folder.path / "observer ended").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(folder, number):
    """It gives back what it holds, and tells by its status that it was ended."""
    worker, held = folder.worker_that_holds("a", "--verbose")
    with worker:
        worker.process.send_signal(number)
        worker.wait_for("claims nothing more")
        worker.process.send_signal(number)
        assert worker.wait() == STATUS[number]
    row = folder.store.get(held)
    assert (row.state, row.attempt, row.deaths) == (PENDING, 0, 0)


def test_isolated_calls_leave_nothing(folder):
    """The processes of what was given back end with the worker."""
    worker, held = folder.worker_that_holds("a", "--runner", "multiprocess", "--grace", "0.05")
    with worker:
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait() == 0
        worker.assert_all_gone()
    assert folder.state(held) is PENDING


def test_a_workflow_goes_back_with_its_steps(folder):
    """The step under way is recorded; the next worker begins behind it."""
    run_id = folder.call("steps", "w")
    with folder.worker("--grace", "0.05") as worker:
        folder.wait_for_file("w1.begun")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert folder.state(run_id) is PENDING
    (folder.path / "w1.begun").unlink()
    folder.touch("w1.go")
    folder.touch("w2.go")
    with folder.worker("--once") as worker:
        assert worker.wait() == 0
    assert folder.store.get(run_id).result == '"w1w2"'


def test_hangup_reloads_it(folder):
    """In the same process: it finishes what it holds, and goes on with the code as it is now."""
    worker, held = folder.worker_that_holds("a", "--verbose")
    with worker:
        folder.write("app.py", APP.replace("{name}\\n", "new {name}\\n"))
        worker.process.send_signal(signal.SIGHUP)
        worker.wait_for("claims nothing more")
        folder.touch("a.go")
        folder.wait_for_end(held)
        folder.wait_for_end(folder.call("note", "code"))
        assert worker.read().count(f"woflo worker {worker.process.pid} serves") == 2
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert lines(folder.path / "notes") == ["new code"]
    assert folder.state(held) is SUCCEEDED


CALLER = """
from app import steps
run = steps("w")
print("called", flush=True)
run.get_result()
"""


def test_others_are_asked_to_end(folder):
    """`--stop` drains the workers of this store, and leaves other programs that use it alone.

    One whose module has made calls already is a worker as any other.
    """
    folder.write("app.py", APP + 'note("at import")')
    with folder.worker() as worker:
        worker.wait_for("serves")
        with Program(folder.path, CALLER) as program:
            program.wait_for("called")
            with folder.command("worker", "--stop") as stop:
                assert stop.wait() == 0
                assert f"asked to end: {worker.process.pid}\n" in stop.read()
            assert worker.wait() == 0
            assert program.process.poll() is None
    with folder.command("worker", "--stop") as stop:
        assert stop.wait() == 0
        assert "none of this store works on this host" in stop.read()


# -- what it does not do -------------------------------------------------------------------------------


def test_a_name_that_it_does_not_know_stays(folder):
    """It is told once, and nothing of the row is imported."""
    folder.write("evil.py", "open('imported', 'w')")
    ids = [folder.call("evil:task", "x") for _ in range(3)]
    with folder.worker() as worker:
        worker.wait_for("calls of 'evil:task' stay in the queue 'default'")
        folder.wait_for_end(folder.call("note", "known"))
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait() == 0
        assert worker.read().count("stay in the queue") == 1
    assert {folder.state(run_id) for run_id in ids} == {PENDING}
    assert not (folder.path / "imported").exists()


def test_it_serves_what_it_is_told_to(folder):
    """Queues and names of tasks; what is not named stays."""
    elsewhere = folder.call("note", "elsewhere", queue="other")
    step, other = folder.call("step", "s", queue="other"), folder.call("held", "h", queue="other")
    default = folder.call("note", "default")
    folder.touch("s.go")
    with folder.worker("--queue", "other", "--tasks", "note,step", "--once") as worker:
        assert worker.wait() == 0
    assert [folder.state(one) for one in (elsewhere, step)] == [SUCCEEDED] * 2
    assert [folder.state(one) for one in (other, default)] == [PENDING] * 2


@pytest.mark.parametrize(("option", "told"), [("--queue", "queue=''"), ("--tasks", "--tasks '' names no task")])
def test_an_empty_name_is_refused(folder, option, told):
    """As an empty variable of a shell is one; it would wait for ever, or serve what was not meant."""
    with folder.worker(option, "") as worker:
        assert worker.wait() == 2
        assert told in worker.read()


def test_the_limit_of_one_task(folder):
    """Calls above it stay queued, and do not keep others from their places."""
    held = [folder.call("held", name, priority=1) for name in "abc"]
    with folder.worker("--concurrency", "4", "--concurrency", "held=2") as worker:
        folder.wait_for_end(folder.call("note", "beside"))
        folder.wait_for_file("a.begun")
        folder.wait_for_file("b.begun")
        assert sorted(path.stem for path in folder.path.glob("*.begun")) == ["a", "b"]
        folder.touch("a.go")
        folder.wait_for_file("c.begun")
        folder.touch("b.go")
        folder.touch("c.go")
        for run_id in held:
            folder.wait_for_end(run_id)
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait() == 0


# -- wrong use, and failures ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "which tasks"),
        (["nowhere.py"], "there is no file"),
        (["nowhere"], "nowhere cannot be imported: ModuleNotFoundError"),
        (["app.py:note", "--tasks", "hold"], "did you mean 'held'?"),
        (["empty.py"], "empty.py has no tasks that a worker could serve"),
        (["broken.py"], "broken.py:1 cannot be imported: NameError"),
        (["app.py", "--store", "here.db"], "no URL of a store"),
        (["app.py", "--store", "nothing:///x"], "no store named 'nothing'"),
        (["app.py", "--concurrency", "many"], "must be N or NAME=N"),
        (["app.py", "--runner", "treads"], "did you mean 'thread'"),
        (["wanting.py"], "wants has 'client' injected, and nobody provides a Client"),
        (["wanting.py", "--tasks", "flow"], "wants has 'client' injected, and nobody provides a Client"),
        (["app.py", "--unknown"], "no option"),
    ],
)
def test_wrong_usage(folder, arguments, told):
    """Status 2, and a line that says what is wrong."""
    folder.write("empty.py", "x = 1")
    folder.write("broken.py", "x = y")
    folder.write("wanting.py", WANTING)
    with folder.command("worker", *arguments) as worker:
        assert worker.wait() == 2
        assert told in worker.read()
        assert "Traceback" not in worker.read()


WANTING = """
from woflo import inject, task, workflow

class Client:
    pass

@task(runner="queue")
def wants(client: Client = inject()) -> None: ...

@task(runner="queue")
def modest() -> None: ...

@workflow
def flow() -> None: ...
"""


def test_what_it_does_not_serve_may_lack_what_it_needs(folder):
    """As on a machine for one kind of calls, where no workflow calls the others."""
    folder.write("wanting.py", WANTING)
    with folder.command("worker", "wanting.py:modest", "--once") as worker:
        assert worker.wait() == 0


def test_debug_shows_the_traceback(folder):
    """Where the target cannot be imported, the line that could not."""
    folder.write("broken.py", "x = y_is_missing")
    with folder.command("worker", "broken.py", "--debug") as worker:
        worker.wait()
        assert "Traceback" in worker.read()
        assert 'broken.py", line 1' in worker.read()


def test_the_store_fails(folder):
    """Status 1: at once where it cannot be opened, after the patience where it fails later."""
    folder.write("text.db", "this is no database, and long enough not to be taken for an empty one" * 20)
    with folder.worker("--store", "sqlite:///text.db") as worker:
        assert worker.wait() == 1
    folder.write("app.py", APP + FAILING.format(first="StoreError", then="StoreError"))
    with folder.worker("--patience", "0.1") as worker:
        assert worker.wait() == 1
        assert "ends: the store failed" in worker.read()


FAILING = """
import woflo.durable.membership as membership
from woflo.errors import LeaseLostError, StoreError
membership.LEASE, kept = 0.2, membership.Membership._write_beat

def failing(self, *, is_first):
    if not is_first:
        raise {first}("taken over")
    if hasattr(self, "_presence_was_there"):
        raise {then}("cannot come back")
    self._presence_was_there = True
    kept(self, is_first=True)

membership.Membership._write_beat = failing
"""


def test_it_is_taken_for_dead_and_cannot_come_back(folder):
    """Status 3, after the patience."""
    folder.write("app.py", APP + FAILING.format(first="LeaseLostError", then="StoreError"))
    with folder.worker("--patience", "0.1") as worker:
        assert worker.wait() == 3
        assert "taken for dead, and could not come back" in worker.read()
