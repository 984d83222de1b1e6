"""One clip of skeletons as one PyG graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from sgnkit.data import _arrays
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout, get_layout

__all__ = ["SkeletonData"]


class SkeletonData(Data):
    r"""A clip as a PyG graph: nodes are persons times joints, time is an axis of the features.

    Persons are components of the graph. Nodes stand person by person, and within a person in the
    order of the layout. A person that is absent has no nodes. `Batch` and `DataLoader` of PyG
    work as they are: they join the nodes of clips, with one or more persons each, and shift
    `edge_index` and `parent_index`. Clips of a batch need the same number of frames: see
    [`UniformSample`][sgnkit.transforms.UniformSample].

    Attributes:
        x: Joint coordinates $(N, T, C)$.
        edge_index: Bones in both directions and self-loops $(2, E)$, rows source and target.
        edge_type: Subset of each edge $(E)$: 0 self, 1 from the parent, 2 from a child.
        joint: Joint of each node $(N)$, an index into the layout.
        person: Person of each node $(N)$, counted from 0 in each clip.
        parent_index: Node of the parent joint of each node $(N)$; a root names itself.
        mask: Whether each joint was observed in each frame $(N, T)$.
        y: Class $(1)$, if known.
        num_frames: Number of frames of the recording; resampling does not change it. PyG makes it
            a tensor of one element in a batch and in what `InMemoryDataset` returns.
        layout: Name of the registered layout.
        name: Name of the clip.
        subject: Number of the performing subject, if the set knows it.
        camera: Number of the camera, if the set knows it.
        setup: Number of the recording setup, if the set knows it.

    Shapes:
        - **x**: $(N, T, C)$, **mask**: $(N, T)$
        - **edge_index**: $(2, E)$, **edge_type**: $(E)$
        - **joint**, **person**, **parent_index**: $(N)$
        - **y**: $(1)$

    Examples:
        >>> array = np.random.rand(30, 25, 3).astype("float32")  # frames, joints, coordinates
        >>> data = SkeletonData.from_array(array, "ntu25", axes="TVC", y=4, name="wave")
        >>> data.x.shape, data.num_persons, int(data.y)
        (torch.Size([25, 30, 3]), 1, 4)
        >>> bool((data.to_array("TVC") == array).all())
        True
    """

    @classmethod
    def from_array(
        cls,
        array: Any,
        layout: str | SkeletonLayout,
        axes: str = "TVC",
        *,
        y: int | None = None,
        name: str = "",
        mask: Any = None,
        persons: str = "present",
        missing: str = "raise",
        subject: int | None = None,
        camera: int | None = None,
        setup: int | None = None,
    ) -> SkeletonData:
        """Builds a clip from an array with any order of axes.

        The array is copied, its floating dtype is kept; integers become the default dtype.

        Args:
            array: NumPy array or tensor of coordinates.
            layout: Registered layout of the joints, or its name.
            axes: One letter per axis: `T` frames, `V` joints, `C` coordinates, and `M` persons if
                the array has such an axis. Any order.
            y: Class of the clip.
            name: Name of the clip.
            mask: Observed joints as booleans, with the axes of the array without `C`. For a
                detector's scores give ``mask=score > 0.3``. The coordinates of unobserved joints
                are kept if they are finite, else set to 0.
            persons: `"present"` leaves out each body of the `M` axis that has no observed
                coordinate other than 0 or NaN; `"all"` keeps every body. Without an `M` axis the
                only body is kept.
            missing: What NaN and infinity mean. `"raise"`: an error, except where ``mask`` is
                False. `"mask"`: the joint was not observed in that frame; its coordinates become
                0. `"zeros"`: as `"mask"`, and a joint that lies exactly at the origin was not
                observed either.
            subject: Number of the performing subject.
            camera: Number of the camera.
            setup: Number of the recording setup.

        Raises:
            sgnkit.errors.DataError: If the array does not fit axes or layout, holds a number that
                is not finite, or holds no person. The message names the place.
            ValueError: If an argument is not legal.
        """
        layout = _registered(layout)
        x = _arrays.to_tensor(array)
        axes = _arrays.check_axes(axes, x, layout)
        x = _arrays.permute(x, axes, "MVTC")
        observed = _arrays.observed(mask, axes, x)
        if _choice("persons", persons, ("present", "all")) == "present" and "M" in axes:
            present = _arrays.present_persons(x, observed)
            x, observed = x[present], observed[present]
        missing = _choice("missing", missing, ("raise", "mask", "zeros"))
        x, observed = _arrays.settle_missing(x, observed, missing, layout)
        num_persons, num_joints, num_frames, channels = x.shape

        data = cls(
            x=x.reshape(num_persons * num_joints, num_frames, channels),
            mask=observed.reshape(num_persons * num_joints, num_frames),
            y=None if y is None else torch.tensor([int(y)]),
            num_frames=num_frames,
            layout=layout.name,
            name=str(name),
            **body_graph(layout, num_persons),
        )
        for key, value in {"subject": subject, "camera": camera, "setup": setup}.items():
            if value is not None:
                data[key] = int(value)
        return data if x.device.type == "cpu" else data.to(x.device)

    def to_array(
        self, axes: str = "TVC", *, attr: str = "x", num_persons: int | None = None
    ) -> np.ndarray:
        """Returns the clip as a NumPy array with any order of axes, the inverse of `from_array`.

        Args:
            axes: One letter per axis, as in `from_array`. Without `M` the clip must have one
                person.
            attr: Node attribute to return, `"x"` or one shaped like `"mask"`, whose axes have no
                `C`.
            num_persons: Length of the `M` axis; persons beyond those present are zeros. Defaults
                to the persons present.

        Raises:
            ValueError: If the axes do not fit, or for a batch, which is to be taken apart first.
        """
        if not isinstance(self.layout, str):
            raise ValueError("SkeletonData.to_array: got a batch; take its clips, to_data_list()")
        num_joints, found = self.skeleton.num_joints, self.num_persons
        value = self[attr].detach().cpu()
        letters = "MVTC"[: value.dim() + 1]
        if sorted(axes) not in (sorted(letters), sorted(letters.replace("M", ""))):
            raise ValueError(
                f"SkeletonData.to_array: axes of {attr!r} must be the letters {letters!r} in any "
                f"order, with or without M, got {axes!r}"
            )
        wanted = found if num_persons is None else num_persons
        if wanted < found or ("M" not in axes and wanted > 1):
            raise ValueError(
                f"SkeletonData.to_array: the clip has {found} person(s), which do not fit "
                f"axes={axes!r}, num_persons={num_persons}; give an axis M that is long enough"
            )
        value = value.view(found, num_joints, *value.shape[1:])
        if wanted > found:
            value = torch.cat([value, value.new_zeros(wanted - found, *value.shape[1:])])
        if value.dtype is torch.bfloat16:  # NumPy has none; float32 holds the same numbers
            value = value.float()
        return _arrays.permute(value, letters, axes).contiguous().clone().numpy()

    @property
    def skeleton(self) -> SkeletonLayout:
        """The layout itself; for a batch, the one layout of all its clips."""
        names = {self.layout} if isinstance(self.layout, str) else set(self.layout)
        if len(names) != 1:
            raise ValueError(f"the clips of this batch have different layouts: {sorted(names)}")
        return get_layout(names.pop())

    @property
    def num_persons(self) -> int:
        """Number of persons; for a batch, of all its clips together."""
        return int((self.joint == 0).sum())

    def validate(self, raise_on_error: bool = True) -> bool:
        """Checks that all attributes fit each other and the layout.

        Args:
            raise_on_error: Whether to raise instead of returning False.

        Raises:
            sgnkit.errors.DataError: If something does not fit; the message names it.
        """
        try:
            clips = [self] if isinstance(self.layout, str) else self.to_data_list()
            for clip in clips:
                _check_clip(clip)
        except ValueError:
            if raise_on_error:
                raise
            return False
        return True


def body_graph(layout: SkeletonLayout, num_persons: int) -> dict[str, Tensor]:
    """Returns edges, joint, person and parent of the nodes of some bodies of one layout."""
    num_joints = layout.num_joints
    offset = torch.arange(num_persons).unsqueeze(1) * num_joints
    edge_index, edge_type = layout.edge_index()
    return {
        "edge_index": (edge_index.unsqueeze(1) + offset).flatten(1),
        "edge_type": edge_type.repeat(num_persons),
        "joint": torch.arange(num_joints).repeat(num_persons),
        "person": torch.arange(num_persons).repeat_interleave(num_joints),
        "parent_index": (torch.tensor(layout.parents) + offset).flatten(),
    }


def _registered(layout: str | SkeletonLayout) -> SkeletonLayout:
    """Returns the layout, made sure that its name alone leads back to it."""
    found = get_layout(layout if isinstance(layout, str) else layout.name)
    if isinstance(layout, SkeletonLayout) and found != layout:
        raise ValueError(
            f"SkeletonData: the registered layout {layout.name!r} is a different one; "
            "give yours another name and call register_layout(layout)"
        )
    return found


def _choice(argument: str, value: str, legal: tuple[str, ...]) -> str:
    if value not in legal:
        raise ValueError(
            f"SkeletonData.from_array: {argument} must be one of {', '.join(legal)}, got {value!r}"
        )
    return value


def _check_clip(data: SkeletonData) -> None:
    def fail(what: str, expected: object, found: object, place: str | None = None) -> None:
        raise DataError(
            f"SkeletonData {data.name!r}: {what}", place=place, expected=expected, found=found
        )

    layout = data.skeleton
    if data.x.dim() != 3 or 0 in data.x.shape or not data.x.is_floating_point():
        fail(
            "wrong shape or dtype", "floats (N, T, C)", f"{data.x.dtype} {tuple(data.x.shape)}", "x"
        )
    num_nodes, num_frames = data.x.shape[:2]
    if num_nodes % layout.num_joints:
        fail(
            f"the nodes are not whole bodies of layout {layout.name!r}",
            f"a multiple of {layout.num_joints} nodes",
            num_nodes,
            "x",
        )
    for key, value in body_graph(layout, num_nodes // layout.num_joints).items():
        if key not in data or data[key].shape != value.shape:
            found = tuple(data[key].shape) if key in data else "no such attribute"
            fail("wrong shape", tuple(value.shape), found, key)
        if key not in ("edge_index", "edge_type") and not torch.equal(data[key].cpu(), value):
            fail(
                f"not the table of layout {layout.name!r}", value.tolist(), data[key].tolist(), key
            )
    edge_index = data.edge_index
    if edge_index.min() < 0 or edge_index.max() >= num_nodes:
        fail(
            "an edge leads to no node",
            f"nodes 0 to {num_nodes - 1}",
            edge_index.tolist(),
            "edge_index",
        )
    crossing = (data.person[edge_index[0]] != data.person[edge_index[1]]).nonzero()
    if crossing.numel():
        edge = edge_index[:, crossing[0, 0]].tolist()
        fail("an edge joins two persons", "edges within a person", edge, "edge_index")
    if data.mask.shape != (num_nodes, num_frames) or data.mask.dtype is not torch.bool:
        expected = f"torch.bool {(num_nodes, num_frames)}"
        fail("wrong mask", expected, f"{data.mask.dtype} {tuple(data.mask.shape)}", "mask")
    _arrays.check_finite(data.x.view(-1, layout.num_joints, *data.x.shape[1:]), layout)
    if data.y is not None and (data.y.shape != (1,) or data.y.dtype is not torch.long):
        fail("wrong class", "int64 (1,)", f"{data.y.dtype} {tuple(data.y.shape)}", "y")


# PyG's datasets store the class beside its tensors and load both with weights_only=True.
torch.serialization.add_safe_globals([SkeletonData])
