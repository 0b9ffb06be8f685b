"""The form of a job file: what may stand where. Whether it makes sense together is for `checking`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from woflo.jobs.problems import Problems, near

__all__ = ["Configuration", "JobModel", "StepModel", "validated"]

MOST_TURNS = 8
VERSIONS = ("0.1", "1", "1.0")


class _Part(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)


def _words(value: Any) -> Any:
    """A command: a text, or a list of words."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(word, str | int) and not isinstance(word, bool) for word in value):
        return [str(word) for word in value]
    if isinstance(value, list):
        wrong = next(word for word in value if not isinstance(word, str | int) or isinstance(word, bool))
        raise ValueError(f"has the word {wrong!r:.80}; write it in quotes, as the command is to get it")
    raise ValueError(f"must be a command as a text, or a list of its words, and is {value!r:.80}")


def _paths(value: Any) -> Any:
    """Files of a step: a path, a list of paths, or named groups."""
    groups = value.values() if isinstance(value, dict) else [value]
    for group in groups:
        if group is not None or isinstance(value, dict):
            texts = group if isinstance(group, list) else [group]
            if not all(isinstance(text, str) for text in texts):
                raise ValueError(f"must be a path, a list of paths, or named groups of them, and is {value!r:.80}")
    return value


def _some(value: Any) -> Any:
    """All of the outputs of a step, or some."""
    texts = value if isinstance(value, list) else [value]
    if isinstance(value, bool) or all(isinstance(text, str) for text in texts):
        return value
    raise ValueError(f"must be true, one of the `outputs`, or a list of some, and is {value!r:.80}")


Words = Annotated[Any, BeforeValidator(_words)]
Paths = Annotated[Any, BeforeValidator(_paths)]
Some = Annotated[Any, BeforeValidator(_some)]


class StepModel(_Part):
    """One step under `tasks:`."""

    task: str | None = None
    """The name of a task; else there is `run`."""
    run: Words = None
    """A command."""
    parameters: dict[str, Any] = {}
    dependencies: list[str] = []
    """Steps that must have succeeded before."""
    max_attempts: int | None = Field(default=None, ge=1)
    backoff: float | None = Field(default=None, ge=0)
    """Seconds between attempts."""
    inputs: Paths = None
    outputs: Paths = None
    temporary: Some = False
    """Those of its `outputs`, or all, that go when the steps that read them have succeeded."""
    protected: Some = False
    """Those of its `outputs`, or all, that are made read-only."""
    cache: bool = False
    """For `task`: keep the result, and give it again for the same arguments and code."""
    runner: str | None = None
    timeout: float | None = Field(default=None, gt=0)
    """Seconds that one attempt may take."""
    deadline: float | None = Field(default=None, gt=0)
    """Seconds that all attempts may take."""
    max_concurrency: int | None = Field(default=None, ge=1)
    """How many steps of this task execute at once."""
    resources: dict[str, Any] | None = None
    on_crash: str | None = None
    tags: dict[str, str] | None = None
    """What its run is found by, where that is kept for itself: on a queue, or a workflow."""
    shell: bool = False
    """For `run`: through a shell."""
    env: dict[str, str] | None = None
    """For `run`: further environment variables."""
    cwd: str | None = None
    """For `run`: its folder."""
    may_call: list[str] = []
    """For `run`: tasks that the command may ask for by lines in `$WOFLO_CALLS`."""

    @field_validator("parameters", "dependencies", mode="before")
    @classmethod
    def _nothing(cls, value: Any, info: ValidationInfo) -> Any:
        """A key behind which nothing stands."""
        return ({} if info.field_name == "parameters" else []) if value is None else value


class Configuration(_Part):
    """`config:`."""

    name: str | None = Field(default=None, min_length=1)
    """Under which the runs are kept; the name of the file without its ending by default."""
    max_concurrency: int | None = Field(default=None, ge=0)
    """How many steps execute at once; 0 for no limit."""
    extension_directories: list[str] = []
    """Folders with tasks, besides `tasks/`."""
    extension_packages: list[str] = []
    """Packages or modules with tasks."""
    runner: str | None = None
    """Of steps that name none; "pool" by default."""
    deadline: float | None = Field(default=None, gt=0)
    """Seconds that the whole job may take."""
    tags: dict[str, str] = {}
    """What its runs are found by."""

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str | None) -> str | None:
        if name is not None and (name != name.strip() or not name.isprintable()):
            raise ValueError(f"is {name!r:.80}; no space may stand at its ends, and all of it must be printable")
        return name


