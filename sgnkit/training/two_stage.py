"""Teacher first, student second, in one call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sgnkit.errors import ConfigError
from sgnkit.training.config import read_experiment
from sgnkit.training.options import Experiment
from sgnkit.training.run import train

__all__ = ["distill"]


def distill(
    experiment: Experiment, ckpt_path: str | None = None, command: str = ""
) -> tuple[Path | None, Path | None]:
    """Trains a teacher, unless its weights are there already, and then its student.

    The teacher learns from the same clips, with the seed and on the device of the student; its
    model, transforms, optimiser and epochs are those of `distill.teacher_config`.

    Args:
        experiment: The student's experiment.
        ckpt_path: A checkpoint of the student to continue from, as in
            [`train`][sgnkit.training.train].
        command: The command line, for the record.

    Returns:
        The run folder of the teacher, None if there was no need to train it, and that of the
        student; None on all but the first of several processes.

    Raises:
        ConfigError: If there are neither weights nor an experiment for the teacher.
    """
    options = experiment.distill
    if options.teachers and all(Path(file).is_file() for file in options.teachers):
        return None, train(experiment, ckpt_path, command)
    if options.teacher_config is None:
        raise ConfigError(
            "the teacher has no weights, and nothing says how to train it",
            place="distill.teacher_config",
            expected="an experiment file of the teacher",
            found=f"distill.teacher: {', '.join(options.teachers) or 'nothing'}",
            remedy="pass --distill.teacher weights.pt, or --distill.teacher_config FILE",
        )
    words = ["--config", options.teacher_config, "--data.name", str(experiment.data["name"])]
    teacher, _ = read_experiment("train", words)
    device = {
        key: getattr(experiment.trainer, key)
        for key in ("precision", "accelerator", "deterministic", "sync_batchnorm", "progress_bar")
    }
    teacher = replace(
        teacher,
        data=experiment.data,
        seed=experiment.seed,
        num_workers=experiment.num_workers,
        output=experiment.output,
        trainer=replace(teacher.trainer, **device),
    )
    print(f"teacher: {teacher.model['name']}", flush=True)
    folder = train(teacher, command=command)
    if folder is None:
        return None, None
    print(f"student: {experiment.model['name']}", flush=True)
    options = replace(options, teacher=str(folder / "weights.pt"))
    return folder, train(replace(experiment, distill=options), ckpt_path, command)
