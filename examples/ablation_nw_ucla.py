"""What each part of MK-SGN brings on Northwestern-UCLA: one run a cell, one table.

python examples/ablation_nw_ucla.py --grid small --seeds 0 1 2
python examples/ablation_nw_ucla.py --grid tiny --axes fusion steps --root ../data
python examples/ablation_nw_ucla.py --grid full --shard 0/4   # one of four machines

A finished cell is not run again, and one that was stopped goes on where it stopped. The table is
written anew after each cell, from all cells found in the output folder.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from tqdm import tqdm

from sgnkit.training import Experiment, read_experiment, train

CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "nw_ucla"
TEACHER = "teacher"
# The teachers of each seed, by what they differ in: times the widths of the grid.
TEACHERS = {"multimodal GCN": 1, "twice as wide": 2}


class Grid(NamedTuple):
    """Size of all runs: widths of the student's blocks, spiking steps, frames, epochs."""

    widths: tuple[int, ...]
    num_steps: int
    num_frames: int
    epochs: int
    teacher_epochs: int
    suffix: str = ""  # of the experiment file to start from


GRIDS = {
    "tiny": Grid((16, 16, 32, 32, 64, 64), 2, 16, 8, 8, "_small_aligned"),
    "small": Grid((32, 32, 64, 64, 128, 128), 4, 32, 50, 40, "_small_aligned"),
    "full": Grid((64, 64, 128, 128, 256, 256), 4, 32, 50, 40),
}

TAPS = (3, 1), (6, 3), (9, 5)  # blocks of teacher and student
LIF = {"v_th": 0.5}
STRONG = {"Jitter": {"std": 0.01}}, {"DropJoints": {"p": 0.1}}
AXES: dict[str, dict[str, dict[str, Any]]] = {
    "modalities": {
        "joint": {"model": {"modalities": ["joint"]}},
        "bone": {"model": {"modalities": ["bone"]}},
        "joint + bone": {"model": {"modalities": ["joint", "bone"]}},
        "all four": {},
    },
    "fusion": {
        "sum": {"model": {"fusion": "sum"}},
        "mean": {"model": {"fusion": "mean"}},
        "concatenation": {"model": {"fusion": "concat"}},
        "learned": {"model": {"fusion": "learned"}},
        "mutual information": {},
        "complementary": {"model": {"fusion": "complementary"}},
    },
    "spatial": {
        "SGC": {"model": {"spatial": "sgc"}},
        "SA-SGC": {},
        "SA-SGC, fixed graph": {"model": {"adjacency": "fixed"}},
        "SA-SGC, identity start": {"model": {"adjacency": "identity"}},
        "SA-SGC, one graph shared": {"model": {"share_adjacency": True}},
    },
    "distillation": {
        "none": {},
        "soft labels": {"distill": {"taps": {}}},
        "features": {"distill": {"soft_weight": 0.0}},
        "features, weight 30": {"distill": {"soft_weight": 0.0, "feature_weight": 30.0}},
        "both": {"distill": {}},
        "both, features with weight 30": {"distill": {"feature_weight": 30.0}},
        "soft labels, wider teacher": {"distill": {"taps": {}}, "teacher": "twice as wide"},
    },
    "steps": {f"S = {s}": {"model": {"num_steps": s}} for s in (1, 2, 4, 8)},
    "residual": {"SEW": {}, **{r: {"model": {"residual": r}} for r in ("or", "membrane")}},
    "recipe": {
        "as it is": {},
        "learned tau": {"model": {"neuron": {"LIF": {**LIF, "learn_tau": True}}}},
        "v_th 0.3": {"model": {"neuron": {"LIF": {"v_th": 0.3}}}},
        "v_th 1": {"model": {"neuron": {"LIF": {"v_th": 1.0}}}},
        "surrogate half as steep": {"model": {"neuron": {"LIF": {**LIF, "surrogate_slope": 0.5}}}},
        "surrogate twice as steep": {"model": {"neuron": {"LIF": {**LIF, "surrogate_slope": 2.0}}}},
        "TET loss": {"model": {"per_step": True}},
        "no label smoothing": {"optim": {"label_smoothing": 0.0}},
        "stronger augmentation": {"augment": STRONG},
        "no alignment": {"without": ("AlignBody",)},
        "mirrored": {"augment": ("MirrorLeftRight",)},
        "SGD": {"optim": {"name": "sgd", "lr": 0.1, "weight_decay": 1e-4}},
        "twice the epochs": {"epochs": 2},
    },
}


class Cell(NamedTuple):
    """One training: a row of the table, a seed, and how it differs from the reference."""

    axis: str
    label: str
    seed: int
    changes: dict[str, Any]

    @property
    def folder(self) -> str:
        """Where its runs are. Rows without a change are the same training: the reference."""
        if self.axis == TEACHER:
            text = f"{TEACHER}_{self.label}" if self.changes else TEACHER
        else:
            text = f"{self.axis}_{self.label}" if self.changes else "reference"
        return "".join(c if c.isalnum() else "_" for c in text) + f"_seed{self.seed}"


