"""The command `sgnkit models`."""

from __future__ import annotations

import inspect
import re
from argparse import Namespace
from typing import Any

from sgnkit.commands.output import Output
from sgnkit.commands.parser import CommandParser
from sgnkit.errors import ConfigError

__all__ = ["parser"]

_LINK = re.compile(r"\[\"?([^\]\"]+)\"?\]\((https?://[^)]+)\)")


def parser(name: str) -> CommandParser:
    """Returns the parser of the command."""
    sub = CommandParser(name, "The number of parameters depends on joints and classes.")
    sub.add_argument("pattern", nargs="?", default="*", help="names to list, such as 'mk*'")
    sub.add_argument("--layout", default="ntu25", help="joints: a name or a YAML file (ntu25)")
    sub.add_argument("--num-classes", type=int, default=60, help="number of classes (60)")
    sub.set_defaults(run=_run)
    return sub


def _run(options: Namespace, out: Output) -> None:
    from sgnkit.layout import SkeletonLayout, get_layout
    from sgnkit.models import list_models

    names = list_models(options.pattern)
    if not names:
        raise ConfigError(
            "no network has such a name", found=options.pattern, expected=", ".join(list_models())
        )
    if options.num_classes < 1:
        raise ConfigError(
            "the value must be positive", place="--num-classes", found=options.num_classes
        )
    try:
        own = str(options.layout).endswith((".yaml", ".yml"))
        layout = SkeletonLayout.from_yaml(options.layout) if own else get_layout(options.layout)
    except (KeyError, ValueError) as error:
        raise ConfigError(str(error).strip("'\""), place="--layout") from None
    rows = [_row(name, layout, options.num_classes) for name in names]
    width = max(len(name) for name in names)
    lines = [f"{'name':<{width}}  {'parameters':>10}  kind         what it is"]
    for row in rows:
        kind = "spiking" if row["spiking"] else "real-valued"
        lines.append(f"{row['name']:<{width}}  {row['parameters']:>10,}  {kind:<11}  {row['what']}")
        if row["source"]:
            source = row["source"]
            lines.append(f"{'':<{width}}  {'':>10}  {'':<11}  {source['title']}: {source['url']}")
    lines.append(f"parameters for {layout.name} and {options.num_classes} classes")
    out.result("\n".join(lines), rows)


def _row(name: str, layout: Any, num_classes: int) -> dict[str, Any]:
    from sgnkit.models import get_preset
    from sgnkit.nn import LIF, PLIF, LeakyIntegrator

    preset = get_preset(name)
    model = preset(layout, num_classes)
    doc = inspect.getdoc(preset) or ""
    link = _LINK.search(doc)
    first = " ".join(doc.split("\n\n")[0].split())
    return {
        "name": name,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "spiking": any(isinstance(part, LIF | PLIF | LeakyIntegrator) for part in model.modules()),
        "what": _LINK.sub(r"\1", first).replace("`", ""),
        "source": {"title": link[1], "url": link[2]} if link else None,
    }
