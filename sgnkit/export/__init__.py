"""Trained networks for other tools: ONNX, `torch.export` and NIR."""

from sgnkit.export.description import Description, describe
from sgnkit.export.load import load_network
from sgnkit.export.nir_file import load_nir, read_nir, run_in_norse, write_nir
from sgnkit.export.nir_graph import Limit, NIRExportError, nir_limits, to_nir
from sgnkit.export.onnx_file import load_onnx, to_onnx
from sgnkit.export.program import to_program
from sgnkit.export.pt2_file import load_pt2, to_pt2
from sgnkit.export.tensors import TensorModel

__all__ = [
    "Description",
    "Limit",
    "NIRExportError",
    "TensorModel",
    "describe",
    "load_network",
    "load_nir",
    "load_onnx",
    "load_pt2",
    "nir_limits",
    "read_nir",
    "run_in_norse",
    "to_nir",
    "to_onnx",
    "to_program",
    "to_pt2",
    "write_nir",
]
