"""Kept results: found again to the last bit, and only where nothing that could change them has changed."""

import copy
import dataclasses
import functools
import importlib
import inspect
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from typer.testing import CliRunner

from utils import kept
from utils.datasets._adult import load_adult
from utils.datasets._scene_specification import Specification
from utils.datasets._simulated_scenes import load_scenes, simulate
from utils.kept import _keys as keys
from utils.kept import _loaded as loaded
from utils.kept import _store as store
from utils.mitigation import _random_hue as random_hue_module
from utils.mitigation._compare import compare
from utils.mitigation._fitted import Fitted
from utils.mitigation._grey import grey
from utils.mitigation._keeping import keeps
from utils.mitigation._methods import METHODS
from utils.mitigation._plain import plain
from utils.mitigation._tabular import compare_tabular
from utils.training import _baseline as baseline_module
from utils.training import _tabular as tabular_models
from utils.training._backbones import Backbone
from utils.training._baseline import train_baseline_models
from utils.training._features import extract_features
from utils.training._fit import fit
from utils.training._models import scene_convnet
from utils.training._pictures import train_picture_models

ROOT = Path(__file__).resolve().parents[2]
RESULT = {
    "numbers": np.arange(6.0).reshape(2, 3),
    "one": np.asarray(0.1),
    "none": np.zeros((0, 3), np.float32),
    "text": np.array(["grün", "", "b"]),
    "flags": np.array([True, False]),
    "turned": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "tensor": torch.arange(4.0)[::2],
    "value": 0.1 + 0.2,
    "list": [1, None, "x", float("inf")],
    "words": {"a": 1},
}


class Counting:
    """A computation that counts how often it is done."""

    def __init__(self, result=None):
        self.times, self.result = 0, result or {"x": np.arange(3)}

    def __call__(self):
        self.times += 1
        return self.result


# --- what comes back ----------------------------------------------------------------------------------------------


def test_what_was_kept_comes_back_the_same_in_value_type_and_order(keeping):
    first = kept.recall("f", 1, lambda: RESULT)
    again = kept.recall("f", 1, lambda: pytest.fail("computed again"))
    assert list(again) == list(first) == list(RESULT)
    assert kept.fingerprint(again) == kept.fingerprint(first)
    for name, value in RESULT.items():
        if isinstance(value, np.ndarray | torch.Tensor):
            assert again[name].dtype == value.dtype and again[name].shape == value.shape
            np.testing.assert_array_equal(again[name], value)
        else:
            assert kept.fingerprint(again[name]) == kept.fingerprint(value)
    assert all(value.flags.writeable for value in again.values() if isinstance(value, np.ndarray))


@pytest.mark.parametrize("wrong", [{"x": (1, 2)}, {"x": {1: 2}}, {"x": np.float64(1)}, {"x": object()}])
def test_what_would_come_back_as_something_else_is_refused(keeping, wrong):
    with pytest.raises(TypeError):
        kept.recall("f", 1, lambda: wrong)
    assert not keeping()


@pytest.mark.parametrize("wrong", [
    np.array([1], "datetime64[s]"), np.array([object()]), np.array([1], ">i4"), np.matrix([1]), np.longdouble([1]),
    np.ma.array([1, 2], mask=[0, 1]), np.array([b"a"]), torch.zeros(1, dtype=torch.bfloat16),
])  # fmt: skip
@pytest.mark.parametrize("switch", ["on", "read", "off"])
def test_an_array_that_would_come_back_as_something_else_is_refused(keeping, monkeypatch, wrong, switch):
    monkeypatch.setenv("DATALAB_KEEP", switch)
    with pytest.raises(TypeError, match="f is to return"):
        kept.recall("f", 1, lambda: {"x": wrong})


@pytest.mark.parametrize("switch", ["on", "off"])
def test_a_result_is_the_callers_own(keeping, monkeypatch, switch):
    """In the same form whether kept or computed, and what is done to it changes no other."""
    monkeypatch.setenv("DATALAB_KEEP", switch)
    fixed = np.arange(6)
    fixed.flags.writeable = False
    weights = nn.Parameter(torch.arange(6.0))
    shared = {"x": fixed[::2], "y": fixed, "w": weights, "part": weights[2:4], "list": [[1]]}
    first, again = (kept.recall("f", 1, lambda: shared) for _ in range(2))
    for found in (first, again):
        assert found["x"].flags.c_contiguous and found["y"].flags.writeable and found["y"].flags.owndata
        assert type(found["w"]) is torch.Tensor and not found["w"].requires_grad
        assert found["part"].untyped_storage().nbytes() == 8
        found["x"][0], found["list"][0][0], found["w"][0] = 9, 9, 9
    assert fixed[0] == 0 and weights[0] == 0 and shared["list"] == [[1]]
    assert kept.recall("f", 1, lambda: shared)["list"] == [[1]]


def test_the_switch(keeping, monkeypatch):
    compute = Counting()
    monkeypatch.setenv("DATALAB_KEEP", "off")
    kept.recall("f", 1, compute)
    assert compute.times == 1 and not keeping() and kept.look("f", 1) is None
    monkeypatch.setenv("DATALAB_KEEP", "read")
    kept.recall("f", 1, compute)
    assert compute.times == 2 and not keeping()
    monkeypatch.delenv("DATALAB_KEEP")
    kept.recall("f", 1, compute)
    assert compute.times == 3 and len(keeping()) == 1
    monkeypatch.setenv("DATALAB_KEEP", "read")
    kept.recall("f", 1, compute)
    assert compute.times == 3 and kept.look("f", 1) is not None
    monkeypatch.setenv("DATALAB_KEEP", "off")
    kept.recall("f", 1, compute)
    assert compute.times == 4
    monkeypatch.setenv("DATALAB_KEEP", "perhaps")
    with pytest.raises(ValueError, match="DATALAB_KEEP is 'perhaps'; it must be 'on', 'read'"):
        kept.recall("f", 1, compute)


def test_an_error_keeps_nothing_and_gives_the_place_free(keeping):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            kept.recall("f", 1, lambda: 1 / 0)
    assert not list(kept.folder().iterdir())


