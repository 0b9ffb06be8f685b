"""What users call: `script`, and what can be asked about its calls."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from woflo.errors import OptionError
from woflo.kernel.body import Body
from woflo.kernel.options import Options
from woflo.kernel.task import Task
from woflo.scripts.admission import FreshnessAdmission
from woflo.scripts.body import Script
from woflo.scripts.freshness import reasons, remember
from woflo.scripts.ledger import GONE, ledger
from woflo.scripts.plan import Plan, Value
from woflo.scripts.prints import ABSENT, look
from woflo.scripts.protecting import in_the_way
from woflo.scripts.unfinished import partial_inputs
from woflo.scripts.words import split

__all__ = ["Maker", "script", "touch", "why"]

Maker = Task[..., Value]
"""A script: calling it gives a run, whose result is the list of its outputs, or a dict of lists for named groups."""
_INTERPRETERS = re.compile(r"(python|pypy|perl|ruby|node|bash|sh|zsh|Rscript|julia)[\d.]*")


@overload
def script(command: str | Sequence[Any], /, **options: Any) -> Maker: ...
@overload
def script(command: Callable[..., str | Sequence[Any]], /) -> Maker: ...
@overload
def script(**options: Any) -> Callable[[Callable[..., str | Sequence[Any]]], Maker]: ...
def script(command: Any = None, /, **options: Any) -> Any:
    """Make a task of a command: a text that is split into words, a list of words, or a function that returns either.

    `{name}` in it becomes a parameter of the task, filled in for each call as one word, or part of one, whatever is in
    the value. `{inputs}` and `{outputs}` are the files of the call, each a word; `{inputs.group}` those of a group.
    `{{name}}` is that text with single braces, `${name}` a variable of a shell.

    Options, beside those of `task`:
        inputs: what it reads: paths, globs, templates over the parameters, lists of them, or a dict of named groups.
            A call may give others: `final(inputs=[run, "more.txt"])`, where a run stands for its outputs.
        outputs: what it makes, in the same ways. A run that ends well without them has failed. With outputs, a call
            whose outputs are up to date is SKIPPED.
        shell: True executes the command by `/bin/sh`, with all values quoted.
        env: a dict of environment variables, which may be templates, beside those of this process. A list of names, or
            None as a value, takes them as they are. What is named here counts for freshness.
        cwd: the folder that the command is executed in; inputs and outputs are relative to it.
        may_call: the tasks that the command may ask for by lines in the file `$WOFLO_CALLS`.

    The result of a run is the list of its outputs, or a dict of lists for named groups. It is executed by the runner
    "script" where no other is named.

    Raises `OptionError` for a command or an option that cannot be meant.
    """
    module = sys._getframe(1).f_globals.get("__name__", "__main__")
    if command is None:
        return lambda function: _made(function, module, options)
    return _made(command, module, options)


_OF_A_CALL = ("admission", "after", "key", "codec", "force")
_OWN = ("inputs", "outputs", "shell", "env", "cwd", "may_call")


def _made(command: Any, module: str, options: dict[str, Any]) -> Maker:
    own = {name: options.pop(name) for name in _OWN if name in options}
    _check_options(options)
    name = options.pop("name", None) or _name_of(command, bool(own.get("shell")))
    body = Body(made := Script(command, name=name, module=module, **own))
    body.check_call = made.check_call
    given = {"runner": "script", **options, "name": name, "admission": FreshnessAdmission()}
    return Task(body, Options(**given))


def _check_options(options: dict[str, Any]) -> None:
    known = [*_OWN, *(name for name in Options.__slots__ if name not in _OF_A_CALL)]
    for name in options:
        if name not in known:
            from woflo.kernel.texts import did_you_mean

            hint = did_you_mean(name, known) or "."
            raise OptionError(f"script has no option {name!r}{hint} It has: {', '.join(known)}")


def _name_of(command: Any, shell: bool) -> str:
    """The name of the program, or of the file that an interpreter is given."""
    if callable(command):
        return str(getattr(command, "__name__", "script"))
    words = command.split() if shell else split(command) if isinstance(command, str) else list(map(str, command))
    for word in words:
        stem = os.path.splitext(os.path.basename(word))[0]
        if word.startswith("-") or not re.fullmatch(r"[\w.+-]+", stem):
            break
        if not _INTERPRETERS.fullmatch(os.path.basename(word)):
            return stem
    return "script"


def plan_for(task: Maker, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Plan:
    """What a call would mean. Runs among the arguments are waited for."""
    from woflo.kernel.graph import substitute

    if not isinstance(task, Task):
        raise OptionError(f"{task!r} is no task; give one, and the arguments of its call behind it: why(solve, i=1)")
    plan = getattr(task.body.fn, "plan", None)
    if plan is None:
        raise OptionError(f"{task!r} names no files; scripts do, and tasks with inputs= or outputs=")
    task.body.check_call and task.body.check_call(task.body, args, dict(kwargs))

    def value_of(run: Any) -> Any:
        return run.get_result()

    values = {name: substitute(value, value_of) for name, value in kwargs.items()}
    made: Plan = plan(task.name, tuple(substitute(value, value_of) for value in args), values)
    made.is_forced = task.options.force
    return made


def why(task: Maker, /, *args: Any, **kwargs: Any) -> list[str]:
    """Why a call with these arguments would be executed; empty where it is up to date. Nothing is executed."""
    plan = plan_for(task, args, kwargs)
    known = None if plan.target is None else ledger().again(plan.target)
    found = list(reasons(plan, known))
    found += in_the_way(plan, known) if found else []
    found += [f"{path} does not exist" for path in plan.inputs if look(plan.path(path)) is ABSENT]
    return list(dict.fromkeys([*found, *partial_inputs(plan)] if found else found))


def touch(task: Maker, /, *args: Any, **kwargs: Any) -> Value:
    """Accept the outputs of this call as they are: they are up to date from now on. Returns them.

    Temporary outputs that are gone stay so. Of a function, the result stays that of its last success. Raises
    `MissingOutputError` where an output is not there, `MissingInputError` where an input is not, `OptionError` for a
    function of which no result is known.
    """
    from woflo.scripts.accepting import accept, gone_of, result_of

    plan = plan_for(task, args, kwargs)
    known = None if plan.target is None else ledger().again(plan.target)
    result = result_of(plan, known)
    files = accept(plan, ledger(), known)
    remember(plan, ledger(), "", files, **result, **{GONE: gone_of(plan, known)})
    return plan.value()
