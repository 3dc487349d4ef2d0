"""Python imports this first where PYTHONPATH names its folder: nobody gets a connection then."""

import sys

ALLOWED = {"socket.__new__", "socket.bind"}  # urllib3 binds one, as it is imported, to try IPv6


def refuse(event: str, arguments: object) -> None:
    if event.startswith("socket.") and event not in ALLOWED:
        raise ConnectionRefusedError(f"offline: {event} {arguments}")


sys.addaudithook(refuse)
