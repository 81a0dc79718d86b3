"""Fragments against those of FFmpeg's muxer."""

import io
from fractions import Fraction

import av
import pytest
from film_files import boxes, picture

from jaxstyle.films.forms import CODECS
from jaxstyle.films.fragments import fragment, head, sample


@pytest.mark.parametrize("name", CODECS)
def test_what_ffmpeg_reads_is_what_its_own_muxer_would_have_written(name, monkeypatch):
    monkeypatch.setenv("SVT_LOG", "1")
    codec = CODECS[name]

    def added(container):
        stream = container.add_stream(codec.encoder, rate=25, options=dict(codec.options))
        stream.width, stream.height, stream.pix_fmt = 64, 48, codec.pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        return stream

    theirs = io.BytesIO()
    other = av.open(
        theirs, "w", format="mp4", options={"movflags": "frag_every_frame+empty_moov", "video_track_timescale": "1000"}
    )
    container, stream, ours = head(av, added, 1000)
    own, shown = added(other), [(0, 40), (40, 5), (45, 1000)]
    assert [box for box, *_ in boxes(ours)] == [b"ftyp", b"moov"]
    for number, (pts, duration) in enumerate(shown):
        for target in (stream, own):
            frame = av.VideoFrame.from_ndarray(picture(number, 64, 48)).reformat(format=codec.pixels)
            frame.pts, frame.time_base = pts, Fraction(1, 1000)
            (packet,) = target.encode(frame)
            packet.duration = duration
            if target is own:
                other.mux(packet)
            else:
                ours += fragment(number + 1, pts, duration, sample(codec.kind, bytes(packet)), packet.is_keyframe)
    assert [target.encode(None) for target in (stream, own)] == [[], []]
    other.close(), container.close()

    def packets(data):
        with av.open(io.BytesIO(data)) as film:
            return [(packet.pts, packet.is_keyframe, bytes(packet)) for packet in film.demux(video=0) if packet.size]

    found = packets(ours)
    assert found == packets(theirs.getvalue())
    assert [pts for pts, *_ in found] == [0, 40, 45]
    with av.open(io.BytesIO(ours)) as film:
        assert len(list(film.decode(video=0))) == 3
