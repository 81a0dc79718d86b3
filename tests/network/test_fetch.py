"""jaxstyle.network.weights.fetch against a real HTTP server on this machine that misbehaves on demand."""

import hashlib
import importlib
import io
import random
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jaxstyle.errors import DownloadError, InputError, JaxstyleError
from jaxstyle.network.weights.fetch import Download, cache_folder, fetch

module = importlib.import_module("jaxstyle.network.weights.fetch")  # a package attribute of that name may be the function
CHUNK = module._CHUNK
BODY = random.Random(0).randbytes(4 * CHUNK + 1234)
WRONG = bytes(len(BODY))
HASHES = (f"md5:{hashlib.md5(BODY).hexdigest()}", f"sha256:{hashlib.sha256(BODY).hexdigest()}")


class Mirror:
    """One mirror: what it does wrong, and what it was asked for.

    Args:
        body: what it serves; None for a 404.
        cuts: for each request in turn, the bytes sent before the connection is closed early; None sends all. The last
            one holds for all later requests.
        ranges: honour the Range header.
        statuses: HTTP errors to answer with, one for each of the first requests.
        length: send a Content-Length.
        gate: an event to wait for before each answer.
    """

    def __init__(self, body: bytes | None = BODY, *, cuts=(None,), ranges=True, statuses=(), length=True, gate=None):
        self.body, self.cuts, self.ranges, self.statuses, self.length = body, cuts, ranges, statuses, length
        self.gate = gate
        self.asked: list[str | None] = []  # the Range header of each request
        self.sent: list[int] = []  # body bytes of each answer
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        number, wanted = len(self.asked), handler.headers.get("Range")
        self.asked.append(wanted)
        if self.gate:
            self.gate.wait(5)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        error = self.statuses[number] if number < len(self.statuses) else 404 if self.body is None else None
        if error or start >= len(self.body or b"-"):
            self.sent.append(0)
            handler.send_error(error or 416)
            return
        rest = (self.body or b"")[start:]
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        if self.length:
            handler.send_header("Content-Length", str(len(rest)))
        handler.end_headers()
        part = rest[: self.cuts[min(number, len(self.cuts) - 1)]]
        self.sent.append(len(part))
        handler.wfile.write(part)


@pytest.fixture(scope="module")
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            http.mirrors[self.path.split("/")[1]].answer(self)

        def log_message(self, format, *args):
            pass

    class Server(ThreadingHTTPServer):
        mirrors: dict[str, Mirror]

    http = Server(("127.0.0.1", 0), Handler)
    http.mirrors = {}
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield http
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def serve(server):
    def add(*mirrors: Mirror, size: int | None = len(BODY), hashes=HASHES) -> Download:
        for mirror in mirrors:
            key = str(len(server.mirrors))
            server.mirrors[key] = mirror
            mirror.url = f"http://127.0.0.1:{server.server_port}/{key}/net.h5"
        return Download("net.h5", size, hashes, tuple(mirror.url for mirror in mirrors))

    return add


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "_PAUSES", (0, 0, 0))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def offline() -> Download:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    return Download("net.h5", len(BODY), HASHES, (f"http://127.0.0.1:{port}/a", f"http://127.0.0.1:{port}/b"))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("size", [len(BODY), None])
def test_plain_download_then_no_network_at_all(serve, tmp_path, size):
    mirror = Mirror()
    download = serve(mirror, size=size)
    folder = tmp_path / "made" / "on demand"
    target = fetch(download, folder)
    assert target == folder / "net.h5"
    assert target.read_bytes() == BODY
    assert files(folder) == ["net.h5", "net.h5.lock"]
    assert fetch(download, folder) == target
    assert mirror.asked == [None]


def test_resumes_where_the_connection_broke(serve, tmp_path):
    mirror = Mirror(cuts=(2 * CHUNK, CHUNK, None))
    assert fetch(serve(mirror), tmp_path).read_bytes() == BODY
    assert mirror.asked == [None, f"bytes={2 * CHUNK}-", f"bytes={3 * CHUNK}-"]
    assert sum(mirror.sent) == len(BODY)  # no byte twice


@pytest.mark.parametrize("cut", [0, 1, CHUNK + 77])
def test_a_truncated_body_is_a_broken_connection(serve, tmp_path, cut):
    mirror = Mirror(cuts=(cut, None))
    assert fetch(serve(mirror, size=None), tmp_path).read_bytes() == BODY
    assert len(mirror.asked) == 2


def test_a_truncated_body_of_no_stated_length(serve, tmp_path):
    mirror = Mirror(cuts=(2 * CHUNK, None), length=False)
    assert fetch(serve(mirror), tmp_path).read_bytes() == BODY
    assert mirror.asked == [None, f"bytes={2 * CHUNK}-"]


def test_a_server_that_ignores_ranges_starts_again(serve, tmp_path):
    mirror = Mirror(cuts=(2 * CHUNK, None), ranges=False)
    assert fetch(serve(mirror), tmp_path).read_bytes() == BODY
    assert mirror.sent == [2 * CHUNK, len(BODY)]


