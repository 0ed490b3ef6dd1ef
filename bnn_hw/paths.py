"""Where the shipped data files lie: beside the checkout, or inside the installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shared_folder(kind: str) -> Path:
    """Return the folder ``boards`` or ``designs``.

    In a checkout it stands beside the package, in an installed wheel under
    ``bnn_hw/_share``.
    """
    root = _PACKAGE.parent
    in_checkout = (root / kind).is_dir() and (root / "pyproject.toml").is_file()
    return root / kind if in_checkout else _PACKAGE / "_share" / kind
