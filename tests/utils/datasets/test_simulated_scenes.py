"""Simulated scenes: the biases asked for are there and no others, and the mirror has Open Images' own form."""

import ast
import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

from utils import kept
from utils.datasets import _scene_mirror as scene_mirror
from utils.datasets import _scene_plan as scene_plan
from utils.datasets import _scene_table as scene_table
from utils.datasets import _simulated_scenes as scenes
from utils.datasets._registry import DataError, data_problems, registry
from utils.datasets._scene_drawing import PLACES, draw, figure_boxes, thing_boxes
from utils.datasets._scene_plan import cramers_v
from utils.datasets._scene_specification import ACTIVITIES, PRESETS, SPLITS, SWITCHES, Specification
from utils.datasets._simulated_scenes import simulate
from utils.kept._keys import key_of

ROOT = Path(__file__).resolve().parents[3]
LOUD = Specification(
    quality_gap=-0.3,
    size_gap=-0.3,
    occlusion=0.3,
    occlusion_gap=0.4,
    label_noise=0.15,
    label_noise_gap=0.2,
    unknown=0.25,
    unknown_gap=0.3,
)
SIDE = 16  # these tests look at tables more than at pictures


def pictures(table):
    return np.stack(table["img"].to_numpy())


def same(a, b, but=()):
    """Whether two tables are equal in every column except for some."""
    names = [c for c in a if c not in ("img", "boxes", *but)]
    equal = a[names].equals(b[names])
    if "img" not in but:
        equal = equal and np.array_equal(pictures(a), pictures(b))
    if "boxes" not in but:
        equal = equal and np.array_equal(np.stack(a["boxes"]), np.stack(b["boxes"]), equal_nan=True)
    return equal


@pytest.fixture(scope="module")
def loud():
    return simulate(LOUD, 4000, seed=5, side=SIDE)


# The table


def test_a_table_has_the_columns_and_values_that_it_says():
    table = simulate("strong", 300, seed=1, side=32)
    assert list(table) == scene_table.ORDER
    assert table["image_id"].str.fullmatch("[0-9a-f]{16}").all() and table["image_id"].is_unique
    assert set(table["gender"]) == {"feminine", "masculine", "unknown"}
    assert set(table["age"]) == {"young", "middle", "older", "unknown"}
    assert (table["activity"] == np.array(PRESETS["strong"].activities)[table["label"]]).all()
    assert set(table["people"]) == {1, 2, 3, 4} and set(table["occluded"]) == {0, 1}
    assert set(table["place"]) == set(PLACES)
    assert ((table["x_min"] >= 0) & (table["x_min"] < table["x_max"]) & (table["x_max"] <= 1)).all()
    assert ((table["y_min"] >= 0) & (table["y_min"] < table["y_max"]) & (table["y_max"] <= 1)).all()
    area = (table["x_max"] - table["x_min"]) * (table["y_max"] - table["y_min"])
    np.testing.assert_allclose(table["box_area"], area)
    assert (table["author"] == "simulated").all()
    boxes = np.stack(table["boxes"])
    assert (np.isfinite(boxes[:, :, 0]).sum(1) == table["people"]).all()
    assert not table.isna().any().any()


def test_images_are_views_into_one_array():
    table = simulate(n=200, side=32)
    first = table["img"].iloc[0]
    assert first.shape == (32, 32, 3) and first.dtype == np.uint8
    assert all(image.base is first.base for image in table["img"])


def test_the_same_seed_gives_the_same_scenes_and_another_gives_others():
    first = simulate(n=300, seed=3)
    state = np.random.get_state()[1].copy()  # noqa: NPY002, the global one is to stay as it is
    assert same(first, simulate(n=300, seed=3))
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert same(simulate(n=200, seed=np.random.default_rng(3)), simulate(n=200, seed=np.random.default_rng(3)))
    assert not set(first["image_id"]) & set(simulate(n=300, seed=4)["image_id"])
    assert not set(first["image_id"]) & set(simulate(n=300, seed=3, split="test")["image_id"])


def test_another_side_length_shows_the_same_scenes():
    small, large = simulate(n=100, seed=2, side=32), simulate(n=100, seed=2, side=96)
    assert same(small, large, but=["img"])
    shrunk = pictures(large).reshape(100, 32, 3, 32, 3, 3).mean((2, 4))
    assert np.abs(shrunk - pictures(small)).mean() < 15  # of 255: grain and edges


