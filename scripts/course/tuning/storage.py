"""Where studies are kept: a journal file, or any of Optuna's storages by URL."""

import os
import random
import re
import time
import warnings
from pathlib import Path

import notebooks

PATIENCE = 300  # seconds for which a storage may be away
# Also where somebody has not escaped a password's own signs.
SECRET = re.compile(r"(://[^:@/]*):(.*)@")


def hidden(url):
    """The URL as it may be shown: without its password."""
    return re.sub(r"(password=)[^&]*", r"\1***", SECRET.sub(r"\1:***@", str(url)))


def is_file(url):
    return "://" not in str(url)


def open_storage(url):
    """Optuna's storage, or a UsageError that says why it cannot be had, without the password."""
    try:
        return made_with_others(str(url))
    except Exception as error:
        reason = hide_in(str(url), str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        raise notebooks.UsageError(f"the storage {hidden(url)} cannot be used: {reason}\n  {advice(url, reason)}") from None


def made_with_others(url, tries=6):
    """Where several machines begin at the same time, all but one find that the tables they are making are there already."""
    for left in reversed(range(tries)):
        try:
            return opened(url)
        except Exception as error:
            if left == 0 or not re.search("duplicate|already exists|UniqueViolation", str(error), re.IGNORECASE):
                raise
        time.sleep(random.uniform(0.2, 1.5))


def opened(url):
    from optuna.storages import GrpcStorageProxy, JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend, JournalRedisBackend

    if is_file(url):
        path = Path(url).expanduser().absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        mend(path)
        return JournalStorage(JournalFileBackend(str(path)))
    scheme, rest = url.split("://", 1)
    if scheme == "grpc":
        host, _, port = rest.rstrip("/").rpartition(":")
        if not host or not port.isdigit():
            raise ValueError("it is not of the form grpc://HOST:PORT")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that Optuna may change it
            proxy = GrpcStorageProxy(host=host, port=int(port))
        proxy.wait_server_ready(timeout=10)
        return proxy
    if scheme in ("redis", "rediss"):
        return JournalStorage(JournalRedisBackend(url))
    if scheme == "sqlite" and rest.startswith("/") and rest[1:]:
        Path(rest[1:]).expanduser().parent.mkdir(parents=True, exist_ok=True)
    # A connection that the database has closed meanwhile is made anew. One is kept: of a hundred machines' connections most would be idle.
    return RDBStorage(with_driver(url), engine_kwargs={"pool_pre_ping": True, "pool_size": 1})


def with_driver(url):
    """The URL as SQLAlchemy wants it: its versions do not agree on the driver that a bare name means."""
    scheme, rest = url.split("://", 1)
    driver = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "mysql": "mysql+pymysql"}.get(scheme, scheme)
    return f"{driver}://{rest}"


def mend(path):
    """Takes off half a line at a journal's end, which a machine without power leaves: Optuna reads no journal that goes on after it."""
    if not path.exists():
        return
    with open(path, "rb+") as file:
        text = file.read()
        whole = text.rfind(b"\n") + 1
        # A line that is just being written has its end within a moment.
        if whole < len(text) and time.time() - os.stat(path).st_mtime > 2:
            file.truncate(whole)


def hide_in(url, text):
    """A message about the URL without its password."""
    found = SECRET.search(url)
    return hidden(text.replace(found[2], "***") if found and found[2] else text)


def advice(url, reason):
    words = reason.lower()
    if "password" in words or "authentication" in words or "role" in words:
        return "Check the user and the password; PostgreSQL's can stand in ~/.pgpass instead of the command."
    if "too many clients" in words or "connection slots" in words:
        return "Raise max_connections in the server's postgresql.conf, four for each machine with two workers, and restart it."
    if is_file(url) or "sqlite" in str(url):
        return "Name another file by --storage, or mend the folder's rights."
    if "parse" in words or "form" in words or "plugin" in words or "dialect" in words:
        return "Examples: postgresql://user@host/database, mysql://…, redis://…, sqlite:///file.db, grpc://host:port, or a journal file."
    return "Check that the server runs and can be reached from here, and that the database exists."


def is_away(error):
    """Whether the storage may be back in a moment."""
    from optuna.exceptions import StorageInternalError

    kinds = (StorageInternalError, OSError)
    names = {"OperationalError", "InterfaceError", "DBAPIError", "RpcError", "_InactiveRpcError", "ConnectionError", "TimeoutError"}
    return isinstance(error, kinds) or any(base.__name__ in names for base in type(error).__mro__)


def hurry():
    """Who has pressed Ctrl-C does not wait for a storage that is away."""
    global PATIENCE
    PATIENCE = 3


def patiently(call, *arguments, **options):
    """The result of a call to the storage, which is asked again while it is away."""
    end, wait = time.monotonic() + PATIENCE, 0.5
    while True:
        try:
            return call(*arguments, **options)
        except Exception as error:
            if not is_away(error) or time.monotonic() > end:
                raise
        time.sleep(wait)
        wait = min(2 * wait, 5)
