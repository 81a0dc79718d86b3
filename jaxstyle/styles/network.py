"""A trained style network with its styles, and its file."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from jaxstyle.errors import InputError, WeightsError, unknown
from jaxstyle.machine import tensor_file
from jaxstyle.machine.folders import bundled
from jaxstyle.onepass.files import STYLES, opened
from jaxstyle.onepass.layers import Widths
from jaxstyle.onepass.painting import check_strength
from jaxstyle.pictures.paths import located
from jaxstyle.styles.names import PHOTOGRAPH, folded

BUNDLED = ("styles", "styles26")
"""Networks in the box: our own, and that of 26 styles (weights/README.md)."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["kernels", "styles"],
    meta_fields=["widths", "names", "origin", "licence", "margin"],
)
@dataclass(frozen=True)
class StyleNetwork:
    """The kernels that all styles share, and the styles: a pytree of arrays with what they are as static data.

    Attributes:
        kernels: by layer, (size, size, in, out), float32; as `Widths.shapes`.
        styles: (N, `widths.style_size`), float32: each row the scales and shifts of one style.
        widths: channels of the layers.
        names: of the styles, in order.
        origin, licence: where the network comes from.
        margin: pixels that a picture is mirrored by on each side before it is painted, and that are cut off after. Every layer
            mirrors its own borders too: what lies there is symmetric, and would come out as streaks that lead away from them.
    """

    kernels: Mapping[str, Array]
    styles: Array
    widths: Widths
    names: tuple[str, ...]
    origin: str = "not stated"
    licence: str = "not stated"
    margin: int = 8

    def index(self, style: str | int, argument: str = "style") -> int:
        """The number of a style that is told by name, by the beginning of its name, or by number from 0. Of a name and
        longer ones that begin with it, the beginning means the name.

        Raises:
            InputError: where there is none, or more than one begins like this; the nearest name is suggested.
        """
        text = str(style).strip()
        if text.isdecimal():
            if int(text) < len(self.names):
                return int(text)
            raise InputError(argument, style, f"must be a name, or a number from 0 to {len(self.names) - 1}")
        names, wanted = [folded(name) for name in self.names], folded(text)
        found = [i for i, name in enumerate(names) if name == wanted]
        found = found or [i for i, name in enumerate(names) if text and name.startswith(wanted)]
        if not found:
            raise unknown(argument, text, self.shown)
        shortest = min((names[i] for i in found), key=len)
        if all(names[i].startswith(shortest) for i in found):  # "wav" is waves, not waves-strong
            found = [i for i in found if names[i] == shortest]
        if len(found) > 1:
            raise InputError(argument, style, f"is not one style: {', '.join(self.names[i] for i in found)} begin like it")
        return found[0]

    def style(self, style: str | int | Mapping[str, float], strength: float = 1.0) -> Array:
        """The vector of a style, (`style_size`,).

        Args:
            style: a name or number; several joined by ``+`` are blended in equal parts, ``"a:3+b:1"`` in these; or a mapping of
                names to shares.
            strength: 1 is the style as it was learned, 0 the photograph; only of a network that has learned `PHOTOGRAPH`.

        Raises:
            InputError: for an unknown style, a share that is no number of at least 0, or a strength outside [0, 1].
        """
        check_strength(strength)
        shares = dict(style) if isinstance(style, Mapping) else _shares(str(style))
        if not all(isinstance(share, Real) and share >= 0 for share in shares.values()):
            raise InputError("style", str(style), "must have shares that are numbers of at least 0")
        total = sum(shares.values())
        if not 0 < total < float("inf"):
            raise InputError("style", str(style), "must have shares with a positive, finite sum")
        held = isinstance(self.styles, Tracer)
        styles = self.styles if held else np.asarray(self.styles)
        blended: Any = sum(styles[self.index(name)] * (share / total) for name, share in shares.items())
        if strength < 1 and PHOTOGRAPH in self.names:
            blended = strength * blended + (1 - strength) * styles[self.names.index(PHOTOGRAPH)]
        blended = blended.astype(styles.dtype)
        where = set() if held or isinstance(self.styles, np.ndarray) else self.styles.devices()
        return jax.device_put(blended, where.pop() if len(where) == 1 else None)

    @property
    def has_strength(self) -> bool:
        """Whether `strength` moves a style's vector."""
        return PHOTOGRAPH in self.names

    @property
    def shown(self) -> tuple[str, ...]:
        """The names of the styles to choose from: all but the photograph."""
        return tuple(name for name in self.names if name != PHOTOGRAPH)


def _shares(text: str) -> dict[str, float]:
    """ "a+b", "a:3+b:1" -> {"a": 1.0, "b": 1.0}, {"a": 3.0, "b": 1.0}."""
    shares: dict[str, float] = {}
    for part in text.split("+"):
        name, _, share = part.partition(":")
        try:
            value = float(share) if share else 1.0
        except ValueError:
            value = -1.0
        if not (0 <= value < float("inf")):
            raise InputError("style", text, "must be names joined by +, each with a share of at least 0 after a colon, if any")
        shares[name.strip()] = shares.get(name.strip(), 0.0) + value
    return shares


@dataclass(frozen=True)
class StyleFile:
    """The content of a network's file.

    Attributes:
        network: see there.
        thumbnails: of the styles by name, (64, 64, 3) uint8; may lack some.
        training: how it was trained, as plain data; empty where that is not known.
    """

    network: StyleNetwork
    thumbnails: Mapping[str, np.ndarray] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


