"""Let a client's patience end when a server stalls: a busy machine is not taken for one."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator

import pytest
from urllib3.util import connection

_STALLED: dict[int, socket.socket] = {}
"""By the port of a client in this process: where it is told that its server has stalled."""


def tell_client(port: int) -> None:
    """Say that the server has stalled, and that all it has sent has arrived."""
    if port in _STALLED:
        _STALLED[port].send(b"!")


@contextlib.contextmanager
def stalls_time_out() -> Iterator[None]:
    """Let reads of urllib3 in this process time out once `tell_client` has said why."""
    create, told = connection.create_connection, contextlib.ExitStack()

    def create_watched(*arguments: object, **options: object) -> socket.socket:
        plain = create(*arguments, **options)
        seconds = plain.gettimeout()
        watched = _Watched(fileno=plain.detach())
        watched.settimeout(seconds)
        ours, watched.stalled = (told.enter_context(end) for end in socket.socketpair())
        _STALLED[watched.getsockname()[1]] = ours
        return watched

    with told, pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "create_connection", create_watched)
        yield
    _STALLED.clear()


class _Watched(socket.socket):
    stalled: socket.socket

    def recv_into(self, *arguments: object) -> int:
        readable, _, _ = select.select([self, self.stalled], [], [], self.gettimeout())
        if self not in readable:
            raise TimeoutError("timed out")
        return super().recv_into(*arguments)  # type: ignore[arg-type]
