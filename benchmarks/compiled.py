"""A whole network given to `torch.compile`, beside the same network as it is and with C++ loops.

Each network of the registry, 16 clips of NW-UCLA shape: `as it is` compiles nothing, `neurons` is
`trainer.compile: neurons`, `model` is `trainer.compile: model`. The seconds that a first training
step, or a first inference, takes to compile stand apart. Clips are noise. Logits of two clips agree
to 1e-4, in double precision: in single precision rounding flips a spike near the threshold now and
then.
"""

from __future__ import annotations

import copy
import time

import torch

from benchmarks.harness import Options, Results, compare, use_threads
from benchmarks.network import model_and_batch, step
from sgnkit.models import list_models
from sgnkit.nn import compile_neurons

__all__ = ["run"]

QUICK, FULL = ("multimodal_gcn_small", "base_sgn_small"), tuple(list_models())
BATCH = 16


def run(options: Options) -> Results:
    """Measures inference, and training steps too with --full."""
    results = Results("compiled", __doc__, options)
    for name in FULL if options.full else QUICK:
        for train in (False, True) if options.full else (False,):
            torch.compiler.reset()
            model, batch = model_and_batch(name, "NW-UCLA", BATCH, options.device)
            twin, whole = copy.deepcopy(model), copy.deepcopy(model)
            spiking = compile_neurons(twin) > 0
            whole.compile_network()
            if not train:
                agree(name, options.device)
            networks = {"as it is": model, "neurons": twin, "model": whole}
            if not spiking:
                del networks["neurons"]
            with use_threads(options.threads[-1]):
                start = time.perf_counter()
                step(whole, batch, batch.y, train)()
                seconds = time.perf_counter() - start
                works = {key: step(m, batch, batch.y, train) for key, m in networks.items()}
                timings = compare(works, options, warm=1)
            case = {"network": name, "work": "training step" if train else "inference"}
            results.add({**case, "compiling, s": round(seconds)}, timings, reference="as it is")
    return results


def agree(name: str, device: str) -> None:
    """Checks that the logits of a network are the same in all three ways."""
    model, batch = model_and_batch(name, "NW-UCLA", 2, device)
    model, batch.x = model.double().eval(), batch.x.double()
    twin, whole = copy.deepcopy(model), copy.deepcopy(model)
    compile_neurons(twin)
    whole.compile_network()
    with torch.no_grad():
        expected = model(batch)
        for other in (twin, whole):
            torch.testing.assert_close(other(batch), expected, rtol=0, atol=1e-4)
