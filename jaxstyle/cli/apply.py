"""Pictures by a style network, or one between two collections: `jaxstyle apply`."""

import argparse
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from jaxstyle.cli import film, film_apply
from jaxstyle.cli.display import Display, remaining, say, say_first
from jaxstyle.cli.failures import say_error
from jaxstyle.cli.interrupt import Interrupt
from jaxstyle.cli.places import SAMPLES, check_replaced, moved, stem_of, unnamed
from jaxstyle.cli.values import real
from jaxstyle.domains.apply import apply_domains, loaded as domain_network, no_style
from jaxstyle.domains.network import A2B
from jaxstyle.errors import MISSING, InputError, UnknownError
from jaxstyle.masks.words import WORDS
from jaxstyle.onepass.files import DOMAINS, format_of
from jaxstyle.onepass.painting import MEMORY, Painted, check_strength
from jaxstyle.onepass.regions import FEATHER, check_feather, mask_files, parse_overlays
from jaxstyle.pictures import ours, write
from jaxstyle.pictures.find import expand
from jaxstyle.pictures.ours import identities
from jaxstyle.pictures.paths import is_pattern, located
from jaxstyle.pictures.read import to_bytes
from jaxstyle.pictures.size import parse_size
from jaxstyle.pictures.spaces import SPACES, check_space
from jaxstyle.results.record import describe_source
from jaxstyle.styles.apply import apply_style, loaded, manner_of
from jaxstyle.styles.network import BUNDLED, StyleFile, find, read

SHOWN, PAINTED, PER_LINE = 128, 256, 7
"""Of the sheet of styles: the sides of a picture there and of a sample that is painted for it, and how many lie in a line."""


def add_apply(sub: argparse.ArgumentParser, basics: argparse._ArgumentGroup) -> None:
    """The arguments of the command."""
    sub.add_argument("pictures", metavar="PHOTO", nargs="*", help="photographs, or folders of them; or a film")
    text = "a style of the network by name or number, as --list shows them; A:3+B is a blend, three parts to one"
    basics.add_argument("-s", "--style", metavar="NAME|NUMBER|A+B", help=text)
    text = f"whose styles: {', '.join(BUNDLED)}, or a file of `jaxstyle train` or `domains train` (default: {BUNDLED[0]})"
    basics.add_argument("--network", metavar="NAME|FILE", help=text)
    text = "direction of a network of `jaxstyle domains train`, which has no styles: a2b or b2a (default: a2b)"
    basics.add_argument("--direction", metavar="NAME", help=text)
    text = "how much of the style: 0 is the photograph, 1 the style (default: 1)"
    basics.add_argument("--strength", metavar="0..1", default="1", help=text)
    text = "pixels of the longest side, of the shorter one, or of both (default: the picture's own)"
    basics.add_argument("--size", metavar="N|short:N|WxH", help=text)
    text = f"another style of the network where MASK is white, or `keep` for the photograph; MASK is a picture or {WORDS}"
    basics.add_argument("--region", metavar="MASK=STYLE|MASK=keep", dest="regions", action="append", default=[], help=text)
    text = "soft edge around a region, in percent of the picture's longest side, 0 to 50"
    basics.add_argument("--feather", metavar="P", help=f"{text} (default: {FEATHER:g})")
    text = f"put the photograph's colours back, in this space: {', '.join(SPACES)} (default: not at all)"
    basics.add_argument("--color-space", metavar="NAME", help=text)
    text = "where the picture goes (default: PHOTO-STYLE.png, FILM-STYLE.mp4); of several pictures the folder (default: apply)"
    basics.add_argument("-o", "--out", metavar="OUT", help=text)
    text = "print the styles of all networks; with -o styles.png, show them as one sheet too"
    basics.add_argument("--list", action="store_true", help=text)
    text = f"{MEMORY[0]} works strip by strip where a picture would not fit, {MEMORY[1]} always; the picture is the same"
    basics.add_argument("--memory", metavar="NAME", default=MEMORY[0], help=f"{text} (default: {MEMORY[0]})")
    film.add_film(sub)


