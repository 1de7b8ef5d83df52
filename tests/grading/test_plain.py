"""Messages of plain data: what goes in comes out, and what is no valid message does no harm."""

import contextlib
import copy
import datetime
import json
import socket
import struct
import threading
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.channel import ChannelError, receive, send
from grading.generators import STATES, generator
from grading.plain import Opaque, Reader, Writer
from grading.stand_ins import change_in_place


def there_and_back(value):
    writer = Writer()
    head = json.loads(json.dumps(writer.encode(value)))
    return Reader(bytes(writer.body)).decode(head)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(values)
@settings(max_examples=200, deadline=None)
def test_plain_values_come_back_as_they_are(value):
    back = there_and_back(value)
    assert back == value and type(back) is type(value)


FRAME = pd.DataFrame(
    {
        "n": [1, 2, 3],
        "share": [0.5, np.nan, 1.0],
        "name": ["a", None, "c"],
        "kind": pd.Categorical(["x", "y", "x"], ordered=True),
        "whole": pd.array([1, None, 3], dtype="Int64"),
        "day": pd.to_datetime(["2026-01-01", None, "2026-01-03"]),
        "yes": [True, False, True],
        "mixed": pd.Series(["a", None, "b"], index=["p", "q", "r"], dtype=object),
    },
    index=["p", "q", "r"],
).rename_axis("group")


@pytest.mark.parametrize("table", [FRAME, FRAME.iloc[:0], pd.DataFrame(), FRAME.set_index("n", append=True)])
def test_tables_come_back_with_their_types(table):
    pd.testing.assert_frame_equal(there_and_back(table), table, check_index_type="equiv", check_column_type="equiv")


def test_series_arrays_tensors_and_generators_come_back():
    pd.testing.assert_series_equal(there_and_back(FRAME["share"]), FRAME["share"])
    for array in [
        np.arange(6).reshape(2, 3),
        np.array(["a", None], dtype=object),
        np.array(True),
        np.zeros((0, 4), "u1"),
    ]:
        back = there_and_back(array)
        assert back.dtype == array.dtype and back.shape == array.shape and np.array_equal(back, array)
    assert torch.equal(there_and_back(torch.arange(3.0)), torch.arange(3.0))
    generator = np.random.default_rng(5)
    generator.random(3)
    assert np.array_equal(there_and_back(generator).random(4), generator.random(4))


def test_a_table_with_pictures_in_it_comes_back():
    table = pd.DataFrame({"img": pd.Series([np.ones((2, 2, 3), "u1"), np.zeros((2, 2, 3), "u1")], dtype=object)})
    back = there_and_back(table)
    assert all(np.array_equal(a, b) for a, b in zip(back["img"], table["img"], strict=True))


class EqualsEverything(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


def test_a_subclass_keeps_its_value_and_loses_its_tricks():
    back = there_and_back([EqualsEverything(0.25)])
    assert type(back[0]) is float and back[0] != 1


class Anything:
    pass


@pytest.mark.parametrize("value", [Anything(), lambda: 1, open, [Anything()], {"a": Anything()}])
def test_what_is_no_data_is_refused_by_name(value):
    with pytest.raises(TypeError, match="is nothing that can be checked"):
        Writer().encode(value)


def test_a_value_that_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(TypeError, match="nested"):
        Writer().encode(value)


@given(
    st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30), st.binary()
)
@settings(max_examples=300, deadline=None)
def test_any_head_is_a_value_or_a_channel_error(head, body):
    try:
        Reader(body).decode(head)
    except ChannelError:
        pass


KINDS = ["array", "objects", "scalar", "frame", "series", "index", "levels", "column", "list", "dict", "missing", "time",
         "generator", "tensor", "function", "categories", "typed", "masked", "intervals", "periods", "zoned", "complex",
         "span", "timedelta", "period", "interval", "datetime", "date", "opaque"]  # fmt: skip
parts = st.recursive(
    scalars
    | st.sampled_from(["<f8", "|O8", "PCG64", "datetime64[ns]", "UTC", "M", "left", "str"])
    | st.lists(st.integers(-3, 99)),
    lambda inner: st.builds(lambda kind, rest: [kind, *rest], st.sampled_from(KINDS), st.lists(inner, max_size=4)),
    max_leaves=12,
)


