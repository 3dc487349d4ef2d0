"""Faults of a remote, and on the way to it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from tests.dvc.project import Project
from tests.dvc.remotes import http_remote
from tests.dvc.scene import Scene, error

CORRUPTED, TRUNCATED, MISSING = "models/model.keras", "metrics/report.html", "data/appearance.csv"


def damaged(*kinds: str) -> Callable[[Scene], str]:
    """Three objects in a remote of each kind are damaged, each in another way."""

    def play(scene: Scene) -> str:
        (outcome,) = {_damaged(scene, kind) for kind in kinds}
        return outcome

    return play


def _damaged(scene: Scene, kind: str) -> str:
    pushed = scene.pushed(kind)
    store, publisher = pushed.remote.store, pushed.publisher
    names = {path: pushed.remote.objects()[hash_] for path, hash_ in hashes(publisher).items()}
    content = store.read(names[CORRUPTED])
    store.write(names[CORRUPTED], content[:-4] + bytes(byte ^ 1 for byte in content[-4:]))
    store.write(names[TRUNCATED], store.read(names[TRUNCATED])[:1000])
    store.remove(names[MISSING])
    clone = pushed.elsewhere(f"{scene.folder.name}-{kind.replace(' ', '-')}")
    told = clone.dvc("pull", code=1)
    for path in names:
        assert not (clone.folder / path).exists()
        assert path in told
    assert clone.objects() == set(pushed.remote.objects()) - set(hashes(publisher).values())
    left = sorted(path for path, name in names.items() if name in store.names())
    for path in left:
        store.remove(names[path])
    publisher.dvc("push")
    clone.dvc("pull")
    removed = "removal of the damaged ones and " if left else ""
    return (
        "`dvc pull` fails and names the outputs; it brings all others, and no wrong byte; after "
        f"{removed}`dvc push` from a clone that has the right ones: {scene.right(clone)}"
    )


def hashes(clone: Project) -> dict[str, str]:
    return {path: clone.outputs()[path] for path in (CORRUPTED, TRUNCATED, MISSING)}


def gone(scene: Scene) -> str:
    with http_remote(scene.folder) as remote:
        publisher = remote.connect(scene.clone())
        publisher.git("commit --all --quiet", message="Another remote")
        remote.line.holds_for = 5
        told = error(publisher.dvc("push", code=1))
        arrived = remote.objects()
        for hash_, name in arrived.items():
            assert hashlib.md5(remote.store.read(name)).hexdigest() == hash_.removesuffix(".dir")
        remote.line.holds_for = None
        again = int(re.search(r"(\d+) files? pushed", publisher.dvc("push"))[1])
        assert again == len(remote.objects()) - len(arrived)
        assert len(arrived) == 5
        clone = remote.connect_alike(publisher.beside(f"{scene.folder.name}-pulled", pulled=False))
        clone.dvc("pull")
        return (
            f"{told}; what has arrived is whole; the next `dvc push` sends the rest; after "
            f"`dvc pull`: {scene.right(clone)}"
        )
