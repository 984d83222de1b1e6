"""Arrays with named axes: checks, order, missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout, get_layout, list_layouts

__all__ = [
    "check_axes",
    "check_finite",
    "observed",
    "permute",
    "present_persons",
    "settle_missing",
    "to_tensor",
]


def to_tensor(array: Any) -> Tensor:
    """Returns a floating tensor of the same dtype; integers become the default dtype."""
    if isinstance(array, Tensor):
        x = array.detach()
    else:
        values = np.asarray(array)
        if values.dtype.kind not in "fiu":
            raise TypeError(
                f"SkeletonData.from_array: array must hold real numbers, got dtype {values.dtype}"
            )
        # Torch knows no foreign byte order, negative strides, read-only memory or long doubles.
        dtype = values.dtype.newbyteorder("=") if values.dtype.itemsize <= 8 else np.float64
        x = torch.from_numpy(np.array(values, dtype=dtype, order="C"))
    if x.is_complex() or x.dtype is torch.bool:
        raise TypeError(f"SkeletonData.from_array: array must hold real numbers, got {x.dtype}")
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


def check_axes(axes: str, x: Tensor, layout: SkeletonLayout) -> str:
    """Returns the axes if they are legal and the array fits them and the layout."""
    if sorted(axes) not in (sorted("TVC"), sorted("MTVC")):
        raise ValueError(
            "SkeletonData.from_array: axes must be the letters T (frames), V (joints), C "
            f"(coordinates) and if wanted M (persons), once each in any order, got {axes!r}"
        )
    shape = tuple(x.shape)
    if len(shape) != len(axes):
        raise DataError(
            f"the array does not fit axes={axes!r}",
            expected=f"{len(axes)} axes",
            found=f"{len(shape)} axes, shape {shape}",
            remedy="name one letter per axis, for example axes='MTVC' with persons first",
        )
    if 0 in shape:
        letter = axes[shape.index(0)]
        raise DataError(
            "the array is empty",
            place=f"axis {shape.index(0)} ({letter})",
            expected="at least one person, frame, joint and coordinate",
            found=f"shape {shape}",
        )
    found = shape[axes.index("V")]
    if found != layout.num_joints:
        fitting = [n for n in list_layouts() if get_layout(n).num_joints == found]
        remedy = (
            f"layouts with {found} joints: {', '.join(fitting)}"
            if fitting
            else f"no registered layout has {found} joints; register_layout adds your own"
        )
        if layout.num_joints in shape:
            remedy = f"another axis has {layout.num_joints}: check axes={axes!r}; or {remedy}"
        raise DataError(
            f"the array does not fit layout {layout.name!r}",
            place=f"axis {axes.index('V')} (V) of shape {shape}, axes={axes!r}",
            expected=f"{layout.num_joints} joints",
            found=f"{found} joints",
            remedy=remedy,
        )
    return axes


def permute(x: Tensor, axes: str, wanted: str) -> Tensor:
    """Reorders named axes; adds an ``M`` of length 1, or takes it away."""
    if "M" in wanted and "M" not in axes:
        x, axes = x.unsqueeze(0), "M" + axes
    elif "M" in axes and "M" not in wanted:
        x, axes = x.squeeze(axes.index("M")), axes.replace("M", "")
    return x.permute([axes.index(letter) for letter in wanted])


def observed(mask: Any, axes: str, x: Tensor) -> Tensor:
    """Returns the mask of an array as (M, V, T); all True without a mask."""
    if mask is None:
        return torch.ones(x.shape[:3], dtype=torch.bool, device=x.device)
    axes = axes.replace("C", "")
    sizes = dict(zip("MVT", x.shape[:3], strict=True))
    expected = tuple(sizes[letter] for letter in axes)
    mask = torch.as_tensor(mask, device=x.device)
    if mask.dtype is not torch.bool or tuple(mask.shape) != expected:
        raise DataError(
            "the mask does not fit the array",
            place="mask",
            expected=f"booleans, axes {axes!r}, shape {expected}",
            found=f"{mask.dtype}, shape {tuple(mask.shape)}",
            remedy="for scores of a detector give mask=score > threshold",
        )
    return permute(mask, axes, "MVT").clone()


def present_persons(x: Tensor, observed: Tensor) -> Tensor:
    """Returns the bodies (M) that have an observed coordinate other than 0 or NaN."""
    something = (x != 0) & ~x.isnan()
    present = (something & observed.unsqueeze(-1)).flatten(1).any(dim=1)
    if not present.any():
        raise DataError(
            "the clip holds no person",
            place="axis M",
            expected="a body with an observed coordinate other than 0 or NaN",
            found=f"{len(x)} bodies without one",
            remedy="leave the clip out, or keep empty bodies with persons='all'",
        )
    return present


def settle_missing(
    x: Tensor, observed: Tensor, missing: str, layout: SkeletonLayout
) -> tuple[Tensor, Tensor]:
    """Returns a copy of the coordinates without NaN and infinity, and what was observed."""
    finite = x.isfinite().all(dim=-1)
    if missing == "raise":
        check_finite(x, layout, observed)
    else:
        observed = observed & finite
    if missing == "zeros":
        observed = observed & (x != 0).any(dim=-1)
    x = x.clone(memory_format=torch.contiguous_format)
    if not finite.all():
        x[~finite] = 0
    return x, observed.contiguous()


def check_finite(x: Tensor, layout: SkeletonLayout, observed: Tensor | None = None) -> None:
    """Raises an error that names the first observed joint that is NaN or infinite."""
    wrong = ~x.isfinite().all(dim=-1)
    if observed is not None:
        wrong = wrong & observed
    if wrong.any():
        person, frame, joint = wrong.transpose(1, 2).nonzero()[0].tolist()
        raise DataError(
            "a coordinate is not a finite number",
            place=f"person {person}, frame {frame}, joint {joint} ({layout.joints[joint]!r})",
            expected="finite numbers",
            found=f"{x[person, joint, frame].tolist()}, {int(wrong.sum())} such joints in all",
            remedy="missing='mask' takes them as not observed",
        )
