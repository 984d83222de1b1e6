"""A training step and inference of MK-SGN: sgnkit, the network as practice writes it, the floor.

A training step is forward, cross-entropy, backward and SGD; inference is one forward pass. The
rival has the same weights and gives the same logits (`benchmarks/rivals.py`). The floor takes the
products of sgnkit's step and nothing else. Clips are noise, batch norms are fitted to them first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.data import Batch

from benchmarks.floor import products
from benchmarks.harness import Options, Results, compare, noise, use_threads
from benchmarks.rivals import MultiStepNode, Network, dense_clips, spikingjelly_node
from sgnkit import SkeletonData, create_model, get_layout
from sgnkit.energy import calibrate
from sgnkit.nn import compile_neurons

# layout, persons, frames, classes
SETS = {"NW-UCLA": ("kinect20", 1, 52, 10), "NTU": ("ntu25", 2, 64, 60)}
QUICK = (("mk_sgn_small", "NW-UCLA", 16),)
FULL = tuple(
    (name, data, batch)
    for name in ("mk_sgn_small", "mk_sgn")
    for data in SETS
    for batch in (16, 64)
)
SPIKINGJELLY = ("spikingjelly.activation_based.neuron", "spikingjelly==2.0.0 loguru")


def clips(layout: str, persons: int, frames: int, number: int, classes: int = 5) -> Batch:
    """Returns a batch of noise."""
    x = noise(number, frames, get_layout(layout).num_joints, 3, persons)
    return Batch.from_data_list(
        [
            SkeletonData.from_array(clip.numpy(), layout, axes="TVCM", y=i % classes)
            for i, clip in enumerate(x)
        ]
    )


def model_and_batch(name: str, data: str, number: int, device: str) -> tuple[nn.Module, Batch]:
    """Returns a network for a set, fitted to a few clips, and a batch."""
    layout, persons, frames, classes = SETS[data]
    torch.manual_seed(0)
    model = create_model(name, layout=layout, num_classes=classes)
    calibrate(model, clips(layout, persons, frames, 2, classes))
    return model.to(device), clips(layout, persons, frames, number, classes).to(device)


def rival_and_clips(model: nn.Module, batch: Batch, node: Any) -> tuple[Network, Tensor]:
    """Returns the rival with the weights of a network, and the batch as it takes it."""
    device = batch.x.device
    persons = int(batch.person.max()) + 1
    rival = Network(model.cpu(), node).to(device)
    model.to(device)
    return rival, dense_clips(batch, model.layout.num_joints, persons)


def step(model: nn.Module, x: Any, y: Tensor, train: bool) -> Callable[[], None]:
    """Returns one training step of a network, or one inference; bf16 autocast on CUDA."""
    model.train(train)
    sgd = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, nesterov=True)
    reset = model.reset if isinstance(model, Network) else lambda: None
    cuda = y.device.type == "cuda"

    def run() -> None:
        reset()
        cast = torch.autocast("cuda", torch.bfloat16) if cuda else contextlib.nullcontext()
        if not train:
            with torch.no_grad(), cast:
                model(x)
            return
        sgd.zero_grad(set_to_none=True)
        with cast:
            loss = F.cross_entropy(model(x), y)
        loss.backward()
        sgd.step()

    return run


def ours(name: str, data: str, number: int, train: bool, device: str, fast: bool) -> Callable:
    """Returns the step of this library, with compiled neurons or without."""
    model, batch = model_and_batch(name, data, number, device)
    if fast:
        compile_neurons(model)
    return step(model, batch, batch.y, train)


def theirs(name: str, data: str, number: int, train: bool, device: str, jelly: bool) -> Callable:
    """Returns the step of the rival, with the neurons of SpikingJelly or short ones of its own."""
    model, batch = model_and_batch(name, data, number, device)
    rival, x = rival_and_clips(model, batch, spikingjelly_node if jelly else MultiStepNode)
    return step(rival, x, batch.y, train)


def agree(name: str, data: str, device: str, jelly: bool) -> float:
    """Returns the largest difference of two clips' logits, relative to the largest logit."""
    model, batch = model_and_batch(name, data, 2, device)
    model.double()  # the weights stay those of float32; thresholds get the precision of the check
    rival, x = rival_and_clips(model, batch, spikingjelly_node if jelly else MultiStepNode)
    model, rival, x = model.eval(), rival.double().eval(), x.double()
    batch.x = batch.x.double()
    with torch.no_grad():
        mine, other = model(batch), rival(x)
    return float((mine - other).abs().max() / mine.abs().max())


def memory_needed(name: str, data: str, number: int) -> float:
    """A rough estimate of a training step of the rival, in gigabytes, from measured ones."""
    _, persons, frames, _ = SETS[data]
    joints = 25 if data == "NTU" else 20
    width = 1.0 if name == "mk_sgn" else 0.5
    return width * number * persons * joints * frames * GB_PER_NODE


GB_PER_NODE = 5.5e-4 / 2  # a joint in a frame, widths of mk_sgn


def run(options: Options) -> Results:
    """Measures all networks."""
    results = Results("network", __doc__, options)
    jelly = results.optional(*SPIKINGJELLY) is not None
    device = options.device
    for name, data, number in FULL if options.full else QUICK:
        found = agree(name, data, device, jelly)
        assert found < 1e-6, f"{name}: the rival gives other logits ({found:.1e})"
        for train in (True, False):
            case = {
                "network": name,
                "shapes": data,
                "batch": number,
                "work": "training step" if train else "inference",
            }
            if not fits(results, case, train):
                continue
            sides = {
                "sgnkit": ours(name, data, number, train, device, fast=True),
                "Conv2d + einsum": theirs(name, data, number, train, device, jelly=False),
            }
            if options.full:
                sides["sgnkit, no compiler"] = ours(name, data, number, train, device, fast=False)
            if jelly:
                sides["SpikingJelly + Conv2d + einsum"] = theirs(
                    name, data, number, train, device, jelly=True
                )
            sides["products"] = products(ours(name, data, number, train, device, fast=False))
            small = (name, data, number) in QUICK and options.full
            for threads in options.threads if small else options.threads[-1:]:
                with use_threads(threads):
                    timings = compare(sides, options, warm=1)
                results.add({**case, "threads": threads}, timings, reference="sgnkit")
    return results


def fits(results: Results, case: dict[str, Any], train: bool) -> bool:
    """Whether the training step of a case fits into memory; says so when not."""
    if not train or results.options.device != "cpu":
        return True
    needed = memory_needed(case["network"], case["shapes"], case["batch"])
    if needed < 0.6 * results.machine["memory_gb"]:
        return True
    label = f"{case['network']}, {case['shapes']}, batch {case['batch']}, {case['work']}"
    results.skip(label, f"would need about {needed:.0f} GB of memory")
    return False
