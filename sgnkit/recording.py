"""What happens inside a network while it runs: spikes, membranes, attention, graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sgnkit.nn.conv.adaptive_graph_conv import AdaptiveGraphConv
from sgnkit.nn.conv.adjacency import Adjacency
from sgnkit.nn.conv.spiking_self_attention import SpikingSelfAttention
from sgnkit.nn.fusion.mutual_information import mutual_information
from sgnkit.nn.fusion.spiking_multimodal_fusion import SpikingMultimodalFusion
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.neuron import LIF

__all__ = ["LayerActivity", "Recording", "record"]

WHAT = ("spikes", "membrane", "attention", "adjacency", "mutual_information")


class LayerActivity(NamedTuple):
    """How one layer of neurons fires. A neuron is a channel, which all nodes and frames share.

    Attributes:
        rate: Spikes for each neuron, node, frame and step.
        dead: Share of the channels that never fire.
        saturated: Share of the channels that fire at nearly every step.
        channels: Firing rate of each channel.

    Shapes:
        - **channels**: $(C)$
    """

    rate: float
    dead: float
    saturated: float
    channels: Tensor


@dataclass
class Recording:
    r"""What [`record`][sgnkit.recording.record] saw, by the name of the module; on the CPU.

    Several calls of the model are joined along the nodes (bodies, clips).

    Attributes:
        spikes: Spikes of each neuron, if asked for, as are the following.
        membrane: Its membrane.
        attention: Maps of each attention.
        adjacency: Graphs of each layer that has one.
        mutual_information: That between the modalities, of each fusion.
        joint: Joint of each node.
        body: Body of each node.

    Shapes:
        - **spikes**: truth values $(S, T, N, C)$
        - **membrane**: $h$ before the reset, $(S, T, N, C)$: a spike where it is above threshold
        - **attention**: $(S, T, BM, H, V, V)$, target before source
        - **adjacency**: $(K, V, V)$, source before target
        - **mutual_information**: $(B, Q, Q)$, in nats
        - **joint**, **body**: $(N)$
    """

    spikes: dict[str, Tensor] = field(default_factory=dict)
    membrane: dict[str, Tensor] = field(default_factory=dict)
    attention: dict[str, Tensor] = field(default_factory=dict)
    adjacency: dict[str, Tensor] = field(default_factory=dict)
    mutual_information: dict[str, Tensor] = field(default_factory=dict)
    joint: Tensor | None = None
    body: Tensor | None = None

    def activity(self, saturated: float = 0.95) -> dict[str, LayerActivity]:
        """Returns rates, dead and saturated neurons of each layer.

        Args:
            saturated: Firing rate from which a neuron counts as saturated.
        """
        found = {}
        for name, spikes in self.spikes.items():
            channels = spikes.flatten(0, -2).double().mean(0)
            found[name] = LayerActivity(
                float(channels.mean()),
                float((channels == 0).double().mean()),
                float((channels >= saturated).double().mean()),
                channels,
            )
        return found

    def rate_histogram(self, name: str, bins: int = 20) -> tuple[Tensor, Tensor]:
        r"""Returns how many neurons of a layer have which firing rate, and the edges of the bins.

        Shapes:
            - **returns**: $(\text{bins})$ and $(\text{bins} + 1)$, from 0 to 1
        """
        rates = self._spikes(name).flatten(0, -2).double().mean(0)
        counts = torch.histc(rates, bins, 0.0, 1.0)
        return counts, torch.linspace(0, 1, bins + 1)

    def joint_activity(self, name: str) -> Tensor:
        """Returns the firing rate of a layer at each joint and frame, over bodies and steps.

        Shapes:
            - **returns**: $(V, T)$

        Raises:
            ValueError: If the layer does not fire at nodes and frames.
        """
        spikes = self._spikes(name)
        if self.joint is None or spikes.dim() != 4 or spikes.size(2) != self.joint.numel():
            raise ValueError(
                f"Recording: '{name}' has spikes {tuple(spikes.shape)}, no [S, T, N, C] for the "
                f"{0 if self.joint is None else self.joint.numel()} nodes of the recorded graphs"
            )
        rates = spikes.double().mean((0, 3)).t()  # [N, T]
        total = rates.new_zeros(int(self.joint.max()) + 1, rates.size(1))
        count = torch.bincount(self.joint).clamp(min=1).unsqueeze(1)
        return total.index_add(0, self.joint, rates) / count

    def _spikes(self, name: str) -> Tensor:
        if name not in self.spikes:
            raise ValueError(
                f"Recording: no spikes of '{name}'; there are those of {', '.join(self.spikes)}"
            )
        return self.spikes[name]


@contextmanager
def record(model: nn.Module, *what: str) -> Iterator[Recording]:
    """Records what happens inside a model as long as the context lasts.

    Outside of it nothing is kept and nothing is slower: the layers know nothing of it. Inside,
    gradients, modes and outputs are as without.

    Args:
        model: Any model or layer.
        *what: Any of `"spikes"`, `"membrane"`, `"attention"`, `"adjacency"` and
            `"mutual_information"`; `"spikes"` by default.

    Raises:
        ValueError: If a name is unknown, or if calls of different numbers of frames are recorded.

    Examples:
        >>> import sgnkit
        >>> model = sgnkit.create_model("base_sgn_small", layout="ntu25", num_classes=5).eval()
        >>> clip = sgnkit.SkeletonData.from_array(torch.rand(8, 25, 3).numpy(), "ntu25", axes="TVC")
        >>> with record(model, "spikes", "adjacency") as r:
        ...     logits = model(clip)
        >>> r.spikes["encoders.0.neuron"].shape, r.joint_activity("blocks.0.temporal.neuron").shape
        (torch.Size([4, 8, 25, 32]), torch.Size([25, 8]))
    """
    unknown = sorted(set(what) - set(WHAT))
    if unknown:
        raise ValueError(f"record: cannot record {unknown[0]!r}; expected any of {', '.join(WHAT)}")
    wanted = set(what or ("spikes",))
    recording = Recording()
    with ExitStack() as stack:
        for name, module in model.named_modules():
            for hook in _hooks(recording, name, module, wanted):
                stack.callback(module.register_forward_hook(hook).remove)
        if "adjacency" in wanted:
            stack.callback(_graphs, recording, model)
        see = _GraphWatch(recording)
        stack.callback(model.register_forward_pre_hook(lambda *_: see.forget()).remove)
        for module in model.modules():
            stack.callback(module.register_forward_pre_hook(see).remove)
        yield recording


Hook = Callable[[nn.Module, Any, Any], None]


def _hooks(recording: Recording, name: str, module: nn.Module, wanted: set[str]) -> list[Hook]:
    """Returns what is to be called after a module."""
    hooks: list[Hook] = []
    if isinstance(module, LIF):
        if "spikes" in wanted:
            hooks.append(lambda m, x, out: _add(recording.spikes, name, out > 0))
        if "membrane" in wanted:
            hooks.append(lambda m, x, out: _add(recording.membrane, name, _membrane(m, x[0])))
    if isinstance(module, SpikingMultimodalFusion) and "mutual_information" in wanted:

        def information(m: nn.Module, inputs: Any, out: Any) -> None:
            _add(recording.mutual_information, name, mutual_information(*inputs), 0)

        hooks.append(information)
    if isinstance(module, SpikingSelfAttention) and "attention" in wanted:
        hooks.append(_attention(recording, name))
    return hooks


def _attention(recording: Recording, name: str) -> Hook:
    """Returns a hook that keeps the maps without letting its own spikes be recorded."""

    def hook(module: Any, inputs: Any, out: Any) -> None:
        x, graph = inputs
        saved = module.neuron_qkv._forward_hooks
        module.neuron_qkv._forward_hooks = type(saved)()
        try:
            with torch.no_grad():
                _add(recording.attention, name, module.attention(x, graph))
        finally:
            module.neuron_qkv._forward_hooks = saved

    return hook


def _membrane(neuron: Any, x: Tensor) -> Tensor:
    """Returns the membrane before each reset, by Norse's step."""
    state, trace = neuron.rest(x[0]), []
    with torch.no_grad():
        tau_inv = neuron._rate()
        for x_s in x:
            drive = x_s.to(state.v.dtype) + neuron.v_reset
            trace.append(state.v + tau_inv * (drive - state.v))
            _, state = neuron.step(x_s, state)
    return torch.stack(trace)


