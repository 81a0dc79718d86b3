"""How a finished picture and its record are written."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from jaxstyle.errors import ImageError, JaxstyleError
from jaxstyle.pictures import ours, write
from jaxstyle.pictures.paths import located
from jaxstyle.results import record


class Saved:
    """A picture with its record.

    Attributes:
        image: float32 (H, W, 3), RGB in [0, 1].
        record: the run record.
        alpha: (H, W) uint8; None where the picture is opaque.
        masks: of regions, that were found by their words: PNG files by the ends of their names, as the record has them.
    """

    image: np.ndarray
    record: dict[str, Any]
    alpha: np.ndarray | None
    masks: Mapping[str, bytes] = MappingProxyType({})

    def save(self, path: str | os.PathLike[str], *, metadata: bool = True) -> tuple[str, ...]:
        """Writes the picture, and the run record beside it: out.png.json for out.png. Each appears whole or not at all.

        So are the masks that were found by their words, without which the picture could not be made again:
        out.png.mask-faces.png. A file in the place of one of these that is not of jaxstyle stays as it is.

        Args:
            path: .png, .webp, .tif, .tiff, .jpg or .jpeg; ``~`` is the home folder. An old picture there is replaced.
            metadata: whether the record stands inside the picture too, without folders and the trace.

        Returns:
            Notices: sentences about what the format could not hold, or where the record went.

        Raises:
            ImageError: where the suffix is unknown, the folder cannot be written, or the record has no place at all.
        """
        path = Path(located(path))
        beside = ours.record_path(path)
        taken = os.path.lexists(beside) and not ours.is_ours(beside)
        if taken and not metadata:
            raise ImageError("out", os.fspath(beside), "is no record of ours, and stays as it is", "choose another name")
        written = self._record_at(path)
        notices = write.save(path, self.image, alpha=self.alpha, text=record.inside(written) if metadata else None)
        for name, data in self.masks.items():
            place = path.with_name(f"{path.name}.{name}")
            if os.path.lexists(place) and not ours.is_ours(place):
                notices += (f"{place} is no mask of ours and stays as it is; the picture cannot be made again from its record",)
            else:
                write.write_atomically(place, data)
        if taken:
            return (*notices, f"{beside} is no record of ours and stays as it is; the record stands inside the picture only")
        try:
            write.write_atomically(beside, record.dumps(written).encode())
        except ImageError as error:
            if not metadata:
                raise
            return (*notices, f"{error.told}; the record stands inside the picture only")
        return notices

    def _record_at(self, path: Path) -> dict[str, Any]:
        """The record of the picture at a path: its masks are called after it."""
        if not self.masks:
            return self.record
        inputs = dict(self.record["inputs"])
        inputs["regions"] = [
            {**source, "path": f"{path.name}.{source['path']}"} if source["path"] in self.masks else source
            for source in inputs["regions"]
        ]
        return {**self.record, "inputs": inputs}

    def keep(
        self, path: str | os.PathLike[str], *, metadata: bool = True
    ) -> tuple[Path, tuple[str, ...], JaxstyleError | None]:
        """`save`, or where that fails the same at some other place: no work is lost to a full disk or a folder that went away.

        Returns:
            Where the picture is, notices, and what went wrong; None where it is at `path`.

        Raises:
            ImageError: where it cannot be written anywhere.
        """
        return write.keep(located(path), lambda place: self.save(place, metadata=metadata), what="the picture")
