"""The sound of a film: its packets copied as they are, or packed anew where the container cannot hold them."""

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from typing import Any

from jaxstyle.errors import reason
from jaxstyle.films.forms import Form, holds
from jaxstyle.films.library import fraction, pyav

_SPOKEN = {"libopus": "Opus", "aac": "AAC"}


class Sound:
    """What becomes of a film's sound.

    Args:
        source: the file that has it; None for none.
        form: what the film is written as.

    Attributes:
        notices: what the user should know of it, said before the work begins.
    """

    def __init__(self, source: str | None, form: Form):
        self.source, self._form, self.notices = source, form, list[str]()
        self._copied: dict[int, bool] = {}
        if source is None:
            return
        if not form.muxer:
            what = form.suffix or "a folder of pictures"
            self.notices.append(f"the sound is left out: {what} has none")
            self.source = None
            return
        self._av = pyav("film", source)
        known = holds(self._av, form.muxer)
        with self._av.open(source, metadata_errors="replace") as container:
            for stream in container.streams.audio:
                self._look_at(stream, known)
        if not self._copied:
            self.source = None

    def _look_at(self, stream: Any, known: set[str]) -> None:
        name = getattr(stream.codec_context, "name", None) or "unknown"
        kind = stream.codec_context.codec.canonical_name if stream.codec_context else ""
        if kind in known:
            self._copied[stream.index] = True
            return
        try:
            with self._av.open(self.source, metadata_errors="replace") as container:
                next(container.decode(container.streams[stream.index]))
        except (self._av.error.FFmpegError, StopIteration, ValueError, AttributeError) as error:
            words = f"{self._form.suffix} cannot hold it as it is ({name}), and it cannot be decoded ({reason(error)})"
            self.notices.append(f"sound is left out: {words}; .mkv may hold it")
            return
        spoken = _SPOKEN[self._form.sound]
        self.notices.append(f"the sound is packed anew, as {spoken}: {self._form.suffix} cannot hold {name}")
        self._copied[stream.index] = False

    def added(self, container: Any, origin: Fraction, begins: bool, end: Fraction | None) -> Iterator[tuple[Fraction, Any]]:
        """Adds its streams to a container, at once, and gives their packets with the times at which they begin.

        Args:
            container: that is written.
            origin: seconds of the source at which the film begins.
            begins: whether that is a cut, so that what sounds before is left out.
            end: seconds of the film at which it is cut; None to take all.
        """
        if self.source is None:
            return iter(())
        given = self._av.open(self.source, metadata_errors="replace")
        try:
            tracks = {index: self._track(container, given.streams[index]) for index in self._copied}
        except BaseException:
            given.close()
            raise
        return self._packets(given, tracks, origin, begins, end)

    def _track(self, container: Any, stream: Any) -> "_Copied | _Repacked":
        made = _Copied if self._copied[stream.index] else _Repacked
        return made(self._av, container, stream, self._form.sound)

    def _packets(
        self, given: Any, tracks: dict[int, Any], origin: Fraction, begins: bool, end: Fraction | None
    ) -> Iterator[tuple[Fraction, Any]]:
        with closing(given):
            for packet in given.demux([given.streams[index] for index in tracks]):
                if packet.dts is None or packet.pts is None:
                    continue
                unit = fraction(packet.time_base, Fraction(1, 48000))
                at = packet.pts * unit - origin
                if (begins and at + (packet.duration or 0) * unit / 2 <= 0) or (end is not None and at >= end):
                    continue
                yield from tracks[packet.stream_index].taken(packet, round(origin / unit), unit)
            for track in tracks.values():
                yield from track.rest()


class _Copied:
    """A stream whose packets stay as they are."""

    def __init__(self, av: Any, container: Any, stream: Any, encoder: str):
        self.stream = container.add_stream_from_template(stream, opaque=True)

    def taken(self, packet: Any, shift: int, unit: Fraction) -> Iterator[tuple[Fraction, Any]]:
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        packet.stream = self.stream
        yield packet.dts * unit, packet

    def rest(self) -> Iterator[tuple[Fraction, Any]]:
        return iter(())


class _Repacked:
    """A stream that is decoded and packed anew."""

    def __init__(self, av: Any, container: Any, stream: Any, encoder: str):
        self._av, rate = av, 48000 if encoder == "libopus" else stream.rate
        self.stream = container.add_stream(encoder, rate=rate)
        self.stream.layout = "stereo" if stream.channels > 1 else "mono"
        context = self.stream.codec_context
        context.open()
        self._resampler = av.AudioResampler(context.format, context.layout, rate, frame_size=context.frame_size or None)

    def taken(self, packet: Any, shift: int, unit: Fraction) -> Iterator[tuple[Fraction, Any]]:
        try:
            frames = packet.decode()
        except self._av.error.InvalidDataError:  # a damaged packet, whose time stays silent
            return
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= shift
            yield from self._packed(self._resampler.resample(frame))

    def rest(self) -> Iterator[tuple[Fraction, Any]]:
        yield from self._packed([*self._resampler.resample(None), None])

    def _packed(self, frames: list[Any]) -> Iterator[tuple[Fraction, Any]]:
        for frame in frames:
            for packet in self.stream.encode(frame):
                yield (packet.dts or 0) * fraction(packet.time_base, Fraction(1, 48000)), packet
