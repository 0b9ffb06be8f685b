"""What a shell completes: real bash at a terminal, and what is told to the other shells."""

import json
import os
import shutil
import sys
import textwrap

import pytest
from programs import Program, environment, run
from programs import woflo_command as woflo
from systems import needs_proc

from woflo.cli import COMMANDS
from woflo.kernel.state import RunState

pytestmark = pytest.mark.unmeasured

APP = """
open("executed", "a").write("x")
from woflo import manual, script, task, workflow

@task(name="plain")
def fetch(n: int) -> int: ...

@workflow
def flow(n: int) -> int:
    return 1 // n

@manual
def approve(what: str) -> bool: ...

@workflow
def ask() -> bool:
    return approve("it").get_result()

copy = script("cp {inputs} {outputs}", inputs="a", outputs="b")
_hidden = script("true")
"""
CALLS = """
from app import ask, flow
flow.with_options(key="night")(1).wait()
flow(0).wait()
asked = ask()
while asked.state != "WAITING":
    pass
"""
BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None, reason="there is no bash")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with three runs, a job file, and the command `woflo` as a shell finds it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "app.py").write_text(APP)
    (folder / "bin").mkdir()
    (folder / "bin" / "woflo").write_text(f'#!/bin/sh\nexec {sys.executable} -m woflo "$@"\n')
    (folder / "bin" / "woflo").chmod(0o755)
    (folder / "job.yaml").write_text("tasks:\n  first: {task: x}\n  second: {task: y}\n")
    (folder / "job.toml").write_text("[tasks.first]\ntask = 'x'\n")
    assert run(folder, CALLS)[0] == 0
    (folder / "executed").unlink()
    return folder


def variables(folder, **others):
    return {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), **others}


