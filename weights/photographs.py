"""Photographs to train on, taken out of a Debian package: those of `weights/styles.safetensors` (recipe: weights/README.md).

    apt-get download gcompris-qt-data && dpkg -x gcompris-qt-data_*.deb gcompris
    python weights/photographs.py gcompris -o photographs
    python weights/photographs.py gcompris -o paintings --van-gogh      # eight paintings, for `jaxstyle domains train`

GCompris keeps them in Qt resource files, each with a README that names author, licence and source. Only those in the public
domain, under CC0 or under CC-BY (not CC-BY-SA) are taken; CREDITS.md beside them lists them.
"""

import argparse
import io
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PIL import Image

PHOTOGRAPHS = ("erase", "explore_monuments", "explore_world_animals")
PAINTINGS = ("details",)
FREE = re.compile(r"CC0|CC-BY[- ]\d|Public domain", re.IGNORECASE)
LEAST = 300
"""Pixels of the shorter side."""


def contents(path: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Name and bytes of every file in a Qt resource file, those that zstd has compressed left out."""
    data = path.read_bytes()
    version, tree, blobs, names = struct.unpack(">4I", data[4:20])
    node = 14 if version < 2 else 22

    def walk(index: int, folder: PurePosixPath) -> Iterator[tuple[PurePosixPath, bytes]]:
        at = tree + index * node
        named, flags = struct.unpack(">IH", data[at : at + 6])
        length = struct.unpack(">H", data[names + named :][:2])[0]
        name = folder / (data[names + named + 6 :][: 2 * length].decode("utf-16-be") if index else "")
        if flags & 2:
            count, first = struct.unpack(">II", data[at + 6 : at + 14])
            for child in range(first, first + count):
                yield from walk(child, name)
        elif not flags & 4:
            offset = blobs + struct.unpack(">I", data[at + 10 : at + 14])[0]
            size = struct.unpack(">I", data[offset : offset + 4])[0]
            blob = data[offset + 4 : offset + 4 + size]
            yield name, zlib.decompress(blob[4:]) if flags & 1 else blob

    yield from walk(0, PurePosixPath())


def free(readme: str, word: str = "") -> dict[str, tuple[str, str, str]]:
    """Author, licence and source by file name, of the stanzas of a README whose licence is a free one, and in which
    the word stands."""
    found = {}
    for stanza in re.split(r"\n\s*\n", readme):
        fields = dict(re.findall(r"^(Copyright|License|Source): *(.*)$", stanza, re.MULTILINE))
        if FREE.match(fields.get("License", "")) and word in stanza:
            for name in re.findall(r"[\w./-]+\.(?:webp|jpg|png)\b", stanza.replace(fields.get("Source", ""), "")):
                found[name] = (fields.get("Copyright", ""), fields["License"], fields.get("Source", ""))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the folder that the package was unpacked to")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=400, help="longest shorter side of what is written (default: 400)")
    parser.add_argument("--van-gogh", action="store_true", help="his paintings in place of photographs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    credits = []
    for resource in PAINTINGS if options.van_gogh else PHOTOGRAPHS:
        (path,) = options.package.rglob(f"rcc/{resource}.rcc")
        files = dict(contents(path))
        for readme in (name for name in files if name.name == "README"):
            for name, credit in sorted(free(files[readme].decode(), "Van Gogh" if options.van_gogh else "").items()):
                data = files.get(readme.parent / name)
                if data is None:
                    continue
                image = Image.open(io.BytesIO(data)).convert("RGB")
                if min(image.size) < LEAST:
                    continue
                factor = min(1, options.size / min(image.size))
                image = image.resize([round(side * factor) for side in image.size], Image.Resampling.LANCZOS)
                out = f"{resource}-{PurePosixPath(name).stem}.jpg"
                image.save(options.out / out, quality=92)
                credits.append(f"| {out} | {' | '.join(credit)} |")
    (options.out / "CREDITS.md").write_text(
        "| file | author | licence | source |\n|---|---|---|---|\n" + "\n".join(credits) + "\n"
    )
    print(f"{len(credits)} pictures in {options.out}")


if __name__ == "__main__":
    main()
