"""The clips that a report plays: which ones, where their joints are, when they spike."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Batch

from sgnkit.errors import DataError
from sgnkit.recording import Recording, record
from sgnkit.report.run_files import RunScores
from sgnkit.viz.upright import upright

__all__ = ["choose", "embed_clips"]

_ABSENT = -32768
_LARGEST = 32000


def choose(labels: Any, predicted: Any, count: int) -> list[int]:
    """Chooses clips: two thirds wrong ones, if there are so many, from as many cells as possible.

    Args:
        labels: True classes.
        predicted: Predicted classes.
        count: How many.

    Returns:
        Indices in rising order.

    Examples:
        >>> choose([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 0, 0], 3)
        [0, 2, 4]
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    wrong = np.flatnonzero(labels != predicted)
    right = np.flatnonzero(labels == predicted)
    most = max(count - len(right), -(-2 * count // 3))
    chosen = _in_turn(wrong, [(labels[i], predicted[i]) for i in wrong])[:most]
    chosen += _in_turn(right, [labels[i] for i in right])[: count - len(chosen)]
    return sorted(chosen)


def _in_turn(indices: Any, groups: Sequence[Any]) -> list[int]:
    """Orders indices so that each group has its turn, the largest group first."""
    members: dict[Any, list[int]] = {}
    for index, group in zip(indices, groups, strict=True):
        members.setdefault(group, []).append(int(index))
    queues = sorted(members.values(), key=len, reverse=True)
    longest = max(map(len, queues), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def embed_clips(
    model: Any, clips: Any, scores: RunScores | None, count: int, budget: int
) -> dict[str, Any]:
    """Runs a network on chosen clips and returns what the player needs, as plain values.

    Args:
        model: The network, in evaluation mode.
        clips: The dataset of the scores.
        scores: Scores of all its clips; without them clips are taken at even distances.
        count: How many clips.
        budget: Most bytes that they may take.

    Raises:
        DataError: If the clips are not those of the scores, or hold no joint coordinates.
    """
    if scores is not None and len(clips) != len(scores.names):
        raise DataError(
            "the clips are not those of the run",
            expected=f"{len(scores.names)} clips",
            found=f"{len(clips)}",
        )
    if scores is None:
        count = min(count, len(clips))
        chosen = [i * len(clips) // count for i in range(count)]
    else:
        chosen = choose(scores.labels, scores.predicted, count)
    found: list[dict[str, Any]] = []
    layers: list[tuple[str, torch.Tensor]] = []
    used, way = 0, None
    for index in chosen:
        clip = clips[index]
        if scores is not None and str(clip.name) != scores.names[index]:
            raise DataError(
                "the clips are not those of the run",
                place=f"clip {index}",
                expected=scores.names[index],
                found=clip.name,
            )
        with torch.no_grad(), record(model, "spikes") as seen:
            logits = model(Batch.from_data_list([clip]))
        layers = list(_layers(seen, clip.x.size(0)).items())
        places = _places(clip)
        if way is None:
            way = upright(places, model.layout, clip.joint.numpy())
        entry = _entry(clip, places @ way.T, [spikes for _, spikes in layers])
        entry |= _answer(clip, logits)
        used += sum(len(value) for value in _strings(entry))
        if used > budget and found:
            break
        found.append(entry)
    return {
        "clips": found,
        "left_out": len(chosen) - len(found),
        "layers": [name for name, _ in layers],
        "flat": bool(found) and clips[chosen[0]].x.size(2) == 2,
        "joints": list(model.layout.joints),
        "classes": list(model.class_names),
    }


def _layers(seen: Recording, nodes: int) -> dict[str, Any]:
    """Returns one layer of neurons for each part of the network: the last that fires at joints."""
    found: dict[str, Any] = {}
    for name, spikes in seen.spikes.items():
        words = name.split(".")
        part = ".".join(words[:2] if len(words) > 1 and words[1].isdigit() else words[:1])
        if spikes.dim() == 4 and spikes.size(2) == nodes and "shortcut" not in words:
            found[part or "neurons"] = spikes
    return found


def _places(clip: Any) -> np.ndarray[Any, Any]:
    """Returns joint coordinates `[N, T, 3]`, NaN where a joint was not observed."""
    x = clip.x.detach().double().numpy()
    if "modality" in clip:
        parts = str(clip.modality).split("+")
        if parts[0] != "joint":
            raise DataError(
                "the clips hold no joint coordinates that could be drawn",
                found=f"modality {clip.modality}",
            )
        x = x[..., : x.shape[2] // len(parts)]
    places = np.zeros((*x.shape[:2], 3))
    places[..., : min(x.shape[2], 3)] = x[..., :3]
    places[~clip.mask.numpy()] = np.nan
    return places


def _entry(clip: Any, places: Any, layers: Sequence[torch.Tensor]) -> dict[str, Any]:
    """Returns joints and spikes as numbers of 16 and 8 bits, without persons who never appear."""
    person = clip.person.numpy()
    seen = np.isfinite(places).all(axis=2)
    there = [p for p in np.unique(person) if seen[person == p].any()]
    nodes = np.flatnonzero(np.isin(person, there or person[:1]))
    places, seen = places[nodes].transpose(1, 0, 2), seen[nodes].T  # [T, N, 3]
    low, high = (np.nanmin(places, (0, 1)), np.nanmax(places, (0, 1))) if seen.any() else (0, 1)
    middle, radius = (low + high) / 2, max(float(np.max(high - low)) / 2, 1e-9)
    fine = np.round((np.nan_to_num(places) - middle) / radius * _LARGEST)
    fine[~seen] = _ABSENT
    number = {int(node): i for i, node in enumerate(nodes)}
    spikes = []
    for layer in layers:
        rates = layer[:, :, nodes].double().mean(-1).numpy()  # [S, T, N]
        spikes.append(
            {"frames": rates.shape[1], "data": _base64(np.round(rates * 255).astype("u1"))}
        )
    return {
        "name": str(clip.name),
        "frames": len(places),
        "steps": layers[0].size(0) if len(layers) else 0,
        "person": person[nodes].tolist(),
        "joint": clip.joint.numpy()[nodes].tolist(),
        "parent": [number.get(int(p), i) for i, p in enumerate(clip.parent_index.numpy()[nodes])],
        "places": _base64(fine.astype("<i2")),
        "spikes": spikes,
    }


def _answer(clip: Any, logits: torch.Tensor) -> dict[str, Any]:
    shares = (logits.mean(0) if logits.dim() == 3 else logits)[0].double().softmax(-1)
    predicted = int(shares.argmax())
    return {
        "label": int(clip.y),
        "predicted": predicted,
        "share": round(float(shares[predicted]), 4),
    }


def _base64(array: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _strings(entry: dict[str, Any]) -> list[str]:
    return [entry["places"], *(layer["data"] for layer in entry["spikes"])]
