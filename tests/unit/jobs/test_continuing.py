"""`resume`, which is `-r`: what succeeded and is unchanged is not executed again, whatever else has changed."""

import threading

import pytest

from woflo import Happened, RunState, shared, task
from woflo.durable.engine import engine_of
from woflo.errors import JobFailedError, JobFileError, OptionError, RunUnderWayError
from woflo.jobs.job import Job
from woflo.kernel import clock
from woflo.stores.operations import Recover

pytestmark = pytest.mark.usefixtures("store")

executed = []
broken = set()


@pytest.fixture(autouse=True)
def fresh():
    executed.clear()
    broken.clear()
    broken.add("d")


@task(runner="thread")
def step(name: str, x: int = 0) -> str:
    """Tells that it was executed."""
    executed.append(name)
    if name in broken:
        raise ValueError(name)
    return f"{name}{x}"


@task(runner="thread")
def leave(name: str, value: int) -> None:
    """Leaves a shared value."""
    executed.append(name)
    shared[name] = value
    shared["last"] = name


@task(runner="thread")
def tell() -> dict[str, object]:
    """The shared values."""
    if "tell" in broken:
        raise ValueError("tell")
    return dict(shared)


TASKS = [step, leave, tell]
TEXT = """
tasks:
  a: {task: step, parameters: {name: a}}
  b: {task: step, parameters: {name: b}, dependencies: [a]}
  c: {task: step, parameters: {name: c}}
  d: {task: step, parameters: {name: d}, dependencies: [b, c]}
  e: {task: step, parameters: {name: e}, dependencies: [d]}
"""


def failed(folder, text=TEXT):
    """A run that has failed at d."""
    run = folder.load(text, tasks=TASKS)()
    with pytest.raises(JobFailedError):
        run.get_result()
    executed.clear()
    broken.clear()
    return run


def test_it_goes_on_where_it_failed(folder, store):
    """Another run in the place of the one that failed; what succeeded is there, and not executed again."""
    before = failed(folder)
    run = folder.load(TEXT, tasks=TASKS).resume()
    assert run.get_result() == {"e": "e0"}
    assert executed == ["d", "e"]
    assert store.get(run.id).continues == before.id
    assert {name: one.state for name, one in run.steps.items()} == dict.fromkeys("abcde", RunState.SUCCEEDED)
    assert before.state is RunState.FAILED


@pytest.mark.parametrize(
    ("old", "new", "anew"),
    [
        ("name: a}}", "name: a, x: 1}}", ["a", "b", "d", "e"]),
        ("name: c}}", "name: c, x: 0}}", ["c", "d", "e"]),
        ("name: b}, ", "name: b}, max_attempts: 2, timeout: 60, ", ["d", "e"]),
        ("b]", "b, a]", ["d", "e"]),
        ("  c: {task: step, parameters: {name: c}}\n", "", ["d", "e"]),
        ("[b, c]", "[b]", ["d", "e"]),
        ("[a]", "[]", ["b", "d", "e"]),
        ("tasks:\n", "tasks:\n  new: {task: step, parameters: {name: new}}\n", ["d", "e", "new"]),
        ("  c:", "  z:", ["c", "d", "e"]),
    ],
)
def test_what_has_changed_is_executed_anew(folder, old, new, anew):
    """A step with other parameters, another name or other dependencies, with all that need it; nothing else."""
    failed(folder)
    text = TEXT.replace(old, new)
    if "  c:" not in text:
        text = text.replace("[b, c]", "[b, z]" if "  z:" in text else "[b]")
    assert folder.load(text, tasks=TASKS).resume().get_result()["e"] == "e0"
    assert sorted(executed) == anew


def test_it_goes_on_again(folder):
    """The run that goes on may fail as well, and is gone on from."""
    failed(folder)
    broken.add("e")
    with pytest.raises(JobFailedError):
        folder.load(TEXT, tasks=TASKS).resume().get_result()
    executed.clear()
    broken.clear()
    assert folder.load(TEXT, tasks=TASKS).resume().get_result() == {"e": "e0"}
    assert executed == ["e"]


