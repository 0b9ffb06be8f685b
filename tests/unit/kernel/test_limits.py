"""How many at once, of what, and how often; who goes next; and that nothing leaks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context

import pytest
from unit_helpers import eventually, settle_down

from woflo import RunState, current_run, task
from woflo.errors import OptionError, ResourceError

PENDING, RUNNING = RunState.PENDING, RunState.RUNNING


def work(*args): ...


def memory_of(run):
    """What waits in the queue of a run."""
    return list(run._lane.waiting)


def states(runs):
    return "".join({"RUNNING": "R", "PENDING": "p", "RETRYING": "t"}.get(run.state, ".") for run in runs)


def test_a_runner_executes_as_many_as_its_limit(memory):
    """What is over waits as PENDING and starts in the order of the calls."""
    made = task(runner=memory.configured(max_concurrency=2))(work)
    runs = [made() for _ in range(5)]
    assert states(runs) == "RRppp"
    runs[1].succeed()
    assert states(runs) == "R.Rpp"
    runs[0].fail()
    assert states(runs) == "..RRp"


def test_two_configured_runners_count_by_themselves(memory):
    """Limits belong to the class that `configured` returns."""
    one, other = (task(runner=memory.configured(max_concurrency=1))(work) for _ in range(2))
    assert states([one(), other(), one(), other()]) == "RRpp"


def test_a_task_executes_as_often_as_its_limit_on_all_runners_together(memory, cooperative):
    """`max_concurrency` of the task counts over runners and over `with_options`."""
    made = task(runner=memory, max_concurrency=2)(work)
    other = made.with_options(runner=cooperative, retries=1)
    runs = [made(), other(), other(), made()]
    assert states(runs) == "RRpp"
    runs[0].succeed()
    assert states(runs) in {".RRp", ".RpR"}


def test_with_options_can_give_a_limit_of_its_own(memory):
    """A new limit counts from there on by itself."""
    made = task(runner=memory, max_concurrency=1)(work)
    own = made.with_options(max_concurrency=2)
    assert states([made(), made(), own(), own(), own()]) == "RpRRp"


def test_methods_count_together(memory):
    """The limit of a task in a class holds over its instances."""

    class Holder:
        @task(runner=memory, max_concurrency=1)
        def method(self): ...

    assert states([Holder().method(), Holder().method()]) == "Rp"


def test_lanes_do_not_block_each_other(memory):
    """A task at its limit does not keep other tasks of the same runner from starting."""
    kind = memory.configured(max_concurrency=2)
    single, free = task(runner=kind, max_concurrency=1)(work), task(runner=kind)(work)
    runs = [single(), single(), single(), free(), free()]
    assert states(runs) == "RppRp"
    runs[3].succeed()
    assert states(runs) == "Rpp.R"
    runs[0].succeed()
    assert states(runs) == ".Rp.R"


def test_what_is_stopped_while_it_waits_leaves_the_queue(memory):
    """The next in line goes on in its place, and no place is lost."""
    made = task(runner=memory.configured(max_concurrency=1))(work)
    runs = [made() for _ in range(4)]
    assert runs[1].stop() is True
    assert runs[1] not in memory_of(runs[1])
    runs[0].succeed()
    assert states(runs) == "..Rp"
    runs[2].succeed()
    runs[3].succeed()
    assert states([made(), made()]) == "Rp"


def test_a_pause_between_attempts_holds_no_place(memory, clock):
    """Who waits for the next attempt lets others go first."""
    made = task(runner=memory.configured(max_concurrency=1), retries=1, retry_sleep_time=5)(work)
    runs = [made(), made()]
    runs[0].fail()
    assert states(runs) == "tR"
    clock.advance(5)
    settle_down()
    assert states(runs) == "tR"
    runs[1].succeed()
    assert states(runs) == "R."


def test_a_place_is_free_when_the_code_has_ended_and_not_before(memory):
    """An outcome that came early ends the run, its process keeps the place until it is gone."""
    from woflo.kernel.outcome import Outcome

    made = task(runner=memory.configured(max_concurrency=1))(work)
    runs = [made(), made()]
    runs[0]._report(Outcome(1))
    assert states(runs) == ".p"
    runs[0]._code_ended()
    assert states(runs) == ".R"


@pytest.mark.parametrize("how", ["ends at once", "cannot be launched", "is stopped"])
def test_a_long_queue_is_worked_off_without_recursion(memory, how):
    """Thousands behind one place all end, also where each ends in the moment in which it starts."""

    class Quick(memory):
        held = None

        def _launch(self, attempt):
            if Quick.held is None:
                Quick.held = self
            elif how == "cannot be launched":
                raise OSError("no more of it")
            else:
                self.succeed()

    made = task(runner=Quick.configured(max_concurrency=1))(work)
    runs = [made() for _ in range(3000)]
    if how == "is stopped":
        for run in runs[1:]:
            run._ask_to_stop(0)
    Quick.held.succeed()
    assert not [run for run in runs if run.is_running()]


def test_two_threads_that_call_first_count_together(memory, monkeypatch):
    """The first calls of a task, made at the same time, find one and the same limit."""
    from woflo.kernel import limits

    both = threading.Barrier(2)

    class Slow(limits.Gate):
        def __init__(self, limit):
            with suppress(threading.BrokenBarrierError):
                both.wait(0.3)
            super().__init__(limit)

    monkeypatch.setattr(limits, "Gate", Slow)
    made = task(runner=memory.configured(max_concurrency=1))(work)
    runs = []
    threads = [threading.Thread(target=lambda: runs.append(made())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states(runs)) == ["R", "p"]


# -- resources -----------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path, monkeypatch, fresh_limits):
    """A machine with stated resources."""
    (tmp_path / "woflo.toml").write_text('[resources]\ncpus = 4\nmemory = "8GB"\nlicence = 1\n')
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")


def test_runs_share_what_the_machine_has(memory, machine):
    """Each takes its amount while it executes; `woflo.toml` of a folder above says what there is."""
    made = task(runner=memory, resources={"cpus": 1.5})(work)
    runs = [made() for _ in range(4)]
    assert states(runs) == "RRpp"
    runs[0].succeed()
    assert states(runs) == ".RRp"


def test_fractions_add_up(memory, machine):
    """Ten tenths of a thing are the thing, whatever floating point says."""
    made = task(runner=memory, resources={"licence": 0.1})(work)
    runs = [made() for _ in range(11)]
    assert states(runs) == "R" * 10 + "p"
    for run in runs[:10]:
        run.succeed()
    assert states([task(runner=memory, resources={"licence": 0.9})(work)()]) == "R"


def test_sizes_may_be_written_with_units(memory, machine):
    """ "4GB" is 4 * 10^9 bytes, "4GiB" is 4 * 2^30."""
    half = task(runner=memory, resources={"memory": "4GB"})(work)
    assert states([half(), half(), half()]) == "RRp"
    with pytest.raises(ResourceError):
        task(runner=memory, resources={"memory": "8GiB"})(work)()


def test_several_resources_are_taken_together_or_not_at_all(memory, machine):
    """Who lacks one of them holds none of the others meanwhile."""
    both = task(runner=memory, resources={"cpus": 3, "licence": 1})(work)
    cpus = task(runner=memory, resources={"cpus": 2})(work)
    runs = [cpus(), both(), cpus()]
    assert states(runs) == "RpR"
    runs[0].succeed()
    assert states(runs) == ".pR"
    runs[2].succeed()
    assert states(runs) == ".R."


@pytest.mark.parametrize("resources", [{"cpus": 5}, {"gpus": 1}, {"memory": "1TB"}])
def test_what_the_machine_does_not_have_is_an_error_at_the_call(memory, machine, resources):
    """The error names the task, what it asks for, and where amounts are stated."""
    made = task(runner=memory, resources=resources)(work)
    with pytest.raises(ResourceError, match=rf"work.*{next(iter(resources))}.*woflo\.toml"):
        made()


def test_an_error_at_the_call_is_no_run_for_observers(memory, machine):
    """Nobody is told of a run that never was, or else is told of its end too."""
    from woflo import subscribe
    from woflo.kernel.events import RunCreated, RunEnded

    seen = []
    with subscribe(seen.append):
        with pytest.raises(ResourceError):
            task(runner=memory, resources={"gpus": 1})(work)()
    assert [type(event) for event in seen] in ([], [RunCreated, RunEnded])


def test_without_a_file_the_machine_itself_counts(memory, tmp_path, monkeypatch, fresh_limits):
    """Usable processors and memory are known without being stated."""
    from woflo.runners.machine import usable_cpus

    monkeypatch.chdir(tmp_path)
    assert states([task(runner=memory, resources={"cpus": usable_cpus(), "memory": "1MB"})(work)()]) == "R"


def test_a_file_that_cannot_be_read_is_named(memory, tmp_path, monkeypatch, fresh_limits):
    """A mistake in `woflo.toml` is told with the file's path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "woflo.toml").write_text("[resources\n")
    with pytest.raises(OptionError, match=r"woflo\.toml"):
        task(runner=memory, resources={"cpus": 1})(work)()


