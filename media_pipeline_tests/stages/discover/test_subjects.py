"""Subjects as people write them: every field read, every mistake told with its line and field, the others kept."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from media_pipeline.errors import ConfigError
from media_pipeline.records import Subject
from media_pipeline.stages.discover.subject_rows import ID, Fault, as_table, slug
from media_pipeline.stages.discover.subjects import read_csv, read_yaml

EXAMPLE = Path(__file__).parents[3] / "docs" / "subjects.example.yaml"
SOURCES = ("flickr", "openverse")
FIELD_NAMES = "category, city, id, ids, kind, latitude, lists, longitude, name, options, rank, rare, synonyms"
COLUMN_NAMES = (
    "category, city, flickr, gbif, id, inaturalist, kind, latitude, lists, longitude, mushroom_observer, name, "
    "openverse, options, rank, rare, synonyms, wikidata, wikimedia_commons, wikipedia"
)
NO_JSON = 'as {"SOURCE": {"OPTION": 1}}: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)'

WHOLE = """
- kind: taxon
  name: Amanita muscaria
  rank: Species
  synonyms: [fly agaric, "Agaricus  muscarius"]
  lists: poisonous; well-known; poisonous
  rare: yes
  ids: {inaturalist: 48715, gbif: 4qhkg, wikidata: q131227}
  options:
    flickr: {tags: amanita, per_subject: 50, min_taken: 1.5, geo: true, hours: 1:30}
- kind: place
  id: market
  name: No
  category: Eat
  city: Østerbro
  latitude: "55,7"
  longitude: 12.57
"""


def told(text: str) -> list[tuple[int, str, str]]:
    """(line, field, what) of everything that is wrong with a YAML text."""
    return [(fault.line, fault.field, fault.what) for fault in read_yaml(text, sources=SOURCES)[1]]


def told_of_table(text: str) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.field, fault.what) for fault in read_csv(text, sources=SOURCES)[1]]


def test_the_example_has_no_fault() -> None:
    """A newcomer's first file: taxa and places, with an id that iNaturalist knows."""
    subjects, faults = read_yaml(EXAMPLE.read_text(encoding="utf-8"))
    assert faults == []
    assert [subject.kind for subject in subjects].count("taxon") == 12
    assert [subject.kind for subject in subjects].count("place") == 2
    assert subjects[0].source_ids == {"inaturalist": "48715"}


def test_every_field_is_read() -> None:
    """Words as they are written: a place may be called No. Options keep numbers and truth."""
    subjects, faults = read_yaml(WHOLE, sources=SOURCES)
    assert faults == []
    assert subjects == [
        Subject(
            "amanita-muscaria",
            "taxon",
            "Amanita muscaria",
            rank="species",
            synonyms=("fly agaric", "Agaricus muscarius"),
            lists=("poisonous", "well-known"),
            is_rare=True,
            source_ids={"inaturalist": "48715", "gbif": "4QHKG", "wikidata": "Q131227"},
            options={
                "flickr": {"tags": "amanita", "per_subject": 50, "min_taken": 1.5, "geo": True, "hours": "1:30"},
            },
        ),
        Subject("market", "place", "No", category="eat", city="Østerbro", latitude=55.7, longitude=12.57),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Boletus edulis", "boletus-edulis"),
        ("Amanita × alba (L.) Øst", "amanita-alba-l-ost"),
        ("  Café Central ", "cafe-central"),
        ("Straße 5", "strasse-5"),
        ("Мухомор", ""),
        ("a" * 62 + " bc", "a" * 62),
    ],
)
def test_an_id_is_made_of_the_name(name: str, expected: str) -> None:
    """Letters and digits of it, without their accents."""
    assert slug(name) == expected


