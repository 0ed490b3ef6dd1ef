"""What holds for all tests."""

import signal


def pytest_configure() -> None:
    """Ctrl-C is tested: a shell that starts the tests in the background would have them ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
