"""A forked child that inherited handles: it is told, it never hangs, and it can use woflo afresh."""

from __future__ import annotations

import os

import pytest
from unit_helpers import run_script

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

PROGRAM = """
    import asyncio, os, threading, warnings
    import woflo
    from woflo import as_completed, gather, task, wait
    from woflo.errors import InheritedHandleError

    warnings.simplefilter("ignore", DeprecationWarning)
    gate = threading.Event()

    @task(runner="thread")
    def held():
        gate.wait()
        return "parent"

    @task(runner="thread")
    def give(value):
        return value

    async def awaited(run):
        return await run

    live, done = held(), give("done")
    done.get_result()
    child = os.fork()
    if child == 0:
        status = 0
        for name, act in {
            "get_result": live.get_result,
            "wait": lambda: live.wait(1),
            "exception": lambda: live.exception(1),
            "stop": live.stop,
            "await": lambda: asyncio.run(asyncio.wait_for(awaited(live), 1)),
            "wait all": lambda: wait([live], timeout=1),
            "as_completed": lambda: list(as_completed([live], timeout=1)),
            "argument": lambda: give(live).get_result(1),
            "gather": lambda: gather(live).get_result(1),
        }.items():
            try:
                act()
                print(name, "returned", flush=True)
            except InheritedHandleError:
                pass
            except BaseException as error:
                print(name, repr(error), flush=True)
        print("own", give("fresh").get_result(10), give("fresh").id != live.id, done.get_result(), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    gate.set()
    print(live.get_result(10))
"""


def test_an_inherited_handle_raises_on_waiting_and_new_calls_work(tmp_path):
    """Waiting for a live one is a named error; a finished one keeps its value; the parent is not touched."""
    ended = run_script(tmp_path, PROGRAM)
    assert ended.stdout.splitlines() == ["own fresh True done", "parent"], ended.stderr
    assert ended.returncode == 0, ended.stderr


def test_a_child_of_a_task_in_a_thread_can_leave(tmp_path):
    """`os.fork` inside a task: the child does its work and is gone, the task goes on."""
    ended = run_script(
        tmp_path,
        """
        import os, warnings
        from woflo import task
        warnings.simplefilter("ignore", DeprecationWarning)

        @task(runner="thread")
        def work():
            child = os.fork()
            if child == 0:
                os._exit(7)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        print(work().get_result(10))
        """,
    )
    assert ended.stdout == "7\n", ended.stderr


def test_forked_children_have_ids_of_their_own(tmp_path):
    """Children, a child of a child and their parent never give two runs one id, also where the next was prepared."""
    ended = run_script(
        tmp_path,
        """
        import os, warnings
        from woflo import task
        from woflo.kernel import runtime
        warnings.simplefilter("ignore", DeprecationWarning)

        @task(runner="thread")
        def nothing():
            pass

        def tell(depth):
            print(nothing().id, flush=True)
            if depth:
                fork(depth - 1)

        def fork(depth):
            child = os.fork()
            if child == 0:
                tell(depth)
                os._exit(0)
            os.waitpid(child, 0)

        runtime.prepare_forks()
        for depth in (0, 1, 2):
            fork(depth)
        tell(0)
        """,
    )
    ids = ended.stdout.split()
    assert len(ids) == len(set(ids)) == 7, ended.stderr


def test_a_child_does_not_go_on_with_what_its_parent_was_telling(tmp_path):
    """A thread of the child may have the number of one that told the end of a run when the parent forked."""
    ended = run_script(
        tmp_path,
        """
        import os, threading, warnings
        from collections import deque
        from woflo import task
        from woflo.kernel import runtime
        warnings.simplefilter("ignore", DeprecationWarning)

        @task(runner="thread")
        def give(value):
            return value

        here, me = runtime.current, threading.get_ident()
        here.notifying[me] = here.starting[me] = deque()
        child = os.fork()
        if child == 0:
            gate = threading.Event()
            waiting = give(task(runner="thread")(gate.wait)())
            waiting.add_done_callback(lambda run: print(run.state, flush=True))
            waiting.stop()
            gate.set()
            print(give(2).get_result(10), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        del here.notifying[me], here.starting[me]
        """,
    )
    assert ended.stdout == "STOPPED\n2\n", ended.stderr
