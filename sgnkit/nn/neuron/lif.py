"""Leaky integrate-and-fire neurons: Norse dynamics in a well-behaved module."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from norse.torch import LIFBoxFeedForwardState, LIFBoxParameters
from norse.torch.functional.lif_box import lif_box_feed_forward_step
from norse.torch.functional.reset import reset_subtract, reset_value
from torch import Tensor, nn

from sgnkit.nn.native.library import usable
from sgnkit.nn.native.norm_fire import SURROGATE_NUMBERS, Constants, NormFire
from sgnkit.nn.neuron._fused import MultiStepLIF
from sgnkit.nn.neuron.surrogate import Surrogate, get_surrogate

__all__ = ["LIF", "PLIF"]


class _Spike(torch.autograd.Function):
    """Heaviside step with a surrogate of one's own, for those that Norse does not know."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(u)
        ctx.surrogate = surrogate
        return (u > 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (u,) = ctx.saved_tensors
        return grad * ctx.surrogate(u), None


class LIF(nn.Module):
    r"""Leaky integrate-and-fire neuron over a whole sequence, as in the
    ["MK-SGN"](https://arxiv.org/abs/2404.10210) paper.

    $$
    h^{(s)} = v^{(s-1)} + \tfrac{1}{\tau}\bigl(x^{(s)} + v_{\mathrm{reset}} - v^{(s-1)}\bigr),
    \qquad z^{(s)} = \Theta\bigl(h^{(s)} - v_{\mathrm{th}}\bigr)
    $$

    A spike sets the membrane to $v_{\mathrm{reset}}$ (hard reset) or lowers it by
    $v_{\mathrm{th}}$ (soft reset). The membrane starts at $v_{\mathrm{reset}}$ on every call:
    there is no state to reset between two inputs.

    Norse's `lif_box_feed_forward_step` defines the neuron. The default backend runs all steps in
    one autograd function with the same spikes. `backend="compiled"` compiles that function to one
    loop at its first call, which takes seconds once on a machine and is several times faster
    afterwards: in C++ on a CPU, as Triton kernels on CUDA, and by `torch.compile` for what both
    leave out (float64, a learnt $\tau$, a surrogate of your own, `detach_reset=False`, on CUDA
    also more than 16 steps). `backend="norse"` runs Norse itself.

    Args:
        tau: Membrane time constant in spiking steps, at least 1 (above 1 if learnt).
        v_th: Firing threshold, above `v_reset`.
        v_reset: Potential at rest and after a hard reset.
        surrogate: Derivative of the spike in the backward pass: `"sigmoid"`, `"superspike"`,
            `"atan"`, `"triangle"`, `"rect"`, or a function of $h - v_{\mathrm{th}}$.
        surrogate_slope: How much steeper the surrogate is than its definition; below 1, gradients
            also reach neurons far from the threshold.
        soft_reset: Whether a spike subtracts the threshold instead of resetting.
        detach_reset: Whether the backward pass leaves the reset out.
        learn_tau: Whether to train the time constant, as $1/\tau = \sigma(w)$
            ([PLIF](https://arxiv.org/abs/2007.05785)).
        backend: `"fused"`, `"compiled"` or `"norse"`.

    Shapes:
        - **x**: $(S, *)$, spiking steps first
        - **returns**: binary spikes $(S, *)$, in the dtype of **x**

    Raises:
        ValueError: If a constant is out of range or a name is unknown.

    Note:
        Norse fires when $h$ is strictly above the threshold, SpikingJelly also when it is equal.
        The membrane is kept in float32 (float64 for float64 input) whatever the input.

    Examples:
        >>> LIF(tau=2.0, v_th=1.0)(torch.full((6, 1), 1.5)).flatten().tolist()
        [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    """

    tau_inv: Tensor
    v_th: Tensor

    def __init__(
        self,
        tau: float = 2.0,
        v_th: float = 1.0,
        v_reset: float = 0.0,
        *,
        surrogate: str | Surrogate = "sigmoid",
        surrogate_slope: float = 1.0,
        soft_reset: bool = False,
        detach_reset: bool = True,
        learn_tau: bool = False,
        backend: Literal["fused", "compiled", "norse"] = "fused",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if not (tau > 1 if learn_tau else tau >= 1):
            least = "above 1 when it is learnt" if learn_tau else "at least 1 step"
            raise ValueError(f"{name}: tau must be {least}, got {tau}")
        if not v_th > v_reset:
            raise ValueError(f"{name}: v_th must be above v_reset ({v_reset}), got {v_th}")
        if backend not in ("fused", "compiled", "norse"):
            raise ValueError(
                f"{name}: backend must be 'fused', 'compiled' or 'norse', got {backend!r}"
            )
        get_surrogate(surrogate, surrogate_slope)
        self.v_reset = float(v_reset)
        self.surrogate = surrogate
        self.surrogate_slope = float(surrogate_slope)
        self.soft_reset = soft_reset
        self.detach_reset = detach_reset
        self.learn_tau = learn_tau
        self.backend = backend
        self.register_buffer("v_th", torch.tensor(float(v_th)))
        if learn_tau:
            self.tau_logit = nn.Parameter(torch.tensor(-math.log(tau - 1)))
        else:
            self.register_buffer("tau_inv", torch.tensor(1.0 / tau))
        self._initial_tau = float(tau)

    def reset_parameters(self) -> None:
        """Sets a learnt time constant back to where it started."""
        if self.learn_tau:
            nn.init.constant_(self.tau_logit, -math.log(self._initial_tau - 1))

    def _rate(self) -> Tensor:
        return torch.sigmoid(self.tau_logit) if self.learn_tau else self.tau_inv

    @property
    def tau(self) -> float:
        """The present time constant, in spiking steps."""
        return 1.0 / float(self._rate().detach())

    def forward(self, x: Tensor) -> Tensor:
        """Runs the whole sequence from rest and returns its spikes."""
        if x.dim() < 1 or x.size(0) == 0 or not x.is_floating_point():
            raise ValueError(
                f"{type(self).__name__}: expected floating-point x of shape [S, ...] with S >= 1, "
                f"got {tuple(x.shape)} of {x.dtype}"
            )
        if (numbers := self.loop_constants(x)) is not None:
            return NormFire.apply(x.contiguous(), *[None] * 4, 0.0, False, None, None, numbers)
        if self.backend != "norse":
            spikes = MultiStepLIF.apply(
                x.reshape(x.size(0), -1),
                self._rate(),
                self.v_th,
                self.v_reset,
                self.soft_reset,
                self.detach_reset,
                get_surrogate(self.surrogate, self.surrogate_slope),
                self.backend == "compiled",
            )
            return spikes.view(x.shape)
        state, train = self.rest(x[0]), []
        for x_s in x:
            z, state = self.step(x_s, state)
            train.append(z)
        return torch.stack(train)

    def loop_constants(self, *tensors: Tensor) -> Constants | None:
        """Returns what the C++ loops have to know, where they can run the neuron on these tensors.

        They do on a CPU with `backend="compiled"`, in float32 and bfloat16.
        """
        if (
            type(self) is not LIF
            or self.backend != "compiled"
            or self.learn_tau
            or not self.detach_reset
            or self.surrogate not in SURROGATE_NUMBERS
            or not usable(*tensors)
        ):
            return None
        constants = float(self.tau_inv), float(self.v_th), self.v_reset, self.surrogate_slope
        return Constants(*constants, self.soft_reset, str(self.surrogate))

    def rest(self, x: Tensor) -> LIFBoxFeedForwardState:
        """Returns the state before the first step of an input like `x`."""
        wide = torch.promote_types(x.dtype, torch.float32)
        return LIFBoxFeedForwardState(v=torch.full_like(x, self.v_reset, dtype=wide))

    def step(
        self, x: Tensor, state: LIFBoxFeedForwardState | None = None
    ) -> tuple[Tensor, LIFBoxFeedForwardState]:
        """Runs one spiking step with Norse. The caller owns `state`; `None` means rest."""
        state = self.rest(x) if state is None else state
        known = isinstance(self.surrogate, str) and self.surrogate_slope == 1
        method, own = {
            "sigmoid": ("tanh", None),
            "superspike": ("super", None),
            "triangle": ("triangle", None),
        }.get(self.surrogate if known else "", ("heaviside", True))  # type: ignore[arg-type]
        spikes: list[Tensor] = []

        def reset(z: Tensor, v: Tensor, v_reset: Tensor, v_th: Tensor) -> Tensor:
            if own:
                surrogate = get_surrogate(self.surrogate, self.surrogate_slope)
                z = _Spike.apply(v - v_th, surrogate)
            spikes.append(z)
            z = z.detach() if self.detach_reset else z
            return (reset_subtract if self.soft_reset else reset_value)(z, v, v_reset, v_th)

        leak = torch.tensor(self.v_reset, dtype=torch.float64, device=x.device)
        parameters = LIFBoxParameters(
            tau_mem_inv=self._rate(),
            v_leak=leak,
            v_th=self.v_th,
            v_reset=leak,
            method=method,
            alpha={"tanh": 2.0, "triangle": 1.0}.get(method, 1.0),
            reset_method=reset,
        )
        _, state = lif_box_feed_forward_step(x.to(state.v.dtype), state, parameters, dt=1.0)
        return spikes[0].to(x.dtype), state

    def extra_repr(self) -> str:
        text = f"tau={self.tau:.3g}, v_th={float(self.v_th):.3g}"
        text += f", v_reset={self.v_reset:.3g}" if self.v_reset else ""
        name = self.surrogate
        if not isinstance(name, str):
            name = getattr(name, "__name__", type(name).__name__)
        text += f", surrogate={name}" if name != "sigmoid" else ""
        slope = self.surrogate_slope
        text += f", surrogate_slope={slope:.3g}" if slope != 1 else ""
        for flag in ("soft_reset", "learn_tau"):
            text += f", {flag}=True" if getattr(self, flag) else ""
        return text if self.backend == "fused" else f"{text}, backend={self.backend}"


class PLIF(LIF):
    r"""Parametric leaky integrate-and-fire neuron: [`LIF`][sgnkit.nn.LIF] with a learnt time
    constant $1/\tau = \sigma(w)$, as in the ["Incorporating Learnable Membrane Time
    Constant"](https://arxiv.org/abs/2007.05785) paper.

    Args:
        tau: Time constant at the start, in spiking steps, above 1.
        **kwargs: Other arguments of [`LIF`][sgnkit.nn.LIF].

    Shapes:
        - **x**: $(S, *)$, spiking steps first
        - **returns**: binary spikes $(S, *)$, in the dtype of **x**

    Examples:
        >>> [name for name, _ in PLIF().named_parameters()]
        ['tau_logit']
    """

    def __init__(self, tau: float = 2.0, **kwargs: Any) -> None:
        super().__init__(tau, learn_tau=True, **kwargs)