# What was asked for


@pytest.mark.parametrize("n", [200, 1001, 5000])
@pytest.mark.parametrize("v", [0.0, 0.31, 0.84, 1.0])
@pytest.mark.parametrize("activities", [2, 3, 5])
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_cramers_v_is_reached(n, v, activities, share):
    spec = Specification(tuple(ACTIVITIES)[:activities], feminine_share=share, co_occurrence=v)
    recorded, _ = scene_plan.plan_scenes(spec, n, 0, "train")
    counts = np.zeros((2, activities), int)
    np.add.at(counts, (recorded.cue, recorded.activity), 1)
    assert abs(cramers_v(counts) - v) <= 0.02
    assert counts.sum() == n and abs(counts[0].sum() - share * n) <= 0.5


def test_cramers_v_is_scipys():
    counts = np.random.default_rng(0).integers(1, 50, (20, 3, 4))
    expected = [stats.contingency.association(table, method="cramer") for table in counts]
    np.testing.assert_allclose(cramers_v(counts), expected)


@pytest.mark.parametrize("v", [0.0, 0.5, 0.84, 1.0])
def test_the_place_leaks_the_attribute_and_nothing_about_the_activity(v):
    table = simulate(Specification(proxy=v), 3000, side=SIDE)
    assert abs(cramers_v(pd.crosstab(table["true_gender_cue"], table["place"])) - v) <= 0.02
    for _, part in table.groupby("true_gender_cue"):
        assert cramers_v(pd.crosstab(part["true_activity"], part["place"])) < 0.02


def test_rates_are_those_of_the_groups(loud):
    feminine = loud["true_gender_cue"] == "feminine"
    assert feminine.mean() == pytest.approx(0.37)
    for column, name in [
        (loud["gender"] == "unknown", "unknown"),
        (loud["label_noise"], "label_noise"),
        (loud["occluded"] == 1, "occlusion"),
    ]:
        for of_group, rate in zip([feminine, ~feminine], LOUD.by_group(name), strict=True):
            hits = int(column[of_group].sum())
            assert stats.binomtest(hits, int(of_group.sum()), rate).pvalue > 0.001, name
    quality = loud.groupby(feminine)["quality"].mean()
    assert quality[True] - quality[False] == pytest.approx(-0.3, abs=0.02)
    height = (loud["y_max"] - loud["y_min"]).groupby(feminine).mean()
    assert height[True] / height[False] == pytest.approx(0.85 / 1.15, abs=0.02)


def test_wrong_labels_are_wrong_and_the_others_are_right(loud):
    assert (loud["label_noise"] == (loud["activity"] != loud["true_activity"])).all()
    known = loud[loud["gender"] != "unknown"]
    assert (known["gender"] == known["true_gender_cue"]).all()


def test_the_main_figure_has_the_largest_box():
    for preset in PRESETS:
        boxes = np.stack(simulate(preset, 1000, side=SIDE)["boxes"])
        area = (boxes[..., 1] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 2])
        assert (np.nanargmax(area, axis=1) == 0).mean() > 0.995


# One switch, one effect

PIXELS = ["img"]
BOX = ["boxes", "box_area", "x_min", "x_max", "y_min", "y_max"]
MAY_CHANGE = {  # what a switch may change in a table with the same seed
    "proxy": ["place", "title", *PIXELS],
    "quality": ["quality", *PIXELS],
    "size": [*BOX, *PIXELS],
    "occlusion": ["occluded", *PIXELS],
    "label_noise": ["label", "activity", "label_noise", "title"],
    "unknown": ["gender", "age"],
}


@pytest.mark.parametrize("switch", MAY_CHANGE)
def test_a_switch_changes_its_own_thing_only(loud, switch):
    off = simulate(LOUD.without(switch), 4000, seed=5, side=SIDE)
    assert same(loud, off, but=MAY_CHANGE[switch])
    for column in MAY_CHANGE[switch]:
        if column != "y_max":  # of the feet, which stay where they are
            assert not same(loud[[column]], off[[column]], but={"img", "boxes"} - {column}), column


def test_switched_off_the_groups_do_not_differ():
    off = simulate(LOUD.without("quality", "size", "occlusion", "label_noise", "unknown"), 4000, seed=6, side=SIDE)
    feminine = off["true_gender_cue"] == "feminine"
    for column in ("quality", "box_area"):
        assert stats.mannwhitneyu(off[column][feminine], off[column][~feminine]).pvalue > 0.01, column
    assert stats.chi2_contingency(pd.crosstab(feminine, off["occluded"])).pvalue > 0.01
    assert not off["label_noise"].any() and "unknown" not in set(off["gender"])