def test_the_seconds_of_a_kept_result_count_as_if_it_had_been_computed(keeping):
    def busy():
        end = time.thread_time() + 0.2
        while time.thread_time() < end:
            pass
        return {}

    def outer():
        return kept.recall("inner", 1, busy)

    start = kept.cpu_seconds()
    kept.recall("outer", 1, outer)
    first = kept.cpu_seconds() - start
    start, clock = kept.cpu_seconds(), time.thread_time()
    kept.recall("outer", 1, outer)
    assert 0.2 <= first < 2 and abs(kept.cpu_seconds() - start - first) < 0.1 and time.thread_time() - clock < 0.1


# --- keys ---------------------------------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5),
    st.sampled_from([np.int8(1), np.int64(1), np.float32(1), np.True_, range(3), range(0, 3, 2), Path("a")]),
    st.lists(st.integers(0, 255), max_size=4).map(lambda v: np.array(v, np.uint8)),
    st.lists(st.integers(0, 255), max_size=4).map(lambda v: np.array(v, np.int32)),
    st.lists(st.text(max_size=3), max_size=3).map(lambda v: np.array(v, object)),
    st.lists(st.text(max_size=3), max_size=3).map(lambda v: pd.Series(v, dtype="str")),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=6,
)


def told(value) -> str:
    """All that can be told of a value, written out: another way to say when two values are the same."""
    if isinstance(value, np.ndarray | np.generic):
        return f"{type(value)}{value.dtype}{value.shape}{[told(v) for v in value.ravel().tolist()]}"
    if isinstance(value, pd.Series):
        return f"column{value.dtype}{told(value.tolist())}"
    if isinstance(value, list | tuple):
        return f"{type(value)}{[told(v) for v in value]}"
    if isinstance(value, dict):
        return f"dict{[told(pair) for pair in value.items()]}"
    return f"{type(value)}{value!r}"


@settings(max_examples=300, deadline=None)
@given(values, values)
def test_two_values_have_one_fingerprint_only_if_they_are_the_same(a, b):
    assert (kept.fingerprint(a) == kept.fingerprint(b)) == (told(a) == told(b))
    assert kept.fingerprint(copy.deepcopy(a)) == kept.fingerprint(a)
    assert kept.fingerprint([a, b]) != kept.fingerprint([[a, b]])


TABLE = pd.DataFrame(
    {
        "img": list(np.arange(4 * 12, dtype=np.uint8).reshape(4, 2, 2, 3)),
        "label": [0, 1, 1, 0],
        "score": [0.1, float("nan"), 0.3, 0.4],
        "group": pd.Series(["a", "b", None, "a"], dtype="str"),
        "kind": pd.Categorical(["x", "y", "x", "x"], categories=["x", "y", "z"]),
        "day": pd.to_datetime(["2020-01-01"] * 4),
        "mixed": pd.Series([1, "1", None, 2.0], dtype=object),
        "small": pd.Series([1, 2, pd.NA, 4], dtype="Int64"),
    }
)


def changed(table=TABLE, **columns):
    return table.assign(**columns)


def one_pixel(table=TABLE):
    images = [image.copy() for image in table["img"]]
    images[2][1, 1, 2] ^= 1
    return table.assign(img=pd.Series(images, dtype=object))


CHANGES = {
    "a pixel": one_pixel(),
    "a label": changed(label=[0, 1, 0, 0]),
    "the labels' type": changed(label=TABLE["label"].astype("int32")),
    "the last bit of a score": changed(score=TABLE["score"].where(TABLE.index > 0, np.nextafter(0.1, 1))),
    "a missing score": changed(score=[0.1, 0.2, 0.3, 0.4]),
    "minus zero": changed(label=[0.0, 1, 1, -0.0]),
    "a group": changed(group=["a", "b", None, "b"]),
    "a missing group": changed(group=["a", "b", "nan", "a"]),
    "a category": changed(kind=pd.Categorical(["x", "y", "x", "y"], categories=["x", "y", "z"])),
    "categories nobody has": changed(kind=pd.Categorical(["x", "y", "x", "x"], categories=["x", "y"])),
    "their order": changed(kind=pd.Categorical(["x", "y", "x", "x"], categories=["x", "y", "z"], ordered=True)),
    "a day": changed(day=pd.to_datetime(["2020-01-01"] * 3 + ["2020-01-02"])),
    "a number for a word": changed(mixed=pd.Series([1, 1, None, 2.0], dtype=object)),
    "a missing whole number": changed(small=pd.Series([1, 2, 3, 4], dtype="Int64")),
    "the order of rows": TABLE.iloc[[1, 0, 2, 3]].reset_index(drop=True),
    "the index": TABLE.set_axis([0, 1, 2, 4]),
    "the index's name": TABLE.rename_axis("row"),
    "a column's name": TABLE.rename(columns={"score": "scores"}),
    "the order of columns": TABLE[[*TABLE.columns[1:], "img"]],
    "a column more": changed(more=1),
    "a row less": TABLE.iloc[:3],
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_table_with_one_thing_changed_has_another_fingerprint(what):
    assert kept.fingerprint(TABLE.copy(deep=True)) == kept.fingerprint(TABLE)
    assert kept.fingerprint(CHANGES[what]) != kept.fingerprint(TABLE)


def network(**changes):
    options = {"stride": 1, "bias": True, "slope": 0.1, "inplace": False} | changes
    torch_generator = torch.Generator().manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=options["stride"], padding=1, bias=options["bias"]),
        nn.LeakyReLU(options["slope"], inplace=options["inplace"]),
        nn.Flatten(),
        nn.Linear(4 * 4 * 4, 4),
        nn.Linear(4, 4),
    )
    with torch.no_grad():
        for p in layers.parameters():
            p.uniform_(-1, 1, generator=torch_generator)
    return layers


def frozen():
    layers = network()
    layers[0].weight.requires_grad_(False)
    return layers


def tied():
    layers = network()
    layers[4].weight = layers[3].weight = nn.Parameter(torch.ones(4, 4))
    return layers


def alike():
    layers = network()
    layers[3].weight, layers[4].weight = nn.Parameter(torch.ones(4, 4)), nn.Parameter(torch.ones(4, 4))
    return layers


@torch.no_grad()
def other_start():
    layers = network()
    layers[3].bias[2] += 1e-6
    return layers


