"""A device for tests beside the CPU: what a layer leaves behind is found without a GPU.

Its tensors are tensors of the CPU in an envelope, so that all values and all draws are those of
the CPU. An operation between an envelope and a plain tensor is an error, as on a GPU. PyTorch
keeps a device to the end of the process, and a forked process cannot train where there is one:
tests that use it have the mark of its name, and run in a process of their own.
"""

import pytest
import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "elsewhere"
ACROSS = {"to", "_to_copy", "copy_"}  # these move values between devices
INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_"}  # may take indices of the CPU
WAITS = {"_local_scalar_dense", "equal", "nonzero", "_unique2", "masked_select"}


class _Hook(torch._C._acc.PrivateUse1Hooks if hasattr(torch._C, "_acc") else object):
    """Says that the device can be used within a test that asks for it, and in no other."""

    present = False

    def is_available(self):
        return self.present

    def has_primary_context(self, index):
        return self.present

    def is_built(self):
        return True


class _Module:
    """What `torch.elsewhere` is. Its numbers are drawn on the CPU."""

    def is_initialized(self):
        return True

    def is_available(self):
        return _Hook.present

    def device_count(self):
        return int(_Hook.present)

    def current_device(self):
        return 0

    def _is_in_bad_fork(self):
        return False

    def manual_seed_all(self, seed):
        pass

    def get_rng_state(self, device=None):
        return torch.get_rng_state()

    def set_rng_state(self, state, device=None):
        pass


class Envelope(Tensor):
    """A tensor elsewhere."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner):
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset()}
        self = Tensor._make_wrapper_subclass(
            cls, inner.size(), dtype=inner.dtype, device=f"{NAME}:0", **layout
        )
        self.inner = inner
        return self

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return Elsewhere.run(function, args, kwargs or {})

    def __tensor_flatten__(self):  # so that modules swap it when they change its type
        return ["inner"], None

    @staticmethod
    def __tensor_unflatten__(tensors, context, size, stride):
        return Envelope(tensors["inner"])

    def tolist(self):
        return self.inner.tolist()

    def __reduce_ex__(self, protocol):  # as files are read: on the CPU
        return self.inner.__reduce_ex__(protocol)

    def __format__(self, spec):
        return format(self.inner, spec)

    def __repr__(self):
        return f"{self.inner!r} elsewhere"


class Elsewhere(TorchDispatchMode):
    """While it is on, `x.to("elsewhere")` and `torch.zeros(3, device="elsewhere")` work.

    Attributes:
        waits: What made the host wait for the device, and would on a GPU: names of operations.
    """

    name = NAME

    def __init__(self):
        super().__init__()
        self.waits = []

    def __enter__(self):
        self.lifts = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device=...) comes by here
        _Hook.present = True
        return super().__enter__()

    def __exit__(self, *error):
        _Hook.present = False
        torch._C._set_only_lift_cpu_tensors(self.lifts)
        return super().__exit__(*error)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if reason := waits(function, args, kwargs):
            self.waits.append(reason)
        return self.run(function, args, kwargs)

    @staticmethod
    def run(function, args, kwargs):
        name, tensors = function.overloadpacket.__name__, leaves(args, kwargs)
        away = any(isinstance(t, Envelope) for t in tensors)
        if away and name not in ACROSS:
            asked = leaves(args[:1], args[2:]) if name in INDEXED else tensors
            plain = [tuple(t.shape) for t in asked if not isinstance(t, Envelope) and t.dim()]
            if plain:
                raise RuntimeError(f"{function}: on the CPU and elsewhere; on the CPU: {plain}")
        if (to := target(args, kwargs)) is not None:
            away = to.type == NAME
        out = function(*tree_map(opened, args), **tree_map(opened, kwargs))
        if function._schema.is_mutable and isinstance(out, Tensor):
            same = [t for t in tensors if opened(t) is out]
            return same[0] if same else out
        return tree_map(enveloped, out) if away else out


def leaves(*values):
    return [t for t in tree_leaves(values) if isinstance(t, Tensor)]


def target(args, kwargs):
    """The device that an operation is asked to put its result on, or None."""
    return next((v for v in (*args, *kwargs.values()) if isinstance(v, torch.device)), None)


def opened(x):
    """What the CPU is given in place of an argument."""
    if isinstance(x, torch.device):
        return torch.device("cpu")
    return x.inner if isinstance(x, Envelope) else x


def enveloped(x):
    return Envelope(x) if isinstance(x, Tensor) and not isinstance(x, Envelope) else x


def waits(function, args, kwargs):
    """Why the host waits for the device in this operation, or None."""
    name = function.overloadpacket.__name__
    away = [isinstance(t, Envelope) for t in leaves(args, kwargs)]
    indices = [i for i in args[1] if i is not None] if name in INDEXED else []
    # a mask has to be counted, and indices of the CPU have to be sent
    asks = any(not i.dtype.is_signed or not isinstance(i, Envelope) for i in indices)
    if any(away) and (name in WAITS or asks):
        return name
    if name == "copy_" and len(set(away)) == 2:
        return name
    to = target(args, kwargs)
    if name not in ACROSS or to is None or any(away) == (to.type == NAME):
        return None
    return None if kwargs.get("non_blocking") and to.type == NAME else name


def pytest_configure(config):
    asked = config.option.markexpr
    register = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)
    if NAME in asked and f"not {NAME}" not in asked and register is not None:
        register(NAME, _Module(), _Hook())


@pytest.hookimpl(tryfirst=True)  # before those are left out that were not asked for
def pytest_collection_modifyitems(items):
    for item in items:
        if NAME in getattr(item, "fixturenames", ()):
            item.add_marker(NAME)


@pytest.fixture
def elsewhere():
    """A device other than the CPU: `with elsewhere: x.to("elsewhere")`."""
    if not hasattr(torch, NAME):
        pytest.skip(f"run with -m {NAME}; needs a PyTorch that takes a device from Python")
    return Elsewhere()