@pytest.mark.parametrize(
    ("entry", "field", "what"),
    [
        ("name: A", "kind", "must be given"),
        ("kind: taxon", "name", "must be given"),
        ("{kind: animal, name: A}", "kind", "must be 'taxon' or 'place', not 'animal'"),
        ("{kind: taxon, name: Мухомор}", "id", "must be given: the name has no Latin letters to make one of"),
        ("{kind: taxon, name: A, id: Big One}", "id", "must be a-z, 0-9 and -, at most 63, not 'Big One'"),
        ("{kind: taxon, name: A, rank: speceis}", "rank", "is no rank: do you mean species?"),
        ("{kind: taxon, name: A, category: eat}", "category", "must be left out: only places have one, not 'eat'"),
        (
            "{kind: place, name: A, category: dance}",
            "category",
            "must be 'eat', 'see', 'sleep', 'shop', 'drink' or 'play', not 'dance'",
        ),
        (
            "{kind: place, name: A, latitude: 91, longitude: 0}",
            "latitude",
            "must be less than or equal to 90, not '91'",
        ),
        ("{kind: place, name: A, latitude: .nan, longitude: 0}", "latitude", "must be a number, not '.nan'"),
        ("{kind: place, name: A, latitude: nan, longitude: 0}", "latitude", "must be a finite number, not 'nan'"),
        ("{kind: place, name: A, latitude: 4}", "longitude", "must be given with latitude, or neither of them"),
        (
            "{kind: place, name: A, longitude: 4}",
            "longitude",
            "must be given with latitude, or neither of them, not '4'",
        ),
        ("{kind: taxon, name: A, rare: perhaps}", "rare", "must be true or false, not 'perhaps'"),
        ("{kind: taxon, name: A, synonyms: {a: b}}", "synonyms", "must be a list"),
        ("{kind: taxon, name: A, synonyms: [[a]]}", "synonyms.0", "must be text"),
        ("{kind: taxon, name: [A]}", "name", "must be text"),
        ("{kind: taxon, name: ''}", "name", "must not be empty"),
        ('{kind: taxon, name: "a\\0b"}', "name", "must be text without control signs, not 'a\\x00b'"),
        ("{kind: taxon, name: A, ids: 48715}", "ids", "must be names with something behind each, not '48715'"),
        (
            "{kind: taxon, name: A, ids: {inaturalist: 4.8E4}}",
            "ids.inaturalist",
            "must be the number of a taxon, as 48715, not '4.8E4'",
        ),
        (
            "{kind: taxon, name: A, ids: {wikidata: 131227}}",
            "ids.wikidata",
            "must be an item, as Q131227, not '131227'",
        ),
        (
            "{kind: taxon, name: A, ids: {gbif: 12-3}}",
            "ids.gbif",
            "must be a taxon key, as 8168316 or 4QHKG, not '12-3'",
        ),
        ("{kind: taxon, name: A, ids: {inaturalst: 4}}", "ids.inaturalst", "is no field: do you mean inaturalist?"),
        ("{kind: taxon, name: A, synonym: B}", "synonym", "is no field: do you mean synonyms?"),
        ("{kind: taxon, name: A, options: {flikr: {}}}", "options.flikr", "is no source: do you mean flickr?"),
        ("{kind: taxon, name: A, options: {bing: {}}}", "options.bing", "is no source: there are flickr, openverse"),
        (
            "{kind: taxon, name: A, options: {flickr: x}}",
            "options.flickr",
            "must be names with something behind each, not 'x'",
        ),
        (
            '{kind: taxon, name: A, options: {flickr: {a: ["\\0"]}}}',
            "options.flickr",
            "must be text without control signs",
        ),
        ("{kind: taxon, name: A, <<: {a: b}}", "<<", f"is no field: there are {FIELD_NAMES}"),
        ("{kind: taxon, name: A, name: B}", "name", "is given twice, first in line 1"),
        ("{kind: taxon, name: A, ids: {gbif: 1, gbif: 2}}", "ids.gbif", "is given twice, first in line 1"),
        ("{kind: taxon, name: A, ? [a] : b}", "", "the names of fields must be plain words"),
        ("{kind: taxon, name: *a}", "name", "anchors and aliases are not read: write it out"),
        (
            "{kind: taxon, name: !!python/object:os.system A}",
            "name",
            "has a tag, tag:yaml.org,2002:python/object:os.system",
        ),
        ("just words", "", "must be fields, as kind: taxon"),
    ],
)
def test_a_mistake_is_told_with_its_field(entry: str, field: str, what: str) -> None:
    """And what would be right, as far as that can be told; the row behind it is read."""
    subjects, faults = read_yaml(f"- {entry}\n- {{kind: taxon, name: Other}}\n", sources=SOURCES)
    assert [(fault.line, fault.field, fault.what) for fault in faults] == [(1, field, what)]
    assert [subject.name for subject in subjects] == ["Other"]


def test_a_mistake_is_told_with_its_line() -> None:
    """That of the field, however deep it is; that of the row for a field that is not there; several of one row."""
    text = """# a comment
- name: A
  synonyms:
    - fine
    - ""
  ids:
    gbif: 1
    wikidata: x
- name: B
  kind: taxon
  options:
    openverse: {}
    bing: {}
"""
    assert told(text) == [
        (2, "kind", "must be given"),
        (8, "ids.wikidata", "must be an item, as Q131227, not 'x'"),
        (13, "options.bing", "is no source: there are flickr, openverse"),
    ]


