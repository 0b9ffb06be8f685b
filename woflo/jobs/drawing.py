"""A job as a file again, and as what pictures are drawn of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from woflo.jobs.yaml_texts import resolved
from woflo.kernel.hiding import hide
from woflo.scripts.pictures import Node

if TYPE_CHECKING:
    from woflo.jobs.plan import Plan

__all__ = ["as_yaml", "nodes_of"]

_ORDER = ("version", "config", "aliases", "tasks")


def as_yaml(value: dict[str, Any]) -> str:
    """The job in the order in which people write it."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # one of the two
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text_of(dumper: Any, value: str) -> Any:
        """In quotes where it would be a number here, though it is none for PyYAML, which reads YAML 1.1."""
        style = None if isinstance(resolved(value), str) else "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text_of)
    ordered = {key: value[key] for key in _ORDER if key in value} | value
    text: str = yaml.dump(ordered, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


def nodes_of(plan: Plan) -> list[Node]:
    """Its steps and what they need, for pictures, with the files by which one needs another that it does not name."""
    ids = {name: f"s{number}" for number, name in enumerate(plan.steps)}
    return [
        Node(
            ids[name],
            name,
            "left" if name in plan.left_out else "file",
            tuple(ids[need] for need in step.needs),
            tuple(hide(step.reads_from.get(need, "")) for need in step.needs),
        )
        for name, step in plan.steps.items()
    ]
