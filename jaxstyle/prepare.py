"""From what a user names to what a run needs: pictures at their sizes, the network, what to minimise, where to start."""

import os
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from jaxstyle import images, pyramid, record
from jaxstyle.config import INITS, Config, check, check_init, objective_of, parse_blend, preconditioner_of, solver_of
from jaxstyle.devices import layout_of
from jaxstyle.errors import InputError, unknown
from jaxstyle.loop import Method
from jaxstyle.losses import Objective
from jaxstyle.sizes import MIN_SIDE, Size, parse_size
from jaxstyle.start import mix, white_noise
from jaxstyle.weights.load import Loaded, load

ORIGINALS, RESIZED = 4, 64
"""How many pictures are kept for the runs that share them: as they were read, and at the sizes of the runs."""


class Pictures:
    """Reads pictures, hashes and resizes them: each once, as long as few others came between."""

    def __init__(self) -> None:
        self._sources: dict[Any, Any] = {}
        self._hash = lru_cache(None)(lambda key: record.describe_source(self._sources[key]))
        self._read = lru_cache(ORIGINALS)(lambda key, argument: images.load(self._sources[key], argument=argument))
        self.resize = lru_cache(RESIZED)(images.resize)
        self._at = lru_cache(RESIZED)(lambda key, argument, w, h: images.resize(self._read(key, argument), w, h))
        self._size = lru_cache(None)(lambda key, argument: self._read(key, argument).size)

    def _key(self, source: Any) -> Any:
        key = os.fspath(source) if isinstance(source, str | os.PathLike) else id(source)
        self._sources[key] = source  # kept, so that no other object takes its id
        return key

    def describe(self, source: Any) -> dict[str, str]:
        """`record.describe_source` of a picture."""
        return self._hash(self._key(source))

    def size(self, source: Any, argument: str) -> tuple[int, int]:
        """(width, height) of a picture as it is."""
        return self._size(self._key(source), argument)

    def at(self, source: Any, argument: str, width: int, height: int) -> images.Picture:
        """A picture at a size; the same object again while it is kept."""
        return self._at(self._key(source), argument, width, height)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that a run needs, read and checked: pictures at their sizes, the network, what to minimise."""

    config: Config
    content: images.Picture
    styles: list[images.Picture]
    start: images.Picture | None
    loaded: Loaded
    objective: Objective
    sources: dict[str, Any]

    @property
    def method(self) -> Method:
        """How an image of this size is searched for."""
        config = self.config
        solver, preconditioner = solver_of(config, *self.content.size), preconditioner_of(config)
        return Method(self.objective.form, solver, preconditioner, config.precision, config.memory == "low")

    @property
    def low(self) -> "Inputs":
        """The same run strip by strip."""
        return replace(self, config=replace(self.config, memory="low"))

    @property
    def key(self) -> str:
        """By which a rerun knows the picture: `record.key`."""
        return record.key(self.config, self.sources, self.loaded.sha256)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about the pictures that the user should know."""
        pictures = (self.content, *self.styles, *([self.start] if self.start else []))
        return tuple(dict.fromkeys(notice for picture in pictures for notice in picture.notices))


def prepare(content: Any, style: Any, config: Config, pictures: Pictures | None = None) -> Inputs:
    """Reads and checks all that `config` names, before anything is computed; `style` may be a list of styles.

    Raises:
        InputError (ImageError, WeightsError among them): one line that names the argument, its value and the remedy.
    """
    check(config)
    pictures = pictures or Pictures()
    styles = list(style) if isinstance(style, list | tuple) else [style]
    if not styles:
        raise InputError("style", styles, "is empty", "give at least one style")
    blend = parse_blend(config.blend)
    if blend is not None and len(blend) != len(styles):
        raise InputError("blend", config.blend, f"must have one share for each style, {len(styles)} in all")
    objective = objective_of(config)
    init = config.init or objective.init
    check_init(init)
    size = parse_size(config.size)
    style_size = parse_size(config.style_size if config.style_size is not None else _beside(size), argument="style_size")
    loaded = load(config.weights, network=config.network)
    width, height = size.fit(*pictures.size(content, "content"))
    for each in pyramid.sizes(width, height, config.scales):
        layout_of(*each, config.devices)
    found = []
    for source in styles:
        own = pictures.size(source, "style")
        fitted = (width, height) if objective.style_fit == "content" else style_size.fit(*own)
        found.append(pictures.at(source, "style", *fitted))
    sources = {"content": pictures.describe(content), "styles": [pictures.describe(source) for source in styles]}
    start = None
    if init not in INITS:
        start = pictures.at(init, "init", width, height)
        sources["init"] = pictures.describe(init)
    return Inputs(config, pictures.at(content, "content", width, height), found, start, loaded, objective, sources)


def _beside(size: Size) -> str:
    """The styles' size where none is given: as the content's, their own aspect kept."""
    return str(max(size.sides)) if len(size.sides) == 2 else str(size)


def starting_image(inputs: Inputs) -> jax.Array:
    """The image that the optimisation starts from, (H, W, 3), RGB in [0, 1]."""
    config, (width, height) = inputs.config, inputs.content.size
    init = config.init or inputs.objective.init
    if init == "noise":
        return white_noise((height, width, 3), config.seed, config.noise_sigma)
    picture = {"content": inputs.content, "style": inputs.styles[0]}.get(init, inputs.start)
    assert picture is not None
    start = jnp.asarray(images.as_float(images.resize(picture, width, height)))
    if config.noise_ratio:
        start = mix(start, white_noise(start.shape, config.seed, config.noise_sigma), config.noise_ratio)
    return start


def make_config(config: Config | None = None, **changes: Any) -> Config:
    """A configuration with some fields changed; an unknown field is an InputError with the nearest one suggested."""
    known = [f.name for f in fields(Config)]
    for name in changes:
        if name not in known:
            raise unknown("option", name, known)
    return replace(config or Config(), **changes)


def resized(inputs: Inputs, width: int, height: int, pictures: Pictures | None = None) -> Inputs:
    """The same run with a content of another size, the styles along with it."""
    resize = (pictures or Pictures()).resize
    factor = width / inputs.content.size[0]

    def along(picture: images.Picture) -> images.Picture:
        return resize(picture, *(max(MIN_SIDE, round(side * factor)) for side in picture.size))

    def same(picture: images.Picture) -> images.Picture:
        return resize(picture, width, height)

    styles = [(same if inputs.objective.style_fit == "content" else along)(style) for style in inputs.styles]
    return replace(inputs, content=same(inputs.content), styles=styles, start=inputs.start and same(inputs.start))
