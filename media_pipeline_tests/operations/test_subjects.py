"""The commands about subjects, as people type them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from media_pipeline.cli import app
from media_pipeline.config import Settings
from media_pipeline.errors import ConfigError
from media_pipeline.operations.reporting import Step
from media_pipeline.operations.running import tell_of_run
from media_pipeline.stages.discover.assets import load_subjects
from media_pipeline.stores.catalog.subjects import all_subjects
from media_pipeline.stores.library import Library

Typed = Callable[..., Result]


@pytest.fixture
def typed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """`media-pipeline subjects WORDS` on this test's library; an error of ours is raised."""
    assert settings.database_url is not None
    monkeypatch.setenv("MEDIA_HOME", str(settings.home_path))
    monkeypatch.setenv("MEDIA_DATABASE_URL", settings.database_url.get_secret_value())
    settings.home_path.mkdir()

    def run(*words: str) -> Result:
        result = CliRunner().invoke(app, ["subjects", *words])
        if isinstance(result.exception, Exception):
            raise result.exception
        return result

    return run


@pytest.fixture
def filed(settings: Settings, library: Library) -> Callable[[str], None]:
    """Writes the file of subjects, and lets a run read it."""

    def write(words: str) -> None:
        (settings.home_path / "subjects.yaml").write_text(words, encoding="utf-8")
        load_subjects(library)

    return write


def test_a_subject_is_added_with_all_it_has(typed: Typed, library: Library) -> None:
    """A second time it is so already; otherwise it is changed."""
    words = ["add", "Amanita muscaria", "--kind", "taxon", "--rank", "species", "--synonym", "fly agaric", "--rare"]
    words += ["--list", "b", "--list", "a", "--inaturalist", "48715", "--gbif", "8168316", "--wikidata", "Q131227"]
    assert typed(*words).stdout == "amanita-muscaria: added\n"
    assert typed(*words).stdout == "amanita-muscaria: is so already\n"
    with library.engine.connect() as catalog:
        (subject,) = all_subjects(catalog, "public")
    assert (subject.name, subject.rank, subject.synonyms) == ("Amanita muscaria", "species", ("fly agaric",))
    assert (subject.lists, subject.is_rare) == (("b", "a"), True)
    assert subject.source_ids == {"inaturalist": "48715", "gbif": "8168316", "wikidata": "Q131227"}
    assert typed("add", "Amanita muscaria", "--kind", "taxon").stdout == "amanita-muscaria: changed\n"


def test_a_place_is_added(typed: Typed, library: Library) -> None:
    """With an id of its own, where two have one name; southern and western degrees are no options."""
    words = ["add", "Market", "--kind", "place", "--id", "market-2", "--category", "eat", "--city", "Lima"]
    assert typed(*words, "--latitude", "-12.05", "--longitude", "-77.04").stdout == "market-2: added\n"
    with library.engine.connect() as catalog:
        (subject,) = all_subjects(catalog, "public")
    assert (subject.subject_id, subject.city, subject.latitude, subject.longitude) == (
        "market-2",
        "Lima",
        -12.05,
        -77.04,
    )


def test_a_wrong_field_is_told(typed: Typed) -> None:
    """Each of them, and nothing is written."""
    with pytest.raises(ConfigError) as wrong:
        typed("add", "A", "--kind", "taxn", "--rank", "speceis")
    assert str(wrong.value).splitlines() == [
        "kind: must be 'taxon' or 'place', not 'taxn'",
        "rank: is no rank: do you mean species?",
    ]
    assert "no subjects yet" in typed("list").stdout


def test_what_the_file_says_is_not_changed_by_commands(
    typed: Typed, settings: Settings, filed: Callable[[str], None]
) -> None:
    """Neither added over nor removed."""
    filed("- {kind: taxon, name: Morchella}\n")
    for words in (["add", "Morchella", "--kind", "taxon"], ["remove", "morchella"]):
        with pytest.raises(ConfigError, match="subject morchella is a row of the file of subjects"):
            typed(*words)


