"""Open Images, from the published formats to the table, over real HTTP on loopback with a miniature mirror."""

import base64
import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from utils.commands import app
from utils.datasets import _downloads as downloads
from utils.datasets import _line_search as line_search
from utils.datasets import _open_images as open_images
from utils.datasets import _open_images_choice as choice
from utils.datasets import _open_images_fetch as fetching
from utils.datasets import _open_images_files as files
from utils.datasets import _open_images_store as store
from utils.datasets import _registry as registry
from utils.datasets._open_images_request import Choice, Source
from utils.datasets._registry import DataError

GUITAR, BALL, DOG, INSTRUMENT, PIANO = "/m/0342h", "/m/018xm", "/m/0bt9lr", "/m/04szw", "/m/05r5c"
SPLIT = "validation"
BOXES, LABELS, IMAGES, MIAP = (
    "v5/validation-annotations-bbox.csv",
    "v5/validation-annotations-human-imagelabels.csv",
    "2018_04/validation/validation-images-with-rotation.csv",
    "open_images_extended_miap/open_images_extended_miap_boxes_val.csv",
)
CLASSES, HIERARCHY = "v7/oidv7-class-descriptions-boxable.csv", "2018_04/bbox_labels_600_hierarchy.json"
F, M, U = "Predominantly Feminine", "Predominantly Masculine", "Unknown"

# One row an image: its object, perceived gender and age, degrees of rotation. The ids look like numbers on purpose.
SCENES = [
    *[(GUITAR, F, "Young", 0), (GUITAR, F, "Middle", 90), (GUITAR, F, "Middle", 0)],
    *[(GUITAR, M, "Middle", 0), (GUITAR, M, "Older", 180), (GUITAR, M, "Middle", 270), (GUITAR, M, "Young", 0)],
    *[(BALL, F, "Middle", 0), (BALL, F, "Unknown", 90), (BALL, M, "Middle", 0), (BALL, M, "Middle", 0)],
    *[(BALL, U, "Unknown", 0), (PIANO, M, "Middle", 0), (DOG, F, "Middle", 0)],
]
IDS = [f"{i:04d}e{i:011d}" for i in range(len(SCENES))]
SIZE = (160, 120)


