"""From a run folder to one page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Batch

from sgnkit.energy import profile
from sgnkit.errors import CheckpointError, DataError
from sgnkit.models.checkpoint import load_model
from sgnkit.report.clips import embed_clips
from sgnkit.report.page import render
from sgnkit.report.run_files import RunFiles, read_run

__all__ = ["write_report"]

_PLAYER_BYTES = 3_400_000
_LIST_BYTES = 1_000_000
"""Together with all the rest a page stays below 5 MB."""


def write_report(
    run: str | Path,
    out: str | Path | None = None,
    *,
    clips: Any = None,
    why_no_clips: str = "No clips were given.",
    num_clips: int = 24,
) -> Path:
    r"""Writes one self-contained HTML page about a run: nothing in it is loaded from elsewhere.

    It holds a player of skeletons whose joints light up as they spike, learning curves, the
    confusion matrix with the clips behind its cells, the energy in both countings, the config
    and the versions. What the run folder lacks is left out, and the page says so.

    Args:
        run: A run folder of `sgnkit train`.
        out: File to write; `report.html` in the run folder by default.
        clips: The test clips of the run, with their transforms. Without them there is no player.
        why_no_clips: What the page says in place of the player.
        num_clips: Most clips that the player holds, two thirds of them wrongly classified ones
            if there are so many; 0 for none.

    Returns:
        The file.

    Raises:
        DataError: If the folder is no run folder, or holds a damaged file.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "metrics.csv").write_text("epoch,train_loss\n0,1.0\n1,0.5\n")
        >>> write_report(folder).name
        'report.html'
    """
    files = read_run(run)
    notes = list(files.notes)
    player: dict[str, Any] | None = None
    energy = files.energy
    if num_clips < 1:
        notes.append("The player was left out: no clips were asked for.")
    elif clips is None or not len(clips):
        notes.append(f"There is no player of skeletons. {why_no_clips}")
    else:
        player, energy, remark = _look_inside(files, clips, num_clips)
        notes += remark
    if energy is None and "energy_mj" in files.results:
        notes.append("The energy of single layers is not in the run folder, only the totals.")
    out = files.folder / "report.html" if out is None else Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    text = render(files, player, energy, _listed(files, notes), notes)
    # A page that is open in a browser or half written never stands there.
    part = out.with_name(out.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, out)
    return out


def _look_inside(
    files: RunFiles, clips: Any, num_clips: int
) -> tuple[dict[str, Any] | None, dict[str, Any] | None, list[str]]:
    """Runs the network: returns clips to play, the energy of its layers, and remarks."""
    energy, weights = files.energy, files.folder / "weights.pt"
    if not weights.is_file():
        return None, energy, ["There is no player of skeletons: weights.pt is missing."]
    try:
        model = load_model(weights)
        player = embed_clips(model, clips, files.scores, num_clips, _PLAYER_BYTES)
    except (CheckpointError, DataError, ValueError) as error:
        return None, energy, [f"There is no player of skeletons: {error}"]
    if energy is None:
        # The same clips as at the end of a training.
        size = min(int((files.results.get("config") or {}).get("batch_size", 8)), len(clips))
        chosen = range(0, len(clips), -(-len(clips) // size))
        batch = Batch.from_data_list([clips[i] for i in chosen])
        with torch.no_grad():
            energy = profile(model, batch).to_dict()
    remarks = []
    if player["left_out"]:
        remarks.append(
            f"{player['left_out']} of the chosen clips were left out of the player, so that "
            "this file stays small."
        )
    if not player["layers"]:
        remarks.append(
            "This network has no spiking neurons at its joints: the player shows movements alone."
        )
    return player, energy, remarks


def _listed(files: RunFiles, notes: list[str]) -> dict[str, list[Any]] | None:
    """Returns clip by clip what was predicted; only wrong clips where there are too many."""
    scores = files.scores
    if scores is None:
        return None
    kept = range(len(scores.names))
    if sum(map(len, scores.names)) + 20 * len(kept) > _LIST_BYTES:
        kept = [i for i in kept if scores.labels[i] != scores.predicted[i]]  # type: ignore[assignment]
        kept = kept[: _LIST_BYTES // 80]
        notes.append(f"Of {len(scores.names)} test clips, {len(kept)} wrong ones are listed.")
    return {
        "name": [scores.names[i] for i in kept],
        "label": [int(scores.labels[i]) for i in kept],
        "predicted": [int(scores.predicted[i]) for i in kept],
        "share": [round(float(scores.shares[i, scores.predicted[i]]), 4) for i in kept],
        "copy": [int(scores.copies[i]) for i in kept],
    }
