"""Messages of plain data: what goes in comes out, and what is no valid message does no harm."""

import json
import socket
import struct

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.plain import ChannelError, Reader, Writer, change_in_place, receive, send


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
         "generator", "tensor", "function", "categories", "typed"]  # fmt: skip
parts = st.recursive(
    scalars | st.sampled_from(["<f8", "|O8", "PCG64", "datetime64[ns]", "category"]) | st.lists(st.integers(-3, 99)),
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
