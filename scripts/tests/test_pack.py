"""scripts/pack and scripts/unpack: a miniature of the course, packed and unpacked as on another machine, and damaged archives.

With CNN_LONG_TESTS=1 the real course, too: unpacked by another user, without a network, and used.
"""

import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import namedtuple
from pathlib import Path

import pytest
from conftest import COURSE, make_notebook

import bundle
import pack
import setup
import unpack

PYTHON = os.path.realpath(sys.executable)
RUSTC = """#!/bin/sh
case "$*" in
    "--print sysroot") cd "$(dirname "$0")/.." && pwd ;;
    *) printf 'rustc 1.95.0 (59807616e 2026-04-14)\\nhost: some-host\\n' ;;
esac
"""
# In the place of the kernel: writes a kernelspec with its own path, and a prepared folder.
KERNEL = """#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
case $1 in
    install) mkdir -p "$3/rust" && printf '{"argv": ["%s"], "said": "%s"}' "$0" "$*" > "$3/rust/kernel.json" ;;
    prepare)
        case "$*" in *--check) test -e "$here/prepared/made-from"; exit ;; esac
        mkdir -p "$here/prepared/build" && echo "$CARGO_HOME" > "$here/prepared/made-from" ;;
esac
"""
LOCK = """[[package]]
name = "tiny"
version = "1.0.0"
source = "registry+an index"
checksum = "0"

[[package]]
name = "cnn"
version = "0.1.0"
"""


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


