"""Bit planes of photographs as spins: data whose Hamiltonian nobody knows.

Grey levels 0 … 255 are eight binary images, from the highest bit, which draws the picture, to the lowest, which looks
like noise; those between have been compared with a critical Ising model (Saremi & Sejnowski 2013, PNAS 110, 3071;
ref. 35 of Lin, Tegmark & Rolnick 2017). The photographs are the two that scikit-learn ships.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import xarray as xr

PHOTOGRAPHS = ("china", "flower")
PLANES = 8


def grey(name: str) -> npt.NDArray[np.uint8]:
    """Grey levels of a photograph, (rows, columns): 0.299 red + 0.587 green + 0.114 blue, rounded.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"photograph {name!r}: scikit-learn ships {' and '.join(PHOTOGRAPHS)}")
    from sklearn.datasets import load_sample_image

    colours = load_sample_image(f"{name}.jpg").astype(np.float64)
    return np.asarray(np.rint(colours @ (0.299, 0.587, 0.114)), dtype=np.uint8)


def bit_plane(levels: npt.ArrayLike, plane: int, tile: int = 64) -> "xr.Dataset":
    """One bit plane of grey levels as spins ±1, cut into tiles.

    Parameters
    ----------
    levels : uint8 array (rows, columns)
    plane : int
        0, the lowest bit, to 7, the highest.
    tile : int
        Side of the square tiles; what is left over at the right and at the bottom is cut off.

    Returns
    -------
    Dataset
        ``spin(chain, draw, x, y)``, free boundaries, one draw a chain: the tiles column by column, so that the first
        half of the chains is the left half of the picture.

    Raises
    ------
    ValueError
        If these are no grey levels, or there are fewer than 20 tiles.
    """
    import xarray as xr

    image: npt.NDArray[Any] = np.asarray(levels)
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(
            f"levels: an array of shape {image.shape} of {image.dtype}; give grey levels, uint8, of 2 axes"
        )
    if plane not in range(PLANES):
        raise ValueError(f"plane={plane!r}: give one from 0, the lowest bit, to {PLANES - 1}, the highest")
    if isinstance(tile, bool) or not isinstance(tile, int) or tile < 2:
        raise ValueError(f"tile={tile!r}: give a side of at least 2 pixels")
    rows, columns = (side // tile for side in image.shape)
    if rows * columns < 20:
        raise ValueError(
            f"tile={tile}: {rows} x {columns} tiles of a picture of {image.shape[0]} x {image.shape[1]} are too few "
            f"for an error bar, 20 at least; give a smaller tile"
        )
    bits = (image[: rows * tile, : columns * tile] >> plane & 1).astype(np.int8)
    tiles = (2 * bits - 1).reshape(rows, tile, columns, tile).transpose(2, 0, 1, 3).reshape(-1, 1, tile, tile)
    return xr.Dataset(
        {"spin": (("chain", "draw", "x", "y"), tiles)},
        attrs={"boundary": json.dumps(["free", "free"]), "level": 0, "scale": 1, "plane": plane},
    )