@given(parts, st.binary(max_size=64))
@settings(max_examples=500, deadline=None)
def test_a_forged_head_is_a_value_or_a_channel_error(head, body):
    try:
        Reader(body).decode(head)
    except ChannelError:
        pass


@pytest.mark.parametrize(
    "head",
    [
        ["array", "|O", [1], 0, 8],  # addresses in place of values
        ["array", "<f8", [10**9], 0, 8],
        ["array", "<f8", [-1, -1], 0, 8],
        ["array", "<f8", [1], 8, 16],
        ["generator", {"bit_generator": "system"}],
        ["function", 1, "f"],
        ["frame", None, None, {}],
        ["eval", "1"],
        # what is looked up by name
        ["array", "datetime64[ns, dateutil//etc/passwd]", [1], 0, 8],
        ["array", "f4,f4", [1], 0, 8],
        ["array", [["a", "<f8"]], [1], 0, 8],
        ["array", "<f8", [10**18, 0], 0, 0],
        ["column", ["typed", "datetime64[ns, dateutil//etc/passwd]", []]],
        ["column", ["typed", "category", ["a"]]],
        ["column", ["zoned", ["array", "<M8[ns]", [1], 0, 8], "dateutil/../../../etc/passwd"]],
        ["column", ["zoned", ["array", "<M8[ns]", [1], 0, 8], "../../../etc/passwd"]],
        ["column", ["zoned", ["array", "<M8[ns]", [1], 0, 8], "/etc/passwd"]],
        ["column", ["periods", ["array", "<i8", [1], 0, 8], "dateutil//etc/passwd"]],
        ["time", "2026-01-01T00:00+00:00", "dateutil//etc/passwd"],
        ["time", "today", ""],
        # tables that pandas would fill up by itself
        ["series", ["index", ["array", "<i8", [1], 0, 8], None], None, ["scalar", ["array", "<f8", [], 0, 8]]],
        ["series", ["index", ["array", "<u1", [8], 0, 8], None], None, ["array", "<f8", [1], 0, 8]],
        ["series", ["index", ["array", "<u1", [8], 0, 8], None], None, ["series", None, None, None]],
        ["frame", ["list", [1]], ["index", ["array", "<i8", [1], 0, 8], None], [["array", "<f8", [1], 0, 8]]],
    ],
)
def test_a_dangerous_head_is_refused(head):
    with pytest.raises(ChannelError):
        Reader(b"\0" * 8).decode(head)


def test_a_message_too_large_cut_off_or_garbled_is_an_error():
    for data in [
        struct.pack("<QQ", 2**40, 0),
        struct.pack("<QQ", 10, 0) + b"[1",
        b"x" * 40,
        struct.pack("<QQ", 2, 0) + b"[[",
    ]:
        here, there = socket.socketpair()
        there.sendall(data)
        there.close()
        with pytest.raises(ChannelError):
            receive(here, 10**6)
        here.close()


def test_head_and_body_arrive_together():
    here, there = socket.socketpair()
    send(there, {"a": [1, 2]}, b"123")
    assert receive(here) == ({"a": [1, 2]}, b"123")
    here.close()
    there.close()


@pytest.mark.parametrize(
    ("value", "new"),
    [([1], [2, 3]), ({"a": 1}, {"b": 2}), ({1}, {2}), (np.arange(3), np.arange(3) * 2)],
)
def test_a_change_is_made_in_place(value, new):
    change_in_place(value, new)
    assert np.array_equal(value, new) if isinstance(value, np.ndarray) else value == new


def test_a_changed_table_is_the_same_object_with_other_content():
    table = FRAME.copy()
    change_in_place(table, FRAME.assign(more=1).iloc[:2])
    pd.testing.assert_frame_equal(table, FRAME.assign(more=1).iloc[:2])


def test_an_argument_cannot_become_another_thing():
    with pytest.raises(ChannelError, match="another thing"):
        change_in_place(np.zeros(3), {"a": 1})


# --- more kinds of values -----------------------------------------------------------------------------------------