class Miniature:
    """A checkout of a very small course, with set-up done by programs that only look like the real ones."""

    def __init__(self, folder):
        self.folder, self.root, self.home, self.archive = (
            folder,
            folder / "first" / "course",
            folder / "first" / "home",
            folder / "course.tar",
        )
        shutil.copytree(COURSE.parent, self.root / "scripts", ignore=shutil.ignore_patterns("__pycache__", "tests"))
        for name, text in {
            "Cargo.lock": LOCK,
            "crates/kernel/Cargo.toml": "k",
            "crates/kernel/src/in_cells.rs": "",
            "crates/kernel/src/shown.rs": "",
            "crates/cnn/Cargo.toml": "c",
            "a b/größe.txt": "g",
            "data/mnist/images": "data",
        }.items():
            write(self.root / name, text)
        for name in ("Cargo.toml", "Cargo.lock", "src/main.rs"):
            write(self.root / "crates" / "session" / name, name)
        write(self.root / ".gitignore", "/data\n/target\n/out\n/.venv\n/bundle\n__pycache__\n")
        write(self.root / "scripts" / "preflight", "#!/bin/sh\necho tried here\n", 0o755)
        (self.root / "notebooks").mkdir()
        make_notebook(self.root / "notebooks" / "00_first.ipynb", ["1 + 1"])
        self.make_tools()
        self.make_set_up()
        for words in (["init", "--quiet"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=b", "commit", "--quiet", "-m", "all"]):
            subprocess.run(["git", "-C", self.root, *words], check=True, timeout=60)
        write(self.root / "secret.txt", "not git's")
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{folder}/tools/bin:/usr/bin:/bin",
            "CNN_CACHE": str(folder / "first" / "cache"),
        }
        done = self.run("setup", "--no-cells")
        assert done.returncode == 0, done.stderr

    def make_tools(self):
        rust = self.folder / "tools"
        write(rust / "bin" / "rustc", RUSTC, 0o755)
        write(rust / "bin" / "cargo", "#!/bin/sh\n", 0o755)
        write(rust / "lib" / "rustlib" / "src" / "rust" / "library" / "core" / "lib.rs", "core")
        write(rust / "share" / "doc" / "book.html", "large")
        write(rust / "share" / "doc" / "rust" / "LICENSE-MIT", "MIT")
        registry = self.home / ".cargo" / "registry"
        for name in (
            "cache/reg/tiny-1.0.0.crate",
            "cache/reg/tiny-2.0.0.crate",
            "index/reg/.cache/ti/ny/tiny",
            "index/reg/.cache/ot/he/other",
            "index/reg/config.json",
        ):
            write(registry / name, name)

    def make_set_up(self):
        venv = self.root / ".venv"
        subprocess.run([PYTHON, "-m", "venv", "--without-pip", venv], check=True, timeout=120)
        write(venv / "bin" / "pip", f"#!{venv}/bin/python3\nimport sys; print(sys.prefix)\n", 0o755)
        says = "import sys; sys.path.insert(0, sys.argv[1]); import hashlib, setup\n"
        says += "print(setup.kernel_sources(), setup.session_folder().name, hashlib.sha256(setup.LOCK.read_bytes()).hexdigest())"
        said = subprocess.run(
            [PYTHON, "-c", says, self.root / "scripts" / "course"], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        kernel, session, lock = said.split()
        (venv / ".installed").write_text(lock)
        cache, programs = self.folder / "first" / "cache", self.root / "target" / "kernel" / "bin"
        write(cache / session / "bin" / "live-session", "", 0o755)
        wheel = cache / f"libtorch-{setup.TORCH}-cpu"
        beside = ("torch-2.dist-info/METADATA", "nvidia/cu13/lib/libcupti.so.13", "nvidia/cu13/include/cupti.h")
        for name in (f"torch/lib/{setup.LIBRARY}", *beside):
            write(wheel / name, name)
        write(cache / "session-of-another-checkout" / "bin" / "live-session", "")
        for name, text in [("live-kernel", KERNEL), ("live-cells", ""), ("live-cargo", "")]:
            write(programs / name, text, 0o755)
        write(programs / "made-from", kernel)

    def run(self, script, *words):
        command = [self.root / "scripts" / script, *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300, cwd=self.folder)


@pytest.fixture(scope="module")
def miniature(tmp_path_factory):
    made = Miniature(tmp_path_factory.mktemp("pack"))
    done = made.run("pack", made.archive)
    assert done.returncode == 0, done.stderr
    made.said = done.stdout
    return made


@pytest.fixture(scope="module")
def unpacked(miniature):
    """On another machine, where there is no Rust, no crate and no cache: the folder, and what was printed."""
    other = miniature.folder / "second"
    (other / "home").mkdir(parents=True)
    environment = {"HOME": str(other / "home"), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHON": PYTHON}
    subprocess.run(["tar", "-xf", miniature.archive, "scripts"], check=True, timeout=60, cwd=other)
    away = miniature.root.parent.with_name("away")
    miniature.root.parent.rename(away)
    (miniature.folder / "tools").rename(miniature.folder / "tools-away")
    try:
        done = subprocess.run(
            [other / "scripts" / "unpack", miniature.archive, "a place/course"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            cwd=other,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "tried here" in done.stdout
        yield other / "a place" / "course", done.stdout, environment
    finally:
        away.rename(miniature.root.parent)
        (miniature.folder / "tools-away").rename(miniature.folder / "tools")


def test_what_is_packed_and_what_is_not(miniature):
    assert "tar -xf course.tar scripts && scripts/unpack course.tar FOLDER" in miniature.said
    assert "fashion-mnist, cifar10, weights" in miniature.said and "Optuna" in miniature.said
    with tarfile.open(miniature.archive) as tar, tarfile.open(fileobj=tar.extractfile(bundle.PAYLOAD)) as payload:
        names = set(payload.getnames())
        assert all(member.uid == member.gid == 0 and not member.uname for member in payload)
    expected = {
        "Cargo.lock",
        "a b/größe.txt",
        "bundle/shipped/00_first.ipynb",
        "data/mnist/images",
        ".venv/.installed",
        "target/kernel/bin/live-kernel",
    }
    expected |= {
        "bundle/rust/bin/rustc",
        "bundle/rust/LICENSE-MIT",
        "bundle/cargo/registry/cache/reg/tiny-1.0.0.crate",
        "bundle/cargo/registry/index/reg/.cache/ti/ny/tiny",
    }
    assert expected <= names
    unwanted = ("secret", "tiny-2", "other", "share/doc", "kernel.json", "prepared", "another-checkout", "/bin/python3.")
    assert not [name for name in names if any(word in name for word in unwanted) and not name.startswith("bundle/python/")]
    assert len(names) == len(set(map(str.lower, names)))


def test_without_the_data(miniature, monkeypatch):
    monkeypatch.setattr(pack, "ROOT", miniature.root)
    contents = pack.Contents()
    pack.data(contents, wanted=False)
    assert not contents.files and "mnist, fashion-mnist, cifar10, weights" in contents.lacks[0]
    pack.data(contents, wanted=True)
    assert list(contents.files) == ["data/mnist/images"]


def test_pack_wants_a_whole_set_up(miniature):
    spec = miniature.root / "target" / "kernel" / "bin" / "live-cells"
    spec.rename(spec.with_name("away"))
    done = miniature.run("pack", miniature.folder / "none.tar")
    spec.with_name("away").rename(spec)
    assert done.returncode == 1 and "the kernel program" in done.stderr and "scripts/setup" in done.stderr
    assert not (miniature.folder / "none.tar").exists()


def test_pack_wants_git_and_all_its_files(miniature):
    (miniature.root / "Cargo.lock").rename(miniature.root / "away")
    (miniature.root / "crates" / "cnn" / "Cargo.toml").rename(miniature.root / "away-2")
    (miniature.root / "away").rename(miniature.root / "Cargo.lock")
    done = miniature.run("pack", miniature.folder / "none.tar")
    (miniature.root / "away-2").rename(miniature.root / "crates" / "cnn" / "Cargo.toml")
    assert done.returncode == 1 and "git checkout -- 'crates/cnn/Cargo.toml'" in done.stderr
    (miniature.root / ".git").rename(miniature.root / ".away")
    done = miniature.run("pack", miniature.folder / "none.tar")
    (miniature.root / ".away").rename(miniature.root / ".git")
    assert done.returncode == 1 and "is not a git checkout" in done.stderr and "Traceback" not in done.stderr


def test_the_unpacked_course_uses_nothing_from_outside(unpacked):
    folder, said, environment = unpacked
    assert (folder / "a b" / "größe.txt").read_text() == "g"
    pip = subprocess.run([folder / ".venv" / "bin" / "pip"], capture_output=True, text=True, timeout=60, env=environment)
    assert pip.stdout.strip() == str(folder / ".venv"), pip.stderr
    kernelspec = json.loads((folder / ".venv" / "share" / "jupyter" / "kernels" / "rust" / "kernel.json").read_text())
    assert kernelspec["argv"] == [str(folder / "target" / "kernel" / "bin" / "live-kernel")]
    for place in ("cargo", "rust/bin", f"cache/libtorch-{setup.TORCH}-cpu/torch/lib", "cache/session-"):
        assert f"{folder}/bundle/{place}" in kernelspec["said"]
    nvidia = folder / "bundle" / "cache" / f"libtorch-{setup.TORCH}-cpu" / "nvidia"
    assert [path.name for path in nvidia.rglob("*") if path.is_file()] == ["libcupti.so.13"], "what libtorch is linked with, and no headers"
    assert (folder / "target" / "kernel" / "prepared" / "made-from").read_text().strip() == str(folder / "bundle" / "cargo")
    if (folder / "bundle" / "python").exists() and not PYTHON.startswith("/usr/bin"):
        assert (
            os.path.realpath(folder / ".venv" / "bin" / "python") == PYTHON
            or folder in Path(os.path.realpath(folder / ".venv" / "bin" / "python")).parents
        )
    assert list(Path(environment["HOME"]).iterdir()) == [] and [path.name for path in folder.parent.iterdir()] == ["course"]
    assert f"{folder}/scripts/lab" in said and "moved" in said


def test_the_packed_python_runs_by_itself(unpacked):
    folder, _, environment = unpacked
    program = folder / "bundle" / "python" / "bin" / "python3"
    if not program.exists():
        pytest.skip("the Python here is the system's, and so not packed")
    says = "import sys, sysconfig, ssl; print(sys.base_prefix); print([line for line in open('/proc/self/maps') if 'libpython' in line])"
    done = subprocess.run([program, "-c", says], capture_output=True, text=True, timeout=60, env=environment)
    assert done.stdout.splitlines()[0] == str(folder / "bundle" / "python"), done.stderr
    assert setup.MACOS or str(Path(PYTHON).parents[1]) not in done.stdout, "a library is still taken from where it was"


def test_a_notebook_can_be_reset_there(unpacked):
    folder, _, environment = unpacked
    notebook = folder / "notebooks" / "00_first.ipynb"
    shipped = notebook.read_text()
    notebook.write_text("{}")
    done = subprocess.run([folder / "scripts" / "reset", "0"], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0 and notebook.read_text() == shipped, done.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_the_place_is_ready_where_preflight_says_so(tmp_path, monkeypatch, capfd, code):
    for name, ends in {"setup": 0, "preflight": code}.items():
        write(tmp_path / "scripts" / name, f"#!/bin/sh\necho {name} ran\nexit {ends}\n", 0o755)
    monkeypatch.setattr(unpack, "unpack", lambda *_: {"lacks": [], "python": "3.11"})
    assert unpack.made(Path("course.tar"), tmp_path, with_setup=True) == code
    said = capfd.readouterr()
    assert "setup ran" in said.out and "preflight ran" in said.out
    assert ("  ready " in said.out, "not ready" in said.err) == (code == 0, code == 1)


def test_set_up_is_done_and_finds_nothing_to_do(unpacked):
    folder, _, environment = unpacked
    done = subprocess.run(
        [folder / "scripts" / "setup", "--quiet", "--no-cells"], capture_output=True, text=True, timeout=60, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ---- what cannot be unpacked ---------------------------------------------------------------------


def refused(archive, folder, *expected):
    """Unpacking fails with these words, and leaves nothing."""
    before = sorted(folder.parent.iterdir())
    with pytest.raises(unpack.UnpackError) as error:
        unpack.unpack(archive, folder)
    for words in expected:
        assert words in str(error.value)
    assert sorted(folder.parent.iterdir()) == before
    return str(error.value)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "of").mkdir()
    return tmp_path / "of" / "course"


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"\x1f\x8b" + b"x" * 5000, b"<!DOCTYPE html>" * 100])
def test_a_file_of_another_kind(tmp_path, folder, content):
    (tmp_path / "x.tar").write_bytes(content)
    refused(tmp_path / "x.tar", folder, "scripts/pack")
    refused(tmp_path / "none.tar", folder, "there is no file")


def test_an_archive_that_was_cut_or_changed_anywhere(miniature, folder, tmp_path):
    content = miniature.archive.read_bytes()
    payload = content.index(b"\x1f\x8b\x08")
    damaged, rng = tmp_path / "damaged.tar", random.Random(1)
    for length in [100, payload // 2, payload + 10, payload + 5000, len(content) // 2, len(content) - 12_000]:
        damaged.write_bytes(content[:length])
        refused(damaged, folder)
    end = payload + json.loads(tarfile.open(miniature.archive).extractfile(bundle.MANIFEST).read())["payload_bytes"]
    for place in [payload + 3, payload + 12, end - 4, end - 1, *(rng.randrange(payload, end) for _ in range(6))]:
        changed = bytearray(content)
        changed[place] ^= 1 << rng.randrange(8)
        damaged.write_bytes(changed)
        refused(damaged, folder, "Copy it again")


def archive_of(path, members, machine=None, **changed):
    """An archive with these members in its payload: (name, type, link)."""
    payload = io.BytesIO()
    with tarfile.open(fileobj=payload, mode="w:gz") as tar:
        for name, type_, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = type_, link
            tar.addfile(member)
    content = payload.getvalue()
    checksum = hashlib.sha256(content).hexdigest()
    manifest = {
        "form": bundle.FORM,
        "kind": bundle.kind() | (machine or {}),
        "rust": "1",
        "python": "python3",
        "bytes": 1,
        "lacks": [],
        "payload_bytes": len(content),
        "payload_sha256": checksum,
    }
    with tarfile.open(path, "w") as tar:
        pack.add_bytes(tar, bundle.MANIFEST, json.dumps(manifest | changed).encode())
        pack.add_bytes(tar, bundle.PAYLOAD, content)
    return path


@pytest.mark.parametrize(
    ("name", "type_", "link"),
    [
        ("../evil", tarfile.REGTYPE, ""),
        ("/evil", tarfile.REGTYPE, ""),
        ("a/../../evil", tarfile.REGTYPE, ""),
        ("a", tarfile.SYMTYPE, "/etc"),
        ("a/b", tarfile.SYMTYPE, "../../c"),
        ("a", tarfile.LNKTYPE, "../c"),
        ("a", tarfile.CHRTYPE, ""),
        ("a", tarfile.FIFOTYPE, ""),
    ],
)
def test_members_that_lead_out_of_the_folder(tmp_path, folder, name, type_, link):
    refused(
        archive_of(tmp_path / "x.tar", [("good", tarfile.REGTYPE, ""), (name, type_, link)]), folder, "not a file in the course's folder"
    )


def test_links_within_the_folder_are_kept(tmp_path, folder):
    unpack.unpack(
        archive_of(tmp_path / "x.tar", [("a/b", tarfile.REGTYPE, ""), ("a/c", tarfile.SYMTYPE, "b"), ("d/e", tarfile.SYMTYPE, "../a/b")]),
        folder,
    )
    assert os.readlink(folder / "d" / "e") == "../a/b" and (folder / "a" / "c").exists()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"system": "Plan 9"}, "operating system is Plan 9"),
        ({"machine": "vax"}, "processor is vax"),
        ({"library": "musl"}, "C library is musl"),
        ({"version": "999.1"}, "999.1 or newer"),
    ],
)
def test_another_kind_of_machine(tmp_path, folder, kind, words):
    refused(archive_of(tmp_path / "x.tar", [], kind), folder, words, "another kind of machine")


@pytest.mark.parametrize(
    "changed", [{"form": "cnn-course archive 2"}, {"kind": {}}, {"kind": None}, {"bytes": "many"}, {"payload_sha256": None}]
)
def test_a_manifest_of_another_form(tmp_path, folder, changed):
    refused(archive_of(tmp_path / "x.tar", [], **changed), folder, "no archive of scripts/pack of this version")


def test_a_newer_system_will_do():
    here = {"system": "Linux", "machine": "x86_64", "library": "glibc", "version": "2.36"}
    assert bundle.misfit(here, here | {"version": "2.41"}) == "" and bundle.misfit(here, here | {"version": "2.4"})


def test_a_folder_that_is_in_use_and_a_full_disk(tmp_path, folder, monkeypatch):
    archive = archive_of(tmp_path / "x.tar", [("a", tarfile.REGTYPE, "")])
    folder.mkdir()
    (folder / "mine").write_text("mine")
    refused(archive, folder, "not an empty folder")
    (folder / "mine").unlink()
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(unpack.shutil, "disk_usage", lambda _: usage(0, 0, setup.GIB))
        refused(archive, folder, "2.0 GiB are needed", "1.0 GiB are free")
    unpack.unpack(archive, folder)
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_a_program_is_told_to_look_beside_itself(tmp_path):
    original, goal = tmp_path / "python3.11", tmp_path / "copy"
    rest = b"\x7fELF..\0libpython3.11.so.1.0\0%s\0other\0"
    original.write_bytes(rest % b"/home/anna/pyenv/versions/3.11/lib")
    assert pack.write_relocatable(original, goal, Path("/home/anna/pyenv/versions/3.11/lib"))
    content = goal.read_bytes()
    assert (
        len(content) == original.stat().st_size
        and b"\0$ORIGIN/../lib\0" in content
        and b"anna" not in content
        and content.endswith(b"\0other\0")
    )
    original.write_bytes(rest % b"/py/lib")
    assert not pack.write_relocatable(original, goal, Path("/py/lib"))


# ---- the real course -----------------------------------------------------------------------------

CELLS = r"""
import sys
sys.path.insert(0, sys.argv[1])
import notebooks
from jupyter_client.manager import KernelManager
notebooks.isolate()
manager = KernelManager(kernel_name="rust")
manager.start_kernel(cwd=str(notebooks.FOLDER))
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=120)
first = ':dep cnn = { path = "../crates/cnn" }\nuse cnn::prelude::*;'
for source in (first, 'println!("sum {}", Tensor::arange(100, (Kind::Float, Device::Cpu)).sum(Kind::Float).double_value(&[]));'):
    client.execute_interactive(source, timeout=300)
client.stop_channels()
manager.shutdown_kernel()
"""


@pytest.mark.skipif(not os.environ.get("CNN_LONG_TESTS"), reason="packing the whole course takes minutes: CNN_LONG_TESTS=1 does it")
@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"),
    reason="only root can become another user without a network",
)
def test_another_user_without_a_network_runs_a_tensor():
    # Not in pytest's folder: each pytest that begins closes that one to other users.
    with tempfile.TemporaryDirectory(prefix="cnn-course-") as place:
        unpack_and_run(Path(place))


def unpack_and_run(place):
    archive, home = place / "course.tar", place / "home of another"
    subprocess.run([setup.ROOT / "scripts" / "pack", archive], check=True, timeout=1800)
    home.mkdir()
    os.chown(home, 65534, 65534)
    place.chmod(0o755)
    alone = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"', "sh"]
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"}
    options = {"env": environment, "cwd": home, "capture_output": True, "text": True, "check": False}
    subprocess.run([*alone, "tar", "-xf", archive, "scripts"], timeout=60, **options)
    done = subprocess.run([*alone, home / "scripts" / "unpack", archive, "course"], timeout=3600, **options)
    print(done.stdout)  # -rP shows how long it took
    assert done.returncode == 0, done.stdout + done.stderr
    course = home / "course"
    done = subprocess.run([*alone, course / ".venv" / "bin" / "python", "-c", CELLS, course / "scripts" / "course"], timeout=900, **options)
    assert "sum 4950" in done.stdout, done.stdout + done.stderr
