"""A network between plain tensors: the form that leaves PyTorch Geometric behind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sgnkit.nn.graph import SkeletonGraph

__all__ = ["TensorModel"]


class TensorModel(nn.Module):
    r"""A network of one layout that takes a tensor of coordinates instead of a PyG batch.

    The graph is built from the two shapes, so numbers of clips and persons stay free in an export.

    Args:
        model: A network of `sgnkit.models`, in evaluation mode.

    Shapes:
        - **x**: $(B, M, T, V, C)$, clips, persons, frames, joints, coordinates
        - **present**: $(B, M)$, whether there is such a person in the clip
        - **returns**: what the network returns, logits $(B, \text{classes})$

    Examples:
        >>> import sgnkit
        >>> model = sgnkit.create_model("base_sgn_small", layout="kinect20", num_classes=10).eval()
        >>> x, present = torch.rand(2, 1, 16, 20, 3), torch.ones(2, 1, dtype=torch.bool)
        >>> TensorModel(model)(x, present).shape
        torch.Size([2, 10])
    """

    edge_index: Tensor
    edge_type: Tensor
    parents: Tensor

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        layout: Any = model.layout
        self.model = model
        self.num_joints = layout.num_joints
        edge_index, edge_type = layout.edge_index()
        self.register_buffer("edge_index", edge_index)
        self.register_buffer("edge_type", edge_type)
        self.register_buffer("parents", torch.tensor(layout.parents))
        self.train(model.training)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Returns the logits of a batch of clips."""
        clips, persons, frames, joints, channels = x.shape
        nodes = x.transpose(2, 3).reshape(clips * persons * joints, frames, channels)
        return self.model.forward_tensors(nodes, self.graph(clips, present))  # type: ignore[operator]

    def graph(self, clips: int, present: Tensor) -> SkeletonGraph:
        """Returns the graph of so many clips."""
        bodies, joints = present.numel(), self.num_joints
        body = torch.arange(bodies, device=present.device)
        start = (body * joints).unsqueeze(1)
        return SkeletonGraph(
            edge_index=(self.edge_index.unsqueeze(1) + start).flatten(1),
            edge_type=self.edge_type.repeat(bodies),
            joint=torch.arange(joints, device=present.device).repeat(bodies),
            parent_index=(self.parents + start).flatten(),
            body=body.repeat_interleave(joints),
            clip=torch.arange(clips, device=present.device).repeat_interleave(present.size(1)),
            present=present.flatten(),
            num_clips=clips,
            num_joints=joints,
        )
