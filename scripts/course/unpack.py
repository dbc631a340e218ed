"""Puts the course from an archive of scripts/pack into a folder, at any path and under any user name, without a network.

It is first unpacked beside the folder, under another name, and becomes the folder when it is whole and its checksum is right; then
scripts/setup, in the folder, mends the paths and compiles what depends on them, and scripts/preflight tries what came of it.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import partial
from pathlib import Path

import bundle
import endings
import setup

LARGEST_MANIFEST = 1 << 20
TO_COMPILE = 2 * setup.GIB  # what set-up then takes


class UnpackError(Exception):
    """The archive cannot be unpacked; the text says why, and what to do."""


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/unpack", description="Puts the course from an archive of scripts/pack into a folder.")
    parser.add_argument("archive", type=Path, metavar="ARCHIVE")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new one, or an empty one")
    parser.add_argument("--no-setup", action="store_true", help="do not compile now, nor try it: the first scripts/lab compiles")
    return parser.parse_args()


# ---- before anything is written ------------------------------------------------------------------


def damaged(archive, why):
    return UnpackError(f"{archive} is damaged: {why}. Copy it again from where it came from.")


def open_archive(archive):
    try:
        return tarfile.open(archive, "r:")
    except FileNotFoundError:
        raise UnpackError(f"there is no file {archive}; check the path") from None
    except tarfile.TarError as error:
        raise UnpackError(
            f"{archive} is no archive of scripts/pack, or a damaged one ({error}). Copy it again from where it came from."
        ) from None


def read_manifest(tar, archive):
    """What the archive says of itself, checked."""
    foreign = UnpackError(
        f"{archive} is no archive of scripts/pack of this version; it was to have a {bundle.MANIFEST} with the form {bundle.FORM!r}"
    )
    try:
        member = tar.getmember(bundle.MANIFEST)
        if member.size > LARGEST_MANIFEST:
            raise foreign
        manifest = json.loads(tar.extractfile(member).read())
    except KeyError:
        raise foreign from None
    except (tarfile.TarError, ValueError, EOFError, AttributeError):
        raise damaged(archive, f"its {bundle.MANIFEST} cannot be read") from None
    kinds = {"kind": dict, "rust": str, "python": str, "bytes": int, "lacks": list, "payload_bytes": int, "payload_sha256": str}
    if (
        not isinstance(manifest, dict)
        or manifest.get("form") != bundle.FORM
        or not all(isinstance(manifest.get(name), kind) for name, kind in kinds.items())
    ):
        raise foreign
    if not all(isinstance(manifest["kind"].get(name), str) for name in bundle.kind()):
        raise foreign
    return manifest


def check_machine(manifest):
    if why := bundle.misfit(manifest["kind"], bundle.kind()):
        raise UnpackError(
            f"the archive was made for another kind of machine: {why}. Make one on a machine like this, or use scripts/setup, "
            "with a network."
        )


def check_folder(folder, needed):
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UnpackError(f"{folder} is there already and not an empty folder; name a new one")
    above = next(path for path in folder.parents if path.exists())
    if not os.access(above, os.W_OK):
        raise UnpackError(f"you may not write in {above}; name another folder")
    free = shutil.disk_usage(above).free
    if free < needed:
        raise UnpackError(
            f"{needed / setup.GIB:.1f} GiB are needed in {above}, and {free / setup.GIB:.1f} GiB are free. "
            "Free some space, or name another folder."
        )


# ---- unpacking -----------------------------------------------------------------------------------


class Summed(io.RawIOBase):
    """A file that is read, and the checksum of what was."""

    def __init__(self, file):
        self.file, self.checksum = file, hashlib.sha256()

    def readable(self):
        return True

    def read(self, size=-1):
        content = self.file.read(size)
        self.checksum.update(content)
        return content

    def read_to_the_end(self):
        while self.read(1 << 20):
            pass


def is_inside(member):
    """Whether a member is a file, folder or link that neither is outside the folder nor leads there."""
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return False
    base = os.path.dirname(member.name) if member.issym() else ""
    places = [member.name, *([os.path.join(base, member.linkname)] if member.issym() or member.islnk() else [])]
    return not any(os.path.isabs(place) or os.path.normpath(place).split(os.sep)[0] == ".." for place in places)


def unpack_payload(tar, manifest, archive, part):
    """Unpacks the course into a folder; raises where the archive is not, to the last byte, what was packed."""
    trusting = {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}
    try:
        member = tar.getmember(bundle.PAYLOAD)
        summed = Summed(tar.extractfile(member))
        with tarfile.open(fileobj=summed, mode="r|gz") as payload:
            for one in payload:
                if not is_inside(one):
                    raise damaged(archive, f"{one.name!r} is not a file in the course's folder")
                payload.extract(one, part, **trusting)
        summed.read_to_the_end()
    except KeyError:
        raise damaged(archive, f"it has no {bundle.PAYLOAD}") from None
    # What a damaged stream makes of zlib, gzip and tarfile, is of many kinds.
    except (tarfile.TarError, EOFError, ValueError, ArithmeticError, LookupError) as error:
        raise damaged(archive, f"the course in it cannot be unpacked ({error})") from None
    except OSError as error:
        if error.errno is None:
            raise damaged(archive, f"the course in it cannot be unpacked ({error})") from None
        raise
    if summed.checksum.hexdigest() != manifest["payload_sha256"]:
        raise damaged(archive, "its SHA-256 is not the one that it was packed with")


def unpack(archive, folder):
    """The manifest of what is now in the folder."""
    with open_archive(archive) as tar:
        manifest = read_manifest(tar, archive)
        check_machine(manifest)
        check_folder(folder, manifest["bytes"] + TO_COMPILE)
        folder.parent.mkdir(parents=True, exist_ok=True)
        print(f"  unpack     {manifest['bytes'] / setup.GIB:.1f} GiB into {folder} ...", flush=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
            part = Path(scratch) / "course"
            part.mkdir()
            unpack_payload(tar, manifest, archive, part)
            with contextlib.suppress(FileNotFoundError):
                folder.rmdir()  # an empty one
            part.rename(folder)
    return manifest


# ---- afterwards ----------------------------------------------------------------------------------


def lacking(manifest, folder):
    """What the machine still needs, in words."""
    texts = [str(text) for text in manifest["lacks"]]
    try:
        setup.find_compiler()
    except setup.SetupError as error:
        texts.append(str(error))
    python = folder / "bundle" / "python" / "bin" / "python3"
    says = [python, "-c", "import ctypes, hashlib, ssl, sqlite3, zlib; print('runs')"]
    if python.exists() and not setup.version_of(says):
        texts.append(f"the Python in the archive does not run here: install {manifest['python']}, with its venv module")
    return texts


def made(archive, folder, with_setup):
    """Unpacks, and has set-up do the rest; the exit code."""
    manifest = unpack(archive, folder)
    for text in lacking(manifest, folder):
        print(f"  not in it  {text}", flush=True)
    if with_setup:
        print("  set-up     mends the paths and compiles the crate and libtorch's bindings for this place, without a network", flush=True)
        if code := subprocess.run([folder / "scripts" / "setup"], check=False).returncode:
            print(
                f"unpack: the course is in {folder}, and set-up was not finished. When that is mended: {folder}/scripts/setup",
                file=sys.stderr,
            )
            return code
        print("  preflight  tries the kernel, a tensor, a plot and the data, here", flush=True)
        if code := subprocess.run([folder / "scripts" / "preflight"], check=False).returncode:
            print(f"unpack: the course is in {folder}, and not ready. When that is mended: {folder}/scripts/preflight", file=sys.stderr)
            return code
    print(f"  ready      {folder}/scripts/lab")
    return 0


def main():
    chosen = arguments()
    archive, folder = chosen.archive.expanduser(), chosen.folder.expanduser().absolute()
    work = partial(made, archive, folder, not chosen.no_setup)
    stopped = f"stopped. Where {folder} is there, it is whole: go on with {folder}/scripts/setup"
    return endings.ended("unpack", work, {UnpackError: 1}, stopped)


if __name__ == "__main__":
    sys.exit(main())
