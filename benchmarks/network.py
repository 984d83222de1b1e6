"""A training step and inference of MK-SGN: sgnkit, the network as practice writes it, the floor.

A training step is forward, cross-entropy, backward and SGD; inference is one forward pass. The
rival has the same weights and gives the same logits (`benchmarks/rivals.py`). The floor takes the
products of sgnkit's step and nothing else. Clips are noise, batch norms are fitted to them first.

Where a rival's training step does not fit into memory, all sides take another one, *recomputed*:
they keep the inputs of the blocks alone, and the backward pass runs each block again (a rival: the
inputs of its layers, which takes less). In it, and in *inference, memory returned*, all sides
return to the system what they free, as soon as they do.
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
from benchmarks.harness import (
    Options,
    Results,
    compare,
    give_back,
    noise,
    returned_memory,
    use_threads,
)
from benchmarks.machine import free_gb
from benchmarks.rivals import MultiStepNode, Network, dense_clips, spikingjelly_node
from sgnkit import SkeletonData, create_model, get_layout
from sgnkit.energy import calibrate
from sgnkit.nn import compile_neurons

# layout, persons, frames, classes
SETS = {"NW-UCLA": ("kinect20", 1, 52, 10), "NTU": ("ntu25", 2, 64, 60)}
QUICK = (("mk_sgn_small", "NW-UCLA", 16),)
FULL = (
    *((name, data, n) for name in ("mk_sgn_small", "mk_sgn") for data in SETS for n in (16, 64)),
    ("mk_sgn", "NTU", 8),  # where a rival trains within 25 GB
)
TRAINING, RECOMPUTED = "training step", "training step, recomputed"
INFERENCE, RETURNED = "inference", "inference, memory returned"
RIVALS = ("Conv2d + einsum", "SpikingJelly + Conv2d + einsum")
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


def model_and_batch(
    name: str, data: str, number: int, device: str, **own: Any
) -> tuple[nn.Module, Batch]:
    """Returns a network for a set, with options of its own, fitted to a few clips, and a batch."""
    layout, persons, frames, classes = SETS[data]
    torch.manual_seed(0)
    model = create_model(name, layout=layout, num_classes=classes, **own)
    calibrate(model, clips(layout, persons, frames, 2, classes))
    return model.to(device), clips(layout, persons, frames, number, classes).to(device)


def rival_and_clips(
    model: nn.Module, batch: Batch, node: Any, recompute: bool = False
) -> tuple[Network, Tensor]:
    """Returns the rival with the weights of a network, and the batch as it takes it."""
    device = batch.x.device
    persons = int(batch.person.max()) + 1
    rival = Network(model.cpu(), node, recompute).to(device)
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


def ours(name: str, data: str, number: int, work: str, device: str, fast: bool) -> Callable:
    """Returns the step of this library, with compiled neurons or without."""
    model, batch = model_and_batch(name, data, number, device)
    model.checkpointing = work == RECOMPUTED
    if fast:
        compile_neurons(model)
    return step(model, batch, batch.y, work in (TRAINING, RECOMPUTED))


def theirs(name: str, data: str, number: int, work: str, device: str, jelly: bool) -> Callable:
    """Returns the step of the rival, with the neurons of SpikingJelly or short ones of its own."""
    model, batch = model_and_batch(name, data, number, device)
    node = spikingjelly_node if jelly else MultiStepNode
    rival, x = rival_and_clips(model, batch, node, work == RECOMPUTED)
    return step(rival, x, batch.y, work in (TRAINING, RECOMPUTED))


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


# Gigabytes for a joint in a frame of a clip at the widths of mk_sgn, measured by `memory.peak`:
# sgnkit, the rivals in their order, anything else. Inference is that of all sides in one process
# that keeps what they free.
GIGABYTES = {
    TRAINING: (2.2e-4, 5.6e-4, 6.5e-4, 5e-4),
    RECOMPUTED: (5e-5, 8.2e-5, 8.2e-5),
    INFERENCE: (1.2e-4, 1.2e-4, 1.2e-4, 1.2e-4),
    RETURNED: (2e-5, 4.5e-5, 4.7e-5, 5e-5),
}


def fits(results: Results, case: dict[str, Any], side: str) -> bool:
    """Whether the work of a side fits into the memory that is free; says so when not."""
    if results.options.device != "cpu":
        return True
    layout, persons, frames, _ = SETS[case["shapes"]]
    nodes = case["batch"] * persons * frames * get_layout(layout).num_joints
    named = ("sgnkit", *RIVALS, side)
    needed = nodes * GIGABYTES[case["work"]][named.index(side)]
    needed *= 0.5 if "small" in case["network"] else 1.0
    give_back()
    if needed < 0.8 * free_gb():
        return True
    label = f"{side}, {case['network']}, {case['shapes']}, batch {case['batch']}, {case['work']}"
    results.skip(label, f"it would need about {needed:.0f} GB of memory.")
    return False


def run(options: Options) -> Results:
    """Measures all networks."""
    results = Results("network", __doc__, options)
    jelly = results.optional(*SPIKINGJELLY) is not None
    for name, data, number in FULL if options.full else QUICK:
        found = agree(name, data, options.device, jelly)
        assert found < 1e-6, f"{name}: the rival gives other logits ({found:.1e})"
        for work, lean in ((TRAINING, RECOMPUTED), (INFERENCE, RETURNED)):
            case = {"network": name, "shapes": data, "batch": number}
            if not measured(results, case | {"work": work}, jelly):
                with returned_memory():
                    measured(results, case | {"work": lean}, jelly)
    return results


def measured(results: Results, case: dict[str, Any], jelly: bool) -> bool:
    """Measures one piece of work, and returns whether there was room for all networks."""
    options = results.options
    makers = sides(**case, device=options.device)
    if not jelly:
        del makers[RIVALS[1]]
    if not options.full:
        makers.pop("sgnkit, no compiler", None)
    made = {side: make() for side, make in makers.items() if fits(results, case, side)}
    if "sgnkit" in made:
        quick = (case["network"], case["shapes"], case["batch"]) in QUICK
        for threads in options.threads if quick and options.full else options.threads[-1:]:
            with use_threads(threads):
                timings = compare(made, options, warm=1)
            results.add({**case, "threads": threads}, timings, reference="sgnkit")
    return {"sgnkit", *RIVALS} & set(makers) <= set(made)


def sides(
    network: str, shapes: str, batch: int, work: str, device: str
) -> dict[str, Callable[[], Callable]]:
    """Returns what builds each side of a comparison; the networks alone where blocks run again."""
    given = (network, shapes, batch, work, device)
    makers: dict[str, Callable[[], Callable]] = {
        "sgnkit": lambda: ours(*given, fast=True),
        RIVALS[0]: lambda: theirs(*given, jelly=False),
        RIVALS[1]: lambda: theirs(*given, jelly=True),
    }
    if work != RECOMPUTED:
        makers["sgnkit, no compiler"] = lambda: ours(*given, fast=False)
        makers["products"] = lambda: products(ours(*given, fast=False))
    return makers
