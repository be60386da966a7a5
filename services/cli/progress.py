"""A progress bar for long work: on standard error, and only where a terminal shows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[..., None]]:
    """Yields what to call for each thing done, or with how many. `total` and `what` may be told anew with it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)

        def advance(by: int = 1, *, total: int | None = None, what: str | None = None) -> None:
            bar.update(task, advance=by, total=total, description=what)

        yield advance
