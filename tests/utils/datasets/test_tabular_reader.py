"""A reader's own CSV file: typed, checked, and refused in one clear sentence."""

import gzip
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.datasets._people import load_people
from utils.datasets._registry import DataError
from utils.datasets._tabular import raw_table, read_table, typed

WANT = {"target": "granted", "positive": "yes", "sensitive": ["sex"]}
GOOD = """age, job ,sex,granted,score
30,clerk,f,yes,1.5
 41,"cook, chief",m,no,
52,?,m,yes,2
,clerk,,no,3e1
"""


@pytest.fixture
def write(tmp_path):
    def file(content, name="own.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


def test_types_missing_values_and_the_label(write):
    table = read_table(write(GOOD), **WANT)
    assert list(table.columns) == ["age", "job", "score", "sex", "label"]
    assert table["age"].tolist()[:3] == [30, 41, 52] and np.isnan(table["age"][3])
    assert table["job"].tolist()[:2] == ["clerk", "cook, chief"] and table["job"].isna()[2]
    assert table["score"].dtype == float and table["score"][3] == 30
    assert table["sex"].tolist() == ["f", "m", "m", "(missing)"]
    assert table["label"].tolist() == [1, 0, 1, 0]


def test_features_can_be_named_and_may_be_sensitive(write):
    table = read_table(write(GOOD), **WANT, features=["sex", "age"])
    assert list(table.columns) == ["sex", "age", "label"]
    table, features, sensitive = load_people({"file": write(GOOD), **WANT})
    assert features == ["age", "job", "score"] and sensitive == ["sex"]


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        gzip.compress(GOOD.encode()),
        GOOD.replace("\n52", "\n\n52").encode(),
    ],
    ids=["Windows lines", "byte order mark", "packed", "an empty line"],
)
def test_files_as_programs_write_them(write, content):
    pd.testing.assert_frame_equal(read_table(write(content), **WANT), read_table(write(GOOD, "b.csv"), **WANT))


def test_other_separators_and_words_for_missing(write):
    file = write(GOOD.replace("cook, chief", "cook").replace(",", ";").replace("?", "n/a"))
    with pytest.raises(DataError, match="pass separator=';'"):
        read_table(file, **WANT)
    assert read_table(file, **WANT, separator=";", missing=["", "n/a"])["job"].isna()[2]


NUMBERS = "\n".join(f"{i},{'f' if i % 2 else 'm'},{'yes' if i % 3 else 'no'}" for i in range(40))
REFUSED = {
    "empty": ("", WANT, "is empty"),
    "names only": ("age,sex,granted\n", WANT, "no rows"),
    "a quote that is never closed": ('a,sex,granted\n1,f,yes\n2,"m,no\n3,f,yes\n', WANT, "line 4 has 2 values"),
    "spaces only": ("  \n \n", WANT, "is empty"),
    "a spreadsheet": (b"PK\x03\x04\0\0", WANT, "bytes of no text"),
    "another encoding": ("age,sex,granted\n1,f,ja für".encode("latin1"), WANT, "not UTF-8 .line 2"),
    "damaged packing": (gzip.compress(GOOD.encode())[:-12], WANT, "cannot be unpacked"),
    "the same name twice": ("a,a,sex,granted\n1,2,f,yes\n", WANT, "more than one column 'a'"),
    "a long line": ("a,sex,granted\n1,f,yes\n2,m,no,7\n", WANT, "line 3 has 4 values"),
    "all lines long": ("a,sex,granted\n1,f,yes,3\n2,m,no,7\n", WANT, "line 2 has 4 values"),
    "a short line": ("a,sex,granted\n1,f,yes\n2,m\n", WANT, "line 3 has 2 values and there are 3 columns"),
    "no such target": (GOOD, WANT | {"target": "given"}, "no column 'given'; it has age, job, sex, granted, score"),
    "no such group": (GOOD, WANT | {"sensitive": "race"}, "no column 'race'"),
    "no such feature": (GOOD, WANT | {"features": ["height"]}, "no column 'height'"),
    "no groups": (GOOD, WANT | {"sensitive": []}, "without groups"),
    "no such positive": (GOOD, WANT | {"positive": "Yes"}, "'Yes' is not in 'granted', which holds 'yes', 'no'"),
    "target a feature": (GOOD, WANT | {"features": ["age", "granted"]}, "only copy it"),
    "target a group": (GOOD, WANT | {"sensitive": ["granted"]}, "cannot be a sensitive column"),
    "no features": ("sex,granted\nf,yes\nm,no\n", WANT, "no features"),
    "a column called label": ("label,sex,granted\n1,f,yes\n2,m,no\n", WANT, "called 'label'"),
    "one label only": ("a,sex,granted\n1,f,yes\n2,m,yes\n", WANT, "nothing to tell apart"),
    "a label missing": ("a,sex,granted\n1,f,yes\n2,m,no\n3,m,?\n", WANT, "missing in 1 of 3 rows.*row 3"),
    "one group only": ("a,sex,granted\n1,f,yes\n2,f,no\n", WANT, "no groups to compare"),
    "ages as groups": (f"n,sex,granted\n{NUMBERS}", WANT | {"sensitive": "n"}, "40 values.*pandas.cut"),
    "a slip in a number": (f"n,sex,granted\n{NUMBERS}\n4O,f,no", WANT, "1 of 41 .*'4O' in row 41"),
    "infinity": (f"n,sex,granted\n{NUMBERS}\ninf,f,no", WANT, "'inf' in row 41"),
    "a feature without values": ("a,b,sex,granted\n1,,f,yes\n2,,m,no\n", WANT, "'b' has no value"),
    "names of people": (
        "id,sex,granted\n" + "\n".join(f"p{i},{'fm'[i % 2]},{['yes', 'no'][i % 3 > 0]}" for i in range(1200)),
        WANT,
        "1,200 different words",
    ),
}


@pytest.mark.parametrize("content, want, sentence", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_audited_is_refused_in_a_sentence(write, content, want, sentence):
    with pytest.raises(DataError, match=sentence) as problem:
        read_table(write(content), **want)
    assert "\n" not in str(problem.value) and str(problem.value).endswith(".")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        read_table(tmp_path / "none.csv", **WANT)
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path, **WANT)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.integers(0, 3))
def test_whatever_the_file_holds_it_is_read_or_refused(text, kind):
    content = [text, f"a,sex,granted\n{text}", GOOD + text, f'"{text}"'][kind].encode("utf-8", "surrogatepass")
    try:
        table = read_table_of_bytes(content)
    except DataError:
        return
    assert set(table["label"]) == {0, 1} and table["sex"].notna().all()


def read_table_of_bytes(content):
    return typed(raw_table(content), **WANT)


def test_what_was_written_is_what_is_read(write):
    rng = random.Random(3)
    rows = [
        (rng.randint(-5, 99), rng.choice(["a b", "ü", 'with "quotes"', "x,y"]), rng.choice("fm")) for _ in range(60)
    ]
    frame = pd.DataFrame(rows, columns=["n", "word", "sex"]).assign(
        granted=lambda t: np.where(t["n"] > 40, "yes", "no")
    )
    table = read_table(write(frame.to_csv(index=False)), **WANT)
    assert table["n"].tolist() == frame["n"].tolist() and table["word"].tolist() == frame["word"].tolist()
    assert table["label"].tolist() == (frame["n"] > 40).astype(int).tolist()
