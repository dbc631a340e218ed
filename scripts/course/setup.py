"""Set-up: idempotent, restartable after an abort, quick when there is nothing to do.

Everything goes into the checkout (.venv, target) or into a per-user cache that several checkouts share
(live-session with evcxr in it, libtorch). Each part is made under a temporary name and renamed when it is whole, so an
abort leaves nothing half-made behind. Only the standard library is used: this runs before .venv exists.
"""

import argparse
import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import endings
import moved

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
LOCK = ROOT / "scripts" / "requirements.lock"
TEST_VENV = ROOT / ".venv-test"
TEST_LOCK = ROOT / "scripts" / "requirements-test.lock"
TUNE_VENV = ROOT / ".venv-tune"
TUNE_LOCK = ROOT / "scripts" / "requirements-tune.lock"
BOOK_VENV = ROOT / ".venv-book"
BOOK_LOCK = ROOT / "scripts" / "requirements-book.lock"
DASK_VENV = ROOT / ".venv-dask"
DASK_LOCK = ROOT / "scripts" / "requirements-dask.lock"
KERNELSPEC = VENV / "share" / "jupyter" / "kernels" / "rust"
BUNDLE = ROOT / "bundle"  # where scripts/unpack has put what others have elsewhere: see course/bundle.py
LAB_EXTENSION = ROOT / "scripts" / "jupyterlab"
KERNEL = ROOT / "target" / "kernel"
PROGRAM = KERNEL / "bin" / "live-kernel"
PROGRAMS = [PROGRAM, PROGRAM.with_name("live-cells"), PROGRAM.with_name("live-cargo")]  # they look for each other in their folder
SESSION = ROOT / "crates" / "session"
PREPARED = KERNEL / "prepared"
CELLS = PREPARED / "cells"
WARM_UP = KERNEL / "warm-up.rs"

TORCH = "2.13.0"  # tch 0.26 is built for exactly this libtorch
EVCXR = "0.22.0"
OLDEST_RUST = (1, 90)
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
# All that libtorch_cpu.so of the CUDA wheel still links to on a machine without a GPU.
CUDA_REMNANTS = ["nvidia-cuda-runtime==13.0.96", "nvidia-cuda-cupti==13.0.85"]
GIB = 1 << 30

MACOS = sys.platform == "darwin"
LIBRARY = "libtorch_cpu.dylib" if MACOS else "libtorch_cpu.so"
INSTALL_RUST = "https://rustup.rs: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
INSTALL_BROWSER = "Install Google Chrome or Chromium." if MACOS else "Install Chromium: sudo apt install chromium"
BROWSERS = ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"]
MACOS_BROWSERS = [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in ("Google Chrome", "Chromium")]
APT_LIMIT = 300  # seconds for the installation of Debian's packages
INSTALL_RUST_SRC = "sudo apt install rust-src   (Fedora: sudo dnf install rust-src), or use the Rust of https://rustup.rs"
INSTALL_CPP = "xcode-select --install" if MACOS else "sudo apt install g++   (Fedora: sudo dnf install gcc-c++)"


class SetupError(Exception):
    """Something that the user has to mend; the text says what and how."""


def cache_folder():
    """Where evcxr and libtorch live, for all checkouts of this user."""
    if named := os.environ.get("CNN_CACHE"):
        return Path(named).expanduser().resolve()
    if (BUNDLE / "cache").is_dir():
        return BUNDLE / "cache"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cnn-course"


# ---- what is said --------------------------------------------------------------------------------


class Steps:
    """Prints a line as each step begins and, where it took a while, one as it ends."""

    def __init__(self, quiet):
        self.quiet = quiet

    def done(self, name, what):
        if not self.quiet:
            print(f"  {name:<10} {what}", flush=True)

    @contextlib.contextmanager
    def doing(self, name, what):
        print(f"  {name:<10} {what} ...", flush=True)
        begin = time.monotonic()
        yield
        print(f"  {name:<10} done in {time.monotonic() - begin:.0f} s", flush=True)


