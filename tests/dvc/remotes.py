"""Real DVC remotes on 127.0.0.1: a folder, S3, SSH, and a web server that takes PUT."""

from __future__ import annotations

import base64
import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tests.docs.pages import commands, section
from tests.dvc.http_folder import Line, serving_folder
from tests.dvc.project import Project
from tests.dvc.ssh_server import serving_sftp
from tests.dvc.stores import BUCKET, BucketStore, FolderStore, Store

PASSWORD = "s3cr3t-of-the-remote"


@dataclass(frozen=True)
class Remote:
    """A remote that is served.

    Attributes:
        kind: what it is called here and in the documents.
        url: what DVC is told.
        variables: what the environment of a clone has to have.
        words: what stands in the recipe of docs/recipes.md, and by what it is replaced.
        line: the one to the web server.
    """

    kind: str
    url: str
    store: Store
    variables: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    line: Line = field(default_factory=Line)

    def connect(self, clone: Project) -> Project:
        """Follow the recipe in a clone; return it with the environment that it needs."""
        connected = clone.with_variables(self.variables)
        for command in self.recipe():
            connected.dvc(command)
        return connected

    def connect_alike(self, clone: Project) -> Project:
        """Do in a clone of a connected one what git does not bring along."""
        connected = clone.with_variables(self.variables)
        for command in self.recipe():
            if "--local" in command:
                connected.dvc(command)
        return connected

    def recipe(self) -> list[str]:
        """The commands of docs/recipes.md for this kind of remote, without `dvc`."""
        recipes = section("recipes.md", "Choose a remote")
        block = re.split(rf"\n    # {self.kind}\b.*\n", recipes)[1].partition("\n    #")[0]
        found = [command.removeprefix("dvc ") for command in commands(block)]
        for word, value in self.words.items():
            found = [command.replace(word, value) for command in found]
        return found

    def objects(self) -> dict[str, str]:
        """The name of each object by its hash."""
        names = (name for name in self.store.names() if name.startswith("files/md5/"))
        return {name.removeprefix("files/md5/").replace("/", ""): name for name in names}


@contextlib.contextmanager
def folder_remote(base: Path) -> Iterator[Remote]:
    folder = base / "store"
    folder.mkdir()
    yield Remote(
        "A folder", str(folder), FolderStore(folder), words={"/path/to/folder": str(folder)}
    )


@contextlib.contextmanager
def s3_remote(base: Path) -> Iterator[Remote]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    log = logging.getLogger("werkzeug")
    log.disabled, before = True, log.disabled
    try:
        host, port = server.get_host_and_port()
        store = BucketStore(f"http://{host}:{port}", base.name, PASSWORD)
        store.client.create_bucket(Bucket=BUCKET)
        variables = {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": store.endpoint,
        }
        url = f"s3://{BUCKET}/{store.prefix}"
        yield Remote("S3", url, store, variables, words={"s3://bucket/path": url})
    finally:
        server.stop()
        log.disabled = before


@contextlib.contextmanager
def ssh_remote(base: Path) -> Iterator[Remote]:
    pytest.importorskip("dvc_ssh", reason="DVC's plug-in for SSH is not installed")
    (base / "store").mkdir()
    with serving_sftp(base / "store", keys=base) as (address, key):
        words = {"ssh://user@host/path": f"{address}/kept", "~/.ssh/id_ed25519": str(key)}
        store = FolderStore(base / "store/kept")
        yield Remote("SSH", f"{address}/kept", store, words=words)


@contextlib.contextmanager
def http_remote(base: Path) -> Iterator[Remote]:
    (base / "store/kept").mkdir(parents=True)
    credentials = base64.b64encode(f"NAME:{PASSWORD}".encode()).decode()
    line = Line()
    with serving_folder(base / "store", credentials=credentials, line=line) as address:
        words = {"https://host/path": f"{address}/kept", "SECRET": PASSWORD}
        store = FolderStore(base / "store/kept")
        yield Remote("HTTP", f"{address}/kept", store, words=words, line=line)


REMOTES: dict[str, Callable[[Path], contextlib.AbstractContextManager[Remote]]] = {
    "A folder": folder_remote,
    "S3": s3_remote,
    "SSH": ssh_remote,
    "HTTP": http_remote,
}
