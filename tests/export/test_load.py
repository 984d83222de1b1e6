import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from sgnkit import Recognizer
from sgnkit.errors import CheckpointError
from sgnkit.export import load_network
from sgnkit.export._pt2_archive import checked_archive

SLOW = (pytest.mark.slow, pytest.mark.timeout(900))  # torch takes its time to capture a network
KINDS = ["nir", *(pytest.param(kind, marks=SLOW) for kind in ("onnx", "pt2"))]


def clips(count, persons=1):
    generator = torch.Generator().manual_seed(count)
    x = torch.randn(count, persons, 6, 20, 3, generator=generator)
    return x, torch.ones(count, persons, dtype=torch.bool)


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_torch_on_100_clips_in_any_batch(exported, kind):
    description, network = load_network(exported(kind))
    _, torch_network = load_network(exported("pt"))
    x, present = clips(100)
    found = torch.cat([network(a, b) for a, b in zip(x.split(40), present.split(40), strict=True)])
    expected = torch_network(x, present)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(found.argmax(1), expected.argmax(1))
    assert description.class_names == ["sit", "stand", "wave"]
    assert description.num_frames == 6 and description.frame_rate == 30
    assert description.preprocessing == [{"UniformSample": {"num_frames": 6}}]
    assert description.layout["name"] == "kinect20" and "sgnkit" in description.versions


@pytest.mark.parametrize("kind", KINDS)
def test_persons_are_free_and_absent_ones_do_not_count(exported, kind):
    _, network = load_network(exported(kind))
    _, torch_network = load_network(exported("pt"))
    x, present = clips(3, persons=2)
    present[1, 1] = False
    torch.testing.assert_close(network(x, present), torch_network(x, present), rtol=1e-4, atol=1e-5)
    alone = network(x[1:2, :1], present[1:2, :1])
    torch.testing.assert_close(network(x, present)[1:2], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, "pt"])