def _graphs(recording: Recording, model: nn.Module) -> None:
    """Keeps the learnt graphs as they are at the end."""
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, Adjacency) and module.layout is not None:
                recording.adjacency[name] = module().detach().cpu().clone()
        for name, module in model.named_modules():
            if isinstance(module, AdaptiveGraphConv):  # what is learnt is added to what is fixed
                whole = module.fixed() + module.learned
                recording.adjacency[f"{name}.fixed"] = whole.detach().cpu().clone()


class _GraphWatch:
    """Keeps joints and bodies of the graph that the layers of one call are given."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.seen = False

    def forget(self) -> None:
        self.seen = False

    def __call__(self, module: nn.Module, inputs: Any) -> None:
        if self.seen:
            return
        for value in inputs:
            if isinstance(value, SkeletonGraph):
                recording, joint, body = self.recording, value.joint.cpu(), value.body.cpu()
                if recording.joint is not None and recording.body is not None:
                    body = body + int(recording.body.max()) + 1
                    joint = torch.cat([recording.joint, joint])
                    body = torch.cat([recording.body, body])
                recording.joint, recording.body, self.seen = joint, body, True


def _add(kept: dict[str, Tensor], name: str, value: Tensor, dim: int | None = None) -> None:
    value = value.detach().cpu()
    before = kept.get(name)
    if before is not None:
        dim = min(2, value.dim() - 1) if dim is None else dim
        try:
            value = torch.cat([before, value], dim)
        except RuntimeError:
            raise ValueError(
                f"record: '{name}' gave {tuple(value.shape)} after {tuple(before.shape)}, which "
                "cannot be joined; record calls of different lengths one by one"
            ) from None
    kept[name] = value