@pytest.mark.parametrize("switch", ["representation", "co_occurrence"])
def test_a_switch_of_the_shares_leaves_the_other_associations(switch):
    table = simulate(LOUD.without(switch), 4000, seed=5, side=SIDE)
    cue, activity = table["true_gender_cue"], table["true_activity"]
    assert (cue == "feminine").mean() == pytest.approx(0.5 if switch == "representation" else 0.37)
    expected = 0 if switch == "co_occurrence" else LOUD.co_occurrence
    assert cramers_v(pd.crosstab(cue, activity)) == pytest.approx(expected, abs=0.02)
    assert cramers_v(pd.crosstab(cue, table["place"])) == pytest.approx(LOUD.proxy, abs=0.02)
    quality = table.groupby(cue)["quality"].mean()
    assert quality["feminine"] - quality["masculine"] == pytest.approx(-0.3, abs=0.02)


def test_presets_say_what_they_are():
    assert set(PRESETS) == {"default", "no_bias", "no_proxy", "strong"}
    assert PRESETS["no_bias"] == PRESETS["default"].without(*SWITCHES)
    assert PRESETS["no_proxy"].proxy == 0 and PRESETS["no_proxy"].co_occurrence == PRESETS["default"].co_occurrence
    weak, strong = PRESETS["default"], PRESETS["strong"]
    assert strong.co_occurrence > weak.co_occurrence and strong.proxy > weak.proxy
    table = simulate("no_bias", 2000, side=SIDE)
    for column in ("true_activity", "place"):
        assert cramers_v(pd.crosstab(table["true_gender_cue"], table[column])) < 0.02


# Pictures


@pytest.mark.parametrize("side", [32, 96])
def test_counterfactual_pairs_differ_in_the_figures_only(side):
    one, other = scenes.counterfactual_pairs("strong", 100, seed=1, side=side)
    assert same(one, other, but=["img", "image_id", "gender", "true_gender_cue"])
    assert (one["true_gender_cue"] != other["true_gender_cue"]).all()
    assert ((one["gender"] == "unknown") == (other["gender"] == "unknown")).all()
    assert same(one, simulate("strong", 100, seed=1, side=side, split="test"))
    differ = (pictures(one) != pictures(other)).any(-1)
    assert differ.any((1, 2)).all()
    assert not (differ & ~scene_table.pixels_inside(np.stack(one["boxes"]), side, side)).any()
    alone = (one["people"] == 1).to_numpy()
    main = one.loc[alone, ["x_min", "x_max", "y_min", "y_max"]].to_numpy()[:, None]
    assert alone.sum() > 25 and not (differ[alone] & ~scene_table.pixels_inside(main, side, side)).any()


def test_hidden_figures_do_not_show_their_cues():
    table = simulate("strong", 100, side=32)
    recorded, plan = scene_plan.plan_scenes(PRESETS["strong"], 100, 0, "train")
    plan["figures"] = scene_plan.with_cues(1 - recorded.cue, plan["figures"])
    other = table.assign(img=pd.Series(list(draw(plan, 32, recorded.noise_seed)), dtype=object))
    assert not same(table, other) and same(scene_table.hide_figures(table), scene_table.hide_figures(other))
    before = pictures(table)
    hidden = scene_table.hide_figures(table.drop(columns="boxes"))  # as a table of photographs has it
    changed = (pictures(hidden) != before).any(-1)
    assert np.array_equal(pictures(table), before)
    share = changed.mean((1, 2))
    assert np.corrcoef(share, table["box_area"])[0, 1] > 0.98


def test_a_poorer_quality_shows():
    def roughness(table):
        return np.abs(np.diff(pictures(table).astype(int), axis=2)).mean()

    clear, poor = (simulate(Specification(quality=q), 300, side=32) for q in (0.9, 0.4))
    assert roughness(poor) > 1.3 * roughness(clear)


