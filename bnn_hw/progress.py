"""Progress of long work on standard error, so that standard output stays for results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Advance = Callable[[float], None]


class Reporter:
    """Shows bars on a terminal, one line a step elsewhere, nothing when ``quiet``."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet)

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False)

    @contextmanager
    def bar(self, text: str, total: float | None = None) -> Iterator[Advance]:
        """Show a bar while the body runs; the body calls the given function with the amount done.

        Without a total the bar pulses and shows the time that passed.
        """
        if not self.console.is_terminal:
            self.say(text)
            yield lambda done: None
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(text, total=total)
            yield lambda done: progress.update(task, completed=done)