def run(command, failure, log=None, **options):
    """Runs a command with its output in a log file; the end of that file is part of the error."""
    log = log or cache_folder() / "setup.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as out:
        out.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        out.flush()
        begin = out.tell()
        result = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
    if result.returncode == 0:
        return
    with open(log, "rb") as written:
        written.seek(begin)
        text = written.read().decode(errors="replace").strip()
    raise SetupError(f"{failure}\n{indent(text.splitlines()[-15:])}\n  {advice(text)}\n  The whole output: {log}")


def advice(text):
    """The next step, read from what a failed command printed."""
    words = text.lower()
    if "no space left" in words:
        return "The disk is full: free some space, then run this again; it goes on where it stopped."
    network = ("could not resolve", "could not download", "connection", "timed out", "network", "temporary failure", "no matching distribution")
    if any(word in words for word in network):
        return (
            "The network did not answer: check it (behind a proxy, set HTTPS_PROXY), then run this again;\n"
            "  it goes on where it stopped. Without a network see 'Offline workshops' in environment.md."
        )
    return "Mend that, then run this again; it goes on where it stopped."


def indent(lines):
    return "\n".join("    " + line for line in lines)


# ---- tools ---------------------------------------------------------------------------------------


def version_of(command):
    """The first line that `command` prints, or None where there is no such program."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.splitlines()[0] if result.returncode == 0 and result.stdout else None


def find(program):
    """Its path: the packed one's, or else the user's, also where rustup has put it and no new terminal has been opened since."""
    folders = [str(BUNDLE / "rust" / "bin"), os.environ.get("PATH", os.defpath), str(Path.home() / ".cargo" / "bin")]
    return shutil.which(program, path=os.pathsep.join(folders))


def find_cargo_bin():
    """The folder of the real cargo and rustc: rustup's proxies cost a kernel half a second at its start."""
    rustc, cargo = find("rustc"), find("cargo")
    if not rustc or not cargo or not version_of([rustc, "--version"]):
        raise SetupError(f"Rust was not found. Install it, then open a new terminal and run this again:\n  {INSTALL_RUST}")
    version = version_of([rustc, "--version"]).split()[1]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_RUST:
        oldest = ".".join(map(str, OLDEST_RUST))
        raise SetupError(f"Rust {version} was found, {oldest} or newer is needed. Run: rustup update stable")
    sysroot = Path(version_of([rustc, "--print", "sysroot"]))
    real = sysroot / "bin"
    return (real if (real / "cargo").exists() else Path(cargo).parent), version


def check_tools():
    cargo_bin, rust = find_cargo_bin()
    find_compiler()
    check_venv_module()
    return cargo_bin, rust


def find_compiler():
    """What the C++ compiler says of itself."""
    compiler = os.environ.get("CXX") or ("clang++" if MACOS else "g++")
    version = version_of([compiler, "--version"])
    if not version:
        raise SetupError(f"A C++ compiler ({compiler}) was not found; tch's bindings need one. Install it:\n  {INSTALL_CPP}")
    return version


def check_venv_module():
    try:
        import ensurepip  # noqa: F401  Debian packs it apart from Python
        import venv  # noqa: F401
    except ImportError:
        raise SetupError("Python's venv module is missing. Install it:\n  sudo apt install python3-venv") from None


def sysroot_of(cargo_bin):
    return Path(version_of([cargo_bin / "rustc", "--print", "sysroot"]) or "")


def has_rust_sources(cargo_bin):
    return (sysroot_of(cargo_bin) / "lib" / "rustlib" / "src" / "rust" / "library" / "core").is_dir()


def rust_sources(steps, cargo_bin):
    """The standard library's sources: evcxr finds out from them which types variables have."""
    if has_rust_sources(cargo_bin):
        return
    rustup = find("rustup")
    if not rustup:
        raise SetupError(
            "The sources of Rust's standard library were not found; evcxr needs them to know the types of variables. Install them:\n"
            f"  {INSTALL_RUST_SRC}"
        )
    with steps.doing("rust-src", "the standard library's sources (3 MB to download, 40 MB on disk)"):
        add = [rustup, "component", "add", "rust-src", "--toolchain", sysroot_of(cargo_bin).name]
        run(add, "The sources of Rust's standard library could not be installed.")


