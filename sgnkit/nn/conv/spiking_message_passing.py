"""Message passing with spikes: the base class for spiking layers of one's own."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like

__all__ = ["SpikingMessagePassing"]


class SpikingMessagePassing(MessagePassing):
    r"""Base class of spiking layers: messages are weighted spikes, their sum is the synaptic
    current, and the update is the membrane.

    $$
    \mathbf{z}_i = \mathrm{SN}\Bigl(\mathrm{BN}\Bigl(\bigoplus_{j \in \mathcal{N}(i)}
        \phi\bigl(\mathbf{x}_i, \mathbf{x}_j, \mathbf{e}_{j,i}\bigr)\Bigr)\Bigr)
    $$

    A subclass writes `message`, the function $\phi$, with the argument names of
    [`MessagePassing`](https://pytorch-geometric.readthedocs.io/en/latest/tutorial/create_gnn.html):
    `x_j` is the source and `x_i` the target of each edge, everything else is passed to `forward`
    by name. All steps and frames are sent at once, the neuron runs over the steps. The default
    message is the spikes of the source, times `edge_weight` where there is one.

    Args:
        aggr: How messages become a current: `"sum"`, `"mean"`, `"max"`, ...
        norm: A module between current and neuron, over $(S, *, N, C)$. None by default.
        neuron: The spiking neuron, which runs over the first axis. Defaults to
            [`LIF`][sgnkit.nn.LIF].
        **kwargs: Other arguments of PyG's `MessagePassing`.

    Shapes:
        - **x**: $(S, *, N, C)$, spiking steps first
        - **edge_index**: $(2, E)$, or a [`SkeletonGraph`][sgnkit.nn.SkeletonGraph]
        - **returns**: spikes $(S, *, N, C_{out})$

    Raises:
        ValueError: If **x** has fewer than three axes, or `node_dim` is not -2.
        TypeError: If an argument that `message` asks for is missing, or another one is passed.

    Examples:
        A layer of one's own is its message:

        >>> import torch
        >>> class Difference(SpikingMessagePassing):
        ...     def message(self, x_i, x_j):
        ...         return x_j - x_i
        >>> edge_index = torch.tensor([[0, 1], [1, 0]])
        >>> Difference()(torch.rand(4, 2, 3), edge_index).shape
        torch.Size([4, 2, 3])
    """

    _asked: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._ask()

    @classmethod
    def _ask(cls) -> None:
        """Notes what `message` asks for, and tells PyG, which cannot see it in `forward`."""
        cls._asked = {"x": inspect.Parameter.empty}
        for name, parameter in list(inspect.signature(cls.message).parameters.items())[1:]:
            if name not in cls.special_args:
                cls._asked.setdefault(name.removesuffix("_i").removesuffix("_j"), parameter.default)
        cls.propagate_type = dict.fromkeys(cls._asked, Tensor)

    def __init__(
        self,
        aggr: str | list[str] | None = "sum",
        *,
        norm: nn.Module | None = None,
        neuron: nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.setdefault("node_dim", -2) != -2:
            raise ValueError(
                f"{type(self).__name__}: node_dim must be -2, as x is [S, *, N, C], got "
                f"{kwargs['node_dim']}"
            )
        super().__init__(aggr=aggr, **kwargs)
        self.norm = nn.Identity() if norm is None else norm
        self.neuron = like(neuron, LIF())

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        super().reset_parameters()
        for module in (self.norm, self.neuron):
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()

    def forward(self, x: Tensor, edge_index: Tensor | SkeletonGraph, **kwargs: Any) -> Tensor:
        """Runs the whole sequence from rest and returns its spikes.

        Args:
            x: The spikes of the nodes.
            edge_index: The edges, from source to target.
            **kwargs: What `message` asks for by name, such as `edge_weight`.
        """
        if x.dim() < 3:
            raise ValueError(
                f"{type(self).__name__}: expected x [S, *, N, C], got shape {tuple(x.shape)}"
            )
        if isinstance(edge_index, SkeletonGraph):
            edge_index = edge_index.edge_index
        given = {"x": x, **kwargs}
        for name, default in self._asked.items():
            if given.setdefault(name, default) is inspect.Parameter.empty:
                raise TypeError(f"{type(self).__name__}: message asks for {name!r}, pass {name}=")
        if unknown := sorted(key for key in given if key not in self._asked):
            raise TypeError(
                f"{type(self).__name__}: message asks for {', '.join(self._asked)}; got {unknown}"
            )
        return self.propagate(edge_index, **given)

    def message(self, x_j: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Returns the messages of all edges, `[S, *, E, C]`."""
        return x_j if edge_weight is None else edge_weight.to(x_j.dtype).unsqueeze(-1) * x_j

    def update(self, inputs: Tensor) -> Tensor:
        """Returns the spikes that the summed messages cause."""
        return self.neuron(self.norm(inputs))


SpikingMessagePassing._ask()