def test_after_a_success_it_begins_anew(folder):
    """And so it does where there was no run at all."""
    broken.clear()
    for _ in range(2):
        assert folder.load(TEXT, tasks=TASKS).resume().get_result() == {"e": "e0"}
        assert sorted(executed) == list("abcde")
        executed.clear()


def test_a_part_does_not_use_up_the_failed_run(folder):
    """What went on with some of its steps is gone on from with the others; the same part again is a new run."""
    failed(folder)
    folder.load(TEXT, tasks=TASKS, run_to="d").resume().get_result()
    assert executed == ["d"]
    assert folder.load(TEXT, tasks=TASKS).resume().get_result() == {"e": "e0"}
    assert executed == ["d", "e"]
    executed.clear()
    for _ in range(2):
        folder.load(TEXT, tasks=TASKS, run_to="b").resume().get_result()
    assert executed == ["a", "b", "a", "b"]


def test_a_part_that_went_on_is_done_for_those_who_want_no_more(folder):
    """Who always leaves the same steps out gets a new run after each that succeeded."""
    failed(folder)
    folder.load(TEXT, tasks=TASKS, skip=["e"]).resume().get_result()
    assert executed == ["d"]
    folder.load(TEXT, tasks=TASKS, skip=["e"]).resume().get_result()
    assert sorted(executed) == ["a", "b", "c", "d", "d"]


@pytest.mark.parametrize("is_good", [True, False])
def test_a_part_by_itself_does_not_hide_the_failed_run(folder, is_good):
    """It began anew, however it ended: the one that failed before it is gone on from."""
    failed(folder)
    broken.update(() if is_good else "b")
    folder.load(TEXT, tasks=TASKS, run_to="b")().exception()
    assert executed == ["a", "b"]
    broken.clear()
    executed.clear()
    assert folder.load(TEXT, tasks=TASKS).resume().get_result() == {"e": "e0"}
    assert executed == ["d", "e"]


def test_a_part_that_was_killed_does_not_hide_the_failed_run(folder, store):
    """It has ended then; nothing of it is gone on with, and nothing else is kept from that."""
    failed(folder)
    going, may_end = threading.Event(), threading.Event()

    @task(name="step", runner="thread")
    def wait(name: str) -> None:
        going.set()
        may_end.wait(10)

    part = folder.load(TEXT, tasks=[wait], run_to="a")()
    assert going.wait(10)
    with pytest.raises(RunUnderWayError):
        folder.load(TEXT, tasks=TASKS).resume()
    engine = engine_of(store)
    engine.abandon()
    store.write(Recover(now=clock.now(), dead=(engine.id,)))
    may_end.set()
    assert store.get(part.id).state is RunState.PENDING
    broken.clear()
    executed.clear()
    assert folder.load(TEXT, tasks=TASKS).resume().get_result() == {"e": "e0"}
    assert executed == ["d", "e"]
    assert store.get(part.id).state is RunState.STOPPED


def test_a_part_that_failed_is_gone_on_from(folder):
    """Where there is no other run, or one that succeeded."""
    broken.clear()
    folder.load(TEXT, tasks=TASKS)().get_result()
    executed.clear()
    broken.add("b")
    folder.load(TEXT, tasks=TASKS, run_to="b")().exception()
    broken.clear()
    assert folder.load(TEXT, tasks=TASKS, run_to="b").resume().get_result() == {"b": "b0"}
    assert executed == ["a", "b", "b"]


def test_other_jobs_are_left_alone(folder):
    """The name of the job counts, which is that of the file where none is given."""
    failed(folder)
    other = folder.load(TEXT, "other.yaml", tasks=TASKS)
    other.resume().get_result()
    assert sorted(executed) == list("abcde")