def check_space(folder, needed, what):
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SetupError(
            f"{what} needs {needed / GIB:.1f} GiB in {folder}, where {free / GIB:.1f} GiB are free.\n"
            "  Free some space, or name another folder with CNN_CACHE, then run this again."
        )


# ---- parts that are made once --------------------------------------------------------------------


@contextlib.contextmanager
def only_one(folder):
    """Two set-ups at a time would write the same files: the second waits for the first."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".setup-lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("  waiting    another set-up is running", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def made_whole(goal):
    """Gives a temporary folder that becomes `goal` if all went well, and is removed if not."""
    part = goal.with_name(goal.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        shutil.rmtree(goal, ignore_errors=True)
        part.rename(goal)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def python_packages(steps):
    """JupyterLab and the tools that execute notebooks, pinned with hashes, into .venv."""
    packages(steps, "python", VENV, LOCK, "JupyterLab, papermill and their tools", "335 MB, about a minute")


def papermill_plugin():
    """Enters course/papermill_rust.py as a package of .venv, so that papermill finds it: its name, its entry point, its folder."""
    (site,) = VENV.glob("lib/python3*/site-packages")
    package = site / "papermill_rust-1.0.dist-info"
    write_if_changed(package / "METADATA", "Metadata-Version: 2.1\nName: papermill-rust\nVersion: 1.0\n")
    write_if_changed(package / "entry_points.txt", "[papermill.engine]\nrust = papermill_rust:Engine\n")
    write_if_changed(site / "papermill_rust.pth", f"{ROOT / 'scripts' / 'course'}\n")


def packages_for_tests(steps):
    """TensorBoard's reader and what drives a browser, for scripts/test; no learner needs them."""
    with only_one(cache_folder()):
        packages(steps, "tests", TEST_VENV, TEST_LOCK, "Notebook 7, TensorBoard's reader and Playwright", "575 MB, about a minute")
        browser_for_tests(steps)


def packages_for_tuning(steps, dask=False):
    """Optuna, for scripts/tune, and for its --dask what speaks with a cluster; nobody else needs them."""
    with only_one(cache_folder()):
        packages(steps, "tune", TUNE_VENV, TUNE_LOCK, "Optuna, its figures and drivers of databases", "260 MB, about a minute")
        if dask:
            packages(steps, "dask", DASK_VENV, DASK_LOCK, "Dask's distributed", "70 MB, half a minute")


def packages_for_book(steps):
    """Sphinx and what reads notebooks, for scripts/book; nobody else needs them, and they need no Rust."""
    with only_one(cache_folder()):
        packages(steps, "book", BOOK_VENV, BOOK_LOCK, "Sphinx and what reads notebooks", "250 MB, about a minute")


def browser():
    """Chromium or Google Chrome, or None where there is neither."""
    found = [shutil.which(name) for name in BROWSERS] + [path for path in MACOS_BROWSERS if MACOS and Path(path).exists()]
    return next(filter(None, found), None)


def browser_for_tests(steps):
    """Chromium, where none is there and root runs on Debian, as in continuous integration; others are told how to get it."""
    if not browser():
        by_apt(steps, "browser", "Chromium", ["chromium"], "400 MB, about a minute", INSTALL_BROWSER)


def databases_for_tests(steps):
    """PostgreSQL, and what gives hosts of their own to the machines that share it; without them, the tests of scripts/tune on several machines are skipped."""
    if not (list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) and shutil.which("ip")):
        by_apt(steps, "database", "PostgreSQL", ["postgresql", "iproute2"], "50 MB, half a minute", "Install it: sudo apt install postgresql iproute2")


