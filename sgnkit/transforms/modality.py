"""The transform that stores derived modalities."""

from __future__ import annotations

from collections.abc import Sequence

from sgnkit.data import MODALITIES, ClipList, RandomStreams, SkeletonData, to_modalities
from sgnkit.data.clip_list import bodies
from sgnkit.data.modality import check_modalities
from sgnkit.transforms._base import ClipTransform

__all__ = ["ToModalities"]


class ToModalities(ClipTransform):
    r"""Replaces joint coordinates by modalities, side by side in the channels.

    For stored or custom streams only: the models of sgnkit take joint coordinates and derive what
    they need with the same [`to_modalities`][sgnkit.data.to_modalities]. Put it last, so that all
    modalities share the augmentation. The clip's `modality` names what `x` holds.

    Args:
        names: One or several of `"joint"`, `"bone"`, `"joint_motion"`, `"bone_motion"`, in the
            wanted order.

    Shapes:
        - **x**: $(N, T, C)$ becomes $(N, T, \text{modalities} \cdot C)$

    Raises:
        ValueError: If a name is unknown, or the clip holds modalities already.

    Examples:
        >>> import torch
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 25, 3), "ntu25")
        >>> data = ToModalities(["joint", "bone"])(data)
        >>> data.x.shape, data.modality
        (torch.Size([25, 31, 6]), 'joint+bone')
    """

    def __init__(self, names: str | Sequence[str] = MODALITIES) -> None:
        self.names = check_modalities(names)

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip with modalities as channels."""
        if "modality" in data:
            self._refuse(data.modality)
        data.x = to_modalities(data.x, data.parent_index, self.names).movedim(0, 2).flatten(2)
        data.modality = "+".join(self.names)
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips with modalities as channels."""
        if "modality" in clips.rest:
            self._refuse(clips.rest["modality"][0])
        out = []
        for x, persons in zip(clips.x, clips.num_persons, strict=True):
            parents = bodies(clips.layout, persons)["parent_index"]
            out.append(to_modalities(x, parents, self.names).movedim(0, 2).flatten(2))
        return clips.with_(out, modality=["+".join(self.names)] * len(out))

    def _refuse(self, modality: str) -> None:
        raise ValueError(
            f"ToModalities: the clip holds {modality!r} already, joint coordinates are "
            "needed; use the transform once"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.names))})"