def test_shared_values_are_as_they_were(folder):
    """What the recorded steps have left, in the order in which they ended."""
    text = """
    tasks:
      x: {task: leave, parameters: {name: x, value: 1}}
      y: {task: leave, parameters: {name: y, value: 2}, dependencies: [x]}
      tell: {task: tell, dependencies: [y]}
    """
    broken.add("tell")
    failed(folder, text)
    assert folder.load(text, tasks=TASKS).resume().get_result() == {"tell": {"x": 1, "y": 2, "last": "y"}}
    assert executed == []
    broken.add("tell")
    failed(folder, text)
    text = text.replace("value: 2", "value: 3")
    assert folder.load(text, tasks=TASKS).resume().get_result() == {"tell": {"x": 1, "y": 3, "last": "y"}}
    assert executed == ["y"]


def test_a_run_that_died(folder, store):
    """It is stopped, for nobody executes it any more, and another one goes on."""
    going = threading.Event()
    may_end = threading.Event()

    @task(name="wait", runner="thread")
    def wait() -> None:
        going.set()
        may_end.wait(10)

    text = "tasks:\n  a: {task: step, parameters: {name: a}}\n  w: {task: wait, dependencies: [a]}\n"
    first = folder.load(text, tasks=[*TASKS, wait])()
    assert going.wait(10)
    job = folder.load(text, tasks=[*TASKS, wait])
    with pytest.raises(RunUnderWayError, match="is being executed by the process"):
        job.resume()
    engine = engine_of(store)
    engine.abandon()
    store.write(Recover(now=clock.now(), dead=(engine.id,)))
    may_end.set()
    run = Job.load(folder.path / "job.yaml", tasks=[*TASKS, wait]).resume()
    assert run.get_result() == {"w": None}
    assert executed == ["a"]
    assert store.get(first.id).state is RunState.STOPPED


def test_what_may_have_happened_is_asked(folder, store):
    """A step that was cut off is not simply executed again where its task says otherwise."""
    going = threading.Event()
    may_end = threading.Event()
    asked = []

    def verify(key, x):
        asked.append(x)
        return Happened(x * 10)

    @task(name="pay", runner="thread", on_crash=verify)
    def pay(x: int) -> int:
        executed.append("pay")
        going.set()
        may_end.wait(10)
        return x

    text = "tasks:\n  p: {task: pay, parameters: {x: 3}}\n"
    folder.load(text, tasks=[pay])()
    assert going.wait(10)
    engine = engine_of(store)
    engine.abandon()
    store.write(Recover(now=clock.now(), dead=(engine.id,)))
    may_end.set()
    assert folder.load(text, tasks=[pay]).resume().get_result() == {"p": 30}
    assert (executed, asked) == (["pay"], [3])


def test_the_handle_goes_on_too(folder):
    """`run.resume()`, as of any workflow."""
    run = failed(folder)
    assert run.resume().get_result() == {"e": "e0"}
    assert executed == ["d", "e"]


def test_a_file_of_the_same_name_is_another_job(folder, store):
    """What the job in one folder has recorded is nothing to the one in another folder; nor is it ended by that."""
    (folder.path / "a").mkdir()
    (folder.path / "b").mkdir()
    first = folder.load(TEXT, "a/job.yaml", tasks=TASKS)()
    first.exception()
    broken.clear()
    executed.clear()
    other = folder.load(TEXT, "b/job.yaml", tasks=TASKS)
    assert not other.is_unfinished()
    assert all(one.kept is None for one in other.foreseen(restart=True))
    run = other.resume()
    assert run.get_result() == {"e": "e0"}
    assert sorted(executed) == list("abcde")
    assert store.get(run.id).continues is None
    executed.clear()
    assert folder.load(TEXT, "a/job.yaml", tasks=TASKS).resume().get_result() == {"e": "e0"}
    assert executed == ["d", "e"]


def test_a_written_name_in_two_files_is_refused(folder):
    """Nobody can tell whether one was moved: so nothing is executed, until it has a run of its own."""
    text = "config: {name: nightly}" + TEXT
    before = folder.load(text, "a.yaml", tasks=TASKS)()
    before.exception()
    broken.clear()
    executed.clear()
    other = folder.load(text, "b.yaml", tasks=TASKS)
    for going_on in (other.resume, lambda: other.foreseen(restart=True)):
        with pytest.raises(
            OptionError, match=f"{before.id}, is of .*a.yaml, and this is .*b.yaml; execute this one wi"
        ):
            going_on()
    assert executed == []
    other().get_result()
    executed.clear()
    other.resume().get_result()
    assert sorted(executed) == list("abcde")


