"""Makes one archive of all that another machine of the same kind needs for the course: the checkout as git knows it, what set-up has
installed and compiled, the crates, Rust, Python where it is not the system's, and the data.

What depends on the place where it was compiled, the crate and libtorch's bindings for the kernel, is left out: scripts/unpack has it
compiled, without a network.
"""

import argparse
import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from functools import partial
from pathlib import Path

import bundle
import endings
import moved
import setup

ROOT = setup.ROOT
LEVEL = 3  # of gzip: higher ones take much longer and save little
# Of Rust, what a notebook does not need.
NOT_OF_RUST = ("share/doc", "share/man", "share/zsh", "etc")
NOT_OF_PYTHON = ("test", "site-packages", "idlelib", "turtledemo", "__pycache__")
# In these, an operating system's Rust and Python lie among everything else.
OF_SYSTEM = [Path("/usr"), Path("/usr/local"), Path("/System"), Path("/Library")]
LOCKED = re.compile(r'\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"\nsource = "registry\+')


class Contents:
    """The files of an archive, by the names that they will have."""

    def __init__(self):
        self.files, self.lacks = {}, []

    def add(self, path, name):
        is_elsewhere = path.is_symlink() and os.path.isabs(os.readlink(path))
        self.files[str(name)] = path.resolve() if is_elsewhere else path

    def add_folder(self, folder, name, left_out=lambda _: False):
        """All files below a folder, apart from those whose path in it is left out."""
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if (path.is_file() or path.is_symlink()) and not left_out(inside):
                self.add(path, f"{name}/{inside}")

    def size(self):
        return sum(path.lstat().st_size for path in self.files.values())


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/pack", description="Makes one file of all that another machine of the same kind needs for the course."
    )
    parser.add_argument(
        "archive", nargs="?", type=Path, metavar="ARCHIVE", help="the file to write (default: out/cnn-course-SYSTEM-PROCESSOR.tar)"
    )
    parser.add_argument("--no-data", action="store_true", help="leave the data sets out")
    return parser.parse_args()


# ---- what is packed ------------------------------------------------------------------------------


def git(*words):
    try:
        done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    except OSError:
        raise setup.SetupError(
            "git was not found; it knows which files belong to the course. Install it:\n  sudo apt install git"
        ) from None
    if done.returncode:
        raise setup.SetupError(
            f"{ROOT} is not a git checkout, so that its files are not known from others:\n  {done.stderr.decode().strip()}"
        )
    return done.stdout.decode()


def checkout(contents):
    """The files that git knows, as they are now, and the notebooks a second time, for scripts/reset."""
    for name in filter(None, git("ls-files", "-z").split("\0")):
        path = ROOT / name
        if not path.exists() and not path.is_symlink():
            raise setup.SetupError(f"{name} belongs to the course and is missing. Get it back: git checkout -- '{name}'")
        contents.add(path, name)
        if name.startswith("notebooks/") and name.endswith(".ipynb"):
            contents.add(path, f"bundle/shipped/{path.name}")
    if changed := git("status", "--porcelain", "--untracked-files=no").splitlines():
        contents.lacks.append(f"{len(changed)} of the course's files differ from the last commit; they are packed as they are now")


def installed(contents, cuda):
    """The virtual environments and what set-up has compiled."""
    for venv in (setup.VENV, setup.TUNE_VENV):
        if (venv / ".installed").exists() and moved.is_whole(venv):
            contents.add_folder(venv, venv.name, is_made_anew)
    if f"{setup.TUNE_VENV.name}/.installed" not in contents.files:
        contents.lacks.append("Optuna, for scripts/tune; scripts/setup --tune installs it before packing")
    for program in [*setup.PROGRAMS, setup.PROGRAM.with_name("made-from")]:
        contents.add(program, program.relative_to(ROOT))
    session = setup.session_folder()
    contents.add_folder(session, f"bundle/cache/{session.name}")
    libtorch(contents, setup.libtorch_in_use(cuda), f"bundle/cache/{setup.libtorch_folder(cuda).name}")


def libtorch(contents, torch, goal):
    contents.add_folder(torch, f"{goal}/torch")
    # The wheel from PyPI is linked with NVIDIA's libraries, which are beside it, also where there is no GPU.
    if any(torch.parent.glob("torch-*.dist-info")):
        contents.add_folder(torch.parent / "nvidia", f"{goal}/nvidia", lambda inside: ".so" not in inside.name)


def is_made_anew(inside):
    """What names the place of an environment: the kernelspec, and the links to its Python."""
    return (
        inside.parts[:4] == ("share", "jupyter", "kernels", "rust")
        or inside.parts[0] == "lib64"
        or (inside.parts[0] == "bin" and inside.name.startswith("python"))
    )


