"""Skeleton layouts: which joints there are and how they hang together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from sgnkit import _layout_graph, _layout_io
from sgnkit._layout_graph import PARTITIONS, kept_ancestor
from sgnkit.layouts import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PARTITIONS", "SkeletonLayout", "get_layout", "list_layouts", "register_layout"]


@dataclass(frozen=True)
class SkeletonLayout:
    r"""Joints of one body, the tree that connects them, and the source of that table.

    The bones are the pairs (joint, parent). A partition sorts the directed edges of the bone graph
    into $K$ subsets (`edge_type`), and `adjacency` normalises them by columns, so that
    $\sum_v x_v A_{k}[v, w]$ is an average of the neighbours of $w$:

    - `"spatial"`, $K = 3$: 0 self, 1 centripetal (from the parent, which is nearer the root),
      2 centrifugal (from the children); $A_k D_k^{-1}$ for each subset alone, as in the
      ["Two-Stream Adaptive Graph Convolutional Networks"](https://arxiv.org/abs/1805.07694) paper.
    - `"distance"`, $K = 2$: 0 self, 1 one hop; normalised together, as in the
      ["Spatial Temporal Graph Convolutional Networks"](https://arxiv.org/abs/1801.07455) paper.
    - `"uniform"`, $K = 1$: the sum of the two subsets of `"distance"`.
    - `"spatial_released"`, `"spatial_full"`, $K = 3$: 0 self, 1 from a joint that is as far from
      the centre or farther, 2 from a nearer one; normalised together, as in ST-GCN. Its released
      code takes every joint beyond one bone for equally far; `"spatial_full"` does not.

    Args:
        name: Name under which [`register_layout`][sgnkit.layout.register_layout] files it.
        joints: Names of the $V$ joints, all different.
        parents: Index of the parent of each joint. A root is its own parent; more than one root is
            legal (a forest).
        pairs: Indices of (left, right) counterparts. A joint stands in one pair at most.
        center: Index of the centre joint, the origin of
            [`Center`][sgnkit.transforms.Center].
        source: Where the table comes from.
        coords: One $(x, y)$ per joint for drawings only, or nothing.

    Raises:
        ValueError: If the table contradicts itself. The message names the joint.

    Examples:
        >>> arm = SkeletonLayout("arm", ("shoulder", "elbow", "hand"), (0, 0, 1))
        >>> arm.num_joints, arm.bones
        (3, ((1, 0), (2, 1)))
        >>> edge_index, edge_type = arm.edge_index("spatial")
        >>> edge_index.tolist()
        [[0, 1, 2, 0, 1, 1, 2], [0, 1, 2, 1, 2, 0, 1]]
        >>> edge_type.tolist()
        [0, 0, 0, 1, 1, 2, 2]
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...] = ()
    center: int = 0
    source: str = ""
    coords: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "joints", tuple(self.joints))
        set_field(self, "parents", tuple(self.parents))
        set_field(self, "pairs", tuple((left, right) for left, right in self.pairs))
        set_field(self, "coords", tuple((float(x), float(y)) for x, y in self.coords))
        _layout_io.check_table(self)

    @property
    def num_joints(self) -> int:
        """Number of joints $V$."""
        return len(self.joints)

    @property
    def roots(self) -> tuple[int, ...]:
        """Indices of the joints that are their own parent."""
        return tuple(j for j, parent in enumerate(self.parents) if j == parent)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """All (joint, parent) pairs, roots left out."""
        return tuple((j, parent) for j, parent in enumerate(self.parents) if j != parent)

    def index(self, joint: str | int) -> int:
        """Returns the index of a joint given by its name or its index.

        Raises:
            ValueError: If there is no such joint; the message names the nearest one.
        """
        if isinstance(joint, str):
            if joint in self.joints:
                return self.joints.index(joint)
            near = _layout_io.nearest(joint, self.joints)
            known = ", ".join(self.joints)
            raise ValueError(f"layout {self.name!r} has no joint {joint!r}{near}; it has {known}")
        if _layout_io.is_joint(joint, self.num_joints):
            return int(joint)
        raise ValueError(
            f"layout {self.name!r} has joints 0 to {self.num_joints - 1}, got joint {joint!r}"
        )

    def num_subsets(self, partition: str = "spatial") -> int:
        """Returns the number of adjacency subsets $K$ of a partition."""
        if partition not in PARTITIONS:
            known = ", ".join(PARTITIONS)
            raise ValueError(f"SkeletonLayout: partition must be one of {known}, got {partition!r}")
        return PARTITIONS[partition]

    def edge_index(self, partition: str = "spatial") -> tuple[Tensor, Tensor]:
        """Returns the directed edges of one body, self-loops first, and their subsets.

        Args:
            partition: One of the above.

        Shapes:
            - **edge_index**: $(2, E)$, rows source and target
            - **edge_type**: $(E)$, subset of each edge, in $[0, K)$
        """
        self.num_subsets(partition)
        edge_index, edge_type = _layout_graph.edges(self.parents, partition, self.center)
        return edge_index.clone(), edge_type.clone()

    def adjacency(self, partition: str = "spatial") -> Tensor:
        """Returns the subsets as dense matrices, normalised by columns.

        Entry `[k, source, target]` is the weight of that edge. Columns of a normalised matrix
        sum to 1, columns without edge stay 0.

        Args:
            partition: One of the above.

        Shapes:
            - **returns**: $(K, V, V)$

        Examples:
            >>> get_layout("ntu25").adjacency("spatial").sum(dim=(1, 2)).tolist()
            [25.0, 24.0, 20.0]
        """
        self.num_subsets(partition)
        return _layout_graph.adjacency(self.parents, partition, self.center)

    def subset(self, joints: Sequence[str | int], name: str | None = None) -> SkeletonLayout:
        """Returns the layout of some joints, in the order given.

        A joint whose parent is left out hangs on its nearest kept ancestor, or becomes a root if
        there is none. Left/right pairs stay where both joints stay. The centre moves to its
        nearest kept ancestor, else to the first root.

        Args:
            joints: Names or indices of the joints to keep.
            name: Name of the new layout. Defaults to this name, "_subset" and the joint count.

        Raises:
            ValueError: If a joint is unknown or given twice, or if there is none.

        Examples:
            >>> arms = get_layout("ntu25").subset(["head", "left_hand", "spine_shoulder"])
            >>> arms.joints, arms.parents, arms.center
            (('head', 'left_hand', 'spine_shoulder'), (2, 2, 2), 2)
        """
        kept = [self.index(joint) for joint in joints]
        new_index = {old: new for new, old in enumerate(kept)}
        parents = []
        for new, old in enumerate(kept):
            ancestor = kept_ancestor(self.parents, self.parents[old], new_index)
            parents.append(new if ancestor is None else new_index[ancestor])
        center = kept_ancestor(self.parents, self.center, new_index)
        first_root = next((j for j, parent in enumerate(parents) if j == parent), 0)
        return SkeletonLayout(
            name=f"{self.name}_subset{len(kept)}" if name is None else name,
            joints=tuple(self.joints[j] for j in kept),
            parents=tuple(parents),
            pairs=tuple(
                (new_index[left], new_index[right])
                for left, right in self.pairs
                if left in new_index and right in new_index
            ),
            center=first_root if center is None else new_index[center],
            source=f"{len(kept)} joints of {self.name}: {self.source}",
            coords=tuple(self.coords[j] for j in kept) if self.coords else (),
        )

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], *, file: object = None) -> SkeletonLayout:
        """Builds a layout from plain values, as read from YAML.

        Args:
            table: `name`, `joints` and `parents`, and if wanted `pairs`, `center`, `source`,
                `coords`. Joints in `parents`, `pairs` and `center` are names or indices.
            file: Named in error messages.

        Raises:
            sgnkit.errors.DataError: If a key is unknown or missing, or a value is not legal.
        """
        return _layout_io.build(cls, table, file)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values, with joints by name, that `from_dict` reads."""
        return _layout_io.to_dict(self)

    @classmethod
    def from_yaml(cls, path: str | Path) -> SkeletonLayout:
        """Reads a layout from a YAML file with the keys of `from_dict`.

        Raises:
            sgnkit.errors.DataError: If the file is no YAML or not a legal table. The message
                names file, key, what was expected and what was found.
        """
        return cls.from_dict(_layout_io.read_yaml(Path(path)), file=path)

    def to_yaml(self, path: str | Path | None = None) -> str:
        """Returns the layout as YAML and writes it to ``path`` if given."""
        text = _layout_io.to_yaml(self)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def plot(self, ax: Axes | None = None, path: str | Path | None = None) -> Figure:
        """Draws joints with their numbers, bones, left/right pairs and the centre.

        Without `coords` the tree is drawn from the root downwards. Needs matplotlib.

        Args:
            ax: Matplotlib axes to draw on. Defaults to a new figure, outside of pyplot's state.
            path: If given, the picture is saved there.
        """
        from sgnkit._layout_plot import plot_layout

        return plot_layout(self, ax=ax, path=path)

    def __repr__(self) -> str:
        return f"SkeletonLayout({self.name!r}, joints={self.num_joints})"


_REGISTRY: dict[str, SkeletonLayout] = {}


def get_layout(layout: str | SkeletonLayout) -> SkeletonLayout:
    """Returns a registered layout by its name; a layout is returned as it is.

    Args:
        layout: One of `list_layouts()`, or a layout.

    Raises:
        ValueError: If the name is unknown; the message lists the names and the nearest one.

    Examples:
        >>> get_layout("ntu25")
        SkeletonLayout('ntu25', joints=25)
    """
    if isinstance(layout, SkeletonLayout):
        return layout
    if layout in _REGISTRY:
        return _REGISTRY[layout]
    raise ValueError(
        f"unknown layout {layout!r}{_layout_io.nearest(str(layout), list_layouts())}; "
        f"known are {', '.join(list_layouts())}; "
        "register_layout(SkeletonLayout(...)) adds your own, in every process that uses it"
    )


def register_layout(layout: SkeletonLayout, overwrite: bool = False) -> SkeletonLayout:
    """Files a layout under its name for [`get_layout`][sgnkit.layout.get_layout].

    Registering an equal layout again changes nothing.

    Args:
        layout: The layout.
        overwrite: Whether a different layout of that name may be replaced.

    Raises:
        ValueError: If the name belongs to a different layout.
    """
    if not isinstance(layout, SkeletonLayout):
        raise TypeError(f"register_layout: layout must be a SkeletonLayout, got {layout!r}")
    if not overwrite and _REGISTRY.get(layout.name, layout) != layout:
        raise ValueError(
            f"register_layout: the name {layout.name!r} belongs to a different layout; "
            "choose another name or pass overwrite=True"
        )
    _REGISTRY[layout.name] = layout
    return layout


def list_layouts() -> list[str]:
    """Returns the names of all registered layouts, built-ins first."""
    return list(_REGISTRY)


for _name, (_center, _source, _rows) in TABLES.items():
    register_layout(_layout_io.from_rows(SkeletonLayout, _name, _center, _source, _rows))