def picture(path, i, rotation):
    """As a photograph lies on its side: upright it is SIZE, the quarters of it have colours of their own."""
    width, height = SIZE
    upright = np.zeros((height, width, 3), np.uint8)
    upright[: height // 2, : width // 2] = [200, 0, 0]
    upright[: height // 2, width // 2 :] = [0, 200, 0]
    upright[height // 2 :, : width // 2] = [0, 0, 200]
    upright[height // 2 :, width // 2 :] = [10 * i, 10 * i, 10 * i]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rot90(upright, -rotation // 90)).save(path, quality=95)
    return path.stat().st_size, base64.b64encode(hashlib.md5(path.read_bytes()).digest()).decode()


def lay_down(box, rotation):
    """The box in the stored picture that is `box` (x0, x1, y0, y1) once the picture is turned upright."""
    x0, x1, y0, y1 = box
    return {
        0: (x0, x1, y0, y1),
        90: (1 - y1, 1 - y0, x0, x1),
        180: (1 - x1, 1 - x0, 1 - y1, 1 - y0),
        270: (y0, y1, 1 - x1, 1 - x0),
    }[rotation]


MAIN = (0.5, 1.0, 0.0, 0.5)  # upright, the main person is the green quarter


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    boxes, labels, images, miap = [], [], [], []
    for i, (image_id, (thing, gender, age, rotation)) in enumerate(zip(IDS, SCENES, strict=True)):
        size, md5 = picture(folder / f"images/{SPLIT}/{image_id}.jpg", i, rotation)
        images.append([image_id, SPLIT, "https://f.invalid/o", f"https://f.invalid/{i}", "https://cc.invalid/by/2.0/"])
        images[-1] += ["https://f.invalid/u", f"Author {i}", f'A "title", {i}\nof two lines', size, md5, ""]
        images[-1] += ["" if rotation == 0 and i % 2 else float(rotation)]
        boxes.append([image_id, "xclick", thing, 1, 0.1, 0.2, 0.1, 0.2, 0, 0, 0, 0, 0])
        boxes.append([image_id, "activemil", "/m/04yx4", 1, 0.1, 0.5, 0.1, 0.6, -1, -1, -1, -1, -1])
        labels += [[image_id, "verification", thing, 1], [image_id, "verification", "/m/01g317", 1]]
        for box, group, depiction in [
            (lay_down(MAIN, rotation), 0, 0),
            (lay_down((0, 0.2, 0, 0.2), rotation), 0, 0),
            (lay_down((0, 1, 0, 1), rotation), 1, 0),
            (lay_down((0, 0.9, 0, 1), rotation), 0, 1),
        ]:
            main = box == lay_down(MAIN, rotation)
            shown = (gender, age) if main else (U, U)
            miap.append([image_id, "/m/01g317", 1, *box, int(main and i % 2), 0, group, depiction, 0, *shown])
    boxes.append([IDS[13], "xclick", GUITAR, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0])  # a drawing of a guitar is none
    labels += [[IDS[i], "verification", GUITAR, 0] for i in (7, 8)] + [[IDS[9], "verification", INSTRUMENT, 0]]
    for name, columns, rows in [
        (BOXES, ["ImageID", "Source", "LabelName", "Confidence", *files.CORNERS, *files.FLAGS], boxes),
        (LABELS, ["ImageID", "Source", "LabelName", "Confidence"], labels),
        (MIAP, ["ImageID", "LabelName", "Confidence", *files.CORNERS, *files.MIAP_FLAGS], miap),
        (IMAGES, [*files.KINDS["images"][1], *files.KINDS["images"][2]], images),
    ]:
        if name == MIAP:
            columns = [*columns, "GenderPresentation", "AgePresentation"]
        if name == IMAGES:
            columns = ["ImageID", "Subset", "OriginalURL", *columns[3:]]
        path = folder / "annotations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    (folder / "annotations/v7").mkdir()
    (folder / "annotations" / CLASSES).write_text(
        f"LabelName,DisplayName\n{GUITAR},Guitar\n{BALL},Ball\n{DOG},Dog\n{INSTRUMENT},Musical instrument\n"
        f"{PIANO},Piano\n/m/01g317,Person\n/m/04yx4,Man\n"
    )
    tree = [{"LabelName": INSTRUMENT, "Subcategory": [{"LabelName": GUITAR}, {"LabelName": PIANO}]}]
    tree += [{"LabelName": "/m/01g317", "Part": [{"LabelName": "/m/04yx4"}, {"LabelName": "/m/04hgtk"}]}]
    (folder / "annotations" / HIERARCHY).write_text(json.dumps({"LabelName": "/m/0bl9f", "Subcategory": tree}))
    return folder


@pytest.fixture
def served(loopback, mirror):
    shutil.copytree(mirror, loopback.folder, dirs_exist_ok=True)
    return loopback


@pytest.fixture
def annotations(mirror):
    return mirror / "annotations"


def fetch(served, to, classes=("Guitar", "Ball"), **more):
    more = {"limit": 6, "side": 32, "progress": False} | more
    with downloads.session(retries=2, backoff=0.001) as http:
        return open_images.download(
            to,
            classes,
            annotations_url=f"{served.address}/annotations",
            images_url=f"{served.address}/images",
            http=http,
            timeout=(2, 0.4),
            **more,
        )


def choose(annotations, classes, split, limit, **more):
    """The images that are taken if none of them is gone."""
    candidates, take = choice.candidates_of(Choice(classes, limit=limit, **more), annotations, split)
    return candidates[candidates["rank"] < candidates["stratum"].map(take)].reset_index(drop=True)


def pictures_of(folder):
    return sorted(p.stem for p in (folder / "images" / SPLIT).glob("*.jpg"))


# ---- reading


def test_boxes_are_read_as_published(annotations):
    table = files.read_boxes(annotations / BOXES)
    assert list(table)[:8] == ["ImageID", "Source", "LabelName", "Confidence", *files.CORNERS]
    assert len(table) == 2 * len(SCENES) + 1
    assert table["ImageID"].iloc[2] == "0001e00000000001"
    assert set(table["IsOccluded"]) == {0, -1} and table["IsOccluded"].dtype == np.int8
    some = files.read_boxes(annotations / BOXES, labels=[GUITAR], images=IDS[:2])
    assert some["ImageID"].tolist() == IDS[:2] and set(some["LabelName"]) == {GUITAR}
    assert list(files.read_boxes(annotations / BOXES, columns=["ImageID"])) == ["ImageID"]


def test_clicks_of_the_train_file_are_read_on_demand(tmp_path):
    head = (
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
    )
    (tmp_path / "boxes.csv").write_text(
        f"{head},{','.join(files.CLICKS)}\n"
        "000002b66c9c498e,xclick,/m/01g317,1,0.012500,0.195312,0.148438,0.587500,0,1,0,0,0,"
        "0.148438,0.012500,0.059375,0.195312,0.148438,0.357812,0.587500,0.325000\n"
    )
    assert "XClick1X" not in files.read_boxes(tmp_path / "boxes.csv")
    assert files.read_boxes(tmp_path / "boxes.csv", clicks=True)["XClick4Y"].tolist() == [0.325]


def test_optional_columns_may_be_absent(tmp_path):
    (tmp_path / "boxes.csv").write_text("ImageID,LabelName,XMin,XMax,YMin,YMax\n00e1,/m/0342h,0,1,0,0.5\n")
    table = files.read_boxes(tmp_path / "boxes.csv")
    assert table[files.FLAGS].to_numpy().tolist() == [[-1] * 5]
    (tmp_path / "images.csv").write_text("ImageID,OriginalURL\n00e1,https://f.invalid\n")
    image = files.read_images(tmp_path / "images.csv").iloc[0]
    assert (image["Author"], image["OriginalSize"], image["Rotation"]) == ("", -1, 0)


def test_a_file_with_quotation_marks_is_read_too(tmp_path):
    (tmp_path / "labels.csv").write_text('"ImageID","LabelName","Confidence"\n"00e1","/m/0342h","1"\n')
    assert files.read_image_labels(tmp_path / "labels.csv", [GUITAR])["ImageID"].tolist() == ["00e1"]


def test_miap_is_read_with_our_words(annotations):
    table = files.read_miap(annotations / MIAP, [IDS[0], IDS[11]])
    assert table["gender"].tolist() == ["feminine", *["unknown"] * 7]
    assert table["age"].tolist() == ["young", *["unknown"] * 7]
    assert "GenderPresentation" not in table and table["IsDepictionOf"].tolist() == [0, 0, 0, 1] * 2


def test_images_keep_authors_and_titles(annotations):
    table = files.read_images(annotations / IMAGES, IDS[:2]).set_index("ImageID")
    assert table.loc[IDS[0], "Title"] == 'A "title", 0\nof two lines'
    assert table["Rotation"].tolist() == [0, 90]
    assert files.read_images(annotations / IMAGES)["Rotation"].tolist() == [r for *_, r in SCENES]


def test_class_names_with_and_without_a_header(annotations, tmp_path):
    v7 = files.read_classes(annotations / CLASSES)
    assert v7[GUITAR] == "Guitar" and "LabelName" not in v7
    (tmp_path / "v6.csv").write_text("/m/0342h,Guitar\n/m/018xm,Ball\n")
    assert files.read_classes(tmp_path / "v6.csv") == {GUITAR: "Guitar", BALL: "Ball"}


def test_the_hierarchy_tells_kinds_from_parts(annotations):
    kinds = files.read_hierarchy(annotations / HIERARCHY)
    assert kinds[INSTRUMENT] == [GUITAR, PIANO]
    assert kinds["/m/01g317"] == ["/m/04yx4"]  # a man is a kind of person, a head (04hgtk) is not


def test_a_list_is_read_and_written(tmp_path):
    (tmp_path / "list").write_text("train/00e1\n\ntest/abcdef0123456789\ntrain/00e1\n")
    table = files.read_list(tmp_path / "list")
    assert table.to_numpy().tolist() == [["train", "00e1"], ["test", "abcdef0123456789"]]
    files.write_list(table, tmp_path / "again")
    assert (tmp_path / "again").read_text() == "train/00e1\ntest/abcdef0123456789\n"


@pytest.mark.parametrize("line", ["00e1", "train/../../etc", "training/00e1", "train/00e1.jpg"])
def test_a_wrong_line_of_a_list_is_named(tmp_path, line):
    (tmp_path / "list").write_text(f"train/00e1\n{line}\n")
    with pytest.raises(DataError, match="line 2: .*; a line must be train, validation or test, a slash and an ImageID"):
        files.read_list(tmp_path / "list")


@pytest.mark.parametrize(
    "read, name, words",
    [
        (files.read_boxes, MIAP, "looks like a file of MIAP boxes; a file of boxes .*was wanted.*read_miap"),
        (files.read_boxes, IMAGES, "looks like a table of images; a file of boxes"),
        (files.read_boxes, LABELS, "looks like a file of image labels"),
        (files.read_miap, BOXES, "looks like a file of boxes; a file of MIAP boxes .*GenderPresentation"),
        (files.read_images, BOXES, "looks like a file of boxes; a table of images"),
        (files.read_image_labels, CLASSES, "looks like a list of class names; a file of image labels"),
        (files.read_classes, HIERARCHY, "looks like a class hierarchy; a list of class names"),
        (files.read_hierarchy, CLASSES, "looks like a list of class names; a class hierarchy was wanted"),
    ],
)
def test_a_file_of_another_kind_is_named_as_such(annotations, read, name, words):
    with pytest.raises(DataError, match=words):
        read(annotations / name)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?><Error>", "an XML answer"),
        (b"\x1f\x8b\x08abc", "a packed file"),
        (b"a,b\n1,2\n", "something else .it begins with 'a,b'"),
        (b"train/00e1\n", "a list of images"),
    ],
)
def test_what_is_no_file_of_open_images_is_described(tmp_path, content, words):
    (tmp_path / "file.csv").write_bytes(content)
    with pytest.raises(DataError, match=f"file.csv looks like {words}.*a file of boxes"):
        files.read_boxes(tmp_path / "file.csv")


@pytest.mark.parametrize(
    "row, words",
    [
        ("00e1,/m/0342h,0,1,0,half", "damaged"),
        ("00e1,/m/0342h,0,1", "damaged: 1 of the rows .* have no YMin"),
        ("00e1,/m/0342h,0.5,0.4,0,1", "box outside of its image: XMin 0.5, XMax 0.4"),
        ("00e1,/m/0342h,0,1,0,1.5", "box outside of its image"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, row, words):
    (tmp_path / "boxes.csv").write_text(f"ImageID,LabelName,XMin,XMax,YMin,YMax\n{row}\n")
    with pytest.raises(DataError, match=f"boxes.csv.*{words}"):
        files.read_boxes(tmp_path / "boxes.csv")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="There is no file .*none.csv.*datalab data open-images"):
        files.read_boxes(tmp_path / "none.csv")


# ---- looking for lines first


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces so small that a few lines make many of them."""
    monkeypatch.setattr(line_search, "PIECE", 997)
    monkeypatch.setattr(line_search, "LONGEST_LINE", 300)
    monkeypatch.setattr(line_search, "MANY_FOUND", 1)


def box_file(path, rng, n, order, end="\n", last=True):
    """Random boxes of twelve labels, some of which begin alike; with the columns in this order."""
    labels = [GUITAR, BALL, DOG, "/m/03", "/m/0342", "/m/0342h1", "/g/11b7", *(f"/m/0{i}" for i in range(20, 25))]
    corners = np.sort(rng.random((2, n, 2)), axis=2).round(6)
    table = pd.DataFrame(
        {
            "ImageID": [f"{i:016x}" for i in np.sort(rng.integers(0, n, n))],
            "Source": rng.choice(["xclick", "activemil", "/m/x", GUITAR], n),  # a label where none belongs
            "LabelName": rng.choice(labels, n),
            "Confidence": "1",
            **dict(zip(files.CORNERS, [*corners[0].T, *corners[1].T], strict=True)),
            "IsDepiction": rng.integers(-1, 2, n),
        }
    )[order]
    text = table.to_csv(index=False, lineterminator=end)
    path.write_bytes((text if last else text.removesuffix(end)).encode())
    return table


def test_lines_found_first_give_what_reading_everything_gives(small_pieces, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    every = ["ImageID", "Source", "LabelName", "Confidence", *files.CORNERS, "IsDepiction"]
    path = tmp_path / "boxes.csv"
    read = files.lines_with
    for trial in range(60):
        order = list(rng.permutation(every if trial % 3 else [c for c in every if c not in ("Source", "IsDepiction")]))
        n = int(rng.integers(0, 300))
        box_file(path, rng, n, order, end="\r\n" if trial % 2 else "\n", last=bool(rng.integers(2)))
        labels = list(rng.choice([GUITAR, BALL, "/m/03", "/m/0342", "/g/11b7", "/m/none"], rng.integers(1, 4)))
        images = [f"{i:016x}" for i in range(0, n, 2)] if trial % 4 == 0 else None
        monkeypatch.setattr(files, "lines_with", lambda path, labels: None)
        whole = files.read_boxes(path, labels, images)
        assert line_search.lines_with(path, labels) is not None
        monkeypatch.setattr(files, "lines_with", read)
        pd.testing.assert_frame_equal(files.read_boxes(path, labels, images), whole)


def test_lines_are_found_at_every_place_of_a_piece(monkeypatch, tmp_path):
    monkeypatch.setattr(line_search, "LONGEST_LINE", 40)
    monkeypatch.setattr(line_search, "MANY_FOUND", 1)
    lines = [b"h,LabelName\n", *(b"%d,%s\n" % (i, b"/m/0342h" if i % 3 else b"/m/018xm/m/018xm") for i in range(60))]
    for end in (b"", b"\n"):
        content = b"".join(lines).removesuffix(b"\n") + end
        (tmp_path / "f").write_bytes(content)
        for piece in range(1, 130):
            monkeypatch.setattr(line_search, "PIECE", piece)
            monkeypatch.setattr(line_search, "MANY_FOUND", 100)
            assert line_search.lines_with(tmp_path / "f", [GUITAR, BALL]) == content
            found = line_search.lines_with(tmp_path / "f", [BALL])
            assert found == b"".join([lines[0], *lines[1::3]])


def test_only_what_is_wanted_is_read_and_the_rest_may_be_damaged(tmp_path):
    head = b"ImageID,LabelName,XMin,XMax,YMin,YMax\n"
    (tmp_path / "boxes.csv").write_bytes(head + b"00e1,/m/0342h,0,1,0,1\n00e2,/m/018xm,0,1,0,1,0,0,0\n\xff\n")
    assert files.read_boxes(tmp_path / "boxes.csv", [GUITAR])["ImageID"].tolist() == ["00e1"]
    with pytest.raises(DataError, match="boxes.csv is damaged"):
        files.read_boxes(tmp_path / "boxes.csv", [BALL])


@pytest.mark.parametrize(
    "labels, more",
    [
        ([], b""),  # none wanted
        (["Guitar"], b""),  # no label of Open Images
        (["/m/a,b"], b""),
        (["/m/0342h*"], b""),
        ([f"/m/0{i}" for i in range(51)], b""),  # too many to look for one by one
        ([GUITAR], b'00e3,"/m/0342h",0,1,0,1\n'),  # a quotation mark
        ([GUITAR], b"00e3,/m/018xm,0,1,0,1," + b"x" * 5000 + b"/m/0342h,\n"),  # a line without an end near by
        ([GUITAR], b"00e3,/m/0342h,0,1,0,1," + b"x" * 5000 + b"\n"),
        ([GUITAR], b"00e3,/m/0342h,0,1,0,1\n" * 600),  # most lines
    ],
)
def test_where_looking_first_is_no_help_everything_is_read(tmp_path, labels, more):
    content = b"ImageID,LabelName,XMin,XMax,YMin,YMax\n" + b"00e1,/m/018xm,0,1,0,1\n" * 30000 + more
    (tmp_path / "boxes.csv").write_bytes(content)
    assert line_search.lines_with(tmp_path / "boxes.csv", labels) is None


def test_a_quotation_mark_far_down_is_understood(tmp_path):
    rows = b"00e1,/m/018xm,0,1,0,1\n" * 30000 + b'"00e3","/m/0342h",0,1,0,1\n'
    (tmp_path / "boxes.csv").write_bytes(b"ImageID,LabelName,XMin,XMax,YMin,YMax\n" + rows)
    assert files.read_boxes(tmp_path / "boxes.csv", [GUITAR])["ImageID"].tolist() == ["00e3"]


def test_a_header_alone_has_no_boxes(tmp_path):
    for end in ("", "\n"):
        (tmp_path / "boxes.csv").write_text("ImageID,LabelName,XMin,XMax,YMin,YMax" + end)
        assert files.read_boxes(tmp_path / "boxes.csv", [GUITAR]).empty


# ---- choosing


def test_strata_are_classes_and_perceived_attributes(annotations):
    table = choice.rank(annotations, ["guitar", "Ball"], SPLIT)
    counts = table["stratum"].value_counts().to_dict()
    assert counts == {
        "Guitar × feminine": 3,
        "Guitar × masculine": 4,
        "Ball × feminine": 2,
        "Ball × masculine": 2,
        "Ball × unknown": 1,
    }
    assert table.groupby("activity")["label"].unique().map(list).to_dict() == {"Ball": [1], "Guitar": [0]}
    by_both = choice.rank(annotations, ["guitar", "Ball"], SPLIT, by=["gender", "age"])
    assert "Guitar × feminine × young" in set(by_both["stratum"])


def test_the_main_person_is_the_largest_that_is_no_group_and_no_depiction(annotations):
    table = choice.rank(annotations, ["Guitar"], SPLIT).set_index("image_id")
    main = table.loc[IDS[0]]
    assert tuple(main[["x_min", "x_max", "y_min", "y_max"]]) == MAIN
    assert main["box_area"] == 0.25 and main["people"] == 2
    assert main["gender"] == "feminine" and main["age"] == "young"


def test_a_class_takes_in_its_kinds(annotations):
    table = choice.rank(annotations, ["Musical instrument", "Ball"], SPLIT)
    assert (table["activity"] == "Musical instrument").sum() == 8
    assert IDS[12] in set(table["image_id"])


def test_images_with_two_of_the_classes_are_left_out(annotations):
    table = choice.rank(annotations, ["Musical instrument", "Guitar"], SPLIT)
    assert table["image_id"].tolist() == [IDS[12]]


def test_one_class_is_set_against_its_verified_absence(annotations):
    table = choice.rank(annotations, ["Guitar"], SPLIT).set_index("image_id")
    # 7 and 8 were checked for a guitar, 9 for an instrument of any kind; 13, where one is drawn, was not checked.
    assert table.index[table["label"] == 0].sort_values().tolist() == IDS[7:10]
    assert set(table.loc[table["label"] == 0, "activity"]) == {"no Guitar"}
    assert (table["label"] == 1).sum() == 7


def test_without_people_nothing_is_known_of_attributes(annotations):
    table = choice.rank(annotations, ["Guitar", "Dog"], SPLIT, people=False)
    assert set(table["gender"]) == set(table["age"]) == {"unknown"}
    assert set(table["people"]) == {1} and (table["box_area"].round(6) == 0.2).all()


def test_the_choice_depends_on_the_seed_and_not_on_the_order_of_the_file(annotations, tmp_path):
    first = choose(annotations, ["Guitar", "Ball"], SPLIT, 6)
    shutil.copytree(annotations, tmp_path / "other")
    for name in (BOXES, MIAP):
        table = pd.read_csv(tmp_path / "other" / name, dtype=str, keep_default_na=False)
        table.iloc[::-1].to_csv(tmp_path / "other" / name, index=False)
    pd.testing.assert_frame_equal(choose(tmp_path / "other", ["Guitar", "Ball"], SPLIT, 6), first)
    others = [choose(annotations, ["Guitar", "Ball"], SPLIT, 6, seed=s)["image_id"].tolist() for s in (1, 2)]
    assert others[0] != others[1]


def test_quotas():
    counts = pd.Series({"a": 70, "b": 20, "c": 10})
    assert choice.quotas(counts, 10).tolist() == [7, 2, 1]
    assert choice.quotas(counts, 11).sum() == 11
    assert choice.quotas(counts, 50, "equal").tolist() == [20, 20, 10]
    assert choice.quotas(counts, 500, "equal").tolist() == [70, 20, 10]
    for limit in range(1, 101):
        for allocation in ("proportional", "equal"):
            take = choice.quotas(counts, limit, allocation)
            assert take.sum() == limit and (take <= counts).all() and (take >= 0).all()
    with pytest.raises(DataError, match="limit is 0"):
        choice.quotas(counts, 0)
    with pytest.raises(DataError, match="allocation is 'even'"):
        choice.quotas(counts, 5, "even")


def test_an_unknown_class_is_answered_with_near_ones(annotations):
    with pytest.raises(DataError, match="no class 'Guittar' among the 7.*Near to it: Guitar"):
        choose(annotations, ["Guittar"], SPLIT, 5)
    with pytest.raises(DataError, match="No class was named"):
        choose(annotations, [], SPLIT, 5)


def test_no_image_is_said(annotations, tmp_path):
    shutil.copytree(annotations, tmp_path / "a")
    lines = (tmp_path / "a" / MIAP).read_text().splitlines()
    (tmp_path / "a" / MIAP).write_text(lines[0] + "\n")
    with pytest.raises(DataError, match="No image of the split validation with a person's box in MIAP .*--anyone"):
        choose(tmp_path / "a", ["Dog", "Ball"], SPLIT, 5)


# ---- downloading


def test_a_download_becomes_the_table(served, tmp_path):
    counts = fetch(served, tmp_path / "to", limit=100)
    assert counts["pictures"].sum() == counts["there"].sum() == 12 and counts["dead"].sum() == 0
    table = store.load_open_images(tmp_path / "to")
    assert table["image_id"].tolist() == IDS[:12]
    assert list(table)[:18] == store.ORDER and len(store.ORDER) == 18
    base = table["img"].iloc[0].base
    assert base.shape == (12, 32, 32, 3) and base.dtype == np.uint8 and base.flags.c_contiguous
    assert all(img.base is base for img in table["img"])
    assert table["author"].tolist() == [f"Author {i}" for i in range(12)]
    assert store.credits(table).iloc[3].startswith('“A "title", 3\nof two lines” by Author 3, https://cc.inv')
    assert table["occluded"].tolist() == [0, 1] * 6
    assert set(table.dtypes[["label", "occluded", "people"]]) == {np.dtype("int64")}
    left = {p.name for p in (tmp_path / "to").iterdir()}
    assert left == {
        "annotations",
        "images",
        ".gitignore",
        *(f"{SPLIT}{end}" for end in (".csv", ".npy", ".lst", "_dead.csv")),
    }


def test_pictures_are_turned_upright_whole_and_boxes_follow(served, tmp_path):
    fetch(served, tmp_path / "to", limit=100)
    table = store.load_open_images(tmp_path / "to")
    img = np.stack(table["img"])
    assert (img[:, 0] == 127).all() and (img[:, -1] == 127).all()  # 160 by 120 in a square of 32: bars of four rows
    assert table[["x_min", "x_max"]].to_numpy().tolist() == [[0.5, 1]] * 12
    assert table[["y_min", "y_max"]].to_numpy().tolist() == [[0.125, 0.5]] * 12
    assert (table["box_area"] == 0.25).all()
    inside = img[:, 5:15, 17:31].astype(int)  # where the box is, all is green, whatever the rotation was
    assert np.abs(inside - [0, 200, 0]).max() < 25


def test_the_same_choice_comes_again_and_nothing_is_fetched_twice(served, tmp_path):
    fetch(served, tmp_path / "to")
    first = {p.name: p.read_bytes() for p in (tmp_path / "to").iterdir() if p.is_file()}
    served.requests.clear()
    fetch(served, tmp_path / "to", threads=1)
    assert served.requests == []
    assert {p.name: p.read_bytes() for p in (tmp_path / "to").iterdir() if p.is_file()} == first


def test_a_dead_link_is_recorded_and_replaced_by_the_next_of_its_stratum(served, mirror, tmp_path):
    chosen = choose(mirror / "annotations", ["Guitar", "Ball"], SPLIT, 6)
    gone = chosen.loc[chosen["stratum"] == "Guitar × masculine", "image_id"].iloc[0]
    served.always[f"images/{SPLIT}/{gone}.jpg"] = 404
    counts = fetch(served, tmp_path / "to").set_index("stratum")
    assert counts.loc["Guitar × masculine", ["wanted", "pictures", "dead"]].tolist() == [2, 2, 1]
    table = store.load_open_images(tmp_path / "to")
    assert gone not in set(table["image_id"])
    assert table["stratum"].value_counts().to_dict() == chosen["stratum"].value_counts().to_dict()
    dead = pd.read_csv(tmp_path / "to" / f"{SPLIT}_dead.csv", dtype=str)
    assert dead["image_id"].tolist() == [gone] and "answer 404" in dead["reason"].iloc[0]


def test_a_stratum_that_has_no_more_is_left_short(served, tmp_path):
    served.always[f"images/{SPLIT}/{IDS[11]}.jpg"] = 410
    counts = fetch(served, tmp_path / "to", limit=100).set_index("stratum")
    assert counts.loc["Ball × unknown", ["wanted", "pictures", "dead"]].tolist() == [1, 0, 1]
    assert len(store.load_open_images(tmp_path / "to")) == 11


@pytest.mark.parametrize("fault", ["change", "portal"])
def test_a_picture_that_always_arrives_damaged_is_replaced(served, tmp_path, fault):
    for image_id in IDS[:3]:
        served.always[f"images/{SPLIT}/{image_id}.jpg"] = fault
    counts = fetch(served, tmp_path / "to", limit=100)
    assert counts["dead"].sum() == 3 and pictures_of(tmp_path / "to") == IDS[3:12]


def test_a_copy_that_is_smaller_than_the_original_is_accepted_unless_originals_are_wanted(served, tmp_path):
    path = served.folder / f"images/{SPLIT}/{IDS[0]}.jpg"
    Image.open(path).resize((80, 60)).save(path)
    assert fetch(served, tmp_path / "to", limit=100)["dead"].sum() == 0
    assert fetch(served, tmp_path / "strict", limit=100, originals=True)["dead"].sum() == 1
    reason = pd.read_csv(tmp_path / "strict" / f"{SPLIT}_dead.csv")["reason"].iloc[0]
    assert f"{IDS[0]}.jpg has" in reason and "its original has" in reason


def test_trouble_on_the_way_is_overcome(served, tmp_path):
    faults = ["truncate", 503, "stall", "change", 429, "no ranges"]
    for image_id, fault in zip(IDS, faults, strict=False):
        served.faults[f"images/{SPLIT}/{image_id}.jpg"] = [fault]
    served.faults[f"annotations/{MIAP}"] = ["truncate"]
    counts = fetch(served, tmp_path / "to", limit=100)
    assert counts["pictures"].sum() == 12 and counts["dead"].sum() == 0


def test_after_a_break_the_download_goes_on(served, tmp_path):
    served.always[f"images/{SPLIT}/{IDS[5]}.jpg"] = 500  # not the picture's fault: the download ends here
    with pytest.raises(DataError, match="out of order .answer 500.*the same command goes on"):
        fetch(served, tmp_path / "to", limit=100, threads=2)
    with pytest.raises(DataError, match="There are no pictures in .*datalab data open-images"):
        store.load_open_images(tmp_path / "to")
    came = pictures_of(tmp_path / "to")
    served.always.clear()
    served.requests.clear()
    fetch(served, tmp_path / "to", limit=100)
    assert {path for path, _ in served.requests} == {f"images/{SPLIT}/{i}.jpg" for i in IDS[:12] if i not in came}


def test_a_picture_that_was_damaged_here_is_fetched_anew(served, tmp_path):
    fetch(served, tmp_path / "to", limit=100)
    path = tmp_path / "to/images" / SPLIT / f"{IDS[2]}.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[:300])
    assert fetch(served, tmp_path / "to", limit=100)["dead"].sum() == 0
    assert path.read_bytes() == whole


def test_a_failed_download_leaves_the_earlier_one(served, tmp_path):
    fetch(served, tmp_path / "to")
    earlier = store.load_open_images(tmp_path / "to").drop(columns="img")
    shutil.rmtree(tmp_path / "to/images")
    served.always |= {f"images/{SPLIT}/{i}.jpg": 503 for i in IDS}
    with pytest.raises(DataError):
        fetch(served, tmp_path / "to", limit=100)
    pd.testing.assert_frame_equal(store.load_open_images(tmp_path / "to").drop(columns="img"), earlier)


def test_a_wrong_address_is_said_at_once(served, tmp_path, monkeypatch):
    shutil.rmtree(served.folder / "images")
    monkeypatch.setattr(fetching, "TOO_MANY_DEAD", 5)
    with pytest.raises(DataError, match="None of the first .* pictures could be had.*DATALAB_OPEN_IMAGES_IMAGES"):
        fetch(served, tmp_path / "to", limit=100)
    shutil.rmtree(served.folder / "annotations")
    with pytest.raises(DataError, match="no file at .*DATALAB_OPEN_IMAGES_ANNOTATIONS"):
        fetch(served, tmp_path / "other", limit=100)


def test_a_page_of_a_network_that_wants_a_login_is_not_kept(served, tmp_path):
    served.always[f"annotations/{BOXES}"] = "portal"
    with pytest.raises(DataError, match="is not what it should be.*looks like a web page; a file of boxes"):
        fetch(served, tmp_path / "to")
    assert not list((tmp_path / "to").rglob("*annotations-bbox*"))


def test_a_list_gives_a_class_one_selection(served, tmp_path):
    fetch(served, tmp_path / "teacher")
    written = tmp_path / "teacher" / f"{SPLIT}.lst"
    assert written.read_text().splitlines()[0].startswith("validation/00")
    fetch(served, tmp_path / "student", image_list=written, seed=99)
    same = [store.load_open_images(tmp_path / who).drop(columns="img") for who in ("teacher", "student")]
    pd.testing.assert_frame_equal(*same)
    written.write_text(f"{SPLIT}/{IDS[0]}\n{SPLIT}/{IDS[13]}\n")
    with pytest.raises(DataError, match=f"1 of the 2 images of validation .* cannot be used, such as {IDS[13]}"):
        fetch(served, tmp_path / "student", image_list=written)
    with pytest.raises(DataError, match="has no image of test; it has validation"):
        fetch(served, tmp_path / "student", image_list=written, splits=["test"])


def test_an_image_without_an_author_row_is_refused(served, tmp_path):
    path = served.folder / "annotations" / IMAGES
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table[table["ImageID"] != IDS[0]].to_csv(path, index=False)
    with pytest.raises(DataError, match=f"has no row for 1 images, such as {IDS[0]}; without one there is no author"):
        fetch(served, tmp_path / "to")


def test_one_class_and_people_left_out_through_the_command_line(served, tmp_path, monkeypatch):
    monkeypatch.setenv("DATALAB_OPEN_IMAGES_ANNOTATIONS", f"{served.address}/annotations")
    monkeypatch.setenv("DATALAB_OPEN_IMAGES_IMAGES", f"{served.address}/images/")
    command = ["data", "open-images", "--classes", "Guitar", "--anyone", "--limit", "50", "--side", "16", "--to"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "to")])
    assert result.exit_code == 0, result.output
    assert "10 pictures are in" in result.output and "load_open_images" in result.output
    table = store.load_open_images(tmp_path / "to")
    assert table["label"].sum() == 7 and table["img"].iloc[0].shape == (16, 16, 3)


def test_the_command_line_with_all_of_its_options(served, tmp_path):
    urls = ["--annotations-url", f"{served.address}/annotations", "--images-url", f"{served.address}/images"]
    command = ["data", "open-images", "--classes", "Guitar,Ball", "--split", SPLIT, "--limit", "4", "--people"]
    command += ["--seed", "3", "--side", "24", "--by", "gender,age", "--allocation", "equal", "--threads", "2", *urls]
    result = CliRunner().invoke(app, [*command, "--to", str(tmp_path / "to")])
    assert result.exit_code == 0, result.output
    assert len(store.load_open_images(tmp_path / "to")) == 4
    result = CliRunner().invoke(
        app, [*command, "--list", str(tmp_path / f"to/{SPLIT}.lst"), "--to", str(tmp_path / "b")]
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / f"b/{SPLIT}.csv").read_text() == (tmp_path / f"to/{SPLIT}.csv").read_text()


def test_a_problem_on_the_command_line_is_one_sentence(served, tmp_path, monkeypatch, capsys):
    from utils import commands

    argv = ["datalab", "data", "open-images", "--classes", "Guittar", "--to", str(tmp_path / "to")]
    argv += ["--annotations-url", f"{served.address}/annotations"]
    monkeypatch.setattr("sys.argv", argv)
    with pytest.raises(SystemExit, match="There is no class 'Guittar'"):
        commands.main()


# ---- loading


def test_a_damaged_download_is_named(served, tmp_path):
    fetch(served, tmp_path / "to")
    path = tmp_path / "to" / f"{SPLIT}.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:5000])
    with pytest.raises(DataError, match="are damaged .*again"):
        store.load_open_images(tmp_path / "to")
    np.save(path, np.zeros((2, 32, 32, 3), np.uint8))
    with pytest.raises(DataError, match="do not belong together: 2 pictures and 6 rows"):
        store.load_open_images(tmp_path / "to")
    with pytest.raises(DataError, match="no pictures of the split test"):
        store.load_open_images(tmp_path / "to", ["test"])


def test_the_addresses_are_configuration(monkeypatch):
    for name in ("ANNOTATIONS", "IMAGES"):
        monkeypatch.delenv(f"DATALAB_OPEN_IMAGES_{name}", raising=False)
    settings = registry.registry()["open_images"]
    assert (Source().annotations_url, Source().images_url) == (settings["annotations_url"], settings["images_url"])
    assert Source().originals == settings["originals"] and Source(originals=True).originals
    monkeypatch.setenv("DATALAB_OPEN_IMAGES_IMAGES", "https://mirror.invalid")
    assert Source().images_url == "https://mirror.invalid"
    assert Source(images_url="/folder").images_url == "/folder"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"splits": ["valid"]}, "split is valid; it must be one of train, validation, test"),
        ({"splits": []}, "split is not given; it must be one of"),
        ({"side": 7}, "side is 7 and threads is 8; they must be at least 8 and 1"),
        ({"threads": 0}, "side is 32 and threads is 0"),
        ({"limit": 0}, "limit is 0; it must be at least 1"),
        ({"allocation": "even"}, "allocation is 'even'; it must be 'proportional' or 'equal'"),
        ({"by": ["place"]}, "by is place; strata are made by gender, age, or both"),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_anything_is_fetched(served, tmp_path, wrong, words):
    with pytest.raises(DataError, match=words):
        fetch(served, tmp_path / "to", **wrong)
    assert not served.requests and not (tmp_path / "to").exists()


def test_a_mirror_of_simulated_scenes_is_downloaded_and_loaded(loopback, tmp_path):
    from utils.datasets._scene_mirror import write_mirror

    write_mirror(loopback.folder, n={"train": 40, "test": 20}, side=48)
    counts = fetch(loopback, tmp_path / "to", ["Playing ball", "Cooking"], splits=["train", "test"], limit=1000)
    assert counts["dead"].sum() == 0
    table = store.load_open_images(tmp_path / "to")
    assert table["split"].value_counts().to_dict() == {"train": 40, "test": 20}
    assert set(table["gender"]) <= {"feminine", "masculine", "unknown"} and set(table["author"]) == {"simulated"}
    assert table["img"].iloc[0].shape == (32, 32, 3)