def test_a_network_with_one_thing_changed_has_another_fingerprint():
    others = [network(stride=2), network(bias=False), network(slope=0.2), network(inplace=True), network().eval()]
    others += [frozen(), tied(), alike(), other_start(), network().double(), nn.Sequential(*network(), nn.ReLU())]
    found = [kept.fingerprint(each) for each in [network(), *others]]
    assert len(set(found)) == len(found) and kept.fingerprint(network()) == found[0]


def hooked():
    layers = network()
    layers[0].register_forward_hook(lambda *_: None)
    return layers


def own_forward():
    layers = network()
    layers[1].forward = lambda x: -x
    return layers


def own_layer():
    class ReLU(nn.ReLU):
        def forward(self, x):
            return -x

    return nn.Sequential(*network(), ReLU())


def impostor(table):
    """A function that says it was one of this project's."""


impostor.__module__, impostor.__qualname__ = "utils.mitigation._plain", "plain"


@pytest.mark.parametrize(
    "what",
    [
        lambda x: x, impostor, np.random.default_rng(0), torch.Generator(), {1, 2}, object(), iter([1]), print, np.mean,
        nn.Sequential(nn.Dropout(0.1)), hooked(), own_forward(), own_layer(), torch.zeros(2, dtype=torch.bfloat16),
        functools.partial(plain, loss=lambda *_: 0), {"inside": [lambda: 0]}, np.array([object()]),
        pd.DataFrame({"f": [print]}),
    ],
    ids=lambda what: type(what).__name__,
)  # fmt: skip
def test_what_a_hash_cannot_know_is_computed_every_time(keeping, what):
    with pytest.raises(kept.NoKey):
        kept.fingerprint(what)
    compute = Counting()
    for _ in range(2):
        kept.recall("f", [what], compute)
    assert compute.times == 2 and not keeping() and kept.look("f", [what]) is None


class OwnFrame(pd.DataFrame):
    pass


class OwnArray(np.ndarray):
    pass


class OwnTensor(torch.Tensor):
    pass


def watched():
    layers = network()
    layers[0].weight.register_post_accumulate_grad_hook(lambda weight: None)
    return layers


def endless():
    inside = []
    inside.append(inside)
    return inside


@pytest.mark.parametrize(
    "what",
    [
        lambda: OwnFrame({"a": [1]}), lambda: np.arange(3).view(OwnArray), lambda: torch.ones(2).as_subclass(OwnTensor),
        lambda: np.ma.array([1, 2], mask=[0, 1]), watched, endless,
    ],
    ids=["frame", "array", "tensor", "mask", "watched weight", "endless"],
)  # fmt: skip
def test_what_may_do_something_else_with_the_same_content_has_no_key(what):
    with pytest.raises(kept.NoKey):
        kept.fingerprint(what())


def test_layers_that_were_given_another_forward_have_no_key(monkeypatch):
    monkeypatch.setattr(nn.LeakyReLU, "forward", lambda self, x: -x)
    with pytest.raises(kept.NoKey):
        kept.fingerprint(network())
    monkeypatch.undo()
    hook = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        with pytest.raises(kept.NoKey):
            kept.fingerprint(network())
    finally:
        hook.remove()


def one_memory():
    layers = network()
    layers[4].weight = nn.Parameter(layers[3].weight.data[:4, :4])
    layers[3].weight = nn.Parameter(layers[3].weight.data)
    return layers


def two_memories():
    layers = one_memory()
    layers[4].weight = nn.Parameter(layers[4].weight.detach().clone(memory_format=torch.preserve_format))
    layers[4].weight.data = torch.zeros(4, 64)[:, :4].copy_(layers[4].weight.data)
    return layers


PAIRS = {  # alike at a glance: the numbers are the same, and a computation can tell them apart
    "order": (np.ones((2, 3)), np.asfortranarray(np.ones((2, 3)))),
    "strides": (np.ones(6)[::2], np.ones(3)),
    "backwards": (np.ones(3)[::-1], np.ones(3)),
    "columns of a block": (pd.DataFrame(np.ones((4, 3)), copy=False), pd.DataFrame(np.asfortranarray(np.ones((4, 3))))),
    "channels last": (torch.ones(2, 3, 4, 4), torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last)),
    "a parameter": (torch.ones(2), nn.Parameter(torch.ones(2), requires_grad=False)),
    "one memory": (one_memory(), two_memories()),
    "bytes": (b"a", np.bytes_(b"a")),
    "index": (pd.RangeIndex(3), pd.Index([0, 1, 2])),
    "frequency": (pd.date_range("2020", periods=3), pd.DatetimeIndex(list(pd.date_range("2020", periods=3)))),
    "unused levels": (
        pd.MultiIndex.from_product([["a", "b"], [1]])[:1],
        pd.MultiIndex.from_product([["a", "b"], [1]])[:1].remove_unused_levels(),
    ),
    "flags": (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)),
    "what is missing": (np.array(["a", None], object), np.array(["a", np.nan], object)),
    "where it is missing": (pd.Series([1, pd.NA, 0], dtype="Int64"), pd.Series([1, 0, pd.NA], dtype="Int64")),
    "words": (np.array(["a", "b", "a"], object), np.array(["a", "b", "b"], object)),
}


@pytest.mark.parametrize("what", PAIRS)
def test_two_that_a_computation_can_tell_apart_have_two_fingerprints(what):
    assert kept.fingerprint(PAIRS[what][0]) != kept.fingerprint(PAIRS[what][1])


def test_a_table_of_words_with_gaps_has_its_fingerprint_soon():
    table = pd.DataFrame({kind: pd.Series(["a", None] * 50_000, dtype=kind) for kind in ("str", "object")})
    table["number"] = pd.Series([1, pd.NA] * 50_000, dtype="Int64")
    start = time.process_time()
    kept.fingerprint(table)
    assert time.process_time() - start < 0.5  # one by one they take two seconds and more


def test_a_function_of_utils_whose_code_is_not_hashed_has_no_key(monkeypatch):
    own = type(kept)("utils.own_models")
    exec("def net(generator, outputs):\n    return 1\n", vars(own))
    monkeypatch.setitem(sys.modules, "utils.own_models", own)
    with pytest.raises(kept.NoKey):
        kept.fingerprint(own.net)