def apply(options: argparse.Namespace) -> int:
    """Paints one picture to a file, or several to a folder; or lists the styles."""
    if options.list:
        return show(options)
    if not options.pictures:
        raise InputError("pictures", MISSING, "is missing", "give a photograph, as in jaxstyle apply photo.jpg --style NAME")
    options.strength = real("strength", options.strength)
    options.feather = FEATHER if options.feather is None else check_feather(real("feather", options.feather))
    options.network = options.network or BUNDLED[0]
    if format_of(options.network) == DOMAINS:
        _check_domains(options)
    else:
        _check_styles(options)
    if options.size is not None:
        parse_size(options.size)
    check_space(options.color_space)
    if film.is_film(options):
        return film_apply.films(options)
    for name in film.ONLY:
        if value := getattr(options, name):
            raise InputError(name, MISSING if value is True else value, "is for films, and no film is made", "leave it out")
    pictures = expand(options.pictures, argument="pictures")
    several = len(options.pictures) > 1 or any(os.path.isdir(located(path)) or is_pattern(path) for path in options.pictures)
    return _several(pictures, options) if several else _one(pictures[0], options)


def _check_styles(options: argparse.Namespace) -> None:
    """What is wrong for every picture is said before the first."""
    network, _ = loaded(options.network)
    if options.direction is not None:
        raise InputError("direction", options.direction, "is of domain networks, and this is a style network", "leave it out")
    if options.style is None:
        raise InputError("style", MISSING, "is missing", f"give one of {', '.join(network.shown)}")
    try:
        network.style(options.style, options.strength)
    except UnknownError:
        if other := _other_network(options):
            problem = f"is not of {options.network!r} but of {other!r}"
            raise InputError("style", options.style, problem, f"add --network {other}") from None
        raise
    parse_overlays(options.regions, lambda style: manner_of(network, style, options.strength))
    blended = "+" in options.style or ":" in options.style
    options.made = options.style if blended else network.names[network.index(options.style)]


def _other_network(options: argparse.Namespace) -> str | None:
    """A network in the box that has the style which the chosen one lacks."""
    for name in BUNDLED:
        with suppress(InputError):
            loaded(name)[0].style(options.style, options.strength)
            return name
    return None


def _check_domains(options: argparse.Namespace) -> None:
    """The same of a network between two collections."""
    if options.style is not None:
        raise InputError("style", options.style, "is of style networks, and this is a domain network", "leave it out")
    check_strength(options.strength)
    options.direction = options.direction or A2B
    domain_network(options.network)[0].styled(options.direction)
    parse_overlays(options.regions, no_style)
    options.made = Path(options.network).stem + (f"-{options.direction}" if options.direction != A2B else "")


def _one(picture: str, options: argparse.Namespace) -> int:
    out, note = (options.out, "") if options.out else unnamed(stem_of(picture, options.made), [picture])
    path = write.check_output(out)
    check_replaced(path, [picture, *mask_files(options.regions)], 0)
    if note and not options.quiet:
        say(f"note: {note}")
    say_first(options)
    with Display(100, options.quiet) as display, Interrupt("this picture", quiet=options.quiet) as interrupt:
        painted = _paint(picture, options, display, 0, 1, time.monotonic())
        interrupt.saving = True
        problem = _save(painted, path, options)
    return 130 if interrupt.came else 1 if problem else 0


def _several(pictures: Sequence[str], options: argparse.Namespace) -> int:
    """Paints each; those that cannot be painted are named and left out."""
    folder = write.make_folder(options.out or "apply")
    say_first(options)
    began, made, bad = time.monotonic(), 0, 0
    seen: dict[str, str] = {}
    taken: set[str] = set()
    inputs, sizes = identities([*pictures, *mask_files(options.regions)]), Counter(map(_bytes, pictures))
    interrupt = Interrupt("this picture", lambda: f"{made} of {len(pictures)} pictures are in {folder}", options.quiet)
    with Display(100 * len(pictures), options.quiet) as display, interrupt:
        for number, picture in enumerate(pictures):
            if interrupt.came:
                break
            with suppress(OSError):
                if sizes[_bytes(picture)] > 1:  # no other file needs to be read twice
                    first = seen.setdefault(describe_source(picture)["sha256"], picture)
                    if first is not picture:
                        if not options.quiet:
                            say(f"note: made once, since they are the same picture: {first!r} and {picture!r}")
                        continue
            try:
                painted = _paint(picture, options, display, number, len(pictures), began)
                path = _place(folder, stem_of(picture, options.made, folder), painted, taken, inputs, options.quiet)
                bad += bool(_save(painted, path, options))
                made += 1
            except Exception as error:  # whatever it is, it stops this picture only
                say_error(error, options, "" if isinstance(error, InputError) else picture)
                bad += 1
    if not options.quiet:
        say(f"{folder}: {made} of {len(pictures)} pictures")
    return 130 if interrupt.came else (1 if made else 2) if bad else 0