@pytest.mark.parametrize("damage", ["cut", "text", "empty", "flipped"])
def test_damaged_files(exported, tmp_path, kind, damage):
    source = exported(kind)
    content = source.read_bytes()
    path = tmp_path / f"net.{kind}"
    path.write_bytes(
        {
            "cut": content[: len(content) // 2],
            "text": b"hello",
            "empty": b"",
            "flipped": bytes(255 - b for b in content[:64]) + content[64:],
        }[damage]
    )
    with pytest.raises(CheckpointError, match=str(path.name)):
        load_network(path)


def test_missing_and_unknown(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        load_network(tmp_path / "a.onnx")
    with pytest.raises(CheckpointError, match="ending"):
        load_network(tmp_path / "a.exe")


class Evil:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("name", ["weights.pt", "last.ckpt", "net.pt2", "net.onnx", "net.nir"])
@pytest.mark.parametrize(
    "save",
    [
        lambda o, p: torch.save(o, p),
        lambda o, p: torch.save({"format": "sgnkit-1", "state_dict": o}, p),
        lambda o, p: p.write_bytes(pickle.dumps(o, protocol=2)),
    ],
    ids=["torch", "inside", "pickle"],
)
def test_pickles_are_never_run(tmp_path, name, save):
    mark = tmp_path / "ran"
    save(Evil(mark), tmp_path / name)
    with pytest.raises(CheckpointError):
        load_network(tmp_path / name)
    assert not mark.exists()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The tables of a program, small enough to be written by hand."""
    table = {
        "graph_module": {
            "graph": {
                "nodes": [
                    {
                        "target": "torch.ops.aten.relu.default",
                        "inputs": [{"name": "self", "arg": {"as_tensor": {"name": "x"}}}],
                        "outputs": [{"as_tensor": {"name": "y"}}],
                        "metadata": {"stack_trace": "File secret.py"},
                    }
                ],
                "sym_int_values": {
                    "n": {"as_expr": {"expr_str": "Symbol('s7', positive=True, integer=True)"}}
                },
                "custom_obj_values": {},
            },
            "module_call_graph": [{"signature": {"in_spec": "[1, {}]", "out_spec": "[1, {}]"}}],
            "metadata": {},
            "treespec_namedtuple_fields": {},
        },
        "guards_code": ["print(1)"],
    }
    path = tmp_path_factory.mktemp("archive") / "net.pt2"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/models/model.json", json.dumps(table))
        file.writestr("archive/extra/sgnkit.json", '{"format": "sgnkit-export-9"}')
    return path


def change(source, target, *, members=None, model=None):
    """Copies a pt2 archive with other members, or with a change in its graph."""
    with zipfile.ZipFile(source) as archive:
        content = {info.filename: archive.read(info) for info in archive.infolist()}
    root = next(iter(content)).partition("/")[0]
    if model is not None:
        table = json.loads(content[f"{root}/models/model.json"])
        model(table)
        content[f"{root}/models/model.json"] = json.dumps(table).encode()
    content |= {f"{root}/{name}": value for name, value in (members or {}).items()}
    with zipfile.ZipFile(target, "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value)


def nodes(table):
    return table["graph_module"]["graph"]["nodes"]


def as_operator(name):
    return lambda table: nodes(table)[0].update(target=name)


def as_expression(text):
    def apply(table):
        values = table["graph_module"]["graph"]["sym_int_values"]
        next(iter(values.values()))["as_expr"]["expr_str"] = text

    return apply


def as_tree(table):
    call = next(c for c in table["graph_module"]["module_call_graph"] if c["signature"])
    call["signature"]["in_spec"] = '[1, {"type": "os.system", "context": "id"}]'


@pytest.mark.parametrize(
    "model",
    [
        as_operator("torch.os.system"),
        as_operator("torch.ops.aten.save.default"),
        as_operator("torch.ops.aten.from_file.default"),
        as_operator("_operator.attrgetter"),
        as_expression("__import__('os').system('id')"),
        as_expression("Integer(2)**Integer(3)"),
        as_expression("exec('1')"),
        as_tree,
        lambda t: nodes(t)[0]["inputs"][0].update(arg={"as_custom_obj": {"name": "x"}}),
        lambda t: t["graph_module"].update(treespec_namedtuple_fields={"os.system": {}}),
        lambda t: nodes(t)[0].update(hook="x"),
    ],
)
def test_programs_with_more_than_arithmetic_are_refused(archive, tmp_path, model):
    change(archive, tmp_path / "net.pt2", model=model)
    with pytest.raises(CheckpointError, match="could run code"):
        load_network(tmp_path / "net.pt2")


def test_pickles_inside_a_program_are_never_run(archive, tmp_path):
    mark, file = tmp_path / "ran", io.BytesIO()
    torch.save(Evil(mark), file)
    for name in ("data/constants/custom_obj_0", "models/model.pt", "data/weights/model.pt", "../x"):
        change(archive, tmp_path / "net.pt2", members={name: file.getvalue()})
        with pytest.raises(CheckpointError, match="could run code"):
            load_network(tmp_path / "net.pt2")
    config = json.dumps({"config": {"w": {"path_name": "weight_0", "use_pickle": True}}})
    members = {
        "data/weights/model_weights_config.json": config.encode(),
        "data/weights/weight_0": file.getvalue(),
    }
    change(archive, tmp_path / "net.pt2", members=members)
    with pytest.raises(CheckpointError, match="could run code"):
        load_network(tmp_path / "net.pt2")
    assert not mark.exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_is_not_needed_never_reaches_torch(exported, tmp_path):
    mark, file = tmp_path / "ran", io.BytesIO()
    torch.save(Evil(mark), file)

    def guard(table):
        table["guards_code"] = [f"open({str(mark)!r}, 'w')"]

    members = {"data/sample_inputs/model.pt": file.getvalue()}
    change(exported("pt2"), tmp_path / "net.pt2", members=members, model=guard)
    _, network = load_network(tmp_path / "net.pt2")
    assert network(*clips(2)).shape == (2, 3)
    assert not mark.exists()


def test_another_version(archive):
    with pytest.raises(CheckpointError, match="another version"):
        load_network(archive)


def test_guards_samples_and_traces_are_left_out(archive, tmp_path):
    change(archive, tmp_path / "n.pt2", members={"data/sample_inputs/model.pt": b"pickle"})
    content, text = checked_archive((tmp_path / "n.pt2").read_bytes(), "n.pt2")
    assert b"print" not in content and b"secret" not in content and b"pickle" not in content
    assert b"sgnkit-export-9" in text


def test_a_transform_of_somebody_else_is_not_looked_up(exported, tmp_path):
    content = torch.load(exported("pt"), weights_only=True)
    content["config"] = {"test_transforms": ["os.path.join", {"antigravity.Fly": {}}]}
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(ValueError, match="no transform of sgnkit"):
        Recognizer.load(tmp_path / "w.pt")


@pytest.mark.parametrize("kind", KINDS)
def test_files_name_no_folders_of_the_writer(exported, kind):
    content = exported(kind).read_bytes()
    assert str(Path.cwd()).encode() not in content and b"site-packages" not in content