def crates(contents, cargo_bin):
    """The crates in Cargo.lock that this kind of machine needs, as Cargo keeps them, and its index of them."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    host = re.search(r"^host: (\S+)", full_version(cargo_bin), re.MULTILINE)
    fetch = [cargo_bin / "cargo", "fetch", "--locked", *(["--target", host[1]] if host else [])]
    path = f"{cargo_bin}{os.pathsep}{os.environ['PATH']}"
    setup.run(fetch, "The crates could not be fetched.", cwd=ROOT, env=os.environ | {"PATH": path})
    locked = LOCKED.findall((ROOT / "Cargo.lock").read_text())
    wanted = {f"{name}-{version}.crate" for name, version in locked}
    for path in sorted((home / "registry" / "cache").glob("*/*.crate")):
        if path.name in wanted:
            contents.add(path, f"bundle/cargo/{path.relative_to(home)}")
    names = {in_index(name) for name, _ in locked}
    for registry in sorted((home / "registry" / "index").glob("*")):
        for path in [registry / "config.json", *(registry / ".cache" / name for name in names)]:
            if path.is_file():
                contents.add(path, f"bundle/cargo/{path.relative_to(home)}")
    if any("[source" in path.read_text(errors="replace") for path in (home / "config.toml", home / "config") if path.is_file()):
        contents.lacks.append(
            "Cargo takes its crates from another place than usual here (config.toml in its folder); that setting is not packed"
        )


def full_version(cargo_bin):
    done = subprocess.run([cargo_bin / "rustc", "-vV"], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


def in_index(name):
    """Where Cargo's index has a crate."""
    name = name.lower()
    return f"{len(name)}/{name}" if len(name) < 3 else f"3/{name[0]}/{name}" if len(name) == 3 else f"{name[:2]}/{name[2:4]}/{name}"


def rust(contents, cargo_bin, version):
    """The toolchain, where it is in a folder of its own. Its licences, MIT and Apache-2.0, allow to pass it on; they are in it."""
    sysroot = setup.sysroot_of(cargo_bin)
    if sysroot in OF_SYSTEM or not (sysroot / "bin" / "cargo").exists():
        contents.lacks.append(f"Rust: it is the system's here. The other machine needs Rust {version} with its sources (rust-src)")
        return
    licences = [path for path in (sysroot / "share" / "doc" / "rust").glob("*") if path.name.startswith(("LICENSE", "COPYRIGHT"))]
    contents.add_folder(sysroot, "bundle/rust", lambda inside: any(inside.is_relative_to(folder) for folder in NOT_OF_RUST))
    for path in licences:
        if path.is_file():
            contents.add(path, f"bundle/rust/{path.name}")


def python(contents, scratch):
    """The Python behind the environments, where it is not the system's. Returns its version."""
    says = "import json, sys; print(json.dumps(['python%d.%d' % sys.version_info[:2], sys.base_prefix]))"
    version, prefix = json.loads(setup.version_of([setup.VENV / "bin" / "python", "-c", says]) or "[null, null]")
    if not version:
        raise setup.SetupError("The Python in .venv does not run. Run scripts/setup, then this again.")
    prefix = Path(prefix)
    lacking = f"Python: it is the system's here. The other machine needs {version}"
    if prefix == Path("/usr") or any(prefix.is_relative_to(folder) for folder in OF_SYSTEM[2:]):
        contents.lacks.append(lacking)
        return version
    program = prefix / "bin" / version
    # The library that the program is linked with, if it is; a link to it serves compilers alone.
    libraries = [path for path in (prefix / "lib").glob(f"lib{version}*.so*") if not path.is_symlink()]
    for path in [program, *libraries]:
        goal = scratch / path.name
        if not write_relocatable(path, goal, prefix / "lib"):
            contents.lacks.append(f"{lacking}: this one, in {prefix}, only runs there")
            return version
        contents.add(goal, f"bundle/python/{path.parent.name}/{path.name}")
    contents.add(scratch / version, "bundle/python/bin/python3")
    contents.add_folder(
        prefix / "lib" / version,
        f"bundle/python/lib/{version}",
        lambda inside: inside.parts[0].startswith("config-") or bool(set(inside.parts) & set(NOT_OF_PYTHON)),
    )
    return version


def write_relocatable(path, goal, libraries):
    """Copies a program that looks for its library in `libraries` such that it looks beside itself; false where it cannot be told to.

    The name of the folder stands in the file between two zeros, and may become shorter.
    """
    content = path.read_bytes()
    named, beside = os.fsencode(libraries) + b"\0", b"$ORIGIN/../lib\0"
    if content.startswith(b"\x7fELF") and named in content:
        if len(beside) > len(named):
            return False
        content = content.replace(b"\0" + named, b"\0" + beside.ljust(len(named), b"\0"))
    goal.write_bytes(content)
    shutil.copystat(path, goal)
    return True


