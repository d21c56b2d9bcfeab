"""Colours of what a site holds: states, angles, real numbers.

Angles are hues of one lightness and chroma in Oklab (Ottosson 2020), so that neither a direction nor a marked vortex
stands out by its brightness; states are taken from the same circle far from each other; real fields go from blue
through near-white to red.
"""

import math

import numpy as np
import numpy.typing as npt

Colours = npt.NDArray[np.uint8]

_LIGHTNESS, _CHROMA = 0.74, 0.12
_FEW = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")  # Okabe & Ito (2008)


def hues(number: int = 256) -> Colours:
    """Colours (number, 3) of the angles −π, … in even steps around the circle."""
    angles = -math.pi + 2 * math.pi * np.arange(number) / number
    return _oklch(np.full(number, _LIGHTNESS), np.full(number, _CHROMA), angles)


def states(number: int) -> Colours:
    """Colours (number, 3) of states without an order; up to eight can be told apart by the colour-blind as well."""
    if number <= len(_FEW):
        return np.array([[int(text[at : at + 2], 16) for at in (1, 3, 5)] for text in _FEW[:number]], dtype=np.uint8)
    angles = 2 * math.pi * np.arange(number) / number
    lightness = np.array([0.55, 0.75, 0.88])[np.arange(number) % 3]
    return _oklch(lightness, np.full(number, _CHROMA), angles)


def diverging(number: int = 256) -> Colours:
    """Colours (number, 3) from blue, of the most negative, through near-white to red."""
    t = np.linspace(-1.0, 1.0, number)
    lightness = 0.97 - 0.5 * np.abs(t)
    angles = np.where(t < 0, math.radians(255.0), math.radians(28.0))
    return _oklch(lightness, 0.16 * np.sqrt(np.abs(t)) * np.minimum(1.0, 2.2 - np.abs(t)), angles)


def grey(number: int = 256) -> Colours:
    """Colours (number, 3) from near-white, of the most negative, to black, as spins are drawn."""
    level = np.rint(np.linspace(245.0, 20.0, number)).astype(np.uint8)
    return np.stack([level] * 3, axis=1)


def of(values: str, number: int = 256) -> Colours:
    """The palette of what a Dataset's attribute ``values`` says: "states", "angles", "real" or any other."""
    chosen = {"states": states, "angles": hues, "real": diverging}.get(values, grey)
    return chosen(number)


def text(colours: Colours) -> list[str]:
    """As HTML writes them."""
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in colours.tolist()]


def _oklch(
    lightness: npt.NDArray[np.float64], chroma: npt.NDArray[np.float64], hue: npt.NDArray[np.float64]
) -> Colours:
    """Oklab in polar coordinates to sRGB bytes, clipped to the gamut."""
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    cones = np.stack([
        lightness + 0.3963377774 * a + 0.2158037573 * b,
        lightness - 0.1055613458 * a - 0.0638541728 * b,
        lightness - 0.0894841775 * a - 1.2914855480 * b,
    ]) ** 3  # fmt: skip
    mix = np.array([
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ])  # fmt: skip
    linear = np.clip(mix @ cones, 0.0, 1.0)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255.0 * coded).astype(np.uint8).T
