"""Settings classes (those of pydantic-settings): read from the environment and files, again when a file has changed.

What decides, the first first: the environment, `.env`, the table `[settings.ClassName]` of `woflo.toml`, the defaults
of the class. A class whose `model_config` names an `env_file` has that instead of `.env`.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from woflo.durable import project
from woflo.errors import SettingsError
from woflo.kernel import bus, hiding

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_settings import BaseSettings

__all__ = ["LOOK", "current_settings", "is_settings", "name_in_environment"]

LOOK = 0.5
"""Seconds for which the files are not looked at again."""
Stamp = tuple[tuple[str, int, int], ...]
"""The files that there are, with the time of their last change and their size."""

_lock = threading.RLock()
_read: WeakKeyDictionary[type, Settings] = WeakKeyDictionary()


def current_settings(kind: type) -> Any:
    """The settings of this class as the files tell them now; None where it is no settings class.

    Raises `SettingsError` where they are not valid. Files that become so later are told once, and change nothing.
    """
    if not is_settings(kind):
        return None
    with _lock:
        settings = _read.get(kind)
        if settings is None:
            settings = _read[kind] = Settings(kind)
        settings.look()
        return settings.value


def is_settings(kind: type) -> bool:
    """True for subclasses of pydantic-settings' `BaseSettings`, which whoever made one has imported."""
    module = sys.modules.get("pydantic_settings")
    return module is not None and issubclass(kind, module.BaseSettings)


def name_in_environment(kind: type[BaseSettings], field: str) -> str:
    """The variable by which a field is set."""
    alias = kind.model_fields[field].validation_alias or kind.model_fields[field].alias
    prefix = str(kind.model_config.get("env_prefix", ""))
    return (alias if isinstance(alias, str) else prefix + field).upper()


class Settings:
    """The object of one settings class, and the files that it was read from."""

    def __init__(self, kind: type[BaseSettings]) -> None:
        self._kind = kind
        self._stamp: Stamp | None = None
        self._looked_at = 0.0
        self.value: Any = None

    def look(self) -> None:
        """Read them where a file has changed."""
        if self.value is not None and time.monotonic() - self._looked_at < LOOK:
            return
        self._looked_at = time.monotonic()
        stamp = _stamp(self._files())
        if self.value is None or stamp != self._stamp:
            self._stamp = stamp
            self._reread()

    def _reread(self) -> None:
        try:
            self.value = _loaded(self._kind)
        except SettingsError as error:
            if self.value is None:
                raise
            bus.logger().warning("%s; what was read before stays in force", error)

    def _files(self) -> list[Path]:
        own = _own_env_files(self._kind)
        found = [project.find(project.FILE), None if own else project.find(".env")]
        return [*own, *(path for path in found if path is not None)]


def _own_env_files(kind: type[BaseSettings]) -> list[Path]:
    given = kind.model_config.get("env_file")
    files = [] if given is None else [given] if isinstance(given, str | os.PathLike) else list(given)
    return [Path(one).expanduser() for one in files]


def _stamp(files: list[Path]) -> Stamp:
    found = []
    for path in files:
        try:
            told = path.stat()
        except OSError:
            continue
        found.append((str(path), told.st_mtime_ns, told.st_size))
    return tuple(found)


def _renew_in_child() -> None:
    """The lock may be held by a thread that is not there after a fork."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)


# -- reading -------------------------------------------------------------------------------------------


def _loaded(kind: type[BaseSettings]) -> Any:
    from pydantic import ValidationError
    from pydantic_settings.exceptions import SettingsError as UnreadableError

    file = project.find(project.FILE)
    table = project.table_of(file, "settings", kind.__name__)
    try:
        value = _with_files(kind, table)()
    except (ValidationError, UnreadableError) as error:
        told = _told(kind, error) if isinstance(error, ValidationError) else str(error)
        raise SettingsError(f"the settings {kind.__name__} are not valid: {told}") from None  # it shows secrets
    object.__setattr__(value, "__class__", kind)
    hiding.know_within(value)
    return value


def _with_files(kind: type[BaseSettings], table: dict[str, Any]) -> type[BaseSettings]:
    """A subclass that reads `.env` and this table too, each behind what the class itself reads."""
    from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, InitSettingsSource

    class DotEnv(DotEnvSettingsSource):
        """A file for many programs: what is not for this class is left alone."""

        def __call__(self) -> dict[str, Any]:
            return EnvSettingsSource.__call__(self)

    def sources(settings_cls: type[BaseSettings], **given: Any) -> tuple[Any, ...]:
        own = kind.settings_customise_sources(settings_cls, **given)
        env_file = None if _own_env_files(kind) else project.find(".env")
        dot_env = () if env_file is None else (DotEnv(settings_cls, env_file=env_file),)
        return (*own, *dot_env, InitSettingsSource(settings_cls, init_kwargs=table))

    names = {"__module__": kind.__module__, "settings_customise_sources": staticmethod(sources)}
    return type(kind.__name__, (kind,), names)


def _told(kind: type[BaseSettings], error: ValidationError) -> str:
    """What is wrong with each field, without values: they may be secret."""
    return "; ".join(
        f"{_place(one['loc'])}: {one['msg']} (set {_way_out(kind, one['loc'])})"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    )


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc)) or "as a whole"


def _way_out(kind: type[BaseSettings], loc: tuple[int | str, ...]) -> str:
    name = str(loc[0]) if loc else ""
    in_file = f"it under [settings.{kind.__name__}] in {project.FILE}"
    return f"{name_in_environment(kind, name)}, or {in_file}" if name in kind.model_fields else in_file
