"""Keeps `torch.export.load` from running what a file brings along.

That function trusts its input: it unpickles parts of the archive without restriction, hands
expressions to `sympify`, which evaluates them, looks up operators as attributes of the module
`torch`, and runs guards as Python. Here an archive is read, everything that is not a table of
numbers or a known operator is refused, and what is not needed is left out, before torch sees it.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from sgnkit.errors import CheckpointError

__all__ = ["EXTRA", "checked_archive"]

EXTRA = "sgnkit.json"
_LIMIT = 4 << 30
_MODEL = "models/model.json"
_MEMBER = re.compile(
    r"archive_format|archive_version|byteorder|\.data/(version|serialization_id)|models/model\.json"
    r"|data/(weights|constants)/(model_(weights|constants)_config\.json|(weight|tensor)_\d+)"
    rf"|data/sample_inputs/model\.pt|extra/{re.escape(EXTRA)}"
)
_SAMPLES = "data/sample_inputs/model.pt"
_SYMBOL = re.compile(r"Symbol\('[su]\d+'(, (positive|integer|nonnegative)=True)*\)")
_WORDS = {"S", "Mul", "Add", "Integer", "FloorDiv", "CleanDiv", "CeilDiv", "Mod", "PythonMod"}
_WORDS |= {"Max", "Min", "Pow", "true", "false", "Eq", "Ge", "Le"}
_SPEC = re.compile(
    r'"type": (null|"builtins\.(tuple|list|dict)")|"context": (null|"null"|"\[\]")'
    r'|"children_spec": |[\[\]{}, 1]'
)
_NODE_KEYS = {"target", "inputs", "outputs", "metadata", "is_hop_single_tensor_return", "name"}
_VALUES = set(
    [
        "as_bool",
        "as_bools",
        "as_device",
        "as_expr",
        "as_float",
        "as_floats",
        "as_int",
        "as_ints",
        "as_layout",
        "as_memory_format",
        "as_name",
        "as_none",
        "as_optional_tensors",
        "as_scalar_type",
        "as_sym_bool",
        "as_sym_float",
        "as_sym_int",
        "as_sym_ints",
        "as_tensor",
        "as_tensors",
        "as_optional_tensor",
    ]
)
_OPERATORS = set(
    ["floordiv", "mul", "add", "sub", "mod", "truediv", "neg", "eq", "ge", "le", "gt", "lt", "ne"]
)
_ATEN = set(
    [
        "_adaptive_avg_pool2d",
        "_assert_scalar",
        "_assert_tensor_metadata",
        "_native_batch_norm_legit",
        "_native_batch_norm_legit_no_training",
        "_softmax",
        "_to_copy",
        "_unsafe_view",
        "abs",
        "add",
        "addcmul",
        "addmm",
        "alias",
        "amax",
        "amin",
        "any",
        "arange",
        "as_strided",
        "avg_pool2d",
        "bitwise_and",
        "bitwise_not",
        "bitwise_or",
        "bmm",
        "cat",
        "clamp",
        "clone",
        "constant_pad_nd",
        "convolution",
        "copy",
        "cumsum",
        "detach",
        "div",
        "embedding",
        "empty",
        "eq",
        "exp",
        "expand",
        "eye",
        "fill",
        "flip",
        "full",
        "full_like",
        "gather",
        "ge",
        "gelu",
        "gt",
        "index",
        "index_add",
        "index_put",
        "index_select",
        "leaky_relu",
        "le",
        "lift_fresh_copy",
        "linalg_vector_norm",
        "log",
        "logical_and",
        "logical_not",
        "logical_or",
        "lt",
        "max",
        "max_pool2d_with_indices",
        "maximum",
        "mean",
        "min",
        "minimum",
        "mm",
        "mul",
        "native_layer_norm",
        "ne",
        "neg",
        "permute",
        "pow",
        "reciprocal",
        "relu",
        "remainder",
        "repeat",
        "rsqrt",
        "scalar_tensor",
        "scatter",
        "scatter_add",
        "select",
        "select_scatter",
        "sigmoid",
        "sign",
        "slice",
        "slice_scatter",
        "split_with_sizes",
        "sqrt",
        "squeeze",
        "sub",
        "sum",
        "sym_numel",
        "sym_size",
        "sym_stride",
        "tanh",
        "transpose",
        "unbind",
        "unsqueeze",
        "upsample_nearest2d",
        "var",
        "view",
        "where",
        "zeros",
        "zeros_like",
        "ones",
        "ones_like",
        "new_zeros",
        "new_full",
        "floor",
        "ceil",
        "round",
    ]
)


def checked_archive(content: bytes, path: str | Path) -> tuple[bytes, bytes]:
    """Returns an archive with nothing in it that could run, and its description.

    Args:
        content: The bytes of a `.pt2` file.
        path: Its name, for messages.

    Raises:
        CheckpointError: If the file is damaged, or holds more than operators and numbers.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if sum(info.file_size for info in infos) > _LIMIT:
                raise _refused(path, "more than 4 GiB")
            roots = {info.filename.partition("/")[0] for info in infos}
            if len(roots) != 1 or len({info.filename for info in infos}) != len(infos):
                raise _refused(path, "members that stand twice or in several folders")
            (root,) = roots
            members = {info.filename[len(root) + 1 :]: archive.read(info) for info in infos}
    except (
        zipfile.BadZipFile,
        ValueError,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as e:
        if isinstance(e, CheckpointError):
            raise
        raise _damaged(path, str(e)) from None
    if unknown := [name for name in members if not _MEMBER.fullmatch(name)]:
        raise _refused(path, f"the member {unknown[0][:80]!r}")
    if _MODEL not in members:
        raise _damaged(path, f"no {_MODEL}")
    try:
        model = json.loads(members[_MODEL])
        members[_MODEL] = json.dumps(_checked_model(model, path)).encode()
        for name in [name for name in members if name.endswith("_config.json")]:
            for entry in json.loads(members[name])["config"].values():
                if entry["use_pickle"] is not False or "/" in entry["path_name"]:
                    raise _refused(path, f"a pickle, {entry['path_name']!r}")
    except CheckpointError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    members[_SAMPLES] = b""  # a pickle that only explains the inputs
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, value in members.items():
            archive.writestr(zipfile.ZipInfo(f"{root}/{name}"), value)
    return out.getvalue(), members.get(f"extra/{EXTRA}", b"")


def _checked_model(model: dict[str, Any], path: str | Path) -> dict[str, Any]:
    model["guards_code"] = []  # Python source
    module = model["graph_module"]
    module["metadata"] = {}
    if module.get("treespec_namedtuple_fields") or module["graph"].get("custom_obj_values"):
        raise _refused(path, "objects of classes")
    for call in module["module_call_graph"]:
        signature = call.get("signature") or {}
        for spec in (signature.get("in_spec"), signature.get("out_spec")):
            if spec and _SPEC.sub("", spec):
                raise _refused(path, f"the tree {_SPEC.sub('', spec)[:60]!r}")
    for node in module["graph"]["nodes"]:
        node["metadata"] = {}  # file names and calls of the writer
        if not _known(node["target"]) or set(node) - _NODE_KEYS:
            raise _refused(path, f"the operator {str(node['target'])[:80]!r}")
    _check_values(model, path)
    return model


def _known(target: str) -> bool:
    parts = target.split(".")
    if parts[:3] == ["torch", "ops", "aten"]:
        return len(parts) in (4, 5) and parts[3] in _ATEN and all(p.isidentifier() for p in parts)
    return parts[:1] == ["_operator"] and len(parts) == 2 and parts[1] in _OPERATORS


def _check_values(value: Any, path: str | Path) -> None:
    """Looks for expressions, subgraphs and objects anywhere in the tables."""
    if isinstance(value, list):
        for item in value:
            _check_values(item, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key.startswith("as_") and key not in _VALUES:
                raise _refused(path, f"a value of kind {key!r}")
            if key == "expr_str" and not _is_arithmetic(item):
                raise _refused(path, f"the expression {str(item)[:80]!r}")
            _check_values(item, path)


def _is_arithmetic(text: str) -> bool:
    text = _SYMBOL.sub("S", text)
    rest = re.sub(r"[su]?\d{1,18}", "", text)
    words = re.findall(r"[A-Za-z_]+", rest)
    return (
        len(text) < 2000 and set(words) <= _WORDS and not re.search(r"[^A-Za-z(), +*-]|\*\*", rest)
    )


def _refused(path: str | Path, found: str) -> CheckpointError:
    return CheckpointError(
        "the file holds something that could run code when it is loaded",
        file=path,
        expected="core operators of torch and numbers, as sgnkit export writes them",
        found=found,
        remedy="export the weights yourself; use torch.export.load only on files you trust",
    )


def _damaged(path: str | Path, reason: str) -> CheckpointError:
    return CheckpointError(
        "the file is damaged or no exported program",
        file=path,
        found=reason.strip().splitlines()[0][:160] if reason.strip() else "nothing",
        remedy="copy it again, or export it again",
    )