def completed(folder, *words, shell="bash"):
    """What is offered for the last of these words, which may be empty."""
    asked = {
        "bash": {"COMP_WORDS": "\n".join(["woflo", *words]), "COMP_CWORD": str(len(words))},
        "fish": {"_TYPER_COMPLETE_ARGS": " ".join(["woflo", *words]), "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        "zsh": {"_TYPER_COMPLETE_ARGS": " ".join(["woflo", *words])},
    }
    output, said, status = woflo(folder, _WOFLO_COMPLETE=f"complete_{shell}", **asked[shell])
    assert (said, status) == ("", 0)
    return [line for line in output.splitlines() if line]  # one that is empty is nothing to a shell


def ids(folder):
    """The ids of the runs in the folder, by task and state."""
    found = json.loads(woflo(folder, "list", "--json")[0])
    return {f"{run['task']} {run['state']}": run["id"] for run in found}


# -- bash, as a person has it --------------------------------------------------------------------------


@needs_bash
@needs_proc
def test_at_a_terminal(made):
    """A tab completes the command, the next one the id, and what is there then can be executed."""
    with Program(made, "", terminal=True, command=[BASH, "--norc", "-i"], variables=variables(made)) as shell:
        shell.type("PS1='ready> '; eval \"$(woflo --show-completion bash)\"; echo ev''al-done\n")
        shell.wait_for("eval-done")
        shell.type("woflo lis\t")
        shell.wait_for("woflo list ")
        shell.type("--key nig\t")
        shell.wait_for("--key night ")
        shell.type("\n")
        shell.wait_for(ids(made)["flow SUCCEEDED"])
        shell.type("woflo retry \t")
        shell.wait_for(f"retry {ids(made)['flow FAILED']} ")
        assert "rror" not in shell.read().replace("ERROR", "")


@needs_bash
@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
def test_into_bash(made, tmp_path, option):
    """By what is installed in a home, and by what is shown: a shell that reads it completes."""
    if option == "--install-completion":
        output, said, status = woflo(tmp_path, option, "bash", **variables(made, HOME=str(tmp_path)))
        assert ("bash completion installed" in output, said, status) == (True, "", 0)
        reads = "source ~/.bashrc"
    else:
        reads = f'eval "$(woflo {option} bash)"'
    program = textwrap.dedent(f"""
        {reads}
        [[ $(complete -p woflo) == *"-F _woflo_completion woflo" ]] || exit 1
        COMP_WORDS=(woflo resta); COMP_CWORD=1
        _woflo_completion woflo
        echo "${{COMPREPLY[@]}}"
    """)
    command = [BASH, "--norc", "-c", program]
    status, output = run(made, "", command=command, variables=variables(made, HOME=str(tmp_path)))
    assert (output, status) == ("restart\n", 0)


@pytest.mark.parametrize(
    ("shell", "file", "text"),
    [
        ("zsh", ".zfunc/_woflo", "#compdef woflo"),
        ("fish", ".config/fish/completions/woflo.fish", "complete --command woflo"),
    ],
)
def test_into_other_shells(tmp_path, shell, file, text):
    """The script goes where the shell looks for it."""
    output, said, status = woflo(tmp_path, "--install-completion", shell, HOME=str(tmp_path))
    assert (f"{shell} completion installed" in output, said, status) == (True, "", 0)
    assert text in (tmp_path / file).read_text()
    assert text in woflo(tmp_path, "--show-completion", shell)[0]


def test_into_a_shell_that_is_not_known(tmp_path):
    """Those that are known are named."""
    output, said, status = woflo(tmp_path, "--show-completion", "csh", HOME=str(tmp_path))
    assert (output, status) == ("", 2)
    assert "'bash', 'zsh', 'fish'" in said
    assert list(tmp_path.iterdir()) == []


# -- what is offered -----------------------------------------------------------------------------------


def test_commands_and_options(made):
    """All of them, or those that begin so."""
    assert completed(made, "") == list(COMMANDS)
    assert completed(made, "re") == ["report", "retry", "resume", "restart"]
    assert completed(made, "list", "--st") == ["--state", "--store"]
    assert completed(made, "list", "--state", "") == list(RunState)
    assert completed(made, "prune", "--state", "fa") == ["failed"]


def test_runs_that_are_meant(made):
    """The newest first; where a command is for some of them only, those."""
    runs = ids(made)
    asked, failed, succeeded = (runs[one] for one in ("ask WAITING", "flow FAILED", "flow SUCCEEDED"))
    assert completed(made, "show", "") == [asked, failed, succeeded]
    assert completed(made, "logs", failed[:-1]) == [one for one in runs.values() if one.startswith(failed[:-1])]
    assert completed(made, "stop", "") == [asked]
    assert completed(made, "retry", "") == completed(made, "retry", failed[:-1]) == [failed]
    assert completed(made, "resume", "") == [asked, failed]
    assert completed(made, "restart", "") == [failed, succeeded]
    (step,) = completed(made, "complete", "")
    assert step.startswith(asked)
    assert completed(made, "show", "nothing") == []


def test_keys_tasks_and_queues(made):
    """Of the store that the line names, or of the one of the folder."""
    assert completed(made, "list", "--key", "") == completed(made, "run", "app.py", "--key", "n") == ["night"]
    assert completed(made, "history", "--task", "") == ["ask", "flow"]
    assert completed(made, "pause", "d") == ["default"]
    assert completed(made, "list", "--store", f"sqlite:///{made}/none.db", "--key", "") == []
    there = f"sqlite:///{made}/.woflo/woflo.db"
    elsewhere = made / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    assert completed(elsewhere, "list", "--store", there, "--task", "f") == ["flow"]
    assert completed(elsewhere, "show", "") == []
    assert list(elsewhere.iterdir()) == []


def test_observers(made):
    """By their names, and their options behind a comma; one of a user's own is not imported for that."""
    (made / "bomb.py").write_text("open('exploded', 'w').close()")
    assert completed(made, "run", "app.py", "--observe", "l") == ["logs"]
    assert completed(made, "worker", "app.py", "--observe", "") == ["progress", "logs", "jsonl", "notify", "spans"]
    assert completed(made, "run", "app.py", "--observe", "logs,max_b") == ["logs,max_bytes="]
    assert completed(made, "run", "app.py", "--observe", "jsonl,keep=3,") == [
        "jsonl,keep=3,path=",
        "jsonl,keep=3,max_bytes=",
    ]
    assert completed(made, "run", "app.py", "--observe", "bomb:Any,") == []
    assert not (made / "exploded").exists()


def test_names_in_files(made):
    """Of tasks and of steps, from the text: nothing is imported."""
    assert completed(made, "run", "app.py", "") == ["fetch", "flow", "approve", "ask", "copy"]
    assert completed(made, "why", "app.py", "c") == ["copy"]
    assert completed(made, "run", "job.yaml", "--skip", "") == ["first", "second"]
    assert completed(made, "run", "job.yaml", "--run-to", "s") == ["second"]
    assert completed(made, "run", "job.toml", "--run-from", "") == ["first"]
    assert completed(made, "run", "job.yaml", "") == completed(made, "touch", "job.yaml", "") == ["first", "second"]
    for nothing in (["run", "none.py", ""], ["graph", "job.yaml", ""], ["run", "none.yaml", "--skip", ""]):
        assert completed(made, *nothing) == []
    assert not (made / "executed").exists()


def test_with_what_it_is(made):
    """Shells that show it get a word about each."""
    failed = ids(made)["flow FAILED"]
    assert completed(made, "retry", "", shell="fish") == [f"{failed}\tflow FAILED"]
    assert completed(made, "retry", "", shell="zsh") == [f"""_arguments '*: :(("{failed}":"flow FAILED"))'"""]
    assert completed(made, "touc", shell="fish") == [f"touch\t{COMMANDS['touch'].does}"]


def test_a_store_that_cannot_be_read(tmp_path):
    """Nothing is offered, and nothing said in the middle of the line."""
    (tmp_path / "broken.db").write_text("no database at all, " * 100)
    assert completed(tmp_path, "list", "--store", "sqlite:///broken.db", "--key", "") == []
    assert completed(tmp_path, "show", "") == []
    (tmp_path / "woflo.toml").write_text("[store\n")
    assert completed(tmp_path, "show", "") == []


def test_the_names_of_commands_import_none(made):
    """A tab is answered at once."""
    words = {"_WOFLO_COMPLETE": "complete_bash", "COMP_WORDS": "woflo\n", "COMP_CWORD": "1"}
    command = [sys.executable, "-X", "importtime", "-m", "woflo"]
    status, output = run(made, "", command=command, variables={**environment(), **words})
    assert status == 0
    assert "worker\n" in output
    assert "woflo.cli.worker" not in output
    assert "woflo.stores" not in output
