from __future__ import annotations

import pytest

from tests.packages import make_package


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The folder of a package without a bit file."""
    return make_package(tmp_path_factory.mktemp("package"))
