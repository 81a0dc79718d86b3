"""One photograph by a style network, and by the optimisation after 60 and 300 evaluations, side by side with their seconds.

    python -m bench.beside [--content chelsea] [--style starry_night] [--size 400] [-o beside.jpg]

Seconds are of a second run in the process, without compilation, which takes some seconds once for each size.
"""

import argparse
import time
from functools import partial

import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words
from bench.pictures import SAMPLES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", default="chelsea")
    parser.add_argument("--style", default="starry_night")
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("-o", "--out", default="beside.jpg")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    content, style = (str(SAMPLES / f"{name}.jpg") for name in (options.content, options.style))
    paint = partial(jaxstyle.apply_style, content, style=options.style, size=options.size)
    paint()
    began = time.perf_counter()
    images, seconds = [paint().image], [time.perf_counter() - began]
    for evaluations in (60, 300):
        result = jaxstyle.stylize(content, style, size=options.size, evaluations=evaluations)
        images.append(result.image)
        seconds.append(result.record["seconds"]["solve"])
    print(in_words(describe()))
    for what, took in zip(("network", "60 evaluations", "300 evaluations"), seconds, strict=True):
        print(f"{what}: {took:.2f} s")
    gap = np.ones((images[0].shape[0], 8, 3), np.float32)
    strip = np.concatenate([images[0], gap, images[1], gap, images[2]], 1)
    Image.fromarray(np.rint(strip * 255).astype(np.uint8)).save(options.out, quality=88)


if __name__ == "__main__":
    main()