def test_a_mirror_that_always_breaks_hands_its_bytes_to_the_next(serve, tmp_path):
    broken, good = Mirror(cuts=(CHUNK, 0)), Mirror()
    assert fetch(serve(broken, good), tmp_path).read_bytes() == BODY
    assert len(broken.asked) == 1 + len(module._PAUSES)
    assert good.asked == [f"bytes={CHUNK}-"]
    assert sum(broken.sent + good.sent) == len(BODY)


def test_a_later_process_goes_on(serve, tmp_path):
    broken, good = Mirror(cuts=(CHUNK, 0)), Mirror()
    with pytest.raises(DownloadError, match=f"connection broken after {CHUNK:,} bytes"):
        fetch(serve(broken), tmp_path)
    assert (tmp_path / "net.h5.part").read_bytes() == BODY[:CHUNK]
    assert fetch(serve(good), tmp_path).read_bytes() == BODY
    assert good.asked == [f"bytes={CHUNK}-"]
    assert files(tmp_path) == ["net.h5", "net.h5.lock"]


def test_ctrl_c_keeps_the_part(serve, tmp_path, monkeypatch):
    from rich.progress import Progress

    def interrupt(*args, completed=0, **kwargs):
        if completed >= 2 * CHUNK:
            raise KeyboardInterrupt

    mirror = Mirror()
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "update", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(serve(mirror), tmp_path)
    assert (tmp_path / "net.h5.part").read_bytes() == BODY[: 2 * CHUNK]
    assert fetch(serve(mirror), tmp_path).read_bytes() == BODY
    assert mirror.asked == [None, f"bytes={2 * CHUNK}-"]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("stale", [b"of another file", WRONG[:-1], WRONG, WRONG + b"longer"])
@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_stale_part_is_found_out(serve, tmp_path, stale, ranges, size):
    (tmp_path / "net.h5.part").write_bytes(stale)
    mirror = Mirror(ranges=ranges)
    assert fetch(serve(mirror, size=size), tmp_path).read_bytes() == BODY
    assert len(mirror.asked) <= 2
    assert files(tmp_path) == ["net.h5", "net.h5.lock"]


@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_part_that_was_whole_is_not_downloaded_again(serve, tmp_path, size):
    (tmp_path / "net.h5.part").write_bytes(BODY)
    mirror = Mirror()
    assert fetch(serve(mirror, size=size), tmp_path).read_bytes() == BODY
    assert sum(mirror.sent) == 0  # size unknown: a 416 says so


def test_a_corrupted_mirror_is_left_for_the_next(serve, tmp_path):
    bad, good = Mirror(WRONG), Mirror()
    assert fetch(serve(bad, good), tmp_path).read_bytes() == BODY
    assert (bad.asked, good.asked) == ([None], [None])  # not resumed on top of wrong bytes


def test_a_corrupted_mirror_that_breaks_spoils_nothing(serve, tmp_path):
    bad, good = Mirror(WRONG, cuts=(CHUNK, 0)), Mirror()
    assert fetch(serve(bad, good), tmp_path).read_bytes() == BODY
    assert good.asked == [f"bytes={CHUNK}-", None]


def test_a_corrupted_mirror_alone_fails_and_leaves_no_part(serve, tmp_path):
    bad = Mirror(WRONG, cuts=(CHUNK, None))
    with pytest.raises(DownloadError, match=f"md5:{hashlib.md5(WRONG).hexdigest()} instead of {HASHES[0]}"):
        fetch(serve(bad), tmp_path)
    assert len(bad.asked) == 3  # broken, resumed, once more from zero
    assert files(tmp_path) == ["net.h5.lock"]


def test_a_corrupted_mirror_that_keeps_breaking_comes_to_an_end(serve, tmp_path):
    bad = Mirror(WRONG, cuts=(CHUNK, None) * 9)
    with pytest.raises(DownloadError, match=r"instead of|broken"):
        fetch(serve(bad), tmp_path)
    assert len(bad.asked) <= 2 * len(module._PAUSES) + 2


@pytest.mark.parametrize("right", [0, 1])
def test_both_hashes_are_checked(serve, tmp_path, right):
    hashes = list(HASHES)
    hashes[1 - right] = hashes[1 - right][:-4] + "0000"
    with pytest.raises(DownloadError, match="0000"):
        fetch(serve(Mirror(), hashes=tuple(hashes)), tmp_path)


def test_a_page_of_another_size_does_not_replace_the_part(serve, tmp_path):
    (tmp_path / "net.h5.part").write_bytes(BODY[:CHUNK])
    portal, good = Mirror(b"<html>please log in</html>", ranges=False), Mirror()
    assert fetch(serve(portal, good), tmp_path).read_bytes() == BODY
    assert good.asked == [f"bytes={CHUNK}-"]