def write(path: str | os.PathLike[str], file: StyleFile, *, codebooks: bool = False) -> None:
    """Writes a network; the file appears whole or not at all, and the same content gives the same bytes.

    Args:
        path: .safetensors.
        file: its content.
        codebooks: whether kernels become 8-bit codes of 256 values for each layer, and styles float16: a quarter of the size.
    """
    network, tensors = file.network, {}
    for name, kernel in network.kernels.items():
        if codebooks and kernel.size > 4096:
            tensors[f"{name}.codes"], tensors[f"{name}.codebook"] = coded(np.asarray(kernel))
        else:
            tensors[f"{name}.kernel"] = np.asarray(kernel, np.float32)
    tensors["styles"] = np.asarray(network.styles, np.float16 if codebooks else np.float32)
    tensors |= {f"thumbnail.{name}": image for name, image in file.thumbnails.items()}
    meta = {
        "format": STYLES,
        "widths": {name: getattr(network.widths, name) for name in ("down", "blocks", "up")},
        "styles": network.names,
        "origin": network.origin,
        "licence": network.licence,
        "training": file.training,
    } | ({"margin": network.margin} if network.margin else {})
    tensor_file.write(located(path), tensors, meta, kind=WeightsError)


def coded(kernel: np.ndarray, rounds: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """A kernel as codes (uint8, its shape) and a codebook (256,) of little mean square error: as dense as the cube root
    of the values' density (Panter & Dite, 1951), then some rounds of Lloyd's algorithm."""
    values = np.sort(kernel.ravel().astype(np.float64))
    counts, edges = np.histogram(values, 1024)
    density = np.append(0, np.cumsum(np.cbrt(counts)))
    book = np.interp((np.arange(256) + 0.5) / 256 * density[-1], density, edges)
    for _ in range(rounds):
        bounds = np.concatenate([[0], np.searchsorted(values, (book[1:] + book[:-1]) / 2)])
        sums, counts = np.add.reduceat(np.append(values, 0.0), bounds), np.diff(np.append(bounds, len(values)))
        book = np.sort(np.where(counts > 0, sums / np.maximum(counts, 1), book))
    codes = np.searchsorted((book[1:] + book[:-1]) / 2, kernel)
    return codes.astype(np.uint8), book.astype(np.float32)


def find(network: str | os.PathLike[str], *, argument: str = "network") -> Path:
    """The file of a network, which is told by its name in the box, one of `BUNDLED`, or by its path.

    Raises:
        InputError: for an unknown name.
        WeightsError: where a file of the box is missing from this installation.
    """
    text = os.fspath(network)
    if text in BUNDLED:
        return bundled(text, argument=argument)
    path = Path(located(text))
    if not path.suffix and not path.exists():
        raise unknown(argument, text, BUNDLED)
    return path


def read(path: str | os.PathLike[str], *, argument: str = "network") -> StyleFile:
    """Reads a network that `write` has written.

    Raises:
        WeightsError: where the file is missing, damaged, or of another kind; it says of which, if that is known.
    """
    tensors, meta = opened(path, STYLES, argument=argument)
    try:
        widths = Widths(tuple(meta["widths"]["down"]), int(meta["widths"]["blocks"]), tuple(meta["widths"]["up"]))
        names, margin = tuple(map(str, meta["styles"])), max(0, int(meta.get("margin", 0)))
        kernels = {name: _kernel(tensors, name) for name in widths.shapes}
        styles = tensors["styles"].astype(np.float32)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise WeightsError(argument, str(path), f"is damaged: {error!r}") from None
    wrong = [name for name, shape in widths.shapes.items() if kernels[name].shape != shape]
    if wrong or styles.shape != (len(names), widths.style_size) or not names:
        what = f"kernel of {wrong[0]} {kernels[wrong[0]].shape}" if wrong else f"styles {styles.shape} for {len(names)} names"
        raise WeightsError(argument, str(path), f"is damaged: {what}")
    if not all(np.isfinite(array).all() for array in (styles, *kernels.values())):
        raise WeightsError(argument, str(path), "is damaged: a value is not finite")
    thumbnails = {key.partition(".")[2]: value for key, value in tensors.items() if key.startswith("thumbnail.")}
    about = {key: str(meta.get(key, "not stated")) for key in ("origin", "licence")}
    # `jnp.asarray` would compile a program for each shape, and so would arithmetic of few numbers with `jnp` in `style`.
    kernels, styles = jax.device_put((kernels, styles))
    network = StyleNetwork(kernels, styles, widths, names, margin=margin, **about)
    return StyleFile(network, thumbnails, dict(meta.get("training") or {}))


def _kernel(tensors: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if f"{name}.codes" in tensors:
        return tensors[f"{name}.codebook"][tensors[f"{name}.codes"]].astype(np.float32)
    return tensors[f"{name}.kernel"].astype(np.float32)


def with_styles(network: StyleNetwork, names: Sequence[str], styles: Array) -> StyleNetwork:
    """A network with more styles; those that it had stay as they are."""
    return replace(network, names=(*network.names, *names), styles=jnp.concatenate([network.styles, styles]))


def without_last(network: StyleNetwork, count: int) -> StyleNetwork:
    """A network without its last styles."""
    return replace(network, names=network.names[:-count], styles=network.styles[:-count])
