"""What scripts/pack and scripts/unpack share: what an archive is, and what kind of machine it is for.

The archive is a tar file that holds, in this order, the scripts that unpack it, `manifest.json`, and `course.tar.gz` with the course
as it will be in its folder. What comes from outside the checkout (caches, crates, Rust, Python) is in `bundle/` there, where set-up
looks first.
"""

import platform

FORM = "cnn-course archive 1"
MANIFEST, PAYLOAD = "manifest.json", "course.tar.gz"
# What unpacks an archive, and is therefore beside the payload: `tar -xf ARCHIVE scripts` gives it to who has nothing.
UNPACKING = ["unpack", "course/with_python", "course/unpack.py", "course/bundle.py", "course/setup.py", "course/moved.py", "course/endings.py"]


def kind():
    """What programs that are compiled for this machine depend on. The last is a version: a newer one will do."""
    if platform.system() == "Darwin":
        return {"system": "Darwin", "machine": platform.machine(), "library": "macOS", "version": platform.mac_ver()[0]}
    library, version = platform.libc_ver()
    return {"system": platform.system(), "machine": platform.machine(), "library": library or "another C library", "version": version}


def numbers(version):
    return [int(part) for part in version.split(".") if part.isdigit()]


def misfit(made_for, here):
    """Why what was compiled for one kind of machine does not run on another; empty if it does."""
    for name, what in [("system", "operating system"), ("machine", "processor"), ("library", "C library")]:
        if made_for[name] != here[name]:
            return f"its {what} is {made_for[name]}, that of this machine is {here[name]}"
    if numbers(here["version"]) < numbers(made_for["version"]):
        return f"it needs {made_for['library']} {made_for['version']} or newer, this machine has {here['version']}"
    return ""