def test_errors_of_servers(serve, tmp_path):
    missing, busy = Mirror(None), Mirror(statuses=(503, 500))
    assert fetch(serve(missing, busy), tmp_path).read_bytes() == BODY
    assert (len(missing.asked), len(busy.asked)) == (1, 3)  # a 404 is final, a 503 is not


def test_offline_with_a_filled_cache(offline, tmp_path):
    (tmp_path / "net.h5").write_bytes(BODY)
    assert fetch(offline, tmp_path) == tmp_path / "net.h5"
    assert files(tmp_path) == ["net.h5"]  # a read-only cache is enough


def test_offline_with_a_whole_part(offline, tmp_path):
    (tmp_path / "net.h5.part").write_bytes(BODY)
    assert fetch(offline, tmp_path).read_bytes() == BODY


def test_offline_with_an_empty_cache(offline, tmp_path):
    with pytest.raises(DownloadError) as caught:
        fetch(offline, tmp_path)
    text = str(caught.value)
    assert "\n" not in text
    for part in (str(tmp_path / "net.h5"), *HASHES, *(f"{url}: no connection" for url in offline.urls)):
        assert part in text


def test_every_mirror_is_named_with_its_failure(serve, tmp_path):
    mirrors = Mirror(None), Mirror(statuses=(503,) * 9), Mirror(WRONG), Mirror(b"short")
    with pytest.raises(DownloadError) as caught:
        fetch(serve(*mirrors), tmp_path)
    expected = "HTTP 404", "HTTP 503", "md5:", f"5 bytes instead of {len(BODY):,}"
    for mirror, failure in zip(mirrors, expected, strict=True):
        assert f"{mirror.url}: {failure}" in str(caught.value)


def test_a_server_that_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_TIMEOUT", (1, 0.05))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        download = Download("net.h5", None, HASHES, (f"http://127.0.0.1:{mute.getsockname()[1]}/",))
        with pytest.raises(DownloadError, match="timed out"):
            fetch(download, tmp_path)


@pytest.mark.parametrize("content", [WRONG, b"", BODY[:-1]])
def test_a_corrupted_cached_file_is_replaced(serve, tmp_path, content):
    (tmp_path / "net.h5").write_bytes(content)
    mirror = Mirror()
    assert fetch(serve(mirror), tmp_path).read_bytes() == BODY
    assert mirror.asked == [None]


def test_several_at_once_download_once(serve, tmp_path, monkeypatch):
    gate, arrived, locked = threading.Event(), threading.Semaphore(0), module._locked
    monkeypatch.setattr(module, "_locked", lambda path: arrived.release() or locked(path))
    mirror = Mirror(gate=gate)
    download = serve(mirror)
    (tmp_path / "net.h5.lock").touch()  # of a process that died
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(fetch, download, tmp_path) for _ in range(4)]
        assert all(arrived.acquire(timeout=5) for _ in range(4))
        gate.set()
        assert {job.result(5) for job in jobs} == {tmp_path / "net.h5"}
    assert mirror.sent == [len(BODY)]
    assert (tmp_path / "net.h5").read_bytes() == BODY


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "progress"), [(Terminal, True), (Terminal, False), (io.StringIO, True)])
def test_progress_bar(serve, tmp_path, monkeypatch, capsys, stream, progress):
    stderr = stream()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    fetch(serve(Mirror(cuts=(CHUNK, None))), tmp_path, progress=progress)
    shown = stderr.getvalue()
    if stream is Terminal and progress:
        assert "127.0.0.1" in shown
        assert "263.4/263.4 kB" in shown
    else:
        assert shown == ""
    assert capsys.readouterr().out == ""


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("JAXSTYLE_CACHE", raising=False)
    assert cache_folder().name == "weights"
    assert "jaxstyle" in cache_folder().parts
    monkeypatch.setenv("JAXSTYLE_CACHE", "~/elsewhere")
    assert cache_folder() == Path.home() / "elsewhere" / "weights"
    monkeypatch.setenv("JAXSTYLE_CACHE", str(tmp_path))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "net.h5").write_bytes(BODY)
    assert fetch(Download("net.h5", len(BODY), HASHES, ())) == tmp_path / "weights" / "net.h5"


def assert_names_the_folder(error: JaxstyleError, folder: Path):
    assert str(folder) in str(error)
    assert "JAXSTYLE_CACHE" in str(error)
    assert "\n" not in str(error)


def test_a_folder_that_cannot_be_made(serve, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        fetch(serve(Mirror()), tmp_path / "file" / "cache")
    assert_names_the_folder(caught.value, tmp_path / "file" / "cache")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk(serve, tmp_path):
    (tmp_path / "net.h5.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match="No space left") as caught:
        fetch(serve(Mirror()), tmp_path)
    assert_names_the_folder(caught.value, tmp_path)


@pytest.mark.parametrize("hashes", [(), ("md5:123",), (HASHES[0], "253f8cb515780f3b799900260a226db6")])
def test_hashes_are_needed(hashes):
    with pytest.raises(InputError, match="`hashes`"):
        Download("net.h5", None, hashes, ())
