"""What the task of a script executes: a command, made of its template and the values of a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any

from woflo.errors import ArgumentError, OptionError
from woflo.kernel import hiding
from woflo.kernel.masking import MASK, mask
from woflo.scripts.calls import checked_tasks
from woflo.scripts.files import Declared, Groups, Output, Temporary, given_files
from woflo.scripts.places import check_written
from woflo.scripts.plan import SHELL, Plan, files_for, inputs_of
from woflo.scripts.quoting import check_inner_shell, check_places, filled
from woflo.scripts.sealing import sealed
from woflo.scripts.words import (
    FILES,
    Field,
    Template,
    Word,
    check_closed,
    fields_of,
    folder_text,
    no_options,
    parsed,
    split,
    texts_of,
    word_text,
)

if TYPE_CHECKING:
    from woflo.kernel.task import Task

__all__ = ["Lookup", "Script"]

Command = str | Sequence[str]


class Script:
    """A command with its files. Calling it executes it here, and returns its outputs.

    `command` is a template, a list of templates, or a function that returns one of them.
    """

    def __init__(
        self,
        command: Command | Callable[..., Command],
        *,
        name: str,
        module: str,
        inputs: Any = None,
        outputs: Any = None,
        shell: bool = False,
        env: Mapping[str, Any] | Sequence[str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        may_call: Sequence[Any] = (),
    ) -> None:
        self.__name__ = self.__qualname__ = name
        self.__module__ = module
        self.shell = shell
        self.may_call: tuple[Task[..., Any], ...] = checked_tasks(may_call)
        self.function: Callable[..., Command] | None = None
        self.__doc__ = getattr(command, "__doc__", None) if callable(command) else None
        self.declared_inputs: Declared = Declared("inputs", inputs)
        self.declared_outputs: Declared = Declared("outputs", outputs)
        self.has_temporary: bool = any(one.kind is Temporary for one in self.declared_outputs.patterns)
        self.env: dict[str, Template | None] = _environment(env)
        self.cwd: Template = () if cwd is None else parsed(folder_text(cwd))
        self.words: Template | list[Word] = []
        if callable(command):
            self.function = command
            templates: list[Template] = []
            given = signature(command)
        else:
            self.words, templates = self._words(command)
            check_closed(templates)
            given = _signature_of(fields_of([*templates, *self._other_templates()]))
        self.parameters: tuple[str, ...] = tuple(name for name in given.parameters if name not in FILES)
        self._function_takes: frozenset[str] = frozenset(given.parameters) if self.function is not None else frozenset()
        self.__signature__: Signature = _with_files(given)
        self._accepts = frozenset(self.__signature__.parameters)
        self._needed = frozenset(self.parameters)
        self.has_secrets: bool = any(mask(name, "") == MASK for name in self.parameters)
        self._check_known()
        fields = [one for one in fields_of([*templates, *self._other_templates()]) if one.name not in FILES]
        self._fields = list({(one.key, one.name, one.form) for one in fields})

    def _words(self, command: Any) -> tuple[Any, list[Template]]:
        if isinstance(command, str):
            if "\0" in command:
                raise OptionError(f"the command {command!r} has a NUL character in it, which no command can be given")
            if self.shell:
                text = parsed(command)
                if not command.strip():
                    raise OptionError(f"the command {command!r} has no words")
                check_places(text)
                return text, [text]
            templates = [parsed(word) for word in split(command)]
        elif isinstance(command, list | tuple) and command:
            if self.shell:
                raise OptionError("shell=True takes the command as one text; a list needs no shell")
            templates = [parsed(word_text(word)) for word in command]
        else:
            raise OptionError(f"the command {command!r} must be a text, or a list of words")
        check_inner_shell(templates)
        return [Word(template) for template in templates], templates

    def _other_templates(self) -> list[Template]:
        env = [template for template in self.env.values() if template is not None]
        return [*self.declared_inputs.templates(), *self.declared_outputs.templates(), *env, self.cwd]

    def _check_known(self) -> None:
        """Files may not be named by files, and a function must have what its files are named by."""
        own = [*self.declared_inputs.templates(), *self.declared_outputs.templates(), self.cwd]
        check_closed(own)
        for field in fields_of(own):
            if field.name in FILES:
                raise OptionError(f"{self.__name__}: {field} stands in a path; only the command can have it")
        for field in fields_of(self._other_templates()):
            if field.name not in self._accepts:
                known = ", ".join(self.parameters) or "none"
                raise OptionError(f"{self.__name__}: {field} is none of its parameters, which are: {known}")

    # -- arguments -------------------------------------------------------------------------------------

    def check_call(self, body: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise `ArgumentError` where the number or the names of the arguments do not fit."""
        if self.function is None and not args:
            if self._needed <= kwargs.keys() <= self._accepts:
                return
            self._refuse(kwargs)
        try:
            self.__signature__.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(f"{self.__name__}{self.__signature__}: {error}") from None

    def _refuse(self, kwargs: dict[str, Any]) -> None:
        known = ", ".join(self._accepts - set(FILES)) or "none"
        for name in kwargs:
            if name not in self._accepts:
                raise ArgumentError(f"{self.__name__} has no parameter {name!r}; it has: {known}, inputs, outputs")
        missing = ", ".join(name for name in self.parameters if name not in kwargs)
        raise ArgumentError(f"{self.__name__} needs a value for: {missing}")

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if self.function is None and not args:
            return dict(kwargs)
        bound = self.__signature__.bind(*args, **kwargs)
        bound.apply_defaults()
        values = dict(bound.arguments)
        for name, parameter in self.__signature__.parameters.items():
            if parameter.kind is Parameter.VAR_KEYWORD:
                values.update(values.pop(name))
        return values

    # -- the plan of a call ----------------------------------------------------------------------------

    def plan(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        """What a call of the task of this name means. Raises `ArgumentError` for values that cannot be meant."""
        values = self._bound(args, kwargs)
        self._know(values)
        given_inputs, given_outputs = values.pop("inputs", None), values.pop("outputs", None)
        texts = self._texts(values)
        lookup = Lookup(self.__name__, values)
        base = ""
        if self.cwd:
            base = self._folder(lookup)
        inputs = self._inputs(given_inputs, lookup, texts, base)
        globs: list[str] = []
        for group in inputs:
            inputs[group] = inputs_of(inputs[group], base, globs)
        outputs = self._outputs(given_outputs, lookup, texts, base)
        plan = Plan(name, [path for paths in inputs.values() for path in paths], outputs, base)
        plan.globs = globs
        if base:
            plan.extra = {"cwd": os.path.normpath(base)}
        plan.calls = self.may_call
        lookup.inputs, lookup.outputs = no_options(inputs), no_options(_groups_of(outputs))
        words = self.words if self.function is None else self._made(values, lookup)
        plan.command = plan.shown = self._filled(words, lookup, texts)
        if self.env:
            self._surround(plan, lookup)
        if self.has_secrets:
            lookup.hides = True
            plan.shown = self._filled(words, lookup, {})
        if hiding.is_any_known():
            plan.shown = [hiding.hide(word, sealed) for word in plan.shown]
        return plan

    @staticmethod
    def _know(values: Mapping[str, Any]) -> None:
        """What it is given as a secret is hidden from now on, also where the command prints it."""
        for name, value in values.items():
            if type(value) is not str or "://" in value or hiding.is_secret_name(name):
                hiding.know_argument(name, value, stays=False)

    def _texts(self, values: dict[str, Any]) -> dict[str, str]:
        """Those of the values that are one text each, by the keys of their fields."""
        texts: dict[str, str] = {}
        for key, name, form in self._fields:
            text = texts_of(name, values[name], form)
            if isinstance(text, str):
                texts[key] = text
        return texts

    def _folder(self, lookup: Lookup) -> str:
        """Where the command is executed."""
        folder = _text_of(self.cwd, lookup)
        if fields_of([self.cwd]) and (".." in folder or os.path.isabs(folder)):
            first = self.cwd[0]
            written = os.path.dirname(first) if isinstance(first, str) else ""
            check_written(self.__name__, "cwd", os.path.join(folder, ""), written, "")
        return folder

    def _inputs(self, given: Any, lookup: Lookup, texts: dict[str, str], base: str) -> Groups:
        if given is not None:
            return given_files("inputs", given)
        groups: Groups = {}
        filled_in = self.declared_inputs.fill(lookup, texts)
        self.declared_inputs.check(self.__name__, filled_in, base)
        for one in filled_in:
            groups.setdefault(one.group, []).append(one.pattern or one.path)
        return groups

    def _outputs(self, given: Any, lookup: Lookup, texts: dict[str, str], base: str) -> list[Output]:
        if given is not None:
            declared = Declared("outputs", given)
            return declared.fill(_as_written)
        outputs = self.declared_outputs.fill(lookup, texts)
        self.declared_outputs.check(self.__name__, outputs, base)
        return outputs

    def _filled(self, words: Any, lookup: Lookup, texts: dict[str, str]) -> list[str]:
        if self.shell:
            return [SHELL, "-c", filled(words, lookup)]
        command: list[str] = []
        for word in words:
            if word.fixed is not None:
                command.append(word.fixed)
            elif word.files is not None:
                command += lookup.files(word.files)
            elif word.quick is not None and not lookup.hides:
                try:
                    command.append(word.quick.format_map(texts))
                except KeyError:
                    command += word.fill(lookup)
            else:
                command += word.fill(lookup)
        return command

    def _made(self, values: dict[str, Any], lookup: Lookup) -> Any:
        """The command that the function returns for this call."""
        assert self.function is not None
        files = {"inputs": lookup.inputs, "outputs": lookup.outputs}
        taken = {name: _plain(groups) for name, groups in files.items() if name in self._function_takes}
        command = self.function(**values, **taken)
        return self._words(command)[0]

    def _surround(self, plan: Plan, lookup: Lookup) -> None:
        env: dict[str, str] = {}
        counts: dict[str, str | None] = {}
        for name, template in self.env.items():
            if template is None:
                text = os.environ.get(name)
                hiding.know_argument(name, text)
                counts[name] = _hidden(name, text)
                continue
            text = env[name] = _text_of(template, lookup)
            hiding.know_argument(name, text, stays=False)
            lookup.hides = self.has_secrets
            counts[name] = _hidden(name, _text_of(template, lookup))
            lookup.hides = False
        plan.env, plan.environment = env, counts

    # -- executed in place -----------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Execute the command here, and return its outputs."""
        from woflo.scripts.execution import execute_here

        return execute_here(self, args, kwargs)

    def log_of(self, run_id: str, attempt: int) -> str | None:
        """The file with the output of an attempt of a run, or of a step; None where there is none."""
        from woflo.scripts.logs import log_of

        return log_of(run_id, attempt)

    def __repr__(self) -> str:
        return f"<script {self.__name__}>"


class Lookup:
    """The values of one call."""

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        self._name = name
        self._values = values
        self.inputs: Groups = {}
        self.outputs: Groups = {}
        self.hides = False
        """True where secrets are not to be seen."""

    def __call__(self, field: Field) -> Any:
        name = field.name
        if name == "inputs":
            return self._files(field, self.inputs)
        if name == "outputs":
            return self._files(field, self.outputs)
        if name not in self._values:
            return str(field)  # of a function, whose text has braces of its own
        text = texts_of(name, self._values[name], field.form)
        return _hidden(name, str(text)) if self.hides else text

    def files(self, name: str) -> list[str]:
        """All inputs, or all outputs."""
        groups = self.inputs if name == "inputs" else self.outputs
        if len(groups) == 1 and "" in groups:
            return groups[""]
        return self._files(Field(name, None, ""), groups)

    def _files(self, field: Field, groups: Groups) -> list[str]:
        files = files_for(field, groups, field.name)
        if not files:
            raise ArgumentError(f"{self._name} has {field} in its command: call it with {field.name}=…")
        return files


def _as_written(field: Field) -> str:
    return str(field)


def _text_of(template: Template, lookup: Lookup) -> str:
    return "".join(part if isinstance(part, str) else _alone(part, lookup(part)) for part in template)


def _alone(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise ArgumentError(f"{field} stands where one value is needed, and is given {value!r}")
    return value


def _hidden(name: str, text: str | None) -> str | None:
    """A value as it may be kept: of a secret only whether it is another one."""
    if text is None:
        return None
    return sealed(text) if mask(name, "") == MASK else _without_passwords(hiding.hide(text, sealed))


def _without_passwords(text: str) -> str:
    """Of a URL that has one too short to be known."""
    return text if mask("", text) == text else sealed(text)


def _groups_of(outputs: list[Output]) -> Groups:
    groups: Groups = {}
    for one in outputs:
        groups.setdefault(one.group, []).append(one.path)
    return groups


def _plain(groups: Groups) -> Any:
    return groups.get("", []) if set(groups) <= {""} else groups


def _environment(env: Any) -> dict[str, Template | None]:
    if env is None:
        return {}
    if isinstance(env, str):
        raise OptionError(f"env={env!r} must be names with their values, or a list of names")
    given = env if isinstance(env, Mapping) else dict.fromkeys(env)
    made: dict[str, Template | None] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise OptionError(f"env: {name!r} cannot be the name of an environment variable")
        made[name] = None if value is None else parsed(word_text(value))
    return made


def _signature_of(fields: list[Field]) -> Signature:
    names = dict.fromkeys(field.name for field in fields if field.name not in FILES)
    return Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])


def _with_files(given: Signature) -> Signature:
    """With `inputs` and `outputs`, which every call may give."""
    own = [one for one in given.parameters.values() if one.name not in FILES]
    last = [one for one in own if one.kind is Parameter.VAR_KEYWORD]
    files = [Parameter(name, Parameter.KEYWORD_ONLY, default=None) for name in FILES]
    return Signature([*(one for one in own if one not in last), *files, *last])