def test_an_id_has_one_row() -> None:
    """The first; the second is told where the first is."""
    subjects, faults = read_yaml("- {kind: taxon, name: A b}\n- {kind: place, name: a-b}\n")
    assert [subject.kind for subject in subjects] == ["taxon"]
    assert faults == [Fault(2, "id", "a-b is that of line 1 already", "a-b")]


def test_a_fault_says_which_subject_is_meant() -> None:
    """So that a mistake does not make a subject disappear: by its id, or by its name."""
    text = "- {kind: taxon, name: A b, rare: x}\n- {id: c, name: D, name: E}\n- {kind: taxon}\n- words\n"
    assert [fault.subject_id for fault in read_yaml(text)[1]] == ["a-b", "c", None, None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x.yaml: line 1: is empty: for no subjects at all write []"),
        ("# only words\n", "x.yaml: line 1: is empty: for no subjects at all write []"),
        ("- a: [\n", "x.yaml: line 2: is no YAML: "),
        ("- a\n\tb: c\n", "x.yaml: line 2: is no YAML: "),
        ("- a\n- b\0\n", "x.yaml: line 2: is no YAML: special characters are not allowed"),
        ("subjects:\n- a\n", "x.yaml: line 1: must be a list, each entry beginning with «- »"),
        ("- a\n---\n- b\n", "x.yaml: line 2: is no YAML: but found another document"),
        ("[" * 10_000, "x.yaml: line 1: is no YAML that can be read: it is nested too deeply"),
        ("#" * 2_000_001, "x.yaml: has 2,000,001 signs, more than 2,000,000"),
    ],
    ids=["empty", "comment", "cut off", "tab", "nul", "mapping", "two documents", "deep", "large"],
)
def test_what_is_no_list_of_rows_is_an_error(text: str, said: str) -> None:
    """Nothing in it can be trusted. An empty file may be one that was cut off while it was written."""
    with pytest.raises(ConfigError) as wrong:
        read_yaml(text, name="x.yaml")
    assert str(wrong.value).startswith(said)


def test_no_subjects_at_all_can_be_said() -> None:
    """And a field with nothing behind its colon is left out."""
    assert read_yaml("[]") == ([], [])
    assert read_yaml("- {kind: taxon, name: A, rank: , lists: ~}") == ([Subject("a", "taxon", "A")], [])


def test_aliases_grow_into_nothing() -> None:
    """Nine lines of them are a billion words to a reader that follows."""
    lines = ["- &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"- &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(9)]
    subjects, faults = read_yaml("\n".join(lines))
    assert (subjects, len(faults)) == ([], 10)


TABLE = """\
kind,name,id,Synonyms,lists,rare,latitude,longitude,city,category,iNaturalist,gbif,wikidata,options
taxon,Amanita muscaria,,fly agaric,edible; well-known,TRUE,,,,,48715,,Q131227,"{""flickr"": {""tags"": ""x""}}"
place,"Market, old",market,,,,40.4154,-3.709,Madrid,eat,,,,
"""


def test_a_table_is_read() -> None:
    """Headings in any case, lists with semicolons, options as JSON, empty cells as nothing."""
    assert read_csv(TABLE, sources=SOURCES) == (
        [
            Subject(
                "amanita-muscaria",
                "taxon",
                "Amanita muscaria",
                synonyms=("fly agaric",),
                lists=("edible", "well-known"),
                is_rare=True,
                source_ids={"inaturalist": "48715", "wikidata": "Q131227"},
                options={"flickr": {"tags": "x"}},
            ),
            Subject(
                "market", "place", "Market, old", category="eat", city="Madrid", latitude=40.4154, longitude=-3.709
            ),
        ],
        [],
    )


def test_a_table_as_a_spreadsheet_writes_it() -> None:
    """Byte order mark, semicolons and decimal commas, CRLF, numbers with a point, empty columns and rows."""
    text = (
        "\ufeffsep=;\r\nKind;Name;Latitude;Longitude;Lists;inaturalist;;\r\n"
        'PLACE;"Café ""X""";55,7;12,57;"a;b";;;\r\n;;;;;;;\r\ntaxon;Boletus edulis;;;;48701.0;;\r\n'
    )
    assert read_csv(text) == (
        [
            Subject("cafe-x", "place", 'Café "X"', latitude=55.7, longitude=12.57, lists=("a", "b")),
            Subject("boletus-edulis", "taxon", "Boletus edulis", source_ids={"inaturalist": "48701"}),
        ],
        [],
    )


