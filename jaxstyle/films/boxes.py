"""The boxes of an MP4 file (ISO/IEC 14496-12): what a killed run leaves of the last one is taken away."""

import os
from pathlib import Path


def cut_to_whole_boxes(path: Path) -> None:
    """Shortens a fragmented film to its last whole fragment, a `moof` box and its `mdat`; where it has none, to nothing."""
    with path.open("r+b") as file:
        length, place, whole = file.seek(0, os.SEEK_END), 0, 0
        while place + 8 <= length:
            file.seek(place)
            head = file.read(16)
            size, name = int.from_bytes(head[:4], "big"), head[4:8]
            size = int.from_bytes(head[8:16], "big") if size == 1 else size
            place += size
            if size < 8 or place > length:
                break
            whole = place if name == b"mdat" else whole
        file.truncate(whole)
