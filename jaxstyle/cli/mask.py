"""Masks by name, as files: `jaxstyle mask`."""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxstyle.cli.display import say, say_first
from jaxstyle.cli.failures import say_error
from jaxstyle.errors import MISSING, InputError
from jaxstyle.masks.find import fit
from jaxstyle.masks.sources import FoundMask, find_mask, meant
from jaxstyle.masks.words import NAMES, MaskWord
from jaxstyle.pictures import comment, ours, write
from jaxstyle.pictures.find import expand
from jaxstyle.pictures.read import Picture, as_float, load, to_bytes

SHOWN, WIDEST = 320, 2000
"""Pixels of the height of a picture on the sheet, and of its width at most."""
DIMMED, TINT = 0.3, np.asarray((0.25, 0.0, 0.2), np.float32)
"""How much of the photograph is seen outside a mask, and what is added there."""


def add_mask(sub: argparse.ArgumentParser, basics: argparse._ArgumentGroup) -> None:
    """The arguments of the command."""
    words = "; ".join(f"{name}: {text}" for name, text in NAMES.items())
    text = f"photographs, or folders of them, and words. {words}. not:faces is all else, faces+3%% is larger, faces-3%% smaller"
    sub.add_argument("given", metavar="PHOTO WORD", nargs="+", help=text)
    text = "the folder: PHOTO-faces.png and so on, and PHOTO-masks.png, a sheet of them over the photograph (default: masks)"
    basics.add_argument("-o", "--out", metavar="DIR", help=text)


def mask(options: argparse.Namespace) -> int:
    """Writes the mask of every word in every photograph, and a sheet of them."""
    photographs, words = list[str](), list[MaskWord]()
    for given in options.given:
        source = meant(given, argument="picture")
        if isinstance(source, MaskWord):
            words.append(source)
        else:
            photographs.append(given)
    for argument, found, example in (("picture", photographs, "photo.jpg"), ("word", words, "faces")):
        if not found:
            raise InputError(argument, MISSING, "is missing", f"give one, such as {example}: jaxstyle mask photo.jpg faces")
    pictures = expand(photographs, argument="picture")
    folder = write.make_folder(options.out or "masks")
    say_first(options)
    taken, inputs, bad, made = set[str](), ours.identities(pictures), 0, 0
    for picture in pictures:
        try:
            source = load(picture, argument="picture", fit=fit)
        except Exception as error:  # whatever it is, it stops this picture only
            say_error(error, options, "" if isinstance(error, InputError) else picture)
            bad += 1
            continue
        found = dict[str, FoundMask]()
        for word in words:
            try:
                found[str(word)] = find_mask(source, word, "word", picture)
            except InputError as error:
                say_error(error, options)
                bad += 1
        made += len(found)
        for name, each in found.items():
            path = _place(folder, picture, each.file_stem, taken, inputs)
            write.write_atomically(path, each.png)
            if not options.quiet:
                say(f"{path} {name}: {np.mean(each.levels) / 255:.1%} of the picture")
        if found:
            path = _place(folder, picture, "masks", taken, inputs)
            write.save(path, sheet(source, {name: each.levels for name, each in found.items()}))
            if not options.quiet:
                say(f"{path}: all of them over the photograph")
    return (1 if made else 2) if bad else 0


def _place(folder: Path, picture: str, name: str, taken: set[str], inputs: set[tuple[int, int]]) -> Path:
    stem = write.file_stem([Path(os.fspath(picture)).stem, name], folder)
    return ours.free_path(folder, stem, taken, inputs, lambda there: comment.read(there) == "" and not ours.read_record(there))


def sheet(picture: Picture, masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """The photograph, and beside it each mask over it: what lies outside is dimmed. (H, W, 3), uint8."""
    pixels = as_float(picture)
    shown: Sequence[tuple[str, np.ndarray]] = [("", pixels)]
    for name, levels in masks.items():
        share = levels[..., None].astype(np.float32) / 255
        shown = [*shown, (name, pixels * (DIMMED + (1 - DIMMED) * share) + TINT * (1 - share))]
    height, width = SHOWN, min(WIDEST, max(1, round(picture.size[0] * SHOWN / picture.size[1])))
    found, font = Image.new("RGB", (width * len(shown), height), "white"), ImageFont.load_default(16)
    for number, (name, image) in enumerate(shown):
        part = Image.fromarray(to_bytes(image)).resize((width, height), Image.Resampling.LANCZOS)
        ImageDraw.Draw(part).text((6, 4), name, "white", font, stroke_width=2, stroke_fill="black")
        found.paste(part, (number * width, 0))
    return np.asarray(found)