def test_functions_classes_and_dataclasses_of_the_project_have_keys():
    every = [*METHODS.values(), scene_convnet, Specification, Specification(), Specification(size=1.1), Backbone]
    assert len({kept.fingerprint(each) for each in every}) == len(every)


SURROUNDINGS = {
    "a library": lambda m: m.setattr(loaded, "installed", lambda names: dict.fromkeys(names, None) | {"fairret": "0"}),
    "its build": lambda m: m.setattr(loaded, "build", lambda name: "from another hand"),
    "a library that is gone": lambda m: m.setattr(keys, "LIBRARIES", keys.LIBRARIES[1:]),
    "the processor": lambda m: m.setattr(keys, "_processor", lambda: ["another"]),
    "the code": lambda m: m.setattr(keys, "_code", lambda places: "another"),
    "threads": lambda m: m.setenv("OMP_NUM_THREADS", "7"),
    "instructions": lambda m: m.setenv("OPENBLAS_CORETYPE", "Haswell"),
    "torch's instructions": lambda m: m.setenv("ATEN_CPU_CAPABILITY", "default"),
    "processors that may be used": lambda m: m.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False),
}


@pytest.mark.parametrize("what", SURROUNDINGS)
def test_other_surroundings_mean_another_key(what, monkeypatch):
    monkeypatch.setattr(loaded, "upgraded", lambda versions: None)
    before = keys.key_of("f", 1)
    keys._installed.cache_clear()
    assert keys.key_of("f", 1) == before
    SURROUNDINGS[what](monkeypatch)
    keys._installed.cache_clear()
    try:
        assert keys.key_of("f", 1) != before
    finally:
        monkeypatch.undo()
        keys._installed.cache_clear()


@pytest.mark.parametrize(
    ("change", "back"),
    [
        (lambda: torch.set_default_dtype(torch.float64), lambda: torch.set_default_dtype(torch.float32)),
        (
            lambda: torch.use_deterministic_algorithms(True, warn_only=True),
            lambda: torch.use_deterministic_algorithms(False),
        ),
        (lambda: torch.set_float32_matmul_precision("medium"), lambda: torch.set_float32_matmul_precision("highest")),
        (lambda: torch.backends.mkldnn.set_flags(False), lambda: torch.backends.mkldnn.set_flags(True)),
        (lambda: torch.set_flush_denormal(True), lambda: torch.set_flush_denormal(False)),
        (lambda: torch.set_autocast_enabled("cpu", True), lambda: torch.set_autocast_enabled("cpu", False)),
        (lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True)),
    ],
    ids=["dtype", "deterministic", "precision", "mkldnn", "denormals", "autocast", "gradients"],
)
def test_other_settings_of_torch_mean_another_key(change, back):
    before = keys.key_of("f", 1)
    change()
    try:
        assert keys.key_of("f", 1) != before
    finally:
        back()
    assert keys.key_of("f", 1) == before


def test_a_changed_line_of_any_file_that_has_a_part_means_another_key(tmp_path, monkeypatch):
    for room in keys.ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.py").write_text("x = 1\n")
    (tmp_path / "kept").mkdir()
    for file in ("kept/a.py", *keys.SHARED):
        (tmp_path / file).write_text("")
    monkeypatch.setattr(loaded, "HERE", str(tmp_path))
    monkeypatch.setattr(loaded, "changed", lambda found: None)
    (tmp_path / "training/.#a.py").symlink_to("nowhere")  # as an editor leaves it for a file that is not saved
    seen = {keys._code()}
    parts = ["kept/a.py", *keys.SHARED, *(f"{room}/a.py" for room in keys.ROOMS)]
    for file in [tmp_path / part for part in parts]:
        file.write_text(file.read_text() + "y = 2\n")
        seen.add(keys._code())
    (tmp_path / "training/b.py").write_text("")
    seen.add(keys._code())
    assert len(seen) == 1 + len(parts) + 1


def test_everything_that_keeps_results_lies_in_the_rooms_whose_code_is_hashed():
    for file in sorted((ROOT / "utils").rglob("*.py")):
        if "kept.recall" in file.read_text(encoding="utf-8"):
            assert file.relative_to(ROOT / "utils").parts[0] in keys.ROOMS


# --- every training, kept and computed ----------------------------------------------------------------------------

SCENES = {part: simulate(n=n, seed=1, side=32, split=part) for part, n in {"train": 300, "validation": 120}.items()}
TRAIN, VALIDATION = (t[t["gender"] != "unknown"].reset_index(drop=True) for t in SCENES.values())
DIGITS = pd.DataFrame(
    {"img": list(np.random.default_rng(0).integers(0, 256, (90, 28, 28, 3), np.uint8)), "label": np.arange(90) % 10}
)
BASE = {"train": TRAIN, "validation": VALIDATION, "groups": "gender", "seed": 3, "epochs": 2, "batch_size": 50}


def state(model):
    return [tensor.clone() for tensor in model.state_dict().values()]


def of_method(method, **changes):
    fitted = method(**BASE | changes)
    return [state(fitted.network), state(fitted.last), fitted.history, fitted.names, fitted.score(VALIDATION)]


def small(table, n=1500):
    return table.iloc[:n].reset_index(drop=True)


@functools.cache
def people():
    table = load_adult().sample(3000, random_state=0)
    return small(table), table.iloc[1500:2200].reset_index(drop=True), table.iloc[2200:].reset_index(drop=True)


def of_compare(**changes):
    options = {"groups": "gender", "methods": ["plain", "grey"], "seeds": [0, 1], "epochs": 1, "progress": False}
    found = compare(TRAIN, VALIDATION, VALIDATION, **options | changes)
    return found.drop(columns="seconds")


def of_tables(**changes):
    options = {"groups": "sex", "features": ["age", "hours_per_week", "education_num"], "grid_size": 5}
    found = compare_tabular(*people(), progress=False, methods=["unmitigated", "reweighing"], **options | changes)
    return found.drop(columns="seconds")