def data(contents, wanted):
    folder = ROOT / "data"
    there = [path.name for path in folder.iterdir() if path.is_dir()] if wanted and folder.is_dir() else []
    for name in there:
        contents.add_folder(folder / name, f"data/{name}")
    if missing := [name for name in ("mnist", "fashion-mnist", "cifar10", "weights") if name not in there]:
        contents.lacks.append(f"data: {', '.join(missing)}; what is in data/ is packed, and a folder that CNN_DATA_DIR names is not")


# ---- the archive ---------------------------------------------------------------------------------


class Counted(io.RawIOBase):
    """A file to which is written, and the checksum of what was."""

    def __init__(self, file):
        self.file, self.checksum, self.length = file, hashlib.sha256(), 0

    def writable(self):
        return True

    def write(self, content):
        self.checksum.update(content)
        self.length += len(content)
        return self.file.write(content)


def write_payload(contents, file):
    """Writes the course as tar, compressed; returns its length and checksum."""
    counted = Counted(file)
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=counted, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for name, path in contents.files.items():
            tar.add(path, arcname=name, recursive=False, filter=without_owner)
    return counted.length, counted.checksum.hexdigest()


def without_owner(member):
    """Whose the file is here says nothing there."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def write(contents, archive, manifest):
    """Writes the archive under another name, and gives it its own when it is whole."""
    part = archive.with_name(f".{archive.name}.part")
    try:
        with tempfile.TemporaryFile(dir=archive.parent) as payload:
            length, checksum = write_payload(contents, payload)
            manifest |= {"payload_bytes": length, "payload_sha256": checksum}
            with tarfile.open(part, "w") as tar:
                for name in bundle.UNPACKING:
                    tar.add(ROOT / "scripts" / name, arcname=f"scripts/{name}", filter=without_owner)
                add_bytes(tar, bundle.MANIFEST, json.dumps(manifest, indent=2).encode())
                payload.seek(0)
                member = tarfile.TarInfo(bundle.PAYLOAD)
                member.size, member.mtime = length, int(time.time())
                tar.addfile(member, payload)
        part.replace(archive)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def add_bytes(tar, name, content):
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(content), int(time.time())
    tar.addfile(member, io.BytesIO(content))


def gathered(scratch, with_data):
    """The contents of an archive, and what it will say of itself."""
    cargo_bin, rust_version = setup.find_cargo_bin()
    if missing := [part for part in setup.unfinished(cargo_bin) if "compiled for the kernel" not in part]:
        raise setup.SetupError(f"Set-up is not complete here; missing: {', '.join(missing)}. Run scripts/setup, then this again.")
    contents = Contents()
    checkout(contents)
    installed(contents, (setup.VENV / ".cuda").exists())
    crates(contents, cargo_bin)
    rust(contents, cargo_bin, rust_version)
    python_version = python(contents, scratch)
    data(contents, with_data)
    manifest = {
        "form": bundle.FORM,
        "kind": bundle.kind(),
        "rust": rust_version,
        "python": python_version,
        "bytes": contents.size(),
        "lacks": contents.lacks,
    }
    return contents, manifest


def check_space(folder, needed):
    """Compressed it is less, but written twice for a moment: as the payload, and in the archive."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise setup.SetupError(
            f"packing needs {needed / setup.GIB:.1f} GiB in {folder}, where {free / setup.GIB:.1f} GiB are free.\n"
            "  Free some space, or name a file on another disk: scripts/pack DISK/cnn-course.tar"
        )


def pack(archive, with_data):
    with tempfile.TemporaryDirectory() as scratch:
        contents, manifest = gathered(Path(scratch), with_data)
        check_space(archive.absolute().parent, manifest["bytes"])
        with setup.Steps(quiet=False).doing("pack", f"{len(contents.files):,} files, {manifest['bytes'] / setup.GIB:.1f} GiB"):
            write(contents, archive, manifest)
    for text in contents.lacks:
        print(f"  not in it  {text}")
    print(f"  archive    {archive} ({archive.stat().st_size / setup.GIB:.2f} GiB). On the other machine, also without the course:")
    print(f"             tar -xf {archive.name} scripts && scripts/unpack {archive.name} FOLDER")


def main():
    chosen = arguments()
    archive = chosen.archive or ROOT / "out" / f"cnn-course-{bundle.kind()['system']}-{bundle.kind()['machine']}.tar".lower()
    work = partial(pack, archive, not chosen.no_data)
    return endings.ended("pack", work, {setup.SetupError: 1}, "stopped; nothing is left of it")


if __name__ == "__main__":
    sys.exit(main())
