"""The observers of a project: those in `woflo.toml`, which commands have listen beside those that they are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from woflo.durable import project
from woflo.observers.chosen import Chosen, in_table, in_text, together

__all__ = ["TABLE", "chosen_observers"]

TABLE = "observers"
"""Under which name they stand there: `[observers.logs]`."""


def chosen_observers(texts: Iterable[str] = (), of_job: Mapping[str, Chosen | None] | None = None) -> list[Chosen]:
    """Those of `woflo.toml`, of a job file, and of a command line (`--observe`); of one name, the last counts.

    Nothing is made yet, but all is checked. Raises `OptionError` or `SettingsError` for what cannot be meant.
    """
    named = [in_text(text, "--observe") for text in texts]
    return together(named, _of_project(), of_job or {})


def _of_project() -> dict[str, Chosen | None]:
    path = project.find(project.FILE)
    if path is None:
        return {}
    folder = path.parent
    return in_table(project.table_of(path, TABLE), f"{path}: {TABLE}.", folder=folder, paths_from=folder)
