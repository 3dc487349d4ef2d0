"""An SSH server on 127.0.0.1 that gives out a folder by SFTP, to the holder of one key."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncssh


@contextlib.contextmanager
def serving_sftp(folder: Path, *, keys: Path) -> Iterator[tuple[str, Path]]:
    """Serve while the block runs; yields `ssh://user@127.0.0.1:<port>` and the user's key."""
    host, user = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    user.write_private_key(keys / "id_ed25519")
    (keys / "id_ed25519").chmod(0o600)
    user.write_public_key(keys / "authorized_keys")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host],
            authorized_client_keys=str(keys / "authorized_keys"),
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    try:
        yield f"ssh://user@127.0.0.1:{server.get_port()}", keys / "id_ed25519"
    finally:
        server.close()
        asyncio.run_coroutine_threadsafe(server.wait_closed(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
