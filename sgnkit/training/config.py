"""Reads an experiment: YAML file, overrides of the command line, typed constructors."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import itertools
import re
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser
from torch_geometric.data import Dataset
from torch_geometric.transforms import BaseTransform, Compose

from sgnkit.errors import ConfigError
from sgnkit.training.options import (
    DistillOptions,
    Experiment,
    OptimOptions,
    TrainerOptions,
    check_values,
    plain,
)

__all__ = ["build_transforms", "dataset_class", "read_experiment"]

_FROM_RUN = {"split", "test", "transform", "pre_transform", "pre_filter", "force_reload", "log"}


def read_experiment(
    command: str, argv: list[str], extra: dict[str, dict[str, Any]] | None = None
) -> tuple[Experiment, dict[str, Any]]:
    """Reads `--config FILE` and the overrides that follow it.

    Args:
        command: Name of the command, for its help page.
        argv: Command line without the command.
        extra: Further arguments of this command, as keywords of `add_argument`.

    Returns:
        The experiment, and the values of the further arguments.

    Raises:
        ConfigError: If a key is unknown, a value has the wrong type, or a file is missing.
    """
    extra = extra or {}
    asks_for_help = bool({"-h", "--help"} & set(argv))
    names = _names(argv)
    parser = ArgumentParser(
        prog=f"sgnkit {command}",
        exit_on_error=False,
        allow_abbrev=False,
        description=_DESCRIPTIONS.get(command),
    )
    parser.add_argument("--config", action=ActionConfigFile, help="Experiment file (YAML).")
    for key, keywords in extra.items():
        parser.add_argument(f"--{key}", **keywords)
    parser.add_class_arguments(Experiment, skip={"model", "data"})
    for section in ("model", "data"):
        if names[section] is None and not asks_for_help:
            raise ConfigError(
                f"the experiment does not say which {section} to use",
                place=f"{section}.name",
                expected=", ".join(_choices(section)),
                remedy=f"pass --config FILE, or --{section}.name NAME",
            )
        _add_section(parser, section, names[section])
    words = [word for word in argv if word != "--print_config"]
    try:
        values = parser.parse_args(words).as_dict()
    except ArgumentError as error:
        raise _explained(error, parser) from None
    config_files = values.pop("config", None) or []
    more = {key: values.pop(key, None) for key in extra}
    experiment = Experiment(
        **{
            **values,
            "model": plain(values["model"]),
            "optim": OptimOptions(**values["optim"]),
            "trainer": TrainerOptions(**values["trainer"]),
            "distill": DistillOptions(**values["distill"]),
        }
    )
    if config_files:
        _relate_to_file(experiment, Path(str(config_files[-1])), argv)
    build_transforms(experiment.pre_transforms, "pre_transforms")
    build_transforms(experiment.train_transforms, "train_transforms")
    build_transforms(experiment.test_transforms, "test_transforms")
    check_values(experiment)
    if len(words) < len(argv):
        print(yaml.safe_dump(experiment.to_dict(), sort_keys=False), end="")
        raise SystemExit(0)
    return experiment, more


def build_transforms(entries: list[Any], place: str = "transforms") -> Compose:
    """Builds transforms from a list of `Name` or `{Name: {argument: value}}`.

    Args:
        entries: What the experiment file says. A name belongs to `sgnkit.transforms`, or is
            the full path of a PyG `BaseTransform`.
        place: Key of the experiment file, for error messages.

    Raises:
        ConfigError: If a name or an argument is unknown.
    """
    transforms = []
    for number, entry in enumerate(entries):
        here = f"{place}[{number}]"
        if isinstance(entry, str):
            entry = {entry: {}}
        if not isinstance(entry, dict) or len(entry) != 1:
            raise ConfigError(
                "a transform is a name, or a name with its arguments",
                place=here,
                expected="MinMaxNormalize, or Center: {joint: spine}",
                found=repr(entry),
            )
        (name, arguments), *_ = entry.items()
        cls = _find_class(name, "sgnkit.transforms", BaseTransform, here)
        parser = ArgumentParser(exit_on_error=False)
        parser.add_class_arguments(cls, fail_untyped=False)
        try:
            checked = parser.parse_object(arguments or {}).as_dict()
            transforms.append(cls(**checked))
        except ArgumentError as error:
            raise _explained(error, parser, f"{here} {name}") from None
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error), place=f"{here} {name}") from None
    return Compose(transforms)


def dataset_class(name: str) -> type[Dataset]:
    """Returns the dataset that a `data.name` of an experiment file means."""
    cls: type[Dataset] = _find_class(name, "sgnkit.datasets", Dataset, "data.name")
    return cls


def _find_class(name: str, module: str, base: type, place: str) -> Any:
    path, _, attribute = name.rpartition(".")
    found = None
    with contextlib.suppress(ImportError):
        found = getattr(importlib.import_module(path or module), attribute, None)
    if inspect.isclass(found) and issubclass(found, base):
        return found
    known = [n for n in importlib.import_module(module).__all__ if n[0].isupper()]
    raise ConfigError(
        f"'{name}' is no {base.__name__} that sgnkit knows{_nearest(name, known)}",
        place=place,
        expected=f"one of {', '.join(known)}, or the full path of a {base.__name__}",
    )


def _names(argv: list[str]) -> dict[str, str | None]:
    """Finds `model.name` and `data.name`, which decide what the other keys may be."""
    names: dict[str, str | None] = {"model": None, "data": None}
    arguments = [part for text in argv for part in text.split("=", 1)]
    for key, value in itertools.pairwise(arguments):
        if key == "--config":
            content = _read_yaml(Path(value))
            for section in names:
                part = content.get(section)
                if isinstance(part, dict) and "name" in part:
                    names[section] = str(part["name"])
        for section in names:
            if key == f"--{section}.name":
                names[section] = value
    return names


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError("there is no such experiment file", file=path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file is not YAML: {error}", file=path) from None
    if not isinstance(content, dict):
        raise ConfigError(
            "the file is no experiment",
            file=path,
            expected="keys such as model, data, optim and trainer",
            found=type(content).__name__,
        )
    return content


def _choices(section: str) -> list[str]:
    if section == "data":
        return [n for n in importlib.import_module("sgnkit.datasets").__all__ if n[0].isupper()]
    from sgnkit.models import list_models

    return list_models()


def _add_section(parser: ArgumentParser, section: str, name: str | None) -> None:
    what = "Preset, see sgnkit.list_models()" if section == "model" else "Dataset"
    parser.add_argument(
        f"--{section}.name", type=str, default=name, help=f"{what}: {', '.join(_choices(section))}."
    )
    if name is None:
        return
    if section == "data":
        parser.add_class_arguments(
            dataset_class(name), "data", skip=_skipped(dataset_class(name)), fail_untyped=False
        )
        return
    from sgnkit.models import create_model, get_preset

    choices = _choices("model")
    if name not in choices:
        raise ConfigError(
            f"there is no model '{name}'{_nearest(name, choices)}",
            place="model.name",
            expected=f"one of {', '.join(choices)}",
        )
    parser.add_class_arguments(
        _constructor(get_preset(name)),
        "model",
        skip={"layout", "num_classes", "neuron"},
        fail_untyped=False,
    )
    parser.add_argument(
        "--model.neuron",
        type=str | dict[str, Any] | None,  # type: ignore[arg-type]
        help="Spiking neuron of sgnkit.nn: a name, or LIF: {v_th: 0.5}.",
    )
    # The defaults of a preset are those of a network that it builds.
    preset = create_model(name, layout="kinect20", num_classes=2)
    options: Any = getattr(preset, "options", {})
    parser.set_defaults({f"model.{key}": value for key, value in options.items()})


def _constructor(preset: Any) -> type:
    """Returns the class whose constructor spells out the arguments of a preset."""
    for cls in get_type_hints(preset)["return"].__mro__:
        kinds = [p.kind for p in inspect.signature(cls.__init__).parameters.values()]
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            return cls
    raise TypeError(f"{preset.__name__}: no constructor lists its arguments")


def _skipped(cls: type) -> set[str]:
    return _FROM_RUN & set(inspect.signature(cls).parameters)


def _relate_to_file(experiment: Experiment, file: Path, argv: list[str]) -> None:
    if experiment.name == "experiment":
        experiment.name = f"{file.resolve().parent.name}/{file.stem}"
    typed = {text.split("=")[0] for text in argv}
    for key in ("weights", "start_from"):
        value = getattr(experiment, key)
        if value and f"--{key}" not in typed:
            setattr(experiment, key, str(file.parent / value))
    distill = experiment.distill
    if distill.teacher and "--distill.teacher" not in typed:
        distill.teacher = [str(file.parent / teacher) for teacher in distill.teachers]
    if distill.teacher_config and "--distill.teacher_config" not in typed:
        distill.teacher_config = str(file.parent / distill.teacher_config)


def _explained(error: ArgumentError, parser: ArgumentParser, where: str = "") -> ConfigError:
    """Turns an error of the parser into one that names the nearest right key."""
    message = str(error.message or error)
    known = [
        action.dest for action in parser._actions if action.dest not in ("help", "==SUPPRESS==")
    ]
    unknown = (
        re.search(r"[Gg]roup '([\w.]+)' does not accept option '([\w.]+)'", message)
        or re.search(r"()[Oo]ption '([\w.]+)' is not accepted", message)
        or re.search(r"()unrecognized arguments: --([\w.]+)", message)
    )
    if unknown is None:
        return ConfigError(message.replace("Parser key", "key"), place=where or None)
    group, key = unknown.groups()
    key = f"{group}.{key}" if group and not key.startswith(f"{group}.") else key
    return ConfigError(
        f"there is no key '{key}'{_nearest(key, known)}",
        place=where or None,
        remedy="sgnkit train --help_all lists all keys",
    )


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""


_DESCRIPTIONS = {
    "train": "Trains a model and tests it. Keys of the file can be overridden: --optim.lr 0.05",
    "distill": "Trains a teacher where it has no weights yet, then its student, and tests both.",
    "test": "Tests trained weights: accuracy, firing rates and an estimate of the energy.",
    "predict": "Writes the class and the scores of every clip.",
}
