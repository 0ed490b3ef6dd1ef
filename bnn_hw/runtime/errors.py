"""Errors of the driver: each names its place, its cause and the remedy (Python 3.8)."""

from typing import Optional


class AcceleratorError(Exception):
    """Base of all errors of the driver.

    place: where; cause: what is wrong, with the value found; remedy: what to do;
    status: readable state of the hardware where it has one to tell.
    """

    exit_status = 20

    def __init__(self, place: str, cause: str, remedy: str, status: Optional[str] = None) -> None:
        self.place, self.cause, self.remedy, self.status = str(place), cause, remedy, status
        text = "{}: {}\n    remedy: {}".format(place, cause, remedy)
        if status:
            text += "\n    status: " + status.replace("\n", "\n            ")
        super().__init__(text)


class PackageError(AcceleratorError):
    """A file of the package is missing, cut short, damaged or of another format."""

    exit_status = 21


class WrongHardwareError(AcceleratorError):
    """The hardware is not what the package was made for: another design, part or version."""

    exit_status = 22


class ClockError(AcceleratorError):
    """The fabric clock cannot be set, or is not what it was set to."""

    exit_status = 23


class PictureError(AcceleratorError):
    """A picture has a shape, type or value that the network does not take."""

    exit_status = 24


class MemoryShortError(AcceleratorError):
    """There is not enough contiguous memory for the buffers."""

    exit_status = 25


class BusError(AcceleratorError):
    """The memory answered an access of the accelerator with an error."""

    exit_status = 26


class StallError(AcceleratorError):
    """Nothing moved for longer than the time-out."""

    exit_status = 27


class JobError(AcceleratorError):
    """The accelerator refused a job, lost one or gave an answer that cannot be."""

    exit_status = 28


class InUseError(AcceleratorError):
    """Another process, thread or open stream uses the accelerator."""

    exit_status = 29


class ClosedError(AcceleratorError):
    """The accelerator was closed, or belongs to the parent of this process."""

    exit_status = 30


class MeterError(AcceleratorError):
    """A power meter is missing, silent or says something that is no reading."""

    exit_status = 31


class DeviceError(AcceleratorError):
    """There is no such device here, or what it needs is not installed."""

    exit_status = 32


class LostInterruptWarning(UserWarning):
    """A job was done but no interrupt came; the driver found out by itself and lost nothing."""