TRAININGS = {
    "train_baseline_models": lambda: [state(m) for m in train_baseline_models(DIGITS, [0, 5], progress=False)],
    "train_picture_models": lambda: [state(m) for m in train_picture_models(TRAIN, [2, 3], progress=False)],
    "fit": lambda: state(fit(scene_convnet(), TRAIN, epochs=2, progress=False)),
    "load_scenes": lambda: load_scenes("strong", {"train": 60, "test": 50}, seed=2),
    "extract_features": lambda: extract_features(np.stack(TRAIN["img"][:6]), side=64, progress=False),
    "compare": of_compare,
    "compare_tabular": of_tables,
} | {f"method {name}": functools.partial(of_method, method) for name, method in METHODS.items()}


@pytest.mark.parametrize("what", TRAININGS)
def test_the_same_numbers_whether_kept_or_computed(what, keeping, monkeypatch):
    monkeypatch.setenv("DATALAB_KEEP", "off")
    computed = kept.fingerprint(TRAININGS[what]())
    monkeypatch.setenv("DATALAB_KEEP", "on")
    first = kept.fingerprint(TRAININGS[what]())
    entries, before = len(keeping()), kept.recalled()
    assert entries, "nothing was kept"
    again = kept.fingerprint(TRAININGS[what]())
    assert computed == first == again
    assert kept.recalled() > before and len(keeping()) == entries


def other_table(what):
    return {
        "a pixel": one_pixel(TRAIN),
        "a label": TRAIN.assign(label=[1 - TRAIN["label"][0], *TRAIN["label"][1:]]),
        "a group": TRAIN.assign(gender=[*TRAIN["gender"][1:], TRAIN["gender"][0]]),
        "the order": TRAIN.iloc[::-1].reset_index(drop=True),
    }[what]


METHOD_CHANGES = {
    **{f"training: {what}": {"train": other_table(what)} for what in ("a pixel", "a label", "a group", "the order")},
    "validation: a pixel": {"validation": one_pixel(VALIDATION)},
    "groups": {"groups": ["gender", "age"]},
    "seed": {"seed": 4},
    "epochs": {"epochs": 3},
    "batch_size": {"batch_size": 40},
    "learning_rate": {"learning_rate": 0.004},
    "weight_decay": {"weight_decay": 0.1},
    "shift": {"shift": 1},
    "choose": {"choose": "last"},
}
OWN = {
    "adversarial": {"strength": 0.2, "conditional": True, "hidden": 32, "balanced_batches": False},
    "fairness penalty": {"criterion": "demographic parity", "strength": 0.2},
    "grey": {"weights": (0.2, 0.2, 0.6)},
    "group DRO": {"step": 0.02, "balanced_batches": False},
    "Just Train Twice": {"first_epochs": 1, "up_weight": 5.0},
    "Learning from Failure": {"q": 0.5, "memory": 0.5},
    "loss weights": {"power": 0.5},
    "silhouette": {"darkest": 30},
}


def own_settings(method) -> set[str]:
    """The settings of a method that are no settings of all."""
    function = method.function.func if isinstance(method.function, functools.partial) else method.function
    common = {"train", "validation", "groups", "seed", "training", "model", "epochs", "batch_size", "choose", "base"}
    return set(inspect.signature(function).parameters) - common


def test_every_setting_of_a_method_that_trains_is_changed_below():
    for name, method in METHODS.items():
        if name.split(",")[0] in OWN or "base" in method.needs:
            continue
        assert not own_settings(method), f"{name} has settings of its own: add them to OWN"
    for name, changes in OWN.items():
        assert own_settings(METHODS[name]) == set(changes), name


def test_a_table_in_reverse_order_can_be_trained_on():
    backwards = TRAIN.iloc[::-1]
    assert len(plain(**BASE | {"train": backwards}).history) == 2
    fit(scene_convnet(), backwards, epochs=1, progress=False)
    train_baseline_models(DIGITS.iloc[::-1], [0], progress=False)


@pytest.fixture(scope="module")
def trained_keys():
    """For each method that trains: what it looks for, without training anything."""
    seen = []

    def note(name, inputs, compute, shown=None):
        seen.append(keys.key_of(name, inputs))
        raise StopIteration

    def looked_for(method, **changes):
        seen.clear()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(kept, "recall", note)
            with pytest.raises(StopIteration):
                method(**BASE | changes)
        return seen[0]

    return looked_for


@pytest.mark.parametrize("name", METHODS)
def test_a_method_called_with_one_thing_changed_looks_for_another_result(name, trained_keys):
    method = METHODS[name]
    found = {"as it is": trained_keys(method)}
    assert found["as it is"] == trained_keys(method, progress=True)
    for what, change in METHOD_CHANGES.items():
        found[what] = trained_keys(method, **change)
    for setting, value in OWN.get(name, {}).items():
        found[setting] = trained_keys(method, **{setting: value})
    assert len(set(found.values())) == len(found)


def test_different_methods_look_for_different_results(trained_keys):
    found = {}
    for name, method in METHODS.items():
        if "base" not in method.needs:  # those after training share the plain model
            found[name] = trained_keys(method)
    assert len(set(found.values())) == len(found)
    assert trained_keys(METHODS["group thresholds"]) == found["plain"]


COMPARE_CHANGES = {
    "counterfactual": {"counterfactual": VALIDATION.iloc[::-1]},
    "probe": {"probe": False},
    "probed rows": {"probe": np.arange(50)},
    "training": {"epochs": 2},
    "of one method": {"settings": {"plain": {"shift": 1}, "grey": {"shift": 1}}},
    "seeds": {"seeds": [2]},
    "groups": {"groups": "age"},
    "other methods": {"methods": ["resampling"]},
}


@pytest.mark.parametrize("what", COMPARE_CHANGES)
def test_a_comparison_with_one_thing_changed_is_computed(what, keeping):
    of_compare()
    before = [file.name for file in keeping() if store.header_of(file.read_bytes()).what == "compare"]
    of_compare(**COMPARE_CHANGES[what])
    after = [file.name for file in keeping() if store.header_of(file.read_bytes()).what == "compare"]
    more = {"other methods": 2, "seeds": 2}.get(what, 4)
    assert set(before) < set(after) and len(after) == len(before) + more