MOMENTS = [
    1 + 2j,
    complex("nan"),
    datetime.date(2026, 11, 27),
    datetime.datetime(2026, 11, 27, 9, 30, 1, 5),
    datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC),
    datetime.time(9, 30),
    datetime.timedelta(days=1, microseconds=3),
    pd.Timestamp("2026-11-27 09:30:00.123456789"),
    pd.Timestamp("2026-11-27", tz="Europe/Zurich"),
    pd.Timedelta(days=-1, nanoseconds=5),
    pd.Period("2026-11", "M"),
    pd.Period("2026Q4", "Q-DEC"),
    pd.Interval(0, 1.5, "both"),
    pd.Interval(pd.Timestamp("2026-01-01"), pd.Timestamp("2026-02-01")),
    np.complex128(1j),
    np.datetime64("2026-11-27"),
]


@pytest.mark.parametrize("value", MOMENTS, ids=repr)
def test_times_intervals_and_complex_numbers_come_back(value):
    back = there_and_back([value])[0]
    assert type(back) is type(value) and repr(back) == repr(value)
    table = pd.DataFrame({"a": pd.Series([value, value], dtype=object)})
    pd.testing.assert_frame_equal(there_and_back(table), table)


COLUMNS = {
    "cut": pd.cut([1.0, 5, 9], [0, 3, 10]),
    "intervals": pd.interval_range(0, 3),
    "times apart": pd.interval_range(pd.Timestamp("2026-01-01"), periods=3),
    "months": pd.period_range("2026-01", periods=3, freq="M"),
    "weeks": pd.period_range("2026-01", periods=3, freq="W-TUE"),
    "zoned": pd.date_range("2026-01-01", periods=3, tz="Europe/Zurich"),
    "shifted": pd.to_datetime(["2026-01-01T00:00+01:00", None, "2026-01-02T00:00+01:00"]),
    "spans": pd.to_timedelta([1, None, 3], unit="s"),
    "complex": np.array([1j, 2, np.nan]),
    "flags": pd.array([True, None, False], dtype="boolean"),
    "small": pd.array([1, None, 255], dtype="UInt8"),
    "float": pd.array([1.5, None, 2], dtype="Float32"),
    "text": pd.array(["a", None, "b"], dtype="string"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_come_back_with_their_types(name):
    table = pd.DataFrame({"n": [1, 2, 3], name: COLUMNS[name]})
    pd.testing.assert_frame_equal(there_and_back(table), table)
    pd.testing.assert_frame_equal(there_and_back(table.iloc[:0]), table.iloc[:0])


# --- what cannot be sent ------------------------------------------------------------------------------------------


def test_in_a_table_what_cannot_be_sent_is_a_mark_and_the_rest_comes_back():
    table = pd.DataFrame({"n": [1, 2], "other": [Anything(), {"a": [len]}]})
    back = there_and_back(table)
    assert list(back["n"]) == [1, 2]
    marks = [back["other"][0], back["other"][1]["a"][0]]
    assert all(isinstance(mark, Opaque) for mark in marks) and "Anything" in repr(marks[0])
    assert marks[0] != back["n"][0] and marks[0] != marks[1] and marks[0] != Anything()
    assert isinstance(there_and_back(marks)[0], Opaque)


def marked(value):
    writer = Writer()
    return Reader(bytes(writer.body)).decode(json.loads(json.dumps(writer.mark(value))))


class Hostile:
    @property
    def __class__(self):
        raise RuntimeError("looked at")


def test_a_changed_argument_may_hold_anything():
    assert isinstance(marked(Anything()), Opaque) and isinstance(marked({"a": Anything()})["a"], Opaque)
    assert marked([1, Anything()])[0] == 1 and isinstance(marked([Hostile(), 1])[0], Opaque)
    twice = []
    twice += [twice, twice]
    assert isinstance(marked(twice), Opaque)  # and at once: not 2 to the power of 50 steps
    items, table = {"a": 1}, (pd.DataFrame({"a": [1]}), 2)
    change_in_place(items, Opaque("dict"))
    assert isinstance(items.popitem()[1], Opaque)
    change_in_place(table, (pd.DataFrame({"a": [1], "b": [2]}), 2))
    assert list(table[0]) == ["a", "b"]


# --- bounds -------------------------------------------------------------------------------------------------------

NESTED = b"[" * 15_000_000 + b"]" * 15_000_000


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (NESTED, "values"),
        (b"[" * 300 + b"]" * 300, "nested 300 deep"),
        (b"[" + b"[]," * 9_000_000 + b"[]]", "values"),
        (b'[{"a":' * 3_000_000, "more texts"),
        (b"]" * 30_000_000, "closes more than it opens"),
        (b'["\\"' + b',[],"' * 5_000_000, "more texts"),
        ("[[[1]]]".encode("utf-16"), "no valid message"),
        (b"x" * (33 * 2**20), "beside its arrays"),
    ],
    ids=["nested", "deep", "many", "dicts", "closing", "quotes", "utf-16", "long"],
)
def test_what_is_too_much_is_refused_before_it_is_decoded(data, words, monkeypatch):
    here, there = socket.socketpair()
    sender = threading.Thread(target=send_quietly, args=[there, struct.pack("<QQ", len(data), 0) + data])
    sender.start()
    tracemalloc.start()
    with pytest.raises(ChannelError, match=words):
        receive(here, most_values=100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    here.close()
    sender.join()
    assert peak < 200 * 2**20  # decoded, 30 MB of brackets are 1.7 GB


def send_quietly(channel, data):
    with channel, contextlib.suppress(OSError):
        channel.sendall(data)


def test_brackets_and_commas_in_text_are_text():
    here, there = socket.socketpair()
    text = '["\\' * 20_000 + "]," * 10_000
    sender = threading.Thread(target=send, args=[there, {"a": [text, text]}])
    sender.start()
    assert receive(here, most_values=20, most_brackets=2)[0] == {"a": [text, text]}
    sender.join()
    here.close()
    there.close()


@pytest.mark.parametrize(
    "head",
    [
        ["list", [["array", "|u1", [2**24], 0, 2**24]] * 40],
        ["list", [["tensor", ["array", "|u1", [2**24], 0, 2**24], False, None]] * 40],
        ["list", [["index", ["array", "|S1", [2**20], 0, 2**20], None]] * 40],
        ["list", [["generator", None]] * 300_000],
    ],
    ids=["arrays", "tensors", "texts", "generators"],
)
def test_the_same_bytes_are_not_made_into_values_again_and_again(head, monkeypatch):
    monkeypatch.setattr("grading.plain.generator", lambda state: None)
    with pytest.raises(ChannelError, match="values of more than"):
        Reader(bytes(2**24)).decode(head)


def test_true_is_true_once_and_text_is_text():
    assert Reader(b"\x02\x00").decode(["array", "|b1", [2], 0, 2]).sum() == 1
    with pytest.raises(ChannelError, match="signs that are none"):
        Reader(b"\xff" * 4).decode(["array", "<U1", [1], 0, 4])


def states():
    """Every part of every generator's state, set to something that it cannot be."""
    for kind in STATES:
        state = np.random.Generator(getattr(np.random, kind)(1)).bit_generator.state
        yield kind, "unknown part", state | {"more": 1}
        yield kind, "no state", {k: v for k, v in state.items() if k != "state"}
        for group in (state, state["state"]):
            for key, value in group.items():
                if key in ("bit_generator", "state") and isinstance(value, str | dict):
                    continue
                for wrong in (
                    -1,
                    2**130,
                    10**9 if "pos" in key else 2**128,
                    0.5,
                    True,
                    None,
                    value[:-1] if hasattr(value, "shape") else "1",
                ):
                    made = copy.deepcopy(state)
                    (made if group is state else made["state"])[key] = wrong
                    yield kind, f"{key}={wrong!r:.9}", made


@pytest.mark.parametrize(
    ("kind", "what", "state"), [pytest.param(*s, id=f"{s[0]}-{s[1]}-{i}") for i, s in enumerate(states())]
)
def test_a_generator_in_a_state_that_there_is_not_is_refused(kind, what, state):
    with pytest.raises(ChannelError, match="state that there is not"):
        generator(state)


@pytest.mark.parametrize("kind", STATES)
def test_every_kind_of_generator_comes_back(kind):
    rng = np.random.Generator(getattr(np.random, kind)(7))
    rng.random(3), rng.integers(9, dtype="int32")
    assert np.array_equal(there_and_back(rng).random(700), rng.random(700))