def teacher(label: str, seed: int) -> Cell:
    """Returns the cell of a teacher."""
    return Cell(TEACHER, label, seed, {"times": TEACHERS[label]} if TEACHERS[label] > 1 else {})


def cells(axes: Sequence[str], seeds: Sequence[int], grid: Grid) -> Iterator[Cell]:
    """Returns all rows of the table, seed by seed, teachers first where they are needed."""
    as_is = {"model": {"num_steps": grid.num_steps}}
    for seed in seeds:
        if "distillation" in axes:
            yield from (teacher(label, seed) for label in TEACHERS)
        for axis in axes:
            for label, changes in AXES[axis].items():
                yield Cell(axis, label, seed, {} if changes == as_is else changes)


def experiment_of(cell: Cell, options: argparse.Namespace) -> Experiment:
    """Returns the experiment of a cell."""
    grid = GRIDS[options.grid]
    name = ("multimodal_gcn" if cell.axis == TEACHER else "mk_sgn") + grid.suffix
    words = ["--config", str(CONFIGS / f"{name}.yaml")]
    if options.root:
        words += ["--data.root", options.root]
    if options.processed_root:
        words += ["--data.processed_root", options.processed_root]
    experiment, _ = read_experiment("train", words)
    changes = copy.deepcopy(cell.changes)
    if cell.axis == TEACHER:
        blocks = zip((4, 3, 3), grid.widths[::2], strict=True)
        times = changes.get("times", 1)
        experiment.model["hidden_channels"] = [times * w for n, w in blocks for _ in range(n)]
    else:
        experiment.model["hidden_channels"] = list(grid.widths)
        experiment.model["num_steps"] = grid.num_steps
        experiment.model.update(changes.get("model", {}))
    for transforms in (experiment.train_transforms, experiment.test_transforms):
        transforms[-1]["UniformSample"]["num_frames"] = grid.num_frames  # type: ignore[index]
        transforms[:] = [t for t in transforms if t not in changes.get("without", ())]
    experiment.train_transforms += changes.get("augment", [])
    for key, value in changes.get("optim", {}).items():
        setattr(experiment.optim, key, value)
    length = grid.teacher_epochs if cell.axis == TEACHER else grid.epochs * changes.get("epochs", 1)
    experiment.trainer.max_epochs = length if options.epochs is None else options.epochs
    experiment.optim.warmup_epochs = 0.3 * experiment.trainer.max_epochs
    experiment.trainer.precision = options.precision
    experiment.trainer.compile = "neurons"
    experiment.trainer.check = False
    if "distill" in changes:
        label = changes.get("teacher", "multimodal GCN")
        trained = finished(options.output / teacher(label, cell.seed).folder)
        assert trained is not None, "the teacher of a seed is trained before its students"
        experiment.distill.teacher = str(trained / "weights.pt")
        experiment.distill.taps = {f"blocks.{t}": f"blocks.{s}" for t, s in TAPS}
        for key, value in changes["distill"].items():
            setattr(experiment.distill, key, value)
    experiment.seed = cell.seed
    experiment.output, experiment.name = str(options.output), cell.folder
    return experiment


def finished(folder: Path) -> Path | None:
    """Returns the run of a cell that has come to its end, if there is one."""
    runs = sorted(path.parent for path in folder.glob("*/results.json"))
    return runs[-1] if runs else None


def run(cell: Cell, options: argparse.Namespace) -> None:
    """Trains a cell, or goes on with it."""
    folder = options.output / cell.folder
    started = list(folder.glob("*/checkpoints/last.ckpt"))
    train(experiment_of(cell, options), "last" if started else None, "ablation_nw_ucla.py")


