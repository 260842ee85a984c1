"""What the drivers in Python share: lines in, lines out, bounds. See support/protocol.ts."""

import base64
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import Any, Callable, Protocol

BOUND_S = 30
STREAM_BOUND_S = 120

Handler = Callable[..., dict[str, Any]]

_printing = threading.Lock()


class Refused(Exception):
    """A refusal, with what Kafka calls it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def tell(event: str, **fields: Any) -> None:
    """Prints what a member tells on its own."""
    _print({"event": event, **fields})


def serve(handlers: dict[str, Handler]) -> None:
    """Handles one operation after the other until stdin ends; then the process does."""
    # A thread, so that an operation which hangs in its client fails by its bound.
    with ThreadPoolExecutor(max_workers=1) as worker:
        for line in sys.stdin:
            request = json.loads(line)
            number, operation = request.pop("id"), request.pop("do")
            bound = STREAM_BOUND_S if operation == "stream" else BOUND_S
            try:
                handler = handlers.get(operation)
                if handler is None:
                    raise Refused("UNSUPPORTED", f"{operation} cannot be done.")
                _print({"id": number, **worker.submit(handler, **request).result(bound)})
            except Late:
                _print({"id": number, "error": f"not done within {bound} s"})
            except Refused as refusal:
                _print({"id": number, "error": str(refusal), "code": refusal.code})
            except Exception as error:
                _print({"id": number, "error": f"{type(error).__name__}: {error}"})
        # At once: a group is not left, and nothing is waited for.
        os._exit(0)


class Membership(Protocol):
    """A member of a group, that polls by itself."""

    def commit(self) -> None: ...

    def close(self) -> None: ...


def member_handlers(join: Callable[[str, list[str], int], Membership]) -> dict[str, Handler]:
    """The operations of a member; `join` takes group, topics and session timeout in milliseconds."""
    members: list[Membership] = []

    # The parameters' names are the protocol's own.
    def subscribe(
        group: str, topics: list[str], sessionTimeoutMs: int, assignor: str | None
    ) -> dict[str, Any]:
        members.append(join(group, topics, sessionTimeoutMs))
        return {}

    def commit() -> dict[str, Any]:
        members[-1].commit()
        return {}

    def unsubscribe() -> dict[str, Any]:
        members.pop().close()
        return {}

    return {"subscribe": subscribe, "commit": commit, "unsubscribe": unsubscribe}


def bytes_of(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def base64_of(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _print(line: dict[str, Any]) -> None:
    with _printing:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
