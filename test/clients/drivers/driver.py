"""What the drivers in Python share: lines in, lines out, bounds. See support/protocol.ts."""

import base64
import json
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Any, Protocol

BOUND_S = 30
STREAM_BOUND_S = 120

Handler = Callable[..., dict[str, Any]]
# Gives an error of the client's the name that Kafka has for it; one that has none stays what it is.
Naming = Callable[[Exception], Exception]

_printing = threading.Lock()


class Refused(Exception):
    """A refusal, with what Kafka calls it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def tell(event: str, **fields: Any) -> None:
    """Prints what a member tells on its own."""
    _print({"event": event, **fields})


def serve(handlers: dict[str, Handler], naming: Naming) -> None:
    """Handles one operation after the other until stdin ends; then the process does."""
    requests: SimpleQueue[dict[str, Any]] = SimpleQueue()

    def handle() -> None:
        while True:
            request = requests.get()
            number, operation = request.pop("id"), request.pop("do")
            _print({"id": number, **_answer(handlers, naming, operation, request)})

    threading.Thread(target=handle, daemon=True).start()
    for line in sys.stdin:
        requests.put(json.loads(line))
    # At once: a group is not left, and nothing is waited for.
    os._exit(0)


def _answer(
    handlers: dict[str, Handler], naming: Naming, operation: str, takes: dict[str, Any]
) -> dict[str, Any]:
    try:
        if operation not in handlers:
            raise Refused("UNSUPPORTED", f"{operation} cannot be done.")
        bound_s = STREAM_BOUND_S if operation == "stream" else BOUND_S
        return _within(bound_s, lambda: handlers[operation](**takes))
    except Exception as error:
        named = naming(error)
        if isinstance(named, Refused):
            return {"error": str(named), "code": named.code}
        return {"error": _said(named)}


def _within(bound_s: float, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """In a thread of its own: what hangs in its client is left there, and the next can be done."""
    worker = ThreadPoolExecutor(max_workers=1)
    future = worker.submit(work)
    worker.shutdown(wait=False)
    if not wait([future], bound_s).done:
        raise Refused("REQUEST_TIMED_OUT", f"not done within {bound_s} s")
    return future.result()


class Polling:
    """A member's turns in a thread of their own; what ends them early is told."""

    def __init__(self, turn: Callable[[], None]) -> None:
        self._turn = turn
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._is_over.is_set():
                self._turn()
        except Exception as error:
            tell("failed", error=_said(error))

    def end(self) -> None:
        self._is_over.set()
        self._thread.join()


class Membership(Protocol):
    """A member of a group, that polls by itself."""

    def commit(self) -> None: ...

    def close(self) -> None: ...


def member_handlers(join: Callable[[str, list[str], int], Membership]) -> dict[str, Handler]:
    """Of a member; `join` takes group, topics, session timeout in milliseconds."""
    members: list[Membership] = []

    # The parameters' names are the protocol's own.
    def subscribe(group: str, topics: list[str], sessionTimeoutMs: int) -> dict[str, Any]:
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


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _print(line: dict[str, Any]) -> None:
    with _printing:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