# -- rates ---------------------------------------------------------------------------------------------


def test_a_rate_bounds_the_starts_of_any_period(memory, clock):
    """Two per ten seconds: the third start comes ten seconds after the first."""
    made = task(runner=memory, rate_limit="2/10s")(work)
    runs = [made()]
    clock.advance(4)
    runs += [made() for _ in range(4)]
    assert states(runs) == "RRppp"
    clock.advance(5.9)
    settle_down()
    assert states(runs) == "RRppp"
    clock.advance(0.1)
    settle_down()
    assert states(runs) == "RRRpp"
    clock.advance(4)
    settle_down()
    assert states(runs) == "RRRRp"
    clock.advance(6)
    settle_down()
    assert states(runs) == "RRRRR"


def test_retries_are_starts_too(memory, clock):
    """A rate protects what is called, and an attempt calls it again."""
    made = task(runner=memory, rate_limit="1/m", retries=1)(work)
    run = made()
    run.fail()
    assert run.state is RunState.RETRYING
    clock.advance(60)
    settle_down()
    assert run.attempt == 2


def test_a_rate_goes_on_where_places_were_what_was_short(memory, clock):
    """With one place and a rate, each start waits for both; none is forgotten between them."""
    made = task(runner=memory, max_concurrency=1, rate_limit="1/s")(work)
    runs = [made() for _ in range(3)]
    clock.advance(2)
    settle_down()
    assert states(runs) == "Rpp"
    runs[0].succeed()
    assert states(runs) == ".Rp"
    clock.advance(0.5)
    runs[1].succeed()
    assert states(runs) == "..p"
    clock.advance(0.5)
    settle_down()
    assert states(runs) == "..R"