def by_apt(steps, name, what, names, how_much, advice):
    """Installs Debian's packages where root may; elsewhere nothing happens."""
    apt = shutil.which("apt-get")
    if not apt or os.geteuid() != 0:
        return
    options = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "timeout": APT_LIMIT}
    with steps.doing(name, f"{what} by apt-get ({how_much})"):
        try:
            run([apt, "update"], "The list of Debian's packages could not be fetched.", **options)
            run([apt, "install", "--yes", "--no-install-recommends", *names], f"{what} could not be installed.", **options)
        except subprocess.TimeoutExpired:
            raise SetupError(f"{what} was not installed within {APT_LIMIT} s. {advice}") from None


def environments_at_this_place(steps):
    """Mends the virtual environments of a checkout that was moved or copied, and those whose Python has gone."""
    for venv in (VENV, TEST_VENV, TUNE_VENV, DASK_VENV, BOOK_VENV):
        stamp = venv / ".installed"
        if not stamp.exists() or moved.is_whole(venv):
            continue
        made_at = moved.made_at(venv)
        why = "its Python is gone" if made_at in (None, venv) else f"it was made in {made_at.parent}"
        with steps.doing("moved", f"{venv.name}: {why}; its paths are written anew"):
            if not moved.mend(venv):
                print(f"  moved      {venv.name} needs a Python of its version, which is not here: it is installed anew when it is needed", flush=True)
                stamp.unlink()


def check_place():
    """What separates folders in search paths, or ends a text in Cargo's files, cannot be in the checkout's own path."""
    for letter in ':"\\\n':
        if letter in str(ROOT):
            raise SetupError(
                f"The checkout's path has the character {letter!r} in it, which compilers do not understand there: {ROOT}\n"
                "  Rename the folder, then run this again."
            )


def is_installed(venv, lock):
    stamp = venv / ".installed"
    return stamp.exists() and stamp.read_text() == hashlib.sha256(lock.read_bytes()).hexdigest()


