"""NIR files: written, read without trust, and run in Norse."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sgnkit._extras import require
from sgnkit.data import to_modalities
from sgnkit.errors import CheckpointError
from sgnkit.export.description import Description
from sgnkit.export.nir_graph import nir_limits, to_nir
from sgnkit.export.program import frames_of

__all__ = ["load_nir", "read_nir", "run_in_norse", "write_nir"]

_KEY = "sgnkit"


def write_nir(
    model: nn.Module,
    path: str | os.PathLike[str],
    description: Description,
    *,
    num_frames: int | None = None,
    dt: float = 1e-3,
    partial: bool = False,
) -> None:
    """Writes a spiking network as a NIR file (HDF5).

    Args:
        model: A [`SpikingGraphNetwork`][sgnkit.models.SpikingGraphNetwork].
        path: File to write.
        description: What [`describe`][sgnkit.export.describe] returned; it stands in the metadata.
        num_frames: Frames T, where the preprocessing leaves them open.
        dt: Length of a spiking step in seconds.
        partial: Whether to write the graph up to the first part that NIR cannot express.

    Raises:
        sgnkit.export.NIRExportError: If there are such parts, unless `partial`; nothing is written.
        ImportError: If `sgnkit[export]` is not installed.
    """
    nir = require("nir", "export")
    frames = frames_of(description, num_frames)
    graph = to_nir(model, num_frames=frames, dt=dt, partial=partial)
    network: Any = model
    extra = {
        "dt": dt,
        "num_steps": network.num_steps,
        "modalities": list(network.modalities),
        "limits": [list(limit) for limit in nir_limits(model)],
    }
    graph.metadata = {_KEY: replace(description, num_frames=frames, extra=extra).to_json()}
    nir.write(str(path), graph)


def read_nir(path: str | os.PathLike[str]) -> tuple[Description, Any]:
    """Reads what `write_nir` wrote; links out of the file are refused.

    Args:
        path: A NIR file.

    Returns:
        Its description, and the `nir.NIRGraph`.

    Raises:
        CheckpointError: If the file is damaged, foreign or of another version.
        ImportError: If `sgnkit[export]` is not installed.
    """
    nir, h5py = require("nir", "export"), require("h5py", "export")
    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            _refuse_links(file, h5py, path)
            text = file["node"]["metadata"][_KEY][()]
        description = Description.from_json(text, path)
        graph = nir.read(str(path), type_check=False)
    except CheckpointError:
        raise
    except Exception as error:  # HDF5 and NIR have many ways to find a file damaged
        raise CheckpointError(
            "the file is damaged or no NIR graph of sgnkit",
            file=path,
            found=f"{type(error).__name__}: {error}"[:160],
            remedy="export it again; nir.read reads graphs of other tools",
        ) from None
    for node in graph.nodes.values():
        for key in ("stride", "padding", "dilation"):
            if hasattr(node, key):
                setattr(node, key, tuple(int(i) for i in getattr(node, key)))
        if hasattr(node, "groups"):
            node.groups = int(node.groups)
    return description, graph


def _refuse_links(group: Any, h5py: Any, path: Path) -> None:
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            found = f"a link at {group.name}/{name}"
        elif isinstance(item := group[name], h5py.Group):
            _refuse_links(item, h5py, path)
            continue
        elif item.external or item.is_virtual:
            found = f"numbers of another file at {item.name}"
        else:
            continue
        raise CheckpointError("the file points to other files", file=path, found=found)


def run_in_norse(graph: Any, *, dt: float = 1e-3) -> Callable[[Tensor, int], Tensor]:
    r"""Imports a graph into Norse and returns a function that runs it.

    `norse.torch.from_nir` makes the modules. Its executor walks a graph depth first and would
    run a neuron before all of its inputs are there where a shortcut joins, so the order is set
    to one in which sources come first.

    Args:
        graph: A `nir.NIRGraph` without loops.
        dt: Length of a step in seconds, as given to [`to_nir`][sgnkit.export.to_nir].

    Shapes:
        - **x**: one frame of input $(B, Q C, T, V)$
        - **returns**: outputs of all steps $(S, B, *)$

    Returns:
        A function of one frame of input $(B, Q C, T, V)$ and the number of steps S that
        returns the outputs of all steps, $(S, B, *)$.
    """
    norse = require("norse.torch", "export")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nirtorch announces a rename
        executor: Any = norse.from_nir(graph, dt=dt).eval()
    executor.execution_order = _sources_first(executor)

    @torch.no_grad()
    def run(x: Tensor, steps: int) -> Tensor:
        state, out = None, []
        for _ in range(steps):
            z, state = executor(x, state)
            out.append(z)
        return torch.stack(out)

    return run


def _sources_first(executor: Any) -> list[Any]:
    left = [node for node in executor.execution_order if node.elem is not None]
    order: list[Any] = []
    while left:
        ready = [
            node
            for node in left
            if all(source in order for source in executor.graph.find_source_nodes_of(node))
        ]
        if not ready:
            raise ValueError("run_in_norse: the graph has a loop")
        order += ready
        left = [node for node in left if node not in ready]
    return order


def load_nir(path: str | os.PathLike[str]) -> tuple[Description, Callable[..., Tensor]]:
    r"""Loads a NIR file into Norse.

    Args:
        path: A file of [`write_nir`][sgnkit.export.write_nir] that holds the whole network.

    Shapes:
        - **x**: $(B, M, T, V, C)$
        - **present**: $(B, M)$
        - **returns**: logits $(B, \text{classes})$

    Returns:
        Its description, and a function from `x` $(B, M, T, V, C)$ and `present` $(B, M)$ to
        logits.

    Raises:
        CheckpointError: If the file is damaged, foreign, or stops before the logits.
    """
    description, graph = read_nir(path)
    extra = description.extra
    if extra.get("limits"):
        raise CheckpointError(
            "the graph stops before the logits",
            file=path,
            found=f"NIR could not express {extra['limits'][0][0]}",
            remedy="read_nir and run_in_norse give its spikes; export ONNX or pt2 for classes",
        )
    try:
        steps, dt, names = int(extra["num_steps"]), float(extra["dt"]), list(extra["modalities"])
        frame = run_in_norse(graph, dt=dt)
        parents = torch.tensor(description.skeleton(Path(path)).parents)
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError("the graph cannot be run", file=path, found=str(error)) from None

    def run(x: Tensor, present: Tensor) -> Tensor:
        clips, persons, frames, joints, channels = x.shape
        bodies = x.reshape(-1, frames, joints, channels)
        streams = [
            to_modalities(body.transpose(0, 1), parents, names).permute(0, 3, 2, 1).flatten(0, 1)
            for body in bodies
        ]
        image = torch.stack(streams)  # [bodies, Q C, T, V]
        logits = frame(image, steps).mean(0).view(clips, persons, -1)
        weight = present.to(logits.dtype).unsqueeze(-1)
        return (logits * weight).sum(1) / weight.sum(1).clamp(min=1)

    return description, run