def test_every_thing_place_and_figure_stays_in_its_box():
    """What is painted lies inside of the box that is recorded: compared with the same scenes without it."""
    recorded, plan = scene_plan.plan_scenes(Specification(tuple(ACTIVITIES), occlusion=0.0), 80, 0, "train")
    plan["quality"] = np.ones(80)
    side = 96
    whole = draw(plan, side, 0)
    for group, boxes in [
        ("figures", figure_boxes(plan["figures"])),
        ("things", thing_boxes(plan["things"])),
    ]:
        empty = plan | {group: plan[group] | {"present": np.zeros_like(plan[group]["present"])}}
        differ = (whole != draw(empty, side, 0)).any(-1)
        boxes[~plan[group]["present"]] = np.nan
        assert differ.any() and (differ & ~scene_table.pixels_inside(boxes, side, side)).mean() < 1e-4, group


def test_a_small_network_learns_the_cues_where_they_predict_and_not_where_they_do_not():
    from utils.training._pictures import run_picture_model, train_picture_model

    def gap(spec):
        train, test = (simulate(spec, n, 0, 32, split) for n, split in [(4000, "train"), (3000, "test")])
        test = run_picture_model(train_picture_model(train, progress=False), test)
        right = test["pred1"] == test["label"]
        by_group = right[test["gender"] != "unknown"].groupby([test["gender"], test["label"]]).mean()
        return right.mean() - by_group.min(), right.mean()

    biased, _ = gap(PRESETS["default"])
    balanced, accuracy = gap(PRESETS["default"].without("co_occurrence", "proxy"))
    assert biased > 0.15 and balanced < 0.07 and accuracy > 0.85


# Kept scenes (how results are kept in general: test_kept.py)


SMALL = {"train": 120, "test": 100}


def test_a_kept_table_is_the_drawn_one(keeping):
    fresh = scenes.load_scenes("strong", SMALL, seed=2)
    assert fresh["split"].value_counts().to_dict() == SMALL
    expected = pd.concat([simulate("strong", n, 2, 32, split) for split, n in SMALL.items()], ignore_index=True)
    assert same(fresh, expected) and fresh.dtypes.equals(expected.dtypes)
    assert len(keeping()) == 1
    before = kept.recalled()
    again = scenes.load_scenes("strong", SMALL, seed=2)
    assert kept.recalled() == before + 1  # not drawn again
    assert same(fresh, again) and again.dtypes.equals(fresh.dtypes)
    assert again["img"].iloc[0].base is again["img"].iloc[-1].base


def test_other_arguments_are_drawn_anew(keeping):
    scenes.load_scenes("default", SMALL)
    scenes.load_scenes("no_bias", SMALL)
    scenes.load_scenes("default", SMALL, seed=1)
    scenes.load_scenes("default", SMALL, side=24)
    scenes.load_scenes("default", {"train": 120})
    scenes.load_scenes(PRESETS["default"], SMALL)  # the same as by its name
    assert len(keeping()) == 5


def test_an_edit_of_what_draws_scenes_means_drawing_anew_and_no_other_edit():
    """The files that count are those which `load_scenes` comes to by import: of the mirror it knows nothing."""
    found, left = set(), ["utils.datasets._simulated_scenes"]
    while left:
        file = Path(scenes.__file__).parents[2] / f"{left.pop().replace('.', '/')}.py"
        if file.exists() and file not in found:
            found.add(file)
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    left += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    assert {file.relative_to(Path(scenes.__file__).parents[1]).as_posix() for file in found} == set(scenes.CODE)
    other = [code for code in scenes.CODE if code != "datasets/_scene_plan.py"]
    assert key_of("f", 1, scenes.CODE) == key_of("f", 1, scenes.CODE) != key_of("f", 1, other)


# The mirror


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror") / "open_images"
    return scene_mirror.write_mirror(folder, "strong", {"train": 80, "validation": 30, "test": 30}, seed=4)


BOXES = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
CLICKS = "XClick1X,XClick2X,XClick3X,XClick4X,XClick1Y,XClick2Y,XClick3Y,XClick4Y"
LABELS = "ImageID,Source,LabelName,Confidence"
IMAGES = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,"
    "Thumbnail300KURL,Rotation"
)
MIAP = (
    "ImageID,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepictionOf,IsInsideOf,"
    "GenderPresentation,AgePresentation"
)
PUBLISHED = {
    "v6/oidv6-train-annotations-bbox.csv": f"{BOXES},{CLICKS}",
    "v5/validation-annotations-bbox.csv": BOXES,
    "v5/test-annotations-bbox.csv": BOXES,
    "v6/oidv6-train-annotations-human-imagelabels.csv": LABELS,
    "v5/validation-annotations-human-imagelabels.csv": LABELS,
    "v5/test-annotations-human-imagelabels.csv": LABELS,
    "2018_04/train/train-images-boxable-with-rotation.csv": IMAGES,
    "2018_04/validation/validation-images-with-rotation.csv": IMAGES,
    "2018_04/test/test-images-with-rotation.csv": IMAGES,
    "open_images_extended_miap/open_images_extended_miap_boxes_train.csv": MIAP,
    "open_images_extended_miap/open_images_extended_miap_boxes_val.csv": MIAP,
    "open_images_extended_miap/open_images_extended_miap_boxes_test.csv": MIAP,
    "v7/oidv7-class-descriptions-boxable.csv": "LabelName,DisplayName",
}


