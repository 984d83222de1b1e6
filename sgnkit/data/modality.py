"""The four modalities of a skeleton clip, derived from joint coordinates."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["MODALITIES", "check_modalities", "to_modalities"]

MODALITIES: tuple[str, ...] = ("joint", "bone", "joint_motion", "bone_motion")


def check_modalities(names: str | Sequence[str]) -> tuple[str, ...]:
    """Returns modality names as a tuple, or says which one is not known.

    Args:
        names: One name, or several in the wanted order.

    Raises:
        ValueError: If there is no name, or one that is not in `MODALITIES`.

    Examples:
        >>> check_modalities("bone")
        ('bone',)
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if name not in MODALITIES:
            match = difflib.get_close_matches(str(name), MODALITIES, n=1)
            hint = f" (did you mean {match[0]!r}?)" if match else ""
            raise ValueError(f"unknown modality {name!r}{hint}; legal are {', '.join(MODALITIES)}")
    if not names:
        raise ValueError(f"no modality given; legal are {', '.join(MODALITIES)}")
    return names


def to_modalities(
    x: Tensor,
    parent_index: Tensor,
    names: str | Sequence[str] = MODALITIES,
    *,
    causal: bool = False,
) -> Tensor:
    r"""Derives modalities from joint coordinates, for one clip or a batch, on any device.

    $$
    \mathbf{b}_{v,t} = \mathbf{x}_{v,t} - \mathbf{x}_{\mathrm{parent}(v),t}, \qquad
    \Delta\mathbf{x}_{v,t} = \mathbf{x}_{v,t+1} - \mathbf{x}_{v,t}, \qquad
    \Delta\mathbf{b}_{v,t} = \mathbf{b}_{v,t+1} - \mathbf{b}_{v,t}
    $$

    The bone of a root is 0. The motion of the last frame is 0, so a clip of one frame has no
    motion.

    Args:
        x: Joint coordinates, already augmented: all modalities share the augmentation.
        parent_index: Node of the parent joint of each node; a root names itself.
        names: Modalities in the wanted order.
        causal: Whether motion is that from the frame before, $\mathbf{x}_{v,t} -
            \mathbf{x}_{v,t-1}$, and 0 in the first frame, so that no later frame is needed.

    Shapes:
        - **x**: $(N, T, C)$
        - **parent_index**: $(N)$
        - **returns**: $(\text{modalities}, N, T, C)$, in the order of ``names``

    Raises:
        ValueError: If a name is unknown or ``x`` is not $(N, T, C)$.

    Examples:
        >>> x = torch.tensor([[[1.0], [2.0]], [[5.0], [9.0]]])  # 2 joints, 2 frames, 1 channel
        >>> joint, bone, joint_motion, bone_motion = to_modalities(x, torch.tensor([0, 0]))
        >>> bone.squeeze(-1).tolist(), bone_motion.squeeze(-1).tolist()
        ([[0.0, 0.0], [4.0, 7.0]], [[0.0, 0.0], [3.0, 0.0]])
    """
    names = check_modalities(names)
    if x.dim() != 3 or parent_index.dim() != 1 or parent_index.size(0) != x.size(0):
        raise ValueError(
            "to_modalities: x must be (N, T, C) and parent_index (N), "
            f"got {tuple(x.shape)} and {tuple(parent_index.shape)}"
        )
    streams = {"joint": x}
    if "bone" in names or "bone_motion" in names:
        streams["bone"] = x - x.index_select(0, parent_index)
    for name in ("joint", "bone"):
        if f"{name}_motion" in names:
            streams[f"{name}_motion"] = _motion(streams[name], causal)
    return torch.stack([streams[name] for name in names])


def _motion(x: Tensor, causal: bool) -> Tensor:
    steps, still = x[:, 1:] - x[:, :-1], torch.zeros_like(x[:, :1])
    return torch.cat([still, steps] if causal else [steps, still], dim=1)
