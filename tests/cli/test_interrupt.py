"""Ctrl-C: answered at once by every command, though a computation holds Python's own handlers up."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from jaxstyle.cli import apply as apply_module, interrupt as module
from jaxstyle.cli.display import Display
from jaxstyle.cli.interrupt import Interrupt, kept_words
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES

CONTENT, STYLE = str(SAMPLES / "chelsea.jpg"), str(SAMPLES / "swirls.jpg")
SMALL = ["--size", "32", "--evaluations", "5"]

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")


class HeldUp:
    """Signals that come while a computation holds Python's own handlers up: only the byte that each writes reaches anything."""

    def __init__(self, monkeypatch):
        self.said, self.left, self._heard = [], [], threading.Event()
        monkeypatch.setattr(module, "say", self._hear(self.said))
        monkeypatch.setattr(Interrupt, "leave", self._hear(self.left))

    def _hear(self, words):
        def hear(word):
            words.append(word)
            self._heard.set()

        return hear

    def send(self, number, answers=1):
        """Returns when the signal has got its answers."""
        descriptor = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(descriptor)
        until = len(self.said) + len(self.left) + answers
        os.write(descriptor, bytes([number]))
        while len(self.said) + len(self.left) < until:
            assert self._heard.wait(30)
            self._heard.clear()


def test_the_first_is_answered_before_the_computation_is_over(monkeypatch):
    held_up = HeldUp(monkeypatch)
    with Interrupt("this evaluation"):
        held_up.send(signal.SIGINT)
    assert held_up.said == ["stopping after this evaluation; Ctrl-C once more gives up at once"]


def test_the_second_ends_a_process_that_does_not_notice_and_says_what_is_kept(monkeypatch):
    held_up = HeldUp(monkeypatch)
    monkeypatch.setattr(module, "GRACE", 0.01)
    with Interrupt("this step", lambda: "all but this is kept"):
        held_up.send(signal.SIGINT)
        held_up.send(signal.SIGINT, answers=2)
    assert held_up.said[1:] == ["jaxstyle: error: given up; all but this is kept"]
    assert held_up.left == [130]


def test_a_quiet_one_is_not_answered_and_gives_up_all_the_same(monkeypatch):
    said = []
    monkeypatch.setattr(module, "say", said.append)
    with Interrupt("this", quiet=True) as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.came
        with pytest.raises(KeyboardInterrupt, match="given up"):
            signal.raise_signal(signal.SIGINT)
    assert said == []


def test_other_handlers_are_put_back():
    mine = signal.signal(signal.SIGINT, lambda *_: None)
    handler = signal.getsignal(signal.SIGINT)
    try:
        with Interrupt("this"), Interrupt():
            assert signal.getsignal(signal.SIGINT) != handler
        assert signal.getsignal(signal.SIGINT) == handler
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGINT, mine)


def test_a_command_in_another_thread():
    """Only the main thread may handle signals."""
    codes = []
    thread = threading.Thread(target=lambda: codes.append(main(["weights", "list"])))
    thread.start()
    thread.join()
    assert codes == [0]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["stylize", "batch", "sweep", "replay", "continue", "apply", "apply folder"])
def test_every_command_answers_and_ends_with_130(command, monkeypatch, capsys, styles_file):
    what, more = "this evaluation", []
    if command in ("replay", "continue"):
        assert main(["stylize", CONTENT, STYLE, "-o", "x.png", "-q", *SMALL]) == 0
        more = ["x.png", *(["--evaluations", "5"] if command == "continue" else [])]
    elif command.startswith("apply"):
        what, paint = "this picture", apply_module.apply_style
        more = [CONTENT, *([STYLE] if "folder" in command else []), "--network", str(styles_file), "-s", "dots", "--size", "32"]
        monkeypatch.setattr(
            apply_module, "apply_style", lambda *given, **how: signal.raise_signal(signal.SIGINT) or paint(*given, **how)
        )
    else:
        styles = [CONTENT, STYLE] if command == "sweep" else [CONTENT, *["--styles"][: command == "batch"], STYLE]
        more = [*styles, *(["--vary", "stroke=1,2"] if command == "sweep" else []), *SMALL]
    sent = []
    monkeypatch.setattr(Display, "update", lambda *_: sent or sent.append(signal.raise_signal(signal.SIGINT)))
    assert main([*command.split()[:1], *more]) == 130
    lines = capsys.readouterr().err.splitlines()
    assert lines.count(f"stopping after {what}; Ctrl-C once more gives up at once") == 1


@pytest.mark.parametrize("argv", [["estimate"], ["weights", "fetch"], ["stylize", CONTENT, STYLE]])
def test_before_there_is_anything_to_save_the_first_ends_it(argv, monkeypatch, capsys):
    module = {"estimate": "single.estimate_run", "weights": "weights.network.fetch_weights", "stylize": "single.check_replaced"}
    monkeypatch.setattr(f"jaxstyle.cli.{module[argv[0]]}", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    assert main(argv) == 130
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert line.startswith("jaxstyle: error: interrupted; ")
    assert ("goes on from there" in line) == (argv[0] == "weights")


def test_what_is_kept_in_words(tmp_path):
    part = tmp_path / "part"
    assert kept_words([part]) == "nothing is kept"
    part.touch()
    assert kept_words([tmp_path / "none", part]).startswith("it is kept as it was 0 s ago")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends Ctrl-C to a process")
def test_a_process_that_compiles_gives_up_at_once():
    command = [sys.executable, "-m", "jaxstyle", "estimate", "--size", "1024"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "compiling and measuring" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == f"jaxstyle: error: interrupted; {module.NOT_SAVED}\n"
    assert process.returncode == 130
