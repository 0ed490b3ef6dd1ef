"""Masks of many colours, textures and types, each drawn at random from a named family.

A texture is a picture of the flat cloth: rows go from the upper to the lower
edge, columns from the face's one side to the other.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from bnn_hw.data.draw_mask import MaskStyle
from bnn_hw.errors import InputError, suggest

Texture = NDArray[np.float64]
Rng = np.random.Generator
Colour = tuple[float, float, float]

ROWS, COLUMNS = 64, 96

# Hues (shares of the colour circle) kept out of training: orange, and violet to magenta.
UNSEEN_HUES = ((0.06, 0.13), (0.72, 0.88))

# Around them lie the hues of skin and lips, which a network takes for a bare face if it sees few masks of
# them. So every other colour is drawn within this share of the circle beside the unseen hues.
_BESIDE = 0.06


def draw_style(name: str, rng: Rng) -> MaskStyle:
    """A mask of family ``name``, chosen at random. Raises InputError for an unknown family."""
    if name not in STYLES:
        raise InputError.at(f"mask style {name}", "there is no such style", suggest(name, STYLES))
    return STYLES[name](rng)


def colour(rng: Rng, unseen: bool = False) -> Colour:
    """A cloth's colour: often black, grey or white, else any hue outside (or inside) the unseen ones.

    Seven of ten seen hues lie beside the unseen ones.
    """
    if not unseen and rng.random() < 0.35:
        grey = float(rng.choice([rng.uniform(15, 50), rng.uniform(50, 190), rng.uniform(190, 245)]))
        return grey, grey, grey
    while True:
        hue = float(rng.random()) if unseen or rng.random() < 0.5 else _beside_unseen(rng)
        if any(low <= hue <= high for low, high in UNSEEN_HUES) == unseen:
            break
    red, green, blue = colorsys.hsv_to_rgb(hue, float(rng.uniform(0.3, 0.95)), float(rng.uniform(0.25, 0.95)))
    return 255 * red, 255 * green, 255 * blue


def _beside_unseen(rng: Rng) -> float:
    low, high = UNSEEN_HUES[rng.integers(len(UNSEEN_HUES))]
    away = float(rng.uniform(1e-6, _BESIDE))
    return low - away if rng.random() < 0.5 else high + away


def _surgical(cloth: Colour, rng: Rng) -> MaskStyle:
    loop = float(rng.uniform(200, 245))
    return MaskStyle(cloth, (loop, loop, loop), pleats=int(rng.integers(2, 5)))


def surgical_blue(rng: Rng) -> MaskStyle:
    """The light blue mask of MaskedFace-Net, a little lighter or darker."""
    return _surgical(_near((146.0, 206.0, 235.0), rng), rng)


def surgical_colour(rng: Rng) -> MaskStyle:
    """Surgical masks of the other usual colours: green, white, pink, grey, black."""
    usual = ((160, 215, 190), (235, 238, 240), (240, 190, 205), (150, 155, 160), (45, 45, 50), (90, 130, 200))
    return _surgical(_near(usual[rng.integers(len(usual))], rng), rng)


def cloth_plain(rng: Rng, unseen: bool = False) -> MaskStyle:
    """One colour, no pleats."""
    return _cloth(np.broadcast_to(np.array(colour(rng, unseen)), (ROWS, COLUMNS, 3)), rng)


def cloth_striped(rng: Rng) -> MaskStyle:
    """Stripes in any direction."""
    rows, columns = _grid()
    angle, period = rng.uniform(0, np.pi), rng.uniform(0.08, 0.3)
    wave = np.sin(2 * np.pi * (np.cos(angle) * rows + np.sin(angle) * columns) / period)
    return _cloth(_mixed(wave > rng.uniform(-0.5, 0.5), rng), rng)


def cloth_dotted(rng: Rng) -> MaskStyle:
    """Dots in a regular pattern."""
    rows, columns = _grid()
    period = rng.uniform(0.1, 0.25)
    offset = (np.floor(rows / period) % 2) * period / 2
    down, across = (rows % period) / period - 0.5, ((columns + offset) % period) / period - 0.5
    return _cloth(_mixed(np.hypot(down, across) < rng.uniform(0.2, 0.4), rng), rng)


def cloth_printed(rng: Rng) -> MaskStyle:
    """One large light or dark print on one colour, as sports and company masks have."""
    rows, columns = _grid()
    centre = rng.uniform(0.3, 0.7), rng.uniform(0.4, 1.1)
    spread = np.hypot(
        (rows - centre[0]) / rng.uniform(0.1, 0.3), (columns - centre[1]) / rng.uniform(0.1, 0.5)
    )
    return _cloth(_mixed(spread < 1.0, rng), rng)


def cloth_faded(rng: Rng) -> MaskStyle:
    """One colour that fades into black, grey or white, in any direction."""
    rows, columns = _grid()
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * rows + np.sin(angle) * columns
    return _cloth(_faded((along - along.min()) / np.ptp(along), rng), rng)


def cloth_marbled(rng: Rng) -> MaskStyle:
    """Soft clouds of one colour and black, grey or white."""
    clouds = _cloudy(rng, float(rng.uniform(1.5, 8.0)))
    return _cloth(_faded(1.0 / (1.0 + np.exp(-rng.uniform(0.7, 2.5) * clouds)), rng), rng)


def cloth_strewn(rng: Rng) -> MaskStyle:
    """Ellipses of one to four colours strewn over one colour, as leaves and flowers are."""
    rows, columns = _grid()
    texture = np.tile(np.array(colour(rng)), (ROWS, COLUMNS, 1))
    inks, size = [colour(rng) for _ in range(rng.integers(1, 5))], rng.uniform(0.04, 0.2)
    for _ in range(int(np.clip(rng.uniform(0.1, 0.4) * 1.5 / (np.pi * size**2), 3, 60))):
        angle, stretch = rng.uniform(0, np.pi), rng.uniform(1.0, 3.0)
        down, across = rows - rng.uniform(0, 1), columns - rng.uniform(0, 1.5)
        along = np.cos(angle) * down + np.sin(angle) * across
        beside = np.cos(angle) * across - np.sin(angle) * down
        texture[np.hypot(along / stretch, beside) < size * rng.uniform(0.5, 1.0)] = inks[
            rng.integers(len(inks))
        ]
    return _cloth(texture, rng)


def cloth_zigzag(rng: Rng) -> MaskStyle:
    """Zigzag or wavy stripes, across or down."""
    rows, columns = _grid() if rng.random() < 0.5 else reversed(_grid())
    turn = (columns / rng.uniform(0.15, 0.6) + rng.uniform()) % 1.0
    bend = np.abs(2 * turn - 1) if rng.random() < 0.5 else 0.5 + 0.5 * np.sin(2 * np.pi * turn)
    wave = np.sin(2 * np.pi * (rows + rng.uniform(0.05, 0.3) * bend) / rng.uniform(0.08, 0.35))
    return _cloth(_mixed(wave > rng.uniform(-0.5, 0.5), rng), rng)


def cloth_grained(rng: Rng) -> MaskStyle:
    """Fine or coarse grain of one colour and black, grey or white, as tweed and lace have."""
    grain = int(rng.integers(2, 6))
    coarse = rng.random((ROWS // grain + 1, COLUMNS // grain + 1))
    share = np.kron(coarse, np.ones((grain, grain)))[:ROWS, :COLUMNS]
    return _cloth(_faded(share, rng), rng)


def cloth_trimmed(rng: Rng) -> MaskStyle:
    """One colour with a broad edge of another above, below or both."""
    rows, _columns = _grid()
    width = rng.uniform(0.08, 0.3)
    above, below = ((True, False), (False, True), (True, True))[rng.integers(3)]
    return _cloth(_mixed(((rows < width) & above) | ((rows > 1 - width) & below), rng), rng)


def respirator(rng: Rng) -> MaskStyle:
    """FFP2, N95 and KN95: white, grey or black, without pleats, with a seam down the middle or none."""
    grey = float(rng.choice([rng.uniform(215, 248), rng.uniform(215, 248), rng.uniform(25, 70)]))
    rows, columns = _grid()
    texture = np.full((ROWS, COLUMNS, 3), grey)
    if rng.random() < 0.6:
        texture -= 30 * np.exp(-(((columns - 0.75) / 0.02) ** 2))[..., None]
    if rng.random() < 0.25:  # a valve on one side
        valve = np.hypot(rows - 0.55, columns - rng.choice([0.45, 1.05])) < 0.12
        texture[valve] = grey - 40 if grey > 100 else grey + 60
    return MaskStyle((grey,) * 3, (235.0, 235.0, 235.0), 0, side_shadow=0.3, texture=_pixels(texture))


def cloth_checked(rng: Rng, unseen: bool = True) -> MaskStyle:
    """Checks, in unseen hues; for tests, not for training."""
    rows, columns = _grid()
    period = rng.uniform(0.15, 0.4)
    checks = (np.floor(rows / period) + np.floor(columns / period)) % 2 == 0
    return _cloth(_mixed(checks, rng, unseen), rng)


def cloth_camouflage(rng: Rng, unseen: bool = True) -> MaskStyle:
    """Irregular patches of three colours, in unseen hues; for tests, not for training."""
    fields = [_cloudy(rng) for _ in range(2)]
    base, second, third = (np.array(colour(rng, unseen)) for _ in range(3))
    texture = np.where((fields[0] > 0)[..., None], second, base)
    return _cloth(np.where((fields[1] > 0.6)[..., None], third, texture), rng)


def cloth_unseen(rng: Rng) -> MaskStyle:
    """One colour of the unseen hues; for tests, not for training."""
    return cloth_plain(rng, unseen=True)


STYLES: dict[str, Callable[[Rng], MaskStyle]] = {
    style.__name__: style
    for style in (
        surgical_blue,
        surgical_colour,
        cloth_plain,
        cloth_striped,
        cloth_dotted,
        cloth_printed,
        cloth_faded,
        cloth_marbled,
        cloth_strewn,
        cloth_zigzag,
        cloth_grained,
        cloth_trimmed,
        respirator,
        cloth_checked,
        cloth_camouflage,
        cloth_unseen,
    )
}
"""The families of masks by name."""

UNSEEN_STYLES = ("cloth_checked", "cloth_camouflage", "cloth_unseen")
"""Families that no recipe trains on: they tell what a network does with masks it never saw."""


def template_texture(picture: Path, points: dict[str, tuple[float, float]]) -> NDArray[np.uint8]:
    """Flatten a picture of a mask with alpha into a texture.

    points: the mask's outline as MaskTheFace's ``masks.cfg`` gives it, in
    pixels: a, b, c on the upper edge from left to right, d, e, f on the lower.
    Raises InputError when the picture cannot be read.
    """
    try:
        with Image.open(picture) as image:
            shrink = max(1, round(image.width / COLUMNS))  # each sample then is the mean of its area
            pixels = np.asarray(image.convert("RGBA").reduce(shrink), np.float64)
    except (OSError, ValueError) as error:
        raise InputError.at(picture, f"cannot be read as a picture: {error}", "restore the file") from error
    upper, lower = (np.array([points[key] for key in keys]) / shrink for keys in ("abc", "def"))
    share = np.linspace(0.0, 1.0, COLUMNS)
    ends = [
        np.stack([np.interp(share, [0.0, 0.5, 1.0], edge[:, axis]) for axis in (0, 1)], axis=-1)
        for edge in (upper, lower)
    ]
    down = np.linspace(0.02, 0.98, ROWS)[:, None, None]
    places = ends[0] * (1.0 - down) + ends[1] * down
    x = np.clip(np.rint(places[..., 0]).astype(int), 0, pixels.shape[1] - 1)
    y = np.clip(np.rint(places[..., 1]).astype(int), 0, pixels.shape[0] - 1)
    sampled = pixels[y, x]
    solid = sampled[..., 3] > 127
    # Where the outline's straight edges leave the mask, its mean colour stands in.
    mean = sampled[solid][:, :3].mean(axis=0) if solid.any() else np.full(3, 200.0)
    return _pixels(np.where(solid[..., None], sampled[..., :3], mean))


def _cloth(texture: Texture, rng: Rng) -> MaskStyle:
    """A cloth mask of a texture, with a weave, and loops of its own or of another colour."""
    woven = texture * (1.0 + rng.normal(0.0, rng.uniform(0.0, 0.08), (ROWS, COLUMNS, 1)))
    mean = texture.reshape(-1, 3).mean(axis=0)
    loop = tuple(float(c) for c in (mean if rng.random() < 0.5 else np.full(3, rng.choice([30.0, 235.0]))))
    shadow = float(rng.uniform(0.1, 0.35))
    return MaskStyle(tuple(mean), loop, pleats=0, side_shadow=shadow, texture=_pixels(woven))  # type: ignore[arg-type]


def _mixed(pattern: NDArray[np.bool_], rng: Rng, unseen: bool = False) -> Texture:
    return np.where(pattern[..., None], np.array(colour(rng, unseen)), np.array(colour(rng, unseen)))


def _faded(share: NDArray[np.floating], rng: Rng) -> Texture:
    """From one colour, where ``share`` is 0, to black, grey or white, where it is 1.

    A mixture with a grey keeps the hue, so no unseen hue comes of it.
    """
    grey = np.full(3, rng.choice([rng.uniform(5, 60), rng.uniform(60, 190), rng.uniform(190, 250)]))
    return np.array(colour(rng)) * (1.0 - share[..., None]) + grey * share[..., None]


def _near(base: tuple[float, ...], rng: Rng) -> Colour:
    red, green, blue = np.clip(np.array(base) * rng.uniform(0.88, 1.08) + rng.normal(0, 5, 3), 0, 255)
    return float(red), float(green), float(blue)


def _grid() -> tuple[Texture, Texture]:
    """Rows from 0 to 1 and columns from 0 to 1.5, so that both count in the same length."""
    rows, columns = np.indices((ROWS, COLUMNS), dtype=np.float64)
    return rows / ROWS, columns / ROWS


def _cloudy(rng: Rng, size: float = 5) -> Texture:
    """Smooth noise of mean 0 and standard deviation 1; ``size``: of its clouds, in pixels."""
    drawn = Image.fromarray(rng.integers(0, 256, (ROWS, COLUMNS), np.uint8))
    smooth = np.asarray(drawn.filter(ImageFilter.GaussianBlur(size)), np.float64)
    return (smooth - smooth.mean()) / smooth.std()


def _pixels(texture: Texture) -> NDArray[np.uint8]:
    return np.clip(np.rint(texture), 0, 255).astype(np.uint8)