def packages(steps, name, venv, lock, what, how_much):
    stamp = venv / ".installed"
    if is_installed(venv, lock):
        return steps.done(name, f"{sys.version.split()[0]}, packages in {venv.name}")
    check_space(ROOT, GIB // 2, "Installing the Python packages")
    with steps.doing(name, f"{what} into {venv.name} ({how_much})"):
        # A virtual environment cannot be renamed, so the stamp, written last, says that it is whole.
        stamp.unlink(missing_ok=True)
        run([sys.executable, "-m", "venv", "--clear", venv], "The virtual environment could not be made.")
        pip = [venv / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes"]
        run([*pip, "-r", lock], "The Python packages could not be installed.")
        stamp.write_text(hashlib.sha256(lock.read_bytes()).hexdigest())


def session_folder():
    """Where the session that belongs to this checkout is, or will be."""
    digest = digest_of([SESSION / "Cargo.toml", SESSION / "Cargo.lock", *sorted((SESSION / "src").rglob("*.rs"))])
    return cache_folder() / f"session-{digest[:12]}"


def session_program(steps, cargo_bin):
    """evcxr, in the program that executes cells: crates/session, compiled once for all checkouts that have the same."""
    goal = session_folder()
    program = goal / "bin" / "live-session"
    if program.exists():
        steps.done("evcxr", f"evcxr {EVCXR}")
        return program
    check_space(cache_folder(), 2 * GIB, "Compiling evcxr")
    with steps.doing("evcxr", f"compiling evcxr {EVCXR} (4 to 9 minutes on 2 cores, once)"), made_whole(goal) as part:
        # The build folder outlives an abort: the next run goes on with what is compiled already.
        build = cache_folder() / "session-build"
        install = [cargo_bin / "cargo", "install", "--path", SESSION, "--locked", "--root", part]
        path = f"{cargo_bin}{os.pathsep}{os.environ['PATH']}"
        run(install, "evcxr could not be compiled.", env=os.environ | {"CARGO_TARGET_DIR": str(build), "PATH": path})
        shutil.rmtree(build, ignore_errors=True)
    return program


def digest_of(paths):
    """Tells files by their names and contents."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def libtorch_folder(cuda):
    """Where set-up puts libtorch."""
    return cache_folder() / f"libtorch-{TORCH}-{'cuda' if cuda else 'cpu'}"


def libtorch_in_use(cuda):
    """The user's own libtorch, if it fits, or else where set-up puts one."""
    named = Path(os.environ.get("LIBTORCH") or "").expanduser().resolve()
    is_own = bool(os.environ.get("LIBTORCH")) and libtorch_version(named) == TORCH
    return named if is_own else libtorch_folder(cuda) / "torch"


def libtorch(steps, cuda):
    """The folder with include/ and lib/: the user's own, PyTorch's CPU wheel, or the PyPI wheel made small."""
    if named := os.environ.get("LIBTORCH"):
        own = Path(named).expanduser().resolve()
        found = libtorch_version(own)
        if found == TORCH:
            steps.done("libtorch", f"{TORCH} in LIBTORCH={own}")
            return own
        print(f"  libtorch   LIBTORCH={own} holds version {found or 'unknown'}, {TORCH} is needed: not used", flush=True)
    kind = "cuda" if cuda else "cpu"
    goal = libtorch_folder(cuda)
    if (goal / "torch" / "lib" / LIBRARY).exists():
        steps.done("libtorch", f"{TORCH} ({kind})")
        return goal / "torch"
    if cuda:
        check_space(cache_folder(), 9 * GIB, "libtorch with CUDA")
        with steps.doing("libtorch", f"{TORCH} with CUDA (3 GB to download, 5 GB on disk)"), made_whole(goal) as part:
            pip_install(part, f"torch=={TORCH}", dependencies=True)
        return goal / "torch"
    check_space(cache_folder(), 3 * GIB, "libtorch")
    with steps.doing("libtorch", f"{TORCH} for the CPU (200 to 540 MB to download, 0.5 to 0.7 GB on disk)"), made_whole(goal) as part:
        if not cpu_wheel(part):
            if MACOS:
                pip_install(part, f"torch=={TORCH}")
            else:
                pip_install(part, f"torch=={TORCH}", *CUDA_REMNANTS)
            remove_cuda(part / "torch" / "lib")
        remove_python(part / "torch")
    return goal / "torch"


def libtorch_version(folder):
    for name in ("build-version", "version.py"):
        with contextlib.suppress(OSError):
            for line in (folder / name).read_text().splitlines():
                if name == "build-version" or line.startswith("__version__"):
                    return line.split("=")[-1].strip(" '\"").split("+")[0]
    return None


def pip_install(target, *packages, dependencies=False, extra=()):
    pip = [VENV / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--no-cache-dir", "--no-compile"]
    options = [*extra, "--target", target] + ([] if dependencies else ["--no-deps"])
    run([*pip, *options, *packages], "libtorch could not be installed.")


def cpu_wheel(part):
    """PyTorch's own CPU wheels are the smallest; not every network reaches them, and a 'no' should come soon."""
    if MACOS:
        return False
    try:
        quick = ["--index-url", CPU_WHEELS, "--no-cache-dir", "--retries", "0", "--timeout", "10"]
        pip_install(part, f"torch=={TORCH}+cpu", extra=quick)
        return True
    except SetupError:
        shutil.rmtree(part / "torch", ignore_errors=True)
        return False


def remove_cuda(lib):
    """Takes the GPU's parts out of a CUDA wheel, so that torch-sys builds for the CPU."""
    unused = ["libtorch_cuda*.so", "libc10_cuda.so", "libtorch_nvshmem.so", "libcaffe2_nvrtc.so"]
    removed = [path.unlink() for pattern in unused for path in lib.glob(pattern)]
    if removed:
        # The wheel's libtorch.so needs libtorch_cuda.so. It holds no code of its own, so an empty one
        # that needs the CPU's libraries alone takes its place.
        linked = ["-Wl,--no-as-needed", f"-L{lib}", "-ltorch_cpu", "-lc10", "-Wl,-rpath,$ORIGIN"]
        compiler = os.environ.get("CXX", "g++")
        run([compiler, "-shared", "-o", lib / "libtorch.so", *linked], "libtorch.so could not be linked for the CPU.")


def remove_python(torch):
    """Python's side of PyTorch is not used: only headers, libraries and the version stay."""
    for entry in torch.iterdir():
        if entry.name not in ("include", "lib", "share", "version.py"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for binding in (torch / "lib").glob("libtorch_python.*"):
        binding.unlink()


# ---- the kernel ----------------------------------------------------------------------------------


def physical_cores():
    """libtorch's arithmetic gains nothing from hyper-threads."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        if MACOS:
            cores = int(version_of(["sysctl", "-n", "hw.physicalcpu"]))
        else:
            siblings = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/thread_siblings_list")
            cores = len({path.read_text() for path in siblings})
    except (TypeError, ValueError, OSError):
        cores = usable
    return max(1, min(cores or usable, usable))


def packed_crates():
    """Where Cargo finds its crates, if scripts/unpack has brought them."""
    return {"CARGO_HOME": str(BUNDLE / "cargo")} if (BUNDLE / "cargo").is_dir() else {}


def kernel_environment(torch):
    """What the kernel needs to find libtorch and to be quick; the kernelspec carries it. Not all clients expand `${NAME}` there."""
    libraries = "DYLD_LIBRARY_PATH" if MACOS else "LD_LIBRARY_PATH"
    large = str(32 * 2**20)
    return packed_crates() | {
        "LIBTORCH": str(torch),
        libraries: str(torch / "lib"),
        # Blocks from this size on go back to the system as soon as they are free, smaller ones are kept. Left alone, glibc gives
        # back much smaller ones, too; told to keep all, it hardly uses again what a large tensor leaves. While a training runs,
        # the crate has it keep all (engine/allocator.rs).
        "MALLOC_MMAP_THRESHOLD_": large,
        "MALLOC_TRIM_THRESHOLD_": large,
        # How long libtorch's threads spin while they wait for each other, before they sleep. By default they spin for
        # milliseconds, and where another program wants a core too, a training step takes many times as long. Not to
        # spin at all makes every step 7 % slower. The first is for Linux's OpenMP, the second for that of macOS.
        "GOMP_SPINCOUNT": "1000",
        "OMP_WAIT_POLICY": "passive",
    }


def kernel_sources():
    """What tells the kernel's programs from those of another version."""
    sources = [path for path in sorted((ROOT / "crates" / "kernel").rglob("*")) if path.is_file()]
    return digest_of([ROOT / "Cargo.lock", *sources])


def kernel_is_current():
    stamp = PROGRAM.with_name("made-from")
    return all(program.exists() for program in PROGRAMS) and stamp.exists() and stamp.read_text() == kernel_sources()


def kernel_program(steps, cargo_bin):
    """The programs between Jupyter and evcxr: crates/kernel, compiled for this checkout."""
    stamp = PROGRAM.with_name("made-from")
    wanted = kernel_sources()
    if kernel_is_current():
        return steps.done("kernel", "the kernel program")
    check_space(KERNEL, GIB // 2, "Compiling the kernel program")
    with steps.doing("kernel", "compiling the kernel program (1 to 2 minutes on 2 cores)"):
        path = f"{cargo_bin}{os.pathsep}{os.environ['PATH']}"
        build = [cargo_bin / "cargo", "build", "--locked", "--package", "live-kernel", "--target-dir", ROOT / "target"]
        # What an incremental build leaves when it is ended in the middle cannot always be linked afterwards.
        environment = os.environ | {"PATH": path, "CARGO_INCREMENTAL": "0"}
        run(build, "The kernel program could not be compiled.", cwd=ROOT, env=environment)
        # Renamed into its place: kernels that run the old one are not disturbed.
        PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        for program in PROGRAMS:
            fresh = program.with_suffix(".new")
            shutil.copy2(ROOT / "target" / "debug" / program.name, fresh)
            fresh.replace(program)
        stamp.write_text(wanted)


def kernel_options(cargo_bin, session):
    """What the kernel program is told, whether it runs or prepares."""
    options = {"session": session, "prepared": PREPARED, "warm-up": WARM_UP, "lock": ROOT / "Cargo.lock", "toolchain": cargo_bin}
    words = [word for name, path in options.items() for word in (f"--{name}", str(path))]
    return [*words, "--default-env", f"OMP_NUM_THREADS={physical_cores()}"]


def kernelspec(steps, environment, options):
    # The notebooks' own line, as evcxr keeps it. The comment makes another libtorch another cell, to be compiled anew.
    warm_up = f'// {environment["LIBTORCH"]}\n:dep cnn = {{ path = "{ROOT / "crates" / "cnn"}" }}\n'
    write_if_changed(WARM_UP, warm_up)
    pairs = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
    install = [PROGRAM, "install", "--kernels", KERNELSPEC.parent, "--name", KERNELSPEC.name, *pairs, *options]
    run(install, "The kernelspec could not be written.")
    # A classroom need not be asked whether it wants news from Jupyter, nor wait for them on a poor network.
    overrides = {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        # By default, names that come after a second are not shown; on a busy machine, many do.
        "@jupyterlab/completer-extension:manager": {"providerTimeout": 10000},
        # In a narrow window, or enlarged on a projector, a line goes on below instead of out of sight.
        "@jupyterlab/notebook-extension:tracker": {"codeCellConfig": {"lineNumbers": False, "lineWrap": True}},
        # The pages beside the notebooks are there to be read: a double click shows them, "Open With" edits them.
        "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
    }
    write_if_changed(VENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json", json.dumps(overrides) + "\n")
    # Keeps what a running cell shows in view, see its remoteEntry.js.
    for path in LAB_EXTENSION.rglob("*.js*"):
        write_if_changed(VENV / "share" / "jupyter" / "labextensions" / "live-displays" / path.relative_to(LAB_EXTENSION), path.read_text())
    steps.done("jupyter", "kernelspec 'rust' in .venv")


def kernelspec_is_here():
    """Whether it is there, and starts this checkout's kernel."""
    try:
        return json.loads((KERNELSPEC / "kernel.json").read_text())["argv"][0] == str(PROGRAM)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return False


def write_if_changed(target, text):
    if target.exists() and target.read_text() == text:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(target)


def is_prepared(environment, options):
    check = [PROGRAM, "prepare", *options, "--check"]
    return subprocess.run(check, cwd=ROOT / "notebooks", env=os.environ | environment, check=False).returncode == 0


def prepared_build(steps, environment, options):
    """The folder that each kernel starts from: the crate and libtorch's bindings, compiled by evcxr itself."""
    env = os.environ | environment
    prepare = [PROGRAM, "prepare", *options]
    if is_prepared(environment, options):
        return steps.done("build", "the crate is compiled for the kernel")
    check_space(KERNEL, GIB, "Compiling the crate for the kernel")
    what = "compiling the crate and libtorch's bindings for the kernel (3 to 7 minutes on 2 cores)"
    made_from = PREPARED / "made-from"
    if made_from.exists():
        # The stamp ends with the warm-up cell, which names the crate's folder.
        is_here = f'"{ROOT / "crates" / "cnn"}"' in made_from.read_text()
        why = "the crate or Rust has changed" if is_here else "the checkout has been moved"
        what = f"{why}: compiling for the kernel (1 to 4 minutes on 2 cores)"
    with steps.doing("build", what):
        run(prepare, "The crate could not be compiled in the kernel.", cwd=ROOT / "notebooks", env=env)


def compiled_cells(steps):
    """The notebooks' cells, compiled and not executed, for all who use the prepared folder. Without them each cell is compiled
    when it is first executed, so that nothing here is an error.
    """
    stamp = CELLS / "made-from"
    # What a cell's text becomes, and what it is linked with.
    kernel = ROOT / "crates" / "kernel" / "src"
    sources = [kernel / "in_cells.rs", kernel / "shown.rs", *sorted((kernel / "bin" / "live-cargo").glob("*.rs"))]
    wanted = (PREPARED / "made-from").read_text() + digest_of([*sources, *sorted((ROOT / "notebooks").glob("*.ipynb"))])
    if stamp.exists() and stamp.read_text() == wanted:
        return steps.done("cells", "the notebooks' cells are compiled")
    if shutil.disk_usage(KERNEL).free < 2 * GIB:
        return steps.done("cells", "left out for want of space: cells are compiled when they are executed")
    with steps.doing("cells", "compiling the notebooks' cells (5 to 9 minutes on 2 cores; --no-cells leaves that out)"):
        fill = [VENV / "bin" / "python", Path(__file__).with_name("fill.py"), CELLS]
        done = subprocess.run(list(map(str, fill)), capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print(f"  cells      not all are compiled, which only makes them slower at first: {last}", flush=True)
            return None
        stamp.write_text(wanted)
    return None


def server(steps):
    """The program of scripts/serve, which notebook 15 starts."""
    import programs  # it uses this file

    is_there = (programs.folder() / "serve").exists()
    doing = contextlib.nullcontext() if is_there else steps.doing("server", "compiling the server (2 to 6 minutes on 2 cores)")
    try:
        with doing:
            programs.built("bin", "serve", "serve")
    except programs.BuildError as error:
        raise SetupError(str(error)) from None
    if is_there:
        steps.done("server", "the program of scripts/serve")


def unfinished(cargo_bin):
    """What set-up would still have to do, without doing it: the parts' names."""
    torch = libtorch_in_use((VENV / ".cuda").exists())
    session = session_folder() / "bin" / "live-session"
    parts = {
        "the standard library's sources": has_rust_sources(cargo_bin),
        "Python's packages": is_installed(VENV, LOCK) and moved.is_whole(VENV),
        "evcxr": session.exists(),
        "libtorch": (torch / "lib" / LIBRARY).exists(),
        "the kernel program": kernel_is_current(),
        "the kernelspec": kernelspec_is_here() and WARM_UP.exists(),
    }
    if all(parts.values()):
        parts["the crate, compiled for the kernel"] = is_prepared(kernel_environment(torch), kernel_options(cargo_bin, session))
    return [name for name, is_done in parts.items() if not is_done]


def main():
    parser = argparse.ArgumentParser(prog="scripts/setup", description="Installs what the course needs.")
    parser.add_argument("--cuda", action="store_true", help="install libtorch with CUDA (3 GB) instead of the CPU's")
    parser.add_argument("--no-cells", action="store_true", help="do not compile the notebooks' cells in advance")
    parser.add_argument("--tune", action="store_true", help="install what scripts/tune needs, too, which otherwise does so when it is first used")
    parser.add_argument("--serve", action="store_true", help="compile the server of scripts/serve, too, which otherwise is when it is first started")
    parser.add_argument("--quiet", action="store_true", help="say nothing where there is nothing to do")
    arguments = parser.parse_args()
    return endings.ended("setup", lambda: set_up(arguments), {SetupError: 1}, "stopped; run it again and it goes on where it was")


def set_up(arguments):
    steps = Steps(arguments.quiet)
    # What --cuda chose stays chosen, so that scripts/run does not go back to the CPU's.
    choice = VENV / ".cuda"
    cuda = arguments.cuda or choice.exists()
    os.environ |= packed_crates()
    check_place()
    cargo_bin, rust = check_tools()
    if platform.system() not in ("Linux", "Darwin"):
        raise SetupError("Linux and macOS are supported; on Windows use WSL (see environment.md).")
    steps.done("tools", f"Rust {rust}, a C++ compiler, Python {platform.python_version()}")
    with only_one(cache_folder()):
        rust_sources(steps, cargo_bin)
        environments_at_this_place(steps)
        python_packages(steps)
        papermill_plugin()
        program = session_program(steps, cargo_bin)
        torch = libtorch(steps, cuda)
    if arguments.tune:
        packages_for_tuning(steps)
    if cuda:
        choice.touch()  # anew, as another lock file clears .venv
    environment, options = kernel_environment(torch), kernel_options(cargo_bin, program)
    with only_one(KERNEL):
        kernel_program(steps, cargo_bin)
        kernelspec(steps, environment, options)
        prepared_build(steps, environment, options)
        if not arguments.no_cells:
            compiled_cells(steps)
        if arguments.serve:
            server(steps)


if __name__ == "__main__":
    sys.exit(main())
