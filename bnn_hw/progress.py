"""Progress of long work on standard error, so that standard output stays for results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Advance(Protocol):
    """Tells how much of the total is done, and optionally what is done now."""

    def __call__(self, done: float, text: str | None = None) -> None: ...


class Reporter:
    """Shows bars on a terminal, one line a step elsewhere, nothing when ``quiet``."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet)

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False)

    @contextmanager
    def bar(self, text: str, total: float | None = None) -> Iterator[Advance]:
        """Show a bar while the body runs; the body calls what it is given with the amount done.

        Without a total the bar pulses and shows the time that passed. Where standard
        error is no terminal, each new text is a line.
        """
        if self.console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            with Progress(*columns, console=self.console, transient=True) as progress:
                task = progress.add_task(text, total=total)

                def advance(done: float, text: str | None = None) -> None:
                    progress.update(task, completed=done, description=text)

                yield advance
            return
        shown = {text}
        self.say(f"  {text}")

        def line(done: float, text: str | None = None) -> None:
            if text and text not in shown:
                shown.add(text)
                self.say(f"  {text}")

        yield line
