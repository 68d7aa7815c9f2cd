"""The file of profiles, changed in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhis2_facade.cli.exits import Failure
from dhis2_facade.cli.profile_file import put, remove
from dhis2_facade.profiles import read_profiles

WRITTEN = """\
# my servers
[first]   # the old one
url = "https://first.example.org"
token = "d2pat_1"

["with blank"]
url = "https://blank.example.org"  # kept
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "profiles.toml"
    path.parent.mkdir()
    path.touch(0o600)
    path.write_text(WRITTEN)
    return path


def test_a_profile_is_added_and_the_rest_stays_as_it_was_written(path: Path) -> None:
    put(path, "new", {"url": "https://new.example.org", "password": "a\"b\\c'é日", "allow_http": True})
    assert path.read_text().startswith(WRITTEN)
    assert read_profiles(path)["new"].password == "a\"b\\c'é日"
    assert read_profiles(path)["new"].allow_http is True
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["profiles.toml"]


def test_a_profile_is_replaced_and_removed_by_its_name(path: Path) -> None:
    put(path, "with blank", {"url": "https://other.example.org"})
    assert read_profiles(path)["with blank"].url == "https://other.example.org"
    remove(path, "with blank")
    remove(path, "first")
    assert path.read_text() == "# my servers\n"


def test_the_folder_and_the_file_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "profiles.toml"
    put(path, "a", {"url": "https://a.example.org"})
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


@pytest.mark.parametrize(
    "unusual",
    ['first.url = "https://a.example.org"\n', 'first = { url = "https://a.example.org" }\n'],
)
def test_a_file_that_is_written_otherwise_is_left_to_its_owner(path: Path, unusual: str) -> None:
    path.write_text(unusual)
    with pytest.raises(Failure, match="edit it yourself"):
        put(path, "first", {"url": "https://b.example.org"})
    with pytest.raises(Failure, match="edit it yourself"):
        remove(path, "first")
    assert path.read_text() == unusual


def test_a_file_that_begins_with_a_mark_is_changed_too(path: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-8-sig")
    put(path, "new", {"url": "https://new.example.org"})
    remove(path, "first")
    assert list(read_profiles(path)) == ["with blank", "new"]


def test_a_profile_has_a_name(path: Path) -> None:
    with pytest.raises(Failure, match="no name is empty"):
        put(path, "", {"url": "https://a.example.org"})


@pytest.mark.parametrize("values", [{"url": "https://a\nb"}, {"url": "x", "token": "a\x7f"}])
def test_what_is_not_printable_is_refused(path: Path, values: dict[str, str | bool]) -> None:
    with pytest.raises(Failure, match="printable"):
        put(path, "new", values)
    assert path.read_text() == WRITTEN
