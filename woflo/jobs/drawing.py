"""A job as a file again, and as a picture."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from woflo.jobs.yaml_texts import resolved

if TYPE_CHECKING:
    from woflo.jobs.plan import Plan

__all__ = ["as_mermaid", "as_yaml"]

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


def as_mermaid(plan: Plan) -> str:
    """A flowchart from top to bottom; what is left out is dashed."""
    numbers = {name: f"s{number}" for number, name in enumerate(plan.steps)}
    lines = ["flowchart TD"]
    lines += [f'    {numbers[name]}["{_escaped(name)}"]' for name in plan.steps]
    for step in plan.steps.values():
        lines += [f"    {numbers[need]} --> {numbers[step.name]}" for need in step.needs]
    if plan.left_out:
        lines.append("    classDef left stroke-dasharray: 4")
        lines.append(f"    class {','.join(numbers[name] for name in plan.steps if name in plan.left_out)} left")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """As Mermaid has it: everything that could mean something by its number."""
    return re.sub(r"[^\w .,:/+-]", lambda found: f"#{ord(found[0])};", text)