def test_mistakes_in_a_table_are_told_with_their_lines() -> None:
    """A quotation mark that is never closed costs its own line only."""
    text = (
        "kind,name,latitude,longitude,options\n"
        'taxon,"open\n'
        'taxon,"a"b\n'
        "place,C,95,1\n"
        "\n"
        "taxon,#NAME?\n"
        "taxon,D,,,,more\n"
        "taxon,E,,,{\n"
        'taxon,F,,,"{""bing"": {}}"\n'
        "taxon,G\n"
        "place,G\n"
    )
    assert [subject.name for subject in read_csv(text, sources=SOURCES)[0]] == ["G"]
    assert told_of_table(text) == [
        (2, "", "cannot be taken apart into cells: unexpected end of data"),
        (3, "", "cannot be taken apart into cells: ',' expected after '\"'"),
        (4, "latitude", "must be less than or equal to 90, not '95'"),
        (6, "name", "is an error of the spreadsheet"),
        (7, "", "cell 6 has no heading: 'more'"),
        (8, "options", f"must be JSON, {NO_JSON}"),
        (9, "options.bing", "is no source: there are flickr, openverse"),
        (11, "id", "g is that of line 10 already"),
    ]


def test_wrong_headings_are_told_before_any_row_is_read() -> None:
    """A place without its misspelt `lattitude` would be taken for one that has none."""
    assert told_of_table("kind,nmae,kind,colour\ntaxon,A,taxon,red\n") == [
        (1, "nmae", "is no field: do you mean name?"),
        (1, "colour", f"is no field: there are {COLUMN_NAMES}"),
        (1, "kind", "is the heading of two columns"),
        (1, "name", "has no column"),
    ]
    assert read_csv("kind,nmae\ntaxon,A\n")[0] == []


def test_what_is_no_table_is_an_error() -> None:
    """Nothing at all, headings that cannot be read, more than anybody writes."""
    with pytest.raises(ConfigError, match=r"^t\.csv: is empty: the first line must name the fields"):
        read_csv("\ufeff\r\n \r\n", name="t.csv")
    with pytest.raises(ConfigError, match=r"^t\.csv: line 2: the headings cannot be read"):
        read_csv('\nkind,"name\n', name="t.csv")
    with pytest.raises(ConfigError, match=r"has 20,000,001 signs"):
        read_csv("x" * 20_000_001)


def test_faults_are_shown_as_a_table() -> None:
    """In Markdown, whatever is in them."""
    assert as_table([]) == "none"
    assert as_table([Fault(3, "a", "not 'x|y'")]) == "| line | field | what |\n|---|---|---|\n| 3 | a | not 'x\\|y' |"


words = st.text("aA0 é-", min_size=1, max_size=9).map(str.strip).filter(slug)
rows: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"kind": st.just("place"), "name": words},
    optional={
        "category": st.sampled_from(["eat", "see", "sleep", "shop", "drink", "play"]),
        "city": words,
        "lists": st.lists(words, max_size=3, unique=True),
        "rare": st.booleans(),
    },
)


@given(st.lists(rows, max_size=5, unique_by=lambda row: slug(row["name"])))
def test_a_table_and_a_file_say_the_same(entries: list[dict[str, Any]]) -> None:
    """Whatever rows there are: all are read, with ids that are ids."""
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, ["kind", "name", "category", "city", "lists", "rare"])
    writer.writeheader()
    writer.writerows({**row, "lists": ";".join(row.get("lists", []))} for row in entries)
    in_file, faults = read_yaml(yaml.safe_dump(entries, allow_unicode=True))
    assert faults == []
    assert read_csv(sheet.getvalue()) == (in_file, [])
    assert len(in_file) == len(entries)
    assert all(ID.fullmatch(subject.subject_id) for subject in in_file)


@settings(max_examples=300)
@given(st.one_of(st.text(), st.text("-: {}[]#&*!|>'\"%@,?\n\tkindametxo;=")))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Never another error; and every fault has a line that is there."""
    for read in (read_yaml, read_csv):
        try:
            _subjects, faults = read(text)
        except ConfigError:
            continue
        assert all(1 <= fault.line <= len(text.splitlines()) + 1 for fault in faults)
