"""A local ClickHouse cluster with two shards: the package of Debian 12, unpacked into target/clickhouse."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
UNPACKED = ROOT / "target/clickhouse"
PACKAGE = "clickhouse-server"
SOURCE = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main\n"
NAME = "duo"
USER, PASSWORD = "duo", "s3cret"
# Memory limit of a statement in bytes.
MEMORY = 4_000_000_000

CONFIG = """<yandex>
  <logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>{http}</http_port>
  <tcp_port>{tcp}</tcp_port>
  <path>{folder}/data/</path>
  <tmp_path>{folder}/tmp/</tmp_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <timezone>UTC</timezone>
  <mark_cache_size>67108864</mark_cache_size>
  <query_log>
    <database>system</database><table>query_log</table><flush_interval_milliseconds>200</flush_interval_milliseconds>
  </query_log>
  <remote_servers><{name}>{shards}</{name}></remote_servers>
</yandex>
"""
SHARD = """<shard><internal_replication>true</internal_replication>
  <replica><host>127.0.0.1</host><port>{tcp}</port><user>{user}</user><password>{password}</password></replica></shard>"""
USERS = """<yandex>
  <profiles>
    <default><max_memory_usage>{memory}</max_memory_usage><log_queries>1</log_queries></default>
    <small><max_memory_usage>10000000</max_memory_usage></small>
    <reader><readonly>2</readonly></reader>
  </profiles>
  <users>{users}</users>
  <quotas><default></default></quotas>
</yandex>
"""

ACCOUNT = """<{user}><password>{password}</password><networks><ip>127.0.0.1</ip></networks>
  <profile>{profile}</profile><quota>default</quota></{user}>"""
# Users with their profile: without limits, with little memory, and read-only.
ACCOUNTS = {USER: "default", "small": "small", "reader": "reader"}


class StatementError(Exception):
    """The server rejects a statement."""


def unpacked() -> Path:
    """The path of the server. Downloads and unpacks it with all its libraries if it is missing."""
    server = UNPACKED / "usr/sbin/clickhouse-server"
    if not server.exists():
        apt = UNPACKED / "apt"
        for folder in ("lists/partial", "archives/partial"):
            (apt / folder).mkdir(parents=True, exist_ok=True)
        (apt / "status").touch()
        (apt / "sources.list").write_text(SOURCE)
        # With an empty package status, apt downloads all dependencies, including the C library, on
        # any Debian.
        options = [
            f"Dir::State::status={apt}/status", f"Dir::State::lists={apt}/lists", f"Dir::Etc::sourcelist={apt}/sources.list",
            "Dir::Etc::sourceparts=-", f"Dir::Cache={apt}", f"Dir::Cache::archives={apt}/archives", "APT::Sandbox::User=root",
        ]  # fmt: skip
        get = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
        subprocess.run([*get, "update"], check=True)
        install = ["install", "-y", "--no-install-recommends", "--download-only", PACKAGE]
        subprocess.run([*get, *install], check=True, stdout=subprocess.DEVNULL)
        for package in sorted((apt / "archives").glob("*.deb"), key=lambda path: path.name.startswith(PACKAGE)):
            subprocess.run(["dpkg-deb", "-x", package, UNPACKED], check=True)
        shutil.rmtree(apt)
    return server


def free_ports(count: int) -> list[int]:
    """Unused ports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Shard:
    """A server of the cluster."""

    def __init__(self, folder: Path, http: int) -> None:
        self.folder, self.http = folder, http
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def start(self) -> None:
        paths = [*UNPACKED.glob("usr/lib/*-linux-gnu*"), *UNPACKED.glob("lib/*-linux-gnu*")]
        loader = next(UNPACKED.glob("lib/*-linux-gnu*/ld-linux*.so.*"))
        command = [loader, "--library-path", ":".join(map(str, paths)), unpacked(), "--config-file=config.xml"]
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=output, stderr=output)
        for _ in range(600):
            try:
                self.ask("SELECT 1")
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError(f"ClickHouse did not start: {(self.folder / 'output').read_text()}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def ask(self, statement: str, database: str = "default") -> str:
        request = urllib.request.Request(
            f"{self.url}/?" + urllib.parse.urlencode({"database": database}),
            data=statement.encode(),
            headers={"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD},
        )
        try:
            with urllib.request.urlopen(request, timeout=600) as response:
                return response.read().decode().strip()
        except urllib.error.HTTPError as error:
            raise StatementError(error.read().decode()) from None


class Cluster:
    """Two shards."""

    def __init__(self, folder: Path) -> None:
        unpacked()
        ports = free_ports(4)
        self.shards = [Shard(folder / f"shard-{number}", ports[number]) for number in range(2)]
        accounts = [ACCOUNT.format(user=user, password=PASSWORD, profile=profile) for user, profile in ACCOUNTS.items()]
        definition = "".join(SHARD.format(tcp=tcp, user=USER, password=PASSWORD) for tcp in ports[2:])
        for shard, tcp in zip(self.shards, ports[2:]):
            (shard.folder / "data").mkdir(parents=True)
            (shard.folder / "tmp").mkdir()
            (shard.folder / "config.xml").write_text(
                CONFIG.format(folder=shard.folder, http=shard.http, tcp=tcp, name=NAME, shards=definition)
            )
            (shard.folder / "users.xml").write_text(USERS.format(memory=MEMORY, users="".join(accounts)))

    def __enter__(self) -> "Cluster":
        try:
            for shard in self.shards:
                shard.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        for shard in self.shards:
            shard.stop()

    def make(self, database: str, schema: str) -> None:
        """Creates a database with these tables on each shard."""
        for shard in self.shards:
            shard.ask(f"CREATE DATABASE {database}")
            for statement in statements(schema):
                shard.ask(statement, database)


def statements(text: str) -> list[str]:
    """The statements of a file, without comments."""
    bare = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return [statement.strip() for statement in bare.split(";") if statement.strip()]
