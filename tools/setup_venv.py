"""Creates .venv and installs the pinned versions into it: `python tools/setup_venv.py demo`.

`make` calls this before everything else. When the environment is already what setup.cfg and
constraints.txt ask for, it returns at once and needs no network. Standard library only, and syntax
of any old Python, so that a Python that is too old gets a sentence and not a syntax error.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "setup.json")
WHEELS = os.path.join(VENV, "wheels")
SCATTER = "torch-scatter==2.1.2"

# What each level installs. A level that names another one contains it.
LEVELS = {
    "demo": {"extras": "train,viz", "contains": []},
    "docs": {"extras": "docs", "contains": []},
    "test": {"extras": "train,viz,export,docs,test", "contains": ["demo", "docs"]},
}


class SetupError(Exception):
    """A trouble that the user can mend; the message says how."""


def say(text):
    """Prints one line of progress at once."""
    sys.stdout.write("[setup] " + text + "\n")
    sys.stdout.flush()


def venv_python():
    """Returns the interpreter inside .venv."""
    folder, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(VENV, folder, name)


def environment():
    """Returns the variables for pip, without those that would lead it out of .venv."""
    env = dict(os.environ)
    for name in (
        "PYTHONPATH",
        "PYTHONHOME",
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_REQUIRE_VIRTUALENV",
    ):
        env.pop(name, None)
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    return env


def run(*command, **kwargs):
    """Runs a command in the project folder and raises SetupError when it fails."""
    if subprocess.call(list(command), cwd=ROOT, env=kwargs.get("env") or environment()) != 0:
        raise SetupError(kwargs.get("remedy") or "this command failed: " + " ".join(command))


def pip_install(*arguments):
    """Installs into .venv what the arguments name, in the versions of constraints.txt."""
    # No isolation: what builds sgnkit and Norse is installed first, in the pinned versions.
    flags = ["--quiet", "--no-build-isolation", "--constraint", "constraints.txt"]
    run(venv_python(), "-m", "pip", "install", *(flags + list(arguments)))


def works(code):
    """Tells whether a line of Python runs without an error in .venv."""
    return (
        subprocess.call(
            [venv_python(), "-c", code],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        == 0
    )


def wanted():
    """Returns what the environment depends on; a change of it means installing anew."""
    digest = hashlib.sha256()
    for name in (
        "setup.cfg",
        "pyproject.toml",
        "constraints.txt",
        os.path.join("tools", "setup_venv.py"),
    ):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read().replace(b"\r\n", b"\n"))
    return {"root": ROOT, "inputs": digest.hexdigest()}


def installed():
    """Returns the record of the last complete set-up, or an empty one."""
    try:
        with open(STAMP) as file:
            return json.load(file)
    except (IOError, OSError, ValueError):
        return {}


def write_record(want, done):
    """Writes down what is complete, so that the next call need not look."""
    with open(STAMP, "w") as file:
        json.dump(dict(want, done=sorted(done)), file)


def create_venv(record):
    """Creates .venv unless there is one that works in this place."""
    if os.path.exists(venv_python()):
        if record.get("root", ROOT) == ROOT and works("import pip"):
            return
        say("the folder was moved or .venv is damaged: making it anew")
        shutil.rmtree(VENV)
    say("creating .venv with Python {}.{}.{}".format(*sys.version_info[:3]))
    run(
        sys.executable,
        "-m",
        "venv",
        VENV,
        remedy="{} cannot make a virtual environment.\n"
        "On Debian and Ubuntu: apt-get install python3-venv".format(sys.executable),
    )


def drop_broken_torchvision():
    """Uninstalls torchvision when it cannot be imported.

    Norse lists torchvision among its requirements, though `norse.torch` never imports it. Beside a
    CPU build of torch the published torchvision raises at import, and takes torchmetrics and
    lightning down, which import it whenever it is there. Without it all of them work.
    """
    present = works("import importlib.metadata as m; m.version('torchvision')")
    if present and not works("import torchvision"):
        say("torchvision cannot be imported beside this torch and is not needed: uninstalling it")
        run(venv_python(), "-m", "pip", "uninstall", "--quiet", "--yes", "torchvision")


def scatter_folder():
    """Returns the folder for the wheel: it fits one torch and one Python only."""
    code = "import sys, torch; print(torch.__version__, sys.version_info[:2])"
    fits = subprocess.check_output([venv_python(), "-c", code], cwd=ROOT, env=environment())
    return os.path.join(WHEELS, hashlib.sha256(fits + SCATTER.encode()).hexdigest()[:12])


def build_scatter(folder):
    """Builds the wheel of torch-scatter from source.

    There is no ready wheel on the package index, and its setup.py imports torch: so torch must be
    there first and the build must see it (no isolation). Its setup.py also says no to ninja, which
    compiles in parallel; here it says yes. CFLAGS=-g0 leaves out symbols that nobody reads.
    """
    env = environment()
    # ninja lies in .venv/bin and is found only when that folder is on the path.
    env["PATH"] = os.path.dirname(venv_python()) + os.pathsep + env.get("PATH", "")
    env.setdefault("MAX_JOBS", str(os.cpu_count() or 1))
    env["CFLAGS"] = (env.get("CFLAGS", "") + " -g0").strip()
    remedy = "torch-scatter could not be built; the words of pip and the compiler stand above."
    remedy += "\nTo go without it: make SCATTER=0 " + sys.argv[1]
    pip = [venv_python(), "-m", "pip"]
    flags = ["--quiet", "--no-deps", "--no-build-isolation"]
    work = tempfile.mkdtemp()
    try:
        download = ["download", "--no-binary", ":all:", "--dest", work, SCATTER]
        run(*(pip + download + flags), env=env, remedy=remedy)
        (archive,) = os.listdir(work)
        shutil.unpack_archive(os.path.join(work, archive), work)
        source = os.path.join(work, archive[: -len(".tar.gz")])
        with open(os.path.join(source, "setup.py"), "r+") as file:
            text = file.read().replace("use_ninja=False", "use_ninja=True")
            file.seek(0)
            file.truncate()
            file.write(text)
        wheel = ["wheel", "--use-pep517", "--wheel-dir", os.path.join(work, "wheel"), source]
        run(*(pip + wheel + flags), env=env, remedy=remedy)
        shutil.copytree(os.path.join(work, "wheel"), folder)
    finally:
        shutil.rmtree(work)


def install_scatter():
    """Installs torch-scatter from its wheel under .venv/wheels, which is built when missing.

    sgnkit works without it; the tests use it.
    """
    if works("import torch_scatter"):
        return
    folder = scatter_folder()
    if not os.path.isdir(folder):
        if not any(map(shutil.which, [os.environ.get("CXX", "c++"), "g++", "clang++"])):
            raise SetupError(
                "no C++ compiler found, but torch-scatter is built from source for the tests.\n"
                "On Debian and Ubuntu: apt-get install g++ python3-dev\n"
                "Or go without torch-scatter: make SCATTER=0 " + sys.argv[1]
            )
        say("building torch-scatter, once (some minutes); the wheel is kept in .venv/wheels")
        build_scatter(folder)
    (wheel,) = os.listdir(folder)
    path = os.path.join(folder, wheel)
    run(*[venv_python(), "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", path])


def install(level):
    """Brings .venv up to a level, or returns at once when it is there."""
    record, want = installed(), wanted()
    scatter = level == "test" and os.environ.get("SCATTER", "1") != "0"
    same = all(record.get(key) == value for key, value in want.items())
    valid = same and os.path.exists(venv_python())
    done = set(record.get("done", [])) if valid else set()
    need = {level, "scatter"} if scatter else {level}
    if need <= done:
        return
    if sys.version_info < (3, 10):
        raise SetupError(
            "Python 3.10 or newer is needed, but {} is Python {}.{}.\n"
            "Name another one: make PYTHON=/path/to/python3.12 {}".format(
                sys.executable, sys.version_info[0], sys.version_info[1], sys.argv[1]
            )
        )
    create_venv(record)
    if level not in done:
        extras = LEVELS[level]["extras"]
        say("installing what is needed for {} (some minutes)".format(extras.replace(",", ", ")))
        pip_install("setuptools", "setuptools-scm", "torch")
        pip_install("--editable", ".[{}]".format(extras))
        drop_broken_torchvision()
        done.update([level] + LEVELS[level]["contains"])
        write_record(want, done)
    if "scatter" in need - done:
        install_scatter()
        done.add("scatter")
        write_record(want, done)
    say("ready")


def main():
    """Runs the set-up and turns a trouble into one message."""
    if len(sys.argv) != 2 or sys.argv[1] not in LEVELS:
        sys.stderr.write("usage: setup_venv.py " + "|".join(sorted(LEVELS)) + "\n")
        return 2
    try:
        install(sys.argv[1])
    except SetupError as error:
        sys.stderr.write("[setup] {}\n".format(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
