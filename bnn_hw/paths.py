"""Where the shipped data files lie: beside the checkout, or inside the installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shared_folder(kind: str) -> Path:
    """Return the folder ``boards`` or ``designs``.

    In a checkout it stands beside the package, in an installed wheel under
    ``bnn_hw/_share``.
    """
    beside = _PACKAGE.parent / kind
    return (
        beside
        if beside.is_dir() and (_PACKAGE.parent / "pyproject.toml").is_file()
        else _PACKAGE / "_share" / kind
    )
