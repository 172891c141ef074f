"""Rows and tables as text: what is wrapped, folded, cut or comes in parts, and what is bold or dim."""

from __future__ import annotations

from drawn_tables import lines_of

from explainer.command.tables import Rows, Table, drawn

TABLE = Table(
    ["Scores", "one", "two"], [["Gradient", "0.5", "x"], ["鰻 eel", "12.25", "yyyyy"]], "lrl", notes=["a note"]
)


def test_a_table_has_its_heads_a_rule_its_rows_and_its_notes() -> None:
    assert lines_of([TABLE]) == [
        "Scores      one  two",
        "──────────────────────",
        "Gradient    0.5  x",
        "鰻 eel    12.25  yyyyy",  # an eel is two columns wide
        "a note",
    ]


def test_a_table_that_is_too_wide_comes_in_parts_with_its_first_column() -> None:
    assert lines_of([TABLE], 21) == [
        "Scores      one",
        "───────────────",
        "Gradient    0.5",
        "鰻 eel    12.25",
        "",
        "Scores    two",
        "───────────────",
        "Gradient  x",
        "鰻 eel    yyyyy",
        "a note",
    ]
    assert len(lines_of([TABLE], 22)) == 5


def test_long_names_are_folded_and_no_letter_is_lost() -> None:
    name = "".join(map(chr, range(ord("A"), ord("z"))))
    lines = lines_of([Table(["Scores", "one"], [[name, "0.5"]], "lr")], 40)
    assert [len(line) for line in lines] == [35, 35, 35, 27]
    assert lines[2] == f"{name[:30]}  0.5"
    assert lines[3] == name[30:]


def test_a_table_in_one_part_folds_its_texts_and_not_its_numbers() -> None:
    table = Table(["Samples", "file", "p"], [["3", "x" * 40, "0.123456"]], "llr", in_parts=False)
    assert lines_of([table], 30) == [
        "Samples  file                p",
        "──────────────────────────────",
        "3        xxxxxxxxxxx  0.123456",
        *["         xxxxxxxxxxx"] * 2,
        "         xxxxxxx",
    ]


def test_rows_are_wrapped_between_words_so_that_a_path_can_be_copied() -> None:
    path = "/a/" + "long-" * 9 + "path"
    assert lines_of([Rows([("summary", f"{path} (its event file)"), ("state", "ended")])], 40) == [
        f"summary     {path}",
        "            (its event file)",
        "state       ended",
    ]


def test_rows_that_are_cut_end_in_an_ellipsis() -> None:
    rows = Rows([("command", "run " * 20), ("labels", "鰻" * 20)], cut=frozenset({"command", "labels"}))
    assert lines_of([rows], 30) == ["command     run run run run r…", "labels      " + "鰻" * 8 + " …"]


FIVE = "run run run run run"


def test_where_something_was_cut_it_is_said_where_the_whole_is() -> None:
    rows = Rows([("command", FIVE), ("also", FIVE)], cut=frozenset({"command"}), where_whole="…: --json")
    assert lines_of([rows], 31) == ["command     run run run run run", "also        run run run run run"]
    assert lines_of([rows], 30) == [
        "command     run run run run r…",
        "also        run run run run",
        "            run",
        "…: --json",
    ]


def test_an_empty_line_is_between_two_blocks() -> None:
    assert lines_of([Rows([("a", "1")]), Rows([("b", "")])]) == ["a           1", "", "b"]


def test_names_and_notes_are_dim_and_heads_and_chosen_rows_bold() -> None:
    rows = Rows([("state", "damaged"), ("labels", "a")], bold=frozenset({"state"}))
    dimmed = Table(["Scores", "one"], [["Gradient", "1"], ["control", "2"]], "ll", frozenset({1}), ["a note"])
    text = drawn([rows, dimmed], 80, str, styled=True)
    state, labels, _, heads, _, method, control, note = text.splitlines()
    assert state == "\x1b[2mstate       \x1b[0m\x1b[1mdamaged\x1b[0m"
    assert labels == "\x1b[2mlabels      \x1b[0ma"
    assert heads.startswith("\x1b[1mScores")
    assert method == "Gradient  1"
    assert control.startswith("\x1b[2mcontrol") and "\x1b[2m2" in control
    assert note == "\x1b[2ma note\x1b[0m"


def test_nothing_in_a_text_is_markup_or_an_emoji_code() -> None:
    odd = "[bold]x[/bold] [red]:smile: [link=http://a]b[/link] \\[x] [/]"
    table = Table([odd, "one"], [[odd, odd]], "ll", notes=[odd], in_parts=False)
    lines = drawn([Rows([(odd, odd)]), table], 200, str, styled=True)
    assert lines.count(odd) == 6
    assert "\x1b]" not in lines  # that would be a link


def test_every_text_is_escaped() -> None:
    table = Table(["a", "b"], [["c", "d"]], "ll", notes=["e"])
    text = drawn(
        [Rows([("f", "g")]), Rows([("h", "i")], cut=frozenset({"h"})), table], 80, lambda text: f"{text}!", styled=False
    )
    assert [letter for letter in "abcdefghi" if f"{letter}!" not in text] == []