def test_a_table_is_imported_and_what_is_wrong_with_it_told(
    typed: Typed, filed: Callable[[str], None], tmp_path: Path
) -> None:
    """As compilers tell it, with exit status 1; the other rows are there. Without a mistake it is 0, and what is so
    already is not counted."""
    filed("- {kind: taxon, name: Morchella}\n")
    table = tmp_path / "table.csv"
    table.write_text(
        "kind,name,latitude,longitude\nplace,A,91,181\nplace,B,1,2\ntaxon,[C],,\ntaxon,Morchella,,\n", encoding="utf-8"
    )
    ended = typed("import", str(table))
    assert ended.exit_code == 1
    assert ended.stdout.splitlines() == [
        f"{table}:2: latitude: must be less than or equal to 90, not '91'",
        f"{table}:2: longitude: must be less than or equal to 180, not '181'",
        f"{table}: morchella: is a row of the file of subjects (MEDIA_SUBJECTS_PATH): change it there",
        "2 added, 0 changed, 2 refused",
    ]
    table.write_text("kind,name,city\nplace,B,Lima\ntaxon,[C],\n", encoding="utf-8")
    ended = typed("import", str(table))
    assert (ended.exit_code, ended.stdout) == (0, "0 added, 1 changed, 0 refused\n")


def test_the_list_shows_what_is_looked_for_and_what_is_wrong_with_the_file(
    typed: Typed, settings: Settings, filed: Callable[[str], None]
) -> None:
    """Names with brackets in them are names; what was removed is not there."""
    filed("- {kind: taxon, name: Morchella, lists: [b, a]}\n")
    typed("add", "[red] café", "--kind", "place")
    typed("add", "Gone", "--kind", "place")
    assert typed("remove", "gone").stdout == "gone: is looked for no longer\n"
    assert typed("remove", "gone").stdout == "gone: was not looked for\n"
    path = settings.home_path / "subjects.yaml"
    path.write_text("- {kind: taxon, name: Morchella, lists: [b, a], tags: x}\n", encoding="utf-8")
    shown = [" ".join(line.split()) for line in typed("list").stdout.splitlines()]
    assert "morchella taxon Morchella b, a file 0" in shown
    assert "red-cafe place [red] café command 0" in shown
    assert not any(line.startswith("gone") for line in shown)
    assert shown[-1].startswith(f"{path}:1: tags: is no field: there are category, ")


def test_a_run_says_when_the_file_has_mistakes(library: Library) -> None:
    """Its log is not on the terminal: the command that tells them is."""
    console = Console(record=True, width=200)
    tell_of_run(library, [Step("subjects", 0, 0.1, "2 faults")], console)
    assert "subjects: 2 faults in the file: media-pipeline subjects list" in console.export_text()


def test_rows_that_no_run_has_read_yet_are_shown_as_such(
    typed: Typed, settings: Settings, filed: Callable[[str], None]
) -> None:
    """In an empty library, too; what is wrong with the others stands below."""
    path = settings.home_path / "subjects.yaml"
    path.write_text("- {kind: taxon, name: Morchella}\n- {kind: taxn, name: Boletus}\n", encoding="utf-8")
    shown = [" ".join(line.split()) for line in typed("list").stdout.splitlines()]
    assert "morchella taxon Morchella file, from the next run on 0" in shown
    assert shown[-1] == f"{path}:2: kind: must be 'taxon' or 'place', not 'taxn'"
    filed("- {kind: taxon, name: Morchella}\n")
    assert "next run" not in typed("list").stdout


def test_a_subject_may_have_an_id_at_any_source(typed: Typed, library: Library) -> None:
    """And at nothing else."""
    words = ["add", "Amanita muscaria", "--kind", "taxon", "--source-id"]
    assert typed(*words, "mushroom_observer=344").stdout == "amanita-muscaria: added\n"
    with library.engine.connect() as catalog:
        (subject,) = all_subjects(catalog, "public")
    assert subject.source_ids == {"mushroom_observer": "344"}
    with pytest.raises(ConfigError, match=r"ids.mushroom_observr: is no field: do you mean mushroom_observer\?"):
        typed(*words, "mushroom_observr=344")
    with pytest.raises(ConfigError, match=r"ids.mushroom_observer: must not be empty"):
        typed(*words, "mushroom_observer=")
