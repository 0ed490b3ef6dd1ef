"""Data sets, splits and demo pictures. Runs without torch."""

CLASSES: tuple[str, ...] = ("correct", "nose_exposed", "nose_mouth_exposed", "chin_exposed")
"""The four classes of BinaryCoP in the order of the networks' scores."""