def test_a_mirror_has_the_published_files_and_headers(mirror):
    found = {p.relative_to(mirror / "annotations").as_posix() for p in (mirror / "annotations").rglob("*.*")}
    assert found == {*PUBLISHED, "2018_04/bbox_labels_600_hierarchy.json"}
    for name, header in PUBLISHED.items():
        path = mirror / "annotations" / name
        assert path.read_text(encoding="utf-8").splitlines()[0] == header
        assert len(pd.read_csv(path)) > 0


@pytest.mark.parametrize("split, n", [("train", 80), ("validation", 30), ("test", 30)])
def test_the_files_of_a_split_agree(mirror, split, n):
    boxes, labels, images, miap = (pd.read_csv(mirror / "annotations" / f) for f in scene_mirror.FILES[split])
    names = pd.read_csv(mirror / "annotations/v7/oidv7-class-descriptions-boxable.csv")
    ids = set(images["ImageID"])
    assert len(ids) == n == len(images) and (images["Subset"] == split).all()
    assert {p.stem for p in (mirror / "images" / split).iterdir()} == ids
    assert set(boxes["ImageID"]) == set(labels["ImageID"]) == set(miap["ImageID"]) == ids
    assert set(boxes["LabelName"]) | set(labels["LabelName"]) | set(miap["LabelName"]) <= set(names["LabelName"])
    for table in (boxes, miap):
        assert ((0 <= table["XMin"]) & (table["XMin"] < table["XMax"]) & (table["XMax"] <= 1)).all()
        assert ((0 <= table["YMin"]) & (table["YMin"] < table["YMax"]) & (table["YMax"] <= 1)).all()
    assert set(boxes["IsOccluded"]) == {-1, 0, 1} and set(labels["Confidence"]) == {0, 1}
    assert set(miap["GenderPresentation"]) <= set(scene_mirror.GENDER_PRESENTATION)
    assert set(miap["AgePresentation"]) <= {"Young", "Middle", "Older", "Unknown"}

    table = simulate("strong", n, 4, 96, split).set_index("image_id")
    assert set(table.index) == ids and miap["ImageID"].value_counts().to_dict() == table["people"].to_dict()
    main = miap.groupby("ImageID", sort=False).first()
    expected = table["gender"].map({"feminine": "Predominantly Feminine", "masculine": "Predominantly Masculine"})
    assert (main["GenderPresentation"] == expected[main.index].fillna("Unknown")).all()
    assert (main["AgePresentation"].str.lower() == table["age"][main.index]).all()
    np.testing.assert_allclose(main["XMin"], table["x_min"][main.index], atol=1e-6)
    positive = labels[labels["LabelName"].str.startswith("/m/0sim") & (labels["Confidence"] == 1)]
    activity = positive.set_index("ImageID")["LabelName"].map(names.set_index("LabelName")["DisplayName"]).str.lower()
    assert (activity == table["activity"][activity.index]).all()
    assert set(boxes.loc[boxes["LabelName"].str.startswith("/m/0sim"), "ImageID"]) == ids


def test_sizes_and_sums_in_the_image_table_are_those_of_the_files(mirror):
    for split in SPLITS:
        images = pd.read_csv(mirror / "annotations" / scene_mirror.FILES[split][2])
        drawn = simulate("strong", len(images), 4, 96, split)
        for row, image in zip(images.itertuples(), drawn["img"], strict=True):
            content = (mirror / "images" / split / f"{row.ImageID}.jpg").read_bytes()
            assert len(content) == row.OriginalSize
            assert base64.b64decode(row.OriginalMD5) == hashlib.md5(content).digest()
            shown = np.asarray(Image.open(io.BytesIO(content)))
            assert shown.shape == (96, 96, 3) and np.abs(shown.astype(int) - image).mean() < 15


