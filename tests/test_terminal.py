"""What is said is said wherever it goes: to nobody, to few letters, or to a disk that is full."""

import errno
import io
import sys

import pytest

from experiments.cli import DONE, FAILED, main


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_nobody_need_listen(monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    """A service may start a command with its streams closed."""
    monkeypatch.setattr(sys, stream, None)
    assert main(["designs"]) == DONE
    getattr(sys, stream).close()


def test_letters_that_a_terminal_lacks_are_written_as_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(said, encoding="ascii"))
    assert main(["designs"]) == DONE
    assert b"\\u2026" in said.getvalue()


class Full(io.StringIO):
    """A file on a disk that is full."""

    def write(self, text: str) -> int:
        """Refuse."""
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_below_the_output_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Full())
    assert main(["scenarios"]) == FAILED
    said = capsys.readouterr().err
    assert said == "underwater: not everything could be read or written: [Errno 28] No space left on device\n"
