"""From a package's folder to an open device and its engine (Python 3.8)."""

from pathlib import Path
from typing import Optional, Tuple, Union

from bnn_hw import manifest as manifests
from bnn_hw.manifest import Manifest, ManifestError
from bnn_hw.runtime.device import Device
from bnn_hw.runtime.engine import Engine, Shell
from bnn_hw.runtime.errors import DeviceError, PackageError
from bnn_hw.runtime.finn_shell import KIND as FINN
from bnn_hw.runtime.finn_shell import FinnShell
from bnn_hw.runtime.finn_software import FinnSoftwareDevice
from bnn_hw.runtime.lock import ProcessLock
from bnn_hw.runtime.network import load_network
from bnn_hw.runtime.software import SoftwareDevice

ENGINES = {"bnn_hw": Shell, FINN: FinnShell}
NETWORK = "network"  # folder of a package with graph.json and graph.npz


def _package_error(error: ManifestError) -> PackageError:
    first, *others = error.faults
    cause = "; ".join([first.cause, *("{}: {}".format(f.place, f.cause) for f in others)])
    return PackageError(first.place, cause, first.remedy)


def read_manifest(folder: Path) -> Manifest:
    """Read a package's manifest; PackageError where it is missing or damaged."""
    try:
        return manifests.load(folder)
    except ManifestError as error:
        raise _package_error(error) from error


def check_file(folder: Path, manifest: Manifest, *paths: str) -> None:
    """Compare files with what the manifest says of them; PackageError where they differ."""
    try:
        manifests.check_files(folder, manifest, list(paths))
    except ManifestError as error:
        raise _package_error(error) from error


def open_device(
    folder: Path, manifest: Manifest, device: Union[str, Device, None]
) -> Tuple[Device, Optional[ProcessLock]]:
    """Open a device by name, or take one that is open, and lock it against other processes."""
    if isinstance(device, Device):
        lock = _locked(device.lock_name)
        return device, lock
    if device == "software":
        check_file(folder, manifest, NETWORK + "/graph.json", NETWORK + "/graph.npz")
        software = FinnSoftwareDevice if manifest.backend.kind == FINN else SoftwareDevice
        return software(manifest, load_network(folder / NETWORK)), None
    if device in (None, "pynq"):
        from bnn_hw.runtime.pynq_device import LOCK_NAME, PynqDevice

        lock = _locked(LOCK_NAME)
        try:
            return PynqDevice(folder, manifest), lock
        except BaseException:
            if lock is not None:
                lock.release()
            raise
    raise DeviceError("device {}".format(device), "is unknown", "give pynq or software")


def _locked(name: Optional[str]) -> Optional[ProcessLock]:
    if name is None:
        return None
    lock = ProcessLock(name)
    lock.acquire()
    return lock


def make_engine(manifest: Manifest, device: Device) -> Engine:
    """Return the engine for the manifest's kind of accelerator."""
    kind = manifest.backend.kind
    if kind not in ENGINES:
        cause = "is {!r}; this driver knows {}".format(kind, ", ".join(sorted(ENGINES)))
        raise PackageError("manifest.json, backend, kind", cause, "use the driver that came with the package")
    return ENGINES[kind](device, manifest)


def give_back(device: Device, lock: Optional[ProcessLock]) -> None:
    """Close a device and lift its lock."""
    try:
        device.close()
    finally:
        if lock is not None:
            lock.release()