PATCHES = {  # what somebody puts in place of something of ours, in a notebook
    "a setting": lambda m: m.setattr(baseline_module, "EPOCHS", 1),
    "a setting that no table names": lambda m: m.setattr(tabular_models, "RARE_CATEGORY", 5),
    "a number in a tensor": lambda m: m.setattr(random_hue_module, "TURN", random_hue_module.TURN + 0.1),
    "a function": lambda m: m.setattr(baseline_module, "_train_baselines", baseline_module._train_stack),
    "a function with the name of ours": lambda m: m.setattr(
        tabular_models, "small_tree", functools.wraps(tabular_models.small_tree)(lambda seed: None)
    ),
    "a default": lambda m: m.setattr(tabular_models.split_rows, "__defaults__", ((0.5, 0.5), 0)),
    "a default by name": lambda m: m.setitem(plain.__wrapped__.__kwdefaults__, "seed", 5),
    "the code of a function": lambda m: m.setattr(
        tabular_models.small_tree, "__code__", (lambda seed=1: seed).__code__
    ),
    "a method": lambda m: m.setattr(Fitted, "score", lambda self, table: 0),
    "an entry": lambda m: m.setitem(METHODS, "plain", METHODS["grey"]),
    "a field of an entry": lambda m: m.setitem(vars(METHODS["plain"]), "function", grey),
    "a setting of an entry": lambda m: m.setitem(METHODS["adversarial"].function.keywords, "conditional", True),
}


@pytest.mark.parametrize("what", PATCHES)
@pytest.mark.parametrize("looked_before", [True, False])
def test_where_the_code_in_memory_is_not_that_of_the_files_nothing_is_kept_or_found(
    what, looked_before, keeping, monkeypatch
):
    compute = Counting()
    kept.recall("f", 1, compute)
    if not looked_before:
        monkeypatch.setattr(loaded, "_seen", {})
    with monkeypatch.context() as patched:
        PATCHES[what](patched)
        assert kept.look("f", 1) is None
        kept.recall("f", 1, compute)
    assert compute.times == 2 and len(keeping()) == 1
    kept.recall("f", 1, compute)
    assert compute.times == 2


def test_a_file_that_was_edited_after_it_was_loaded_means_nothing_is_kept(keeping, tmp_path, monkeypatch):
    before = keys._code()
    shutil.copytree(ROOT / "utils", tmp_path / "utils")
    says = (
        "import sys; sys.path.insert(0, '.')\n"
        "from pathlib import Path\n"
        "from utils import kept\n"
        "from utils.training import _tabular as tabular\n"
        "kept.recall('f', 1, lambda: {'x': 1})\n"
        "file = Path('utils/training/_tabular.py')\n"
        "file.write_text(file.read_text().replace('max_depth=11', 'max_depth=12'))\n"
        "print(kept.recall('f', 1, lambda: {'x': 2}))\n"
        "import importlib; importlib.reload(tabular)\n"
        "print(kept.recall('f', 1, lambda: {'x': 3}), kept.recall('f', 1, lambda: {'x': 4}))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", says],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert said.stdout == "{'x': 2}\n{'x': 3} {'x': 3}\n", said.stderr
    assert len(keeping()) == 2 and keys._code() == before


def test_a_library_that_is_upgraded_under_a_running_notebook_means_nothing_is_kept(keeping, monkeypatch):
    monkeypatch.setattr(loaded, "installed", lambda names: {"scikit-learn": "999.0"})
    keys._installed.cache_clear()
    compute = Counting()
    try:
        for _ in range(2):
            kept.recall("f", 1, compute)
    finally:
        keys._installed.cache_clear()
    assert compute.times == 2 and not keeping()


def test_a_function_of_your_own_is_called_every_time(keeping):
    calls = []

    def mine(train, validation, **more):
        calls.append(1)
        return plain(train, validation, **more)

    for _ in range(2):
        compare(
            TRAIN, VALIDATION, VALIDATION, groups="gender", methods={"mine": mine}, seeds=[0], epochs=1, progress=False
        )
    assert len(calls) == 2

    def half(network, x, rows):
        return network(x).pow(2).mean()

    first = plain(**BASE).score(VALIDATION)
    assert not np.array_equal(plain(**BASE, loss=half).score(VALIDATION), first)
    assert not np.array_equal(plain(**BASE, model=lambda g, n: scene_convnet(g, n)).score(VALIDATION) + 1, first)


def test_a_copy_of_a_method_in_a_notebook_is_trained_every_time(keeping):
    """With the decorator and all: its name and settings are the same while its lines change."""

    @keeps
    def mine(train, validation, *, groups, seed=0, **training):
        return plain.__wrapped__(train, validation, groups=groups, seed=seed, **training)

    mine(**BASE)
    assert not keeping()


def test_a_gradient_of_before_is_gone_whether_kept_or_computed(keeping):
    for _ in range(2):
        model = scene_convnet()
        model[0].weight.grad = torch.ones_like(model[0].weight)
        assert fit(model, TRAIN, epochs=1, progress=False)[0].weight.grad is None


def test_seconds_of_a_kept_comparison_are_those_of_the_training(keeping):
    options = {"groups": "gender", "seeds": [0], "epochs": 2, "progress": False}
    first = compare(TRAIN, VALIDATION, VALIDATION, methods=["plain"], **options)
    later = compare(TRAIN, VALIDATION, VALIDATION, methods=["plain", "group thresholds"], **options)
    assert later["seconds"][0] == first["seconds"][0]
    assert later["seconds"][1] >= 0.9 * first["seconds"][0]  # with the training of the plain model, which was kept


def test_the_bar_says_that_a_result_was_kept_and_how_to_compute_it(keeping, capsys):
    for training in (
        lambda: train_baseline_models(DIGITS, [0]),
        lambda: train_picture_models(TRAIN, [0]),
        lambda: train_picture_models(TRAIN, [0, 1]),
        lambda: plain(**BASE, progress=True),
        lambda: of_compare(methods=["plain"], seeds=[0], progress=True),
    ):
        training()
        capsys.readouterr()
        training()
        assert "kept from before (%env DATALAB_KEEP=off computes anew)" in capsys.readouterr().err
    train_baseline_models(DIGITS, [0], progress=False)
    assert capsys.readouterr().err == ""


# --- files --------------------------------------------------------------------------------------------------------