def collect(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Returns a row for each variant that has run at least once, mean and spread over seeds.

    The gain is the difference to the reference of the same seed, as not all variants may have run
    with the same seeds.
    """

    def runs(cell: Cell) -> dict[int, dict[str, Any]]:
        """The results of a variant by seed."""
        seeds = range(options.most_seeds)
        found = {s: finished(options.output / cell._replace(seed=s).folder) for s in seeds}
        return {
            s: json.loads((folder / "results.json").read_text(encoding="utf-8"))
            for s, folder in found.items()
            if folder is not None
        }

    rows = []
    reference = runs(Cell("", "", 0, {}))
    variants = {
        (cell.axis, cell.label): cell for cell in cells(list(AXES), [0], GRIDS[options.grid])
    }
    for (axis, label), cell in variants.items():
        by_seed = runs(cell)
        results = list(by_seed.values())
        if not results:
            continue
        row: dict[str, Any] = {"axis": axis, "variant": label, "seeds": len(results)}
        for key in ("accuracy", "clean_accuracy", "firing_rate"):
            values = [100 * result[key] for result in results]
            row[key] = mean(values)
            row[f"{key}_sd"] = stdev(values) if len(values) > 1 else None
        gains = [
            100 * (result["accuracy"] - reference[seed]["accuracy"])
            for seed, result in by_seed.items()
            if cell.changes and axis != TEACHER and seed in reference
        ]
        row["gain"] = mean(gains) if gains else None
        row["gain_sd"] = stdev(gains) if len(gains) > 1 else None
        for kind in ("paper", "strict"):
            row[f"{kind}_mj"] = mean(result["energy_mj"][kind] for result in results)
        row["seconds_per_epoch"] = mean(result["seconds_per_epoch"] for result in results)
        rows.append(row)
    return rows


def markdown(rows: list[dict[str, Any]]) -> str:
    """Returns the table."""
    lines = [
        "| part | variant | seeds | standard | points gained, same seeds | clean | firing rate "
        "| paper / strict | epoch |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    last = None
    for row in rows:
        texts = []
        for key, form in (("accuracy", ".1f"), ("gain", "+.1f"), ("clean_accuracy", ".1f")):
            text = "" if row[key] is None else f"{row[key]:{form}}"
            if row[f"{key}_sd"] is not None:
                text += f" ± {row[f'{key}_sd']:.1f}"
            texts.append(text + (" %" if key != "gain" else ""))
        lines.append(
            f"| {row['axis'] if row['axis'] != last else ''} | {row['variant']} | {row['seeds']} "
            f"| {' | '.join(texts)} | {row['firing_rate']:.1f} % "
            f"| {row['paper_mj']:.3f} / {row['strict_mj']:.3f} mJ "
            f"| {row['seconds_per_epoch']:.0f} s |"
        )
        last = row["axis"]
    return "\n".join(lines) + "\n"


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draws accuracy by variant, one panel a part."""
    axes_names = list(dict.fromkeys(row["axis"] for row in rows))
    heights = [sum(row["axis"] == name for row in rows) for name in axes_names]
    figure = Figure(figsize=(7, 0.32 * sum(heights) + 0.7 * len(heights)), layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)
    for panel, name in zip(panels[:, 0], axes_names, strict=True):
        part = [row for row in rows if row["axis"] == name][::-1]
        labels = [row["variant"] for row in part]
        for key, marker, colour in (("accuracy", "o", "C0"), ("clean_accuracy", "s", "C1")):
            values = [row[key] for row in part]
            spread = [row[f"{key}_sd"] or 0 for row in part]
            text = key.replace("_accuracy", "").replace("accuracy", "standard")
            panel.errorbar(values, labels, xerr=spread, fmt=marker, color=colour, label=text)
        panel.set_title(name, loc="left", fontsize="medium")
        panel.grid(axis="x", alpha=0.3)
        panel.margins(y=0.2)
    panels[0, 0].legend(loc="best", fontsize="small")
    panels[-1, 0].set_xlabel("accuracy on the test clips, %; bars: standard deviation over seeds")
    figure.savefig(path)


def write(options: argparse.Namespace) -> None:
    """Writes the table of all that has run, as Markdown, CSV and picture."""
    if not (rows := collect(options)):
        return
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "ablation.md").write_text(markdown(rows), encoding="utf-8")
    with (options.output / "ablation.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, options.output / "ablation.png")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--grid", choices=GRIDS, default="small", help="size of all runs")
    parser.add_argument("--axes", nargs="+", choices=AXES, default=list(AXES), help="parts to vary")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--shard", default="0/1", metavar="i/n", help="this share of the cells")
    parser.add_argument("--epochs", type=int, help="passes over the clips, for a quick look")
    parser.add_argument("--precision", choices=("32-true", "bf16-mixed"), default="bf16-mixed")
    parser.add_argument("--root", help="folder of nw-ucla.zip, data/nw_ucla by default")
    parser.add_argument("--processed_root", help="where prepared clips are kept")
    parser.add_argument("--output", type=Path, help="runs/ablation/GRID by default")
    parser.add_argument("--list", action="store_true", help="name the cells and stop")
    options = parser.parse_args(argv)
    options.output = options.output or Path("runs/ablation") / options.grid
    options.most_seeds = max(options.seeds) + 1
    share, shares = map(int, options.shard.split("/"))
    # Cells of one seed stay together, because students need the teacher of their seed.
    unique = {cell.folder: cell for cell in cells(options.axes, options.seeds, GRIDS[options.grid])}
    todo = list(unique.values())[share::shares]
    if shares > 1 and "distillation" in options.axes:
        taught = [cell for cell in unique.values() if cell.axis in (TEACHER, "distillation")]
        others = [cell for cell in unique.values() if cell not in taught]
        todo = [cell for cell in taught if cell.seed % shares == share] + others[share::shares]
    for cell in todo if options.list else ():
        print(cell.folder, "(finished)" if finished(options.output / cell.folder) else "")
    if options.list:
        return
    for cell in tqdm(todo, unit="cell"):
        if finished(options.output / cell.folder) is None:
            print(f"\n{cell.axis}: {cell.label}, seed {cell.seed}", flush=True)
            run(cell, options)
        write(options)
    write(options)
    print((options.output / "ablation.md").read_text(encoding="utf-8"))
    print(f"{options.output}/ablation.md, .csv and .png")


if __name__ == "__main__":
    main()
