"""Text files that people write, and what may be there instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from media_pipeline.errors import ConfigError
from media_pipeline.stores.texts import text_of_file


def test_a_text_is_read_without_the_mark_that_editors_put_before_it(tmp_path: Path) -> None:
    """UTF-8, with or without its byte order mark."""
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf\xc3\xa9\r\n")
    assert text_of_file(tmp_path / "a") == "é\r\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("a\nJané".encode("latin-1"), "line 2 is not text in UTF-8: save the file as UTF-8"),
        ("a".encode("utf-16"), "line 1 is not text in UTF-8: save the file as UTF-8"),
    ],
)
def test_another_encoding_is_told_with_its_line(tmp_path: Path, data: bytes, said: str) -> None:
    """A spreadsheet's own, for one."""
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(ConfigError, match=f"^{tmp_path / 'a.csv'}: {said}$"):
        text_of_file(tmp_path / "a.csv")


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Nothing, a folder, and more than a person writes."""
    with pytest.raises(ConfigError, match=r"none: cannot be read: No such file or directory"):
        text_of_file(tmp_path / "none")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        text_of_file(tmp_path)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(80_000_001)
    with pytest.raises(ConfigError, match="has more than 80,000,000 bytes"):
        text_of_file(tmp_path / "large")