def test_a_task_from_another_file_is_executed_anew(folder):
    """Two files may have a task of one name, and a job may find another one than before."""
    text = """
    config: {extension_directories: [%s]}
    tasks:
      a: {task: located}
      b: {task: step, parameters: {name: d}, dependencies: [a]}
    """
    code = "from woflo import task\n\n\n@task(runner='thread')\ndef located():\n    open('by_%s', 'w').close()\n"
    for name in ("one", "two"):
        folder.write(f"{name}/located_in_{name}.py", code % name)
    failed(folder, text % "one")
    folder.load(text % "two", tasks=TASKS).resume().get_result()
    assert (folder.path / "by_one").exists()
    assert (folder.path / "by_two").exists()
    assert executed == ["d"]


WITH_VARIABLES = """
tasks:
  a: {task: step, parameters: {name: "a$VAR{cur:EUR}"}}
  d: {task: step, parameters: {name: d}, dependencies: [a]}
  e: {task: step, parameters: {name: "e$VAR{cur:EUR}$VAR{more:}"}, dependencies: [d]}
"""


def failed_with(folder, text=WITH_VARIABLES, **variables):
    folder.load(text, tasks=TASKS, variables=variables)().exception()
    executed.clear()
    broken.clear()


@pytest.mark.parametrize("is_known_before", [False, True])
def test_variables_are_those_of_the_run_that_goes_on(folder, store, is_known_before):
    """None is forgotten, one that is given instead counts; and what goes on from that has them, too."""
    failed_with(folder, cur="USD", more="x")
    broken.add("eUSDy")
    job = folder.load(WITH_VARIABLES, tasks=TASKS, variables={"more": "y"}, restart=is_known_before)
    assert [one.step for one in job.foreseen(restart=True) if one.kept] == ["a"]
    job.resume().exception()
    assert executed == ["d", "eUSDy"]
    broken.clear()
    job = folder.load(WITH_VARIABLES, tasks=TASKS, restart=is_known_before)
    assert job.resume().get_result() == {"e": "eUSDy0"}
    assert executed == ["d", "eUSDy", "eUSDy"]
    executed.clear()
    folder.load(WITH_VARIABLES, tasks=TASKS, restart=is_known_before).resume().get_result()  # nothing to go on with
    assert executed == ["aEUR", "d", "eEUR"]


def test_variables_without_a_default(folder):
    """They need not be given again, where it is said that it is to go on; those that stand nowhere now are left."""
    text = WITH_VARIABLES.replace(":EUR", "").replace(":}", "}")
    failed_with(folder, text, cur="USD", more="x")
    job = folder.load(text.replace("$VAR{more}", ""), tasks=TASKS, restart=True)
    assert job.recorded.values == {"cur": "USD"}
    assert job.resume().get_result() == {"e": "eUSD0"}
    assert executed == ["d", "eUSD"]


def test_secret_variables_are_given_again(folder):
    """They are not recorded; that they are missing is told before anything begins."""
    text = WITH_VARIABLES.replace("more:", "token:")
    failed_with(folder, text, cur="USD", token="swordfish")
    told = r"the variable 'token' of \w+ is a secret, which is not recorded; give it again with --var token="
    with pytest.raises(JobFileError, match=told):
        folder.load(text, tasks=TASKS).resume()
    with pytest.raises(JobFileError, match=told):
        folder.load(text, tasks=TASKS, restart=True)
    assert executed == []
    run = folder.load(text, tasks=TASKS, variables={"token": "swordfish"}, restart=True).resume()
    assert run.get_result() == {"e": "eUSDswordfish0"}
    assert executed == ["d", "eUSDswordfish"]
