"""What this machine has of each resource, and what `woflo.toml` says instead."""

from __future__ import annotations

import os
from pathlib import Path

from woflo.errors import OptionError
from woflo.kernel.quantities import parse_quantity

__all__ = ["totals", "usable_cpus"]

SETTINGS_FILE = "woflo.toml"


def usable_cpus() -> int:
    """The processors that this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def totals() -> dict[str, float]:
    """Amounts by name: `cpus`, `memory` in bytes, and whatever `[resources]` in `woflo.toml` states.

    The file is looked for in the current folder and those above it. Raises `OptionError` where it cannot be read.
    """
    found = {"cpus": float(usable_cpus())}
    memory = _memory()
    if memory:
        found["memory"] = memory
    stated = _stated()
    return {**found, **{name: parse_quantity(name, amount) for name, amount in stated.items()}}


def _memory() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return 0.0


def _stated() -> dict[str, object]:
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / SETTINGS_FILE
        if path.is_file():
            return _read(path)
    return {}


def _read(path: Path) -> dict[str, object]:
    import tomllib

    try:
        resources = tomllib.loads(path.read_text(encoding="utf-8")).get("resources", {})
    except (OSError, ValueError) as error:
        raise OptionError(f"{path} cannot be read: {error}") from error
    if not isinstance(resources, dict):
        raise OptionError(f"[resources] in {path} must be a table, such as: licence = 2")
    return resources