def test_the_hierarchy_has_every_class_once(mirror):
    tree = json.loads((mirror / "annotations/2018_04/bbox_labels_600_hierarchy.json").read_text(encoding="utf-8"))

    def below(node):
        return [node["LabelName"], *(x for k in ("Subcategory", "Part") for c in node.get(k, []) for x in below(c))]

    names = pd.read_csv(mirror / "annotations/v7/oidv7-class-descriptions-boxable.csv")["LabelName"]
    assert sorted(below(tree)[1:]) == sorted(names)
    person = next(node for node in tree["Subcategory"] if node["LabelName"] == "/m/01g317")
    assert [part["LabelName"] for part in person["Part"]] == ["/m/04yx4", "/m/03bt1vf", "/m/01bl7v", "/m/05r655"]


def test_a_mirror_is_the_same_each_time_and_never_overwrites(mirror, tmp_path):
    empty = tmp_path / "again"
    empty.mkdir()
    again = scene_mirror.write_mirror(empty, "strong", {"train": 80, "validation": 30, "test": 30}, seed=4)
    for path in mirror.rglob("*.*"):
        if path.is_file():
            assert (again / path.relative_to(mirror)).read_bytes() == path.read_bytes()
    with pytest.raises(DataError, match="holds files already"):
        scene_mirror.write_mirror(again)


def test_a_mirror_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(
        scene_mirror.Image.Image, "save", lambda *a, **k: (_ for _ in ()).throw(OSError("No space left"))
    )
    with pytest.raises(OSError, match="No space"):
        scene_mirror.write_mirror(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


# Wrong input


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"activities": ("cooking",)}, "two or more different"),
        ({"activities": ("cooking", "cooking")}, "two or more different"),
        ({"activities": ("cooking", "juggling")}, "playing ball, cooking"),
        ({"feminine_share": 0}, "feminine_share is 0; it must lie above 0 and below 1"),
        ({"co_occurrence": 1.2}, "Cramér's V and lies between 0 and 1"),
        ({"proxy": -0.1}, "proxy is -0.1"),
        ({"quality": "high"}, "quality is 'high'; it must be a number"),
        ({"occlusion": True}, "occlusion is True; it must be a number"),
        ({"unknown": float("nan")}, "unknown is nan; it must be a number"),
        ({"label_noise": 0.05, "label_noise_gap": 0.2}, r"0.15 \(feminine\) and -0.05 \(masculine\)"),
        ({"size": 2}, "between 0.5 and 1.3"),
    ],
)
def test_a_specification_that_cannot_be_says_so(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(PRESETS["default"], **wrong)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: simulate("biased"), "'biased' is no specification.*default, no_bias"),
        (lambda: simulate(n=0), "n is 0; give a whole number"),
        (lambda: simulate(n=2.5), "n is 2.5; give a whole number"),
        (lambda: simulate(side=8), "side is 8; give a whole number of pixels from 16"),
        (lambda: simulate(split="dev"), "split is 'dev'; it must be one of train"),
        (
            lambda: simulate(Specification(feminine_share=0.01), 120),
            "With 120 scenes .* the closest has .* Ask for more",
        ),
        (lambda: scenes.load_scenes(n={"dev": 3}), "n is {'dev': 3}"),
        (lambda: scenes.load_scenes(n={"train": 1}), r"n\['train'\] is 1"),
        (lambda: scenes.load_scenes(seed=-1), "seed is -1; give a whole number, 0 or more"),
        (lambda: scenes.counterfactual_pairs(split="dev"), "split is 'dev'"),
        (lambda: Specification().without("shape"), "no switch 'shape'; the switches are representation"),
        (lambda: scene_mirror.write_mirror("x", quality=0), "quality is 0; JPEGs"),
        (lambda: scene_mirror.write_mirror("x", n={"dev": 9}), "give the number of scenes"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_datasheet_has_the_seven_headings_and_the_registry_its_section():
    section = registry()["simulated_scenes"]
    assert section["files"] == [] and data_problems() == []
    text = (ROOT / "datasets" / section["datasheet"]).read_text(encoding="utf-8")
    headings = " ".join(re.findall(r"^## (.*)$", text, re.M)).lower()
    for heading in ["motivation", "composition", "collection", "preprocessing", "uses", "distribution", "maintenance"]:
        assert heading in headings
