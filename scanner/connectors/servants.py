"""A bounded pool of worker processes, each with one object whose methods are called from here."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Self

from scanner.errors import ConnectorError, ParkedError, ScannerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.process import BaseProcess

LOST = "its worker process was lost, perhaps for want of memory"


class Servant:
    """One process; it answers one call at a time and ends when this process does."""

    def __init__(self, make: Callable[[Any], object], argument: object) -> None:
        self._make, self._argument = make, argument
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    @property
    def pipe(self) -> Connection:
        """Ready to be read when the answer is there."""
        if self._pipe is None:
            # Not a fork: what this process holds open stays its own, sessions and threads too.
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(theirs, self._make, self._argument), daemon=True
            )
            self._process.start()
            theirs.close()
        return self._pipe

    def ask(self, method: str, *arguments: object) -> None:
        """Begin a call."""
        with contextlib.suppress(OSError):  # a lost process shows when its answer is fetched
            self.pipe.send((method, arguments))

    def answer(self) -> Any:
        """Return what the call begun came to, or raise the error it ended in."""
        try:
            done, found = self.pipe.recv()
        except (EOFError, OSError) as error:
            self.close()
            raise ParkedError(LOST) from error
        if not done:
            raise found
        return found

    def call(self, method: str, *arguments: object) -> Any:
        """Return what a method comes to, or raise the error it ends in."""
        self.ask(method, *arguments)
        return self.answer()

    def close(self) -> None:
        """End the process, whatever it is at."""
        process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.terminate()
            process.join()


class Servants:
    """A pool of servants that are started when they are needed; use it as a context manager."""

    def __init__(self, make: Callable[[Any], object], argument: object, count: int) -> None:
        self._all = [Servant(make, argument) for _ in range(count)]

        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True
        for servant in self._all:
            servant.close()

    def first(self) -> Servant:
        """Return the one that is asked before the others are started."""
        return self._all[0]

    def run(self, dialogues: Iterable[Dialogue]) -> Iterator[Any]:
        """Carry on many dialogues at a time; yield what they yield, as it comes.

        A dialogue yields a `Call` to be sent what it came to, and anything else to have it yielded
        here. Each keeps one servant from its beginning to its end.
        """
        waiting, idle = iter(dialogues), list(reversed(self._all))
        busy: dict[Servant, Dialogue] = {}
        try:
            while True:
                while idle and (fresh := next(waiting, None)) is not None:
                    servant = idle.pop()
                    yield from self._step(servant, fresh, busy, idle, None)
                if not busy:
                    return
                pipes = {servant.pipe: servant for servant in busy}
                for ready in wait(list(pipes)):
                    servant = pipes[ready]  # type: ignore[index] # it is one of them
                    found: Any = None
                    error: BaseException | None = None
                    try:
                        found = servant.answer()
                    except ScannerError as failed:
                        error = failed
                    dialogue = busy.pop(servant)
                    yield from self._step(servant, dialogue, busy, idle, found, error)
        finally:
            for dialogue in busy.values():
                dialogue.close()

    @staticmethod
    def _step(
        servant: Servant,
        dialogue: Dialogue,
        busy: dict[Servant, Dialogue],
        idle: list[Servant],
        found: Any,
        error: BaseException | None = None,
    ) -> Iterator[Any]:
        """Take a dialogue on to its next call, or to its end."""
        try:
            said = dialogue.throw(error) if error is not None else dialogue.send(found)
            while not isinstance(said, Call):
                yield said
                said = next(dialogue)
        except StopIteration:
            idle.append(servant)
            return
        servant.ask(said.method, *said.arguments)
        busy[servant] = dialogue


class Call:
    """A method to be called in a servant."""

    __slots__ = ("arguments", "method")

    def __init__(self, method: str, *arguments: object) -> None:
        self.method, self.arguments = method, arguments


if TYPE_CHECKING:
    from collections.abc import Generator

    Dialogue = Generator[Any, Any, None]


def _serve(pipe: Connection, make: Callable[[Any], object], argument: object) -> None:
    """Answer calls until the pipe is closed; runs in a worker process only."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries log requests and answers with all that they hold.
    logging.disable(logging.CRITICAL)
    served: object | None = None
    while True:
        try:
            method, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            if served is None:
                served = make(argument)
            answer: tuple[bool, object] = True, getattr(served, method)(*arguments)
        except ScannerError as error:
            answer = False, error
        except Exception as error:  # noqa: BLE001 - its words may quote mail
            reason = f"the answer could not be taken apart ({type(error).__name__})"
            answer = False, ConnectorError(reason)
        try:
            pipe.send(answer)
        except OSError:
            return
