"""Conversion of temperatures."""

ABSOLUTE_ZERO_C = -273.15


def to_celsius(value, unit):
    """The temperature in degrees Celsius."""
    if unit == "C":
        return value
    if unit == "F":
        return (value - 32) * 5 / 9
    if unit == "K":
        return value + ABSOLUTE_ZERO_C
    raise ValueError(f"unknown unit {unit!r}")


def from_celsius(value, unit):
    """The temperature in the given unit."""
    if unit == "C":
        return value
    if unit == "F":
        return value * 9 / 5 + 23
    if unit == "K":
        return value - ABSOLUTE_ZERO_C
    raise ValueError(f"unknown unit {unit!r}")


def convert(value, source, target):
    """Converts a value between two units."""
    return from_celsius(to_celsius(value, source), target)
