"""The job of flowmancer's README runs as it is printed there; its task module but for the import line and the base."""

import subprocess
import sys

import pytest
from docs_helpers import ROOT, environment
from run_page import blocks_of
from systems import needs_fork

README = (ROOT / "tests" / "docs" / "seed_flowmancer.md").read_text(encoding="utf-8")
TEN_TIMES_FASTER = """
import runpy, sys, time
sleep = time.sleep
time.sleep = lambda seconds: sleep(seconds / 10)
sys.argv[0] = "main.py"
runpy.run_path("main.py", run_name="__main__")
"""


def block(with_text):
    """The only block that has this text."""
    (found,) = [one.text for one in blocks_of(README) if with_text in one.text]
    return found


@pytest.fixture
def project(tmp_path):
    """The files of the README, at their places."""
    tasks = block("class WaitAndSucceed")
    assert tasks.count("from flowmancer import Task, task\n") == 1
    assert tasks.count("(Task)") == 2
    tasks = tasks.replace("from flowmancer import Task, task\n", "from woflo import task\n").replace("(Task)", "")
    main = block("# main.py")
    assert main.count("from flowmancer import Flowmancer\n") == main.count("Flowmancer().start()") == 1
    main = main.replace("from flowmancer import Flowmancer\n", "from woflo import Job\n")
    main = main.replace("Flowmancer().start()", "Job.main()")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "path" / "to").mkdir(parents=True)
    (tmp_path / "tasks" / "mytasks.py").write_text(tasks)
    (tmp_path / "main.py").write_text(main)
    (tmp_path / "path" / "to" / "job.yaml").write_text(block("version: 0.1"))
    return tmp_path


def execute(project, command):
    """A command line of the README, with sleep ten times faster."""
    python, program, *arguments = command.split()
    assert (python, program) == ("python", "main.py")
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", TEN_TIMES_FASTER, *arguments],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


TOLD = """\
woflo: 1 of 3 steps of job did not succeed
final-fail-task: RuntimeError: Let this be caught by Flowmancer
"""


@needs_fork
@pytest.mark.timeout(120)
def test_the_job_runs_as_printed(project):
    """The first two succeed beside each other, the last one fails; -r executes that one alone."""
    ended = execute(project, block("python main.py -j").strip())
    assert (ended.returncode, ended.stderr) == (1, TOLD)
    said = ["Starting up and sleeping for 5 seconds!", "Done!"]
    assert sorted(ended.stdout.splitlines()) == sorted(said * 2)
    again = execute(project, block("python main.py -r").strip())
    assert (again.returncode, again.stdout, again.stderr) == (1, "", TOLD)
