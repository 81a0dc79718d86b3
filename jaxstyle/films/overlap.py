"""Reading ahead and writing behind, each in a thread of its own, while the next frames are painted."""

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
_END = object()


def ahead(items: Iterable[Item], depth: int) -> Generator[Item]:
    """The same items, of which a thread makes up to `depth` before they are asked for; what that raises is raised here."""
    made: queue.Queue[Any] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: Any) -> None:
        while not stopped.is_set():
            try:
                made.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put((item, None))
                if stopped.is_set():
                    return
            put((_END, None))
        except BaseException as error:
            put((_END, error))
        finally:
            if (close := getattr(items, "close", None)) is not None:
                close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
        thread.join()


class Behind(Generic[Item]):
    """Calls a function in a thread with what it is given, in order, one call behind; a context that ends when all is done.

    What the function raises is raised by the next `put`, or at the end.
    """

    def __init__(self, function: Callable[[Item], object]):
        self._function = function
        self._given: queue.Queue[Any] = queue.Queue(1)
        self._error: BaseException | None = None
        self._is_raised = False
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Behind[Item]":
        self._thread.start()
        return self

    def put(self, item: Item) -> None:
        """Hands over an item, once the one before is taken."""
        self._given.put(item)
        self._check()

    def __exit__(self, kind: Any, *details: Any) -> None:
        self._given.put(_END)
        self._thread.join()
        if kind is None:
            self._check()

    def _check(self) -> None:
        if self._error is not None and not self._is_raised:
            self._is_raised = True
            raise self._error

    def _work(self) -> None:
        while (item := self._given.get()) is not _END:
            if self._error is None:
                try:
                    self._function(item)
                except BaseException as error:
                    self._error = error