def test_a_rate_is_shared_over_with_options(memory, clock):
    """Other options are no way around a rate."""
    made = task(runner=memory, rate_limit="1/s")(work)
    assert states([made(), made.with_options(name="other")()]) == "Rp"


# -- nesting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runner", ["thread", "async", "sequential"])
@pytest.mark.parametrize("limit", ["runner", "task"])
def test_waiting_inside_a_run_gives_its_place_back(runner, limit):
    """Five deep under a limit of one finish."""
    from woflo.kernel.registry import load_runner

    kind = load_runner(runner)
    options = {"max_concurrency": 1} if limit == "task" else {}

    @task(runner=kind.configured(max_concurrency=1) if limit == "runner" else kind, **options)
    def plain(depth):
        return depth if depth == 0 else 1 + plain(depth - 1).get_result(timeout=20)

    @task(runner=kind.configured(max_concurrency=1) if limit == "runner" else kind, **options)
    async def coroutine(depth):
        return depth if depth == 0 else 1 + await coroutine(depth - 1)

    assert plain(5).get_result(timeout=20) == 5
    assert coroutine(5).get_result(timeout=20) == 5


def test_a_lent_place_is_taken_back_before_the_code_goes_on(gate):
    """Between its waits a run counts again, so that never more execute than the limit."""
    from woflo.kernel.registry import load_runner

    running, most = [], []

    def enter():
        running.append(1)
        most.append(len(running))
        running.pop()

    kind = load_runner("thread").configured(max_concurrency=1)

    @task(runner=kind)
    def inner():
        enter()

    @task(runner=kind)
    def outer():
        for _ in range(5):
            enter()
            inner().get_result()
            enter()

    runs = [outer() for _ in range(10)]
    for run in runs:
        run.get_result(timeout=20)
    assert max(most) == 1
    eventually(lambda: not [run for run in runs if run._in_code])


def test_a_place_that_comes_back_is_given_again_where_another_thread_waits(gate):
    """One begins to wait while another is about to get the place back: what it waits for may need that place."""
    ends = threading.Event()

    @task(runner="thread")
    def unlimited():
        gate.wait()

    @task(runner="thread", max_concurrency=1)
    def limited(what):
        if what == "held":
            ends.wait()
        if what != "outer":
            return what
        outer = current_run()._attempt.run
        free = unlimited()
        with ThreadPoolExecutor(2) as threads:
            threads.submit(copy_context().run, free.wait)
            eventually(lambda: outer._lent == 1)
            held, last = limited("held"), limited("last")
            eventually(lambda: held.state is RUNNING)
            gate.set()
            eventually(lambda: outer._lent == 0)  # it waits for its place now, which the held one has
            waited = threads.submit(copy_context().run, last.wait, 5)
            eventually(lambda: outer._lent == 1)
            ends.set()
            return waited.result()

    run = limited("outer")
    try:
        assert run.get_result(timeout=20) is True
    finally:
        ends.set()
    eventually(lambda: not run._in_code)
    assert limited("after").get_result(timeout=20) == "after"