class JobModel(_Part):
    """The whole file, after all includes."""

    version: Any = 0.1
    config: Configuration = Configuration()
    aliases: Any = None
    """Pieces to be named by anchors and used elsewhere; those that are texts are other names of tasks."""
    observers: dict[str, Any] = {}
    """Who is told of what happens, by name, each with its options."""
    tasks: dict[str, StepModel] = Field(min_length=1)

    @field_validator("version")
    @classmethod
    def _known_version(cls, version: Any) -> Any:
        if str(version) not in VERSIONS:
            raise ValueError(f"is {version!r}, and this woflo reads version 0.1")
        return version

    @field_validator("config", "observers", mode="before")
    @classmethod
    def _nothing(cls, value: Any) -> Any:
        return {} if value is None else value


_FIELDS = {"tasks": StepModel, "config": Configuration}
_ELSEWHERE = {
    "kwargs": "; write 'parameters'",
    "retries": "; write 'max_attempts', in which the first attempt counts too",
    "retry_sleep_time": "; write 'backoff'",
    "depends_on": "; write 'dependencies'",
    "loggers": "; write 'observers', in which `logs: {folder: …}` keeps what is printed and how it ended",
    "extensions": "; write 'observers', as `progress: true` or `mine: {observer: \"module:Class\"}`",
    "checkpointer": "; the store keeps the record: WOFLO_STORE or woflo.toml name it",
}
_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a mapping",
    "list_type": "must be a list",
    "model_type": "must be a mapping",
    "too_short": "must have at least one entry",
}


def validated(value: dict[str, Any], problems: Problems) -> JobModel | None:
    """The job, without what cannot be meant, which is added to `problems` and taken out of `value`.

    None where nothing is left that could be looked at.
    """
    for _ in range(MOST_TURNS):
        try:
            return JobModel.model_validate(value)
        except ValidationError as error:
            goes_on = True
            for one in error.errors(include_url=False, include_input=False, include_context=True):
                path = _add(one, value, problems)
                goes_on = _taken_out(value, path) and goes_on
            if not goes_on:
                return None
    return None


def _taken_out(value: Any, path: tuple[Any, ...]) -> bool:
    """True where something was there to be taken out; a step leaves an empty one, because others may name it."""
    for key in path[:-1]:
        value = value[key]
    last = path[-1] if path else None
    if isinstance(value, dict) and last in value:
        if path[0] == "tasks" and len(path) == 2 and value[last] != {}:
            value[last] = {}
            return True
        del value[last]
        return True
    if isinstance(value, list) and isinstance(last, int) and last < len(value):
        value[last] = ""
    return isinstance(value, list)


def _add(error: Any, value: Any, problems: Problems) -> tuple[Any, ...]:
    path = _path_in(value, error["loc"])
    kind = error["type"]
    if kind == "extra_forbidden":
        told = _ELSEWHERE.get(str(path[-1])) or near(str(path[-1]), _fields_at(path), "there may be")
        problems.add(path, f"is not known here{told}")
        return path
    given = _at(value, path)
    told = _WORDS.get(kind) or str(error.get("ctx", {}).get("error", "")) or _small(error["msg"])
    problems.add(path, told if kind in ("missing", "value_error", "too_short") else f"{told}, and is {given!r:.80}")
    return path


def _path_in(value: Any, loc: tuple[Any, ...]) -> tuple[Any, ...]:
    """The path without what pydantic says of the member of a union that it tried."""
    path: list[Any] = []
    for number, key in enumerate(loc):
        is_last = number == len(loc) - 1
        if isinstance(value, dict) and (key in value or is_last):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            break
        path.append(key)
    return tuple(path)


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None  # it was taken out
    return value


def _fields_at(path: tuple[Any, ...]) -> list[str]:
    model: Any = JobModel if len(path) == 1 else _FIELDS.get(path[0], JobModel)
    names = list(model.model_fields)
    return [*names, "include"] if model is JobModel else names


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]