def damaged(path: Path, how: str):
    content = bytearray(path.read_bytes())
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "a byte of the numbers":
        content[-3] ^= 1
        path.write_bytes(content)
    elif how == "a byte of the head":
        content[content.index(b"seconds") + 11] ^= 1
        path.write_bytes(content)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("not what it was")
    elif how == "another safetensors file":
        from safetensors.numpy import save_file

        save_file({"x": np.arange(3)}, path)
    elif how == "another entry":
        kept.recall("other", 1, lambda: {"x": np.arange(3)})
        store._path(keys.key_of("other", 1)).replace(path)
    elif how == "deep":
        from safetensors.numpy import save_file

        save_file({"x": np.arange(3)}, path, {"about": "[" * 100_000})
    elif how == "a list":
        from safetensors.numpy import save_file

        save_file({"x": np.arange(3)}, path, {"about": "[]"})
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "a pipe":
        path.unlink()
        os.mkfifo(path)
    elif how == "a broken link":
        path.unlink()
        path.symlink_to("nowhere")
    elif how == "a link":
        path.rename(path.with_name("elsewhere"))
        path.symlink_to("elsewhere")
    elif how == "huge":
        with open(path, "r+b") as file:
            file.truncate(10**13)
    elif how == "a head that says it is huge":
        path.write_bytes((2**63).to_bytes(8, "little") + content)
    elif how in FORGED:  # by somebody who can count the hash
        from safetensors.numpy import load, save_file

        header = dataclasses.replace(store.header_of(content), **FORGED[how])
        arrays = load(bytes(content))
        header = dataclasses.replace(header, check=store.check_of(header, arrays))
        save_file(arrays, path, {"about": json.dumps(vars(header))})


FORGED = {
    "seconds in words": {"seconds": "long"},
    "no seconds": {"seconds": float("nan")},
    "a name too many": {"names": ["x", "y"]},
    "no kind": {"kinds": {}},
    "another kind": {"kinds": {"x": "O"}},
    "no names": {"names": 3},
    "a list of functions": {"what": ["f"]},
    "signs for the screen": {"what": "\x1b[2J"},
}


@pytest.mark.parametrize(
    "how",
    ["cut", "a byte of the numbers", "a byte of the head", "empty", "text", "another safetensors file",
     "another entry", "deep", "a list", "a folder", "a pipe", "a broken link", "a link", "huge",
     "a head that says it is huge", *FORGED],
)  # fmt: skip
def test_a_damaged_or_foreign_file_is_computed_again(keeping, how):
    compute = Counting()
    kept.recall("f", 1, compute)
    path = store._path(keys.key_of("f", 1))
    damaged(path, how)
    assert kept.look("f", 1) is None
    np.testing.assert_array_equal(kept.recall("f", 1, compute)["x"], np.arange(3))
    assert compute.times == 2
    kept.entries()
    if how != "a folder":  # which nothing is put in the place of
        kept.recall("f", 1, compute)
        assert compute.times == 2