def _place(folder: Path, stem: str, painted: Painted, taken: set[str], inputs: set[tuple[int, int]], quiet: bool) -> Path:
    """The place of one of several; results of other photographs stay, since cameras give a name to many."""
    files, is_first = ours.named_for(painted.record["inputs"]), write.folded(f"{stem}.png") not in taken
    path = ours.free_path(folder, stem, taken, inputs, lambda there: ours.is_result_of(there, files))
    if is_first and path.stem != stem and not quiet:
        say(f"note: {moved(folder / f'{stem}.png')}")
    return path


def _paint(picture: str, options: argparse.Namespace, display: Display, done: int, total: int, began: float) -> Painted:
    def callback(share: float) -> None:
        left = remaining(time.monotonic() - began, (done + share) / total)
        display.advance(round(100 * (done + share)), 100 * total, os.path.basename(picture), left)

    names = ("strength", "size", "regions", "feather", "color_space", "memory")
    how: Any = {name: getattr(options, name) for name in names}
    if options.style is None:
        painted = apply_domains(picture, options.network, direction=options.direction, callback=callback, **how)
    else:
        painted = apply_style(picture, options.network, style=options.style, callback=callback, **how)
    painted.record["command"] = options.line
    return painted


def _save(painted: Painted, path: Path, options: argparse.Namespace) -> bool:
    """Writes a picture and says so; returns whether something went wrong, which is then said too."""
    path, notices, problem = painted.keep(path, metadata=not options.no_metadata)
    if not options.quiet:
        for notice in (*painted.notices, *notices):
            say(f"note: {notice}")
        seconds, (height, width, _) = painted.record["seconds"], painted.image.shape
        compiling = f" + {seconds['compile']:.1f} s compiling" if seconds["compile"] else ""
        say(f"{path} {width}x{height}, {options.made}: {seconds['paint']:.2f} s{compiling}")
    if problem:
        say_error(problem, options)
    return bool(problem)


def _bytes(picture: str) -> int | None:
    """The size of a file, if it is one."""
    try:
        return os.path.getsize(picture)
    except OSError:
        return None


def show(options: argparse.Namespace) -> int:
    """Prints the styles in the box, and those of the user's network; with `out`, shows them on one sheet."""
    path = None if options.out is None else write.check_output(options.out)
    if path is not None:
        check_replaced(path, [], 0)
    files: dict[str, StyleFile] = {}
    names: list[str] = [*BUNDLED, *([options.network] if options.network else [])]
    for name in dict.fromkeys(names):
        files[name] = read(find(name))
    if path is not None:
        write.save(path, np.asarray(sheet(files)))
    for name, file in files.items():
        known = [text for text in (file.network.origin, file.network.licence) if text != "not stated"]
        print(f"{name}: {'; '.join(known)}" if known else name)
        for style in file.network.shown:
            print(f"{file.network.names.index(style):>6}  {style}")
    return 0


def sheet(files: Mapping[str, StyleFile]) -> Image.Image:
    """Every style of every network: its thumbnail, or a sample painted in it where the file has none."""
    font, gap = ImageFont.load_default(13), 8
    line = SHOWN + 3 * gap + 4
    tall = sum(3 * gap + line * -(-len(file.network.shown) // PER_LINE) for file in files.values())
    found = Image.new("RGB", (PER_LINE * (SHOWN + gap) + gap, tall + gap), "white")
    draw, y = ImageDraw.Draw(found), gap
    for name, file in files.items():
        draw.text((gap, y), Path(name).stem, "black", font)
        y += 3 * gap
        for number, style in enumerate(file.network.shown):
            image = file.thumbnails.get(style)
            if image is None:
                image = apply_style(SAMPLES / "chelsea.jpg", file.network, style=style, size=PAINTED).image
            picture = ImageOps.fit(Image.fromarray(to_bytes(image)), (SHOWN, SHOWN))
            x, top = gap + number % PER_LINE * (SHOWN + gap), y + number // PER_LINE * line
            found.paste(picture, (x, top))
            draw.text((x, top + SHOWN + 2), f"{file.network.names.index(style)} {style}"[:22], "black", font)
        y += line * -(-len(file.network.shown) // PER_LINE)
    return found
