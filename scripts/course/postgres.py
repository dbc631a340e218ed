"""A PostgreSQL server of one's own, for tests and measurements: Debian's package, started by root as its user postgres."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None) if Path("/usr/lib/postgresql").exists() else None
NEEDS = "root on Linux, and PostgreSQL (apt-get install postgresql)"


def is_possible():
    return sys.platform == "linux" and os.geteuid() == 0 and PROGRAMS is not None and (PROGRAMS / "initdb").exists()


class Postgres:
    """A server with a folder and a port of its own; `networks` may reach it by password, too."""

    def __init__(self, password, networks=()):
        # Where the user postgres may go.
        self.folder = Path(tempfile.mkdtemp(prefix="tune-postgres.", dir="/tmp"))
        self.folder.chmod(0o755)
        with socket.socket() as free:
            free.bind(("", 0))
            self.port = free.getsockname()[1]
        self.data, self.password = self.folder / "data", password
        shutil.chown(self.folder, "postgres")
        (self.folder / "password").write_text(password)
        self.run("initdb", "-D", self.data, "-U", "optuna", "--auth=scram-sha-256", f"--pwfile={self.folder / 'password'}")
        with open(self.data / "pg_hba.conf", "a") as file:
            file.writelines(f"host all all {network} scram-sha-256\n" for network in networks)

    def run(self, program, *words):
        line = ["runuser", "-u", "postgres", "--", str(PROGRAMS / program), *map(str, words)]
        subprocess.run(line, check=True, timeout=60, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self, *settings):
        settings = [f"unix_socket_directories={self.folder}", *settings]
        options = " ".join([f"-p {self.port}", *(f"-c {setting}" for setting in settings)])
        self.run("pg_ctl", "start", "-w", "-D", self.data, "-o", options, "-l", self.folder / "log")

    def stop(self, mode="immediate"):
        self.run("pg_ctl", "stop", "-D", self.data, "-m", mode)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def pid(self):
        """Of the server's first process."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def url(self, host="127.0.0.1", password=None):
        return f"postgresql://optuna:{password or self.password}@{host}:{self.port}/postgres"

    def version(self):
        return subprocess.run([PROGRAMS / "postgres", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
