"""Arithmetic of 7-series primitives, smaller than what synthesis finds; each has a behavioural twin."""