@pytest.mark.parametrize("byte", range(0, 400, 7))
def test_whichever_byte_is_another_one_the_numbers_are_right(keeping, byte):
    kept.recall("f", 1, Counting())
    path = store._path(keys.key_of("f", 1))
    content = bytearray(path.read_bytes())
    content[byte * len(content) // 400] ^= 0x10
    path.write_bytes(content)
    np.testing.assert_array_equal(kept.recall("f", 1, Counting())["x"], np.arange(3))


def full(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("function", ["write_bytes", "mkdir"])
def test_a_full_disk_or_a_folder_that_cannot_be_made_means_computing(keeping, function, monkeypatch, recwarn, capsys):
    if function == "mkdir":
        kept.cache_folder().write_text("a file where the folder would be")
    else:
        monkeypatch.setattr(Path, "write_bytes", full)
    compute = Counting()
    kept.recall("f", 1, compute)
    kept.recall("f", 1, compute)
    assert compute.times == 2 and not keeping()
    assert not recwarn.list and capsys.readouterr() == ("", "")


def test_a_read_only_folder_means_reading_and_computing(keeping, monkeypatch):
    """As another user where this is root, for whom a folder's rights mean nothing."""
    with tempfile.TemporaryDirectory() as base:
        os.chmod(base, 0o755)
        monkeypatch.setenv("DATALAB_CACHE", base)
        kept.recall("f", 1, lambda: {"x": 1})
        os.chmod(kept.folder(), 0o555)
        code = (
            "import os, filelock, safetensors.numpy\n"
            "from utils import kept\n"
            "kept.look('f', 1)  # whatever is imported on the way, while it can be\n"
            "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
            "print(kept.recall('f', 1, lambda: {'x': 0}), kept.recall('f', 2, lambda: {'x': 2}))\n"
        )
        done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("{'x': 1} {'x': 2}\n", "")
        assert len(list(kept.folder().iterdir())) == 1
        os.chmod(kept.folder(), 0o755)


def test_what_was_used_longest_ago_goes_first(keeping, monkeypatch):
    monkeypatch.setenv("DATALAB_KEEP_MB", "0.05")
    for i in range(4):
        kept.recall("f", i, lambda: {"x": np.zeros(1500)})  # 12 kB each, so four fit
        os.utime(store._path(keys.key_of("f", i)), (1000 + i, 1000 + i))
    assert kept.look("f", 0) is not None  # used again
    begun = kept.folder() / f".{40 * '0'}.safetensors.{32 * '0'}.partial"
    begun.write_bytes(b"")
    os.utime(begun, (1000, 1000))
    kept.recall("f", 4, lambda: {"x": np.zeros(1500)})
    assert [kept.look("f", i) is not None for i in range(5)] == [True, False, True, True, True]
    assert not begun.exists()
    kept.recall("f", 5, lambda: {"x": np.zeros(10_000)})  # larger than all of it may be
    assert kept.look("f", 5) is None and len(keeping()) == 4


def test_what_is_not_its_own_is_left_alone(keeping, monkeypatch):
    """Where the folder is one that somebody else uses too."""
    kept.folder().mkdir(parents=True)
    others = ["thesis.docx", "model.safetensors", "begun.partial", "my.lock", f"{39 * 'a'}.safetensors"]
    for name in others:
        (kept.folder() / name).write_bytes(bytes(50_000))
        os.utime(kept.folder() / name, (1000, 1000))
    aim = kept.cache_folder() / "aim"
    aim.write_text("not in the folder")
    os.utime(aim, (1000, 1000))
    own = [f"{40 * 'a'}.safetensors", f".{40 * 'b'}.safetensors.{32 * '1'}.partial", f"{40 * 'c'}.lock"]
    for name in own:
        (kept.folder() / name).symlink_to(aim)
    monkeypatch.setenv("DATALAB_KEEP_MB", "0.05")
    for i in range(6):
        kept.recall("f", i, lambda: {"x": np.zeros(1500)})
    assert len(kept.entries()) == 4
    assert kept.clear() == 4
    assert {path.name for path in kept.folder().iterdir() if not path.is_symlink()} == set(others)
    assert aim.read_text() == "not in the folder" and aim.stat().st_mtime == 1000


@pytest.mark.parametrize("said", ["1 GB", "nan", "-1"])
def test_a_size_that_is_none_is_said_before_anything_is_computed(keeping, monkeypatch, said):
    monkeypatch.setenv("DATALAB_KEEP_MB", said)
    compute = Counting()
    with pytest.raises(ValueError, match="DATALAB_KEEP_MB is '.*'; it must be a number of megabytes"):
        kept.recall("f", 1, compute)
    assert compute.times == 0


def test_where_memory_does_not_suffice_to_write_it_the_result_is_there(keeping, monkeypatch):
    import safetensors.numpy

    def fails(*_):
        raise MemoryError

    monkeypatch.setattr(safetensors.numpy, "save", fails)
    assert kept.recall("f", 1, lambda: {"x": 1}) == {"x": 1} and not keeping()


def test_the_command_lists_and_clears(keeping):
    from utils.commands import app

    kept.recall("train", 1, lambda: {"x": np.zeros(1000)})
    kept.recall("train", 2, lambda: {"x": np.zeros(1000)})
    kept.recall("draw", 1, lambda: {"x": np.zeros(1000)})
    downloaded = kept.cache_folder() / "open_images/a.jpg"
    downloaded.parent.mkdir()
    downloaded.write_text("a picture")
    said = CliRunner().invoke(app, ["data", "kept"]).stdout
    assert "3 results, 0.0 MB" in said and "train                          2 results" in said
    assert "Removed 3 results" in CliRunner().invoke(app, ["data", "kept", "--clear"]).stdout
    assert not list(kept.folder().iterdir()) and downloaded.exists()
    assert "0 results" in CliRunner().invoke(app, ["data", "kept"]).stdout


def test_the_folder_lies_in_the_data_folder_and_git_does_not_see_it(monkeypatch):
    monkeypatch.delenv("DATALAB_CACHE", raising=False)
    assert kept.folder() == ROOT / "datasets/.cache/kept"
    assert "/datasets/.cache/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


# --- several at once ----------------------------------------------------------------------------------------------


def slowly(started, log, seconds):
    """Compute in another process, and note that it did."""

    def compute():
        with open(log, "a") as file:
            file.write(f"{os.getpid()}\n")
        started.set()
        time.sleep(seconds)
        return {"x": 1}

    kept.recall("f", 1, compute)


def test_two_processes_compute_it_once(keeping, tmp_path):
    fork = multiprocessing.get_context("fork")
    started = fork.Event()
    both = [fork.Process(target=slowly, args=(started, tmp_path / "log", 1)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(20)
    assert [process.exitcode for process in both] == [0, 0]
    assert len((tmp_path / "log").read_text().splitlines()) == 1 and len(keeping()) == 1


def test_if_the_first_dies_the_second_computes(keeping, tmp_path):
    fork = multiprocessing.get_context("fork")
    started, again = fork.Event(), fork.Event()
    first = fork.Process(target=slowly, args=(started, tmp_path / "log", 60))
    first.start()
    assert started.wait(20)
    second = fork.Process(target=slowly, args=(again, tmp_path / "log", 0))
    second.start()
    time.sleep(0.3)
    assert not again.is_set()  # it waits
    os.kill(first.pid, signal.SIGKILL)
    second.join(20)
    first.join(5)
    assert second.exitcode == 0 and len((tmp_path / "log").read_text().splitlines()) == 2 and len(keeping()) == 1
    assert not list(kept.folder().glob("*.lock"))


def test_two_threads_compute_it_once(keeping):
    compute = Counting()
    slow = Counting()

    def work():
        def both():
            time.sleep(0.3)
            slow()
            return compute()

        kept.recall("f", 1, both)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert compute.times == 1


def test_who_waits_too_long_computes(keeping, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(store, "WAIT", 0.2)
    kept.folder().mkdir(parents=True)
    compute = Counting()
    with FileLock(kept.folder() / f"{keys.key_of('f', 1)[:40]}.lock"):
        kept.recall("f", 1, compute)
    assert compute.times == 1 and len(keeping()) == 1


def test_nothing_is_unpickled_from_it(keeping):
    """A file that would run code when unpickled is just a foreign file, and no module of these knows a pickle."""
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "utils/kept").glob("*.py"))
    assert "def read(" in text
    assert not any(word in text for word in ("import pickle", "torch.load", "allow_pickle=True", "joblib", "eval("))
    import pickle

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(kept.cache_folder() / "boom"),))

    kept.recall("f", 1, Counting())
    store._path(keys.key_of("f", 1)).write_bytes(pickle.dumps(Bomb()))
    kept.recall("f", 1, Counting())
    kept.entries()
    assert not (kept.cache_folder() / "boom").exists()
    assert dataclasses.is_dataclass(Specification) and json.loads("{}") == {}


def test_the_home_folder_may_be_written_as_in_a_shell(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATALAB_CACHE", "~/cache")
    assert kept.cache_folder() == tmp_path / "cache"


def test_what_a_front_door_has_loaded_is_no_changed_code():
    for room in keys.ROOMS:
        door = importlib.import_module(f"utils.{room}")
        for name in getattr(door, "__all__", ()):
            getattr(door, name)
    assert loaded.changed(loaded.files(*keys.ROOMS, *keys.SHARED)) is None
