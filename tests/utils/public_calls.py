"""A call of every public function of `utils`, with small data: for tests that go through all of them."""

import importlib
import inspect
import pkgutil

import numpy as np
import pandas as pd
import torch
from matplotlib.lines import Line2D
from sklearn.tree import DecisionTreeClassifier
from torch import nn
from tqdm.auto import tqdm

import utils
from utils import checks, files, glossary, headless, kept, sentences, work_copies
from utils.aim342 import _accuracy as accuracy
from utils.aim342 import _disparity as workshop_disparity
from utils.aim342 import _figures as rates
from utils.datasets import _adult as adult
from utils.datasets import _downloads as downloads
from utils.datasets import _fallback as fallback
from utils.datasets import _handwritten_numbers as handwritten_numbers
from utils.datasets import _images as images
from utils.datasets import _line_search as line_search
from utils.datasets import _mitigation_runs as mitigation_runs
from utils.datasets import _open_images as open_images
from utils.datasets import _open_images_choice as open_images_choice
from utils.datasets import _open_images_fetch as open_images_fetch
from utils.datasets import _open_images_files as open_images_files
from utils.datasets import _open_images_pictures as open_images_pictures
from utils.datasets import _open_images_request as open_images_request
from utils.datasets import _open_images_store as open_images_store
from utils.datasets import _people as people
from utils.datasets import _pictures as pictures
from utils.datasets import _registry as registry
from utils.datasets import _scene_canvas as scene_canvas
from utils.datasets import _scene_drawing as scene_drawing
from utils.datasets import _scene_mirror as scene_mirror
from utils.datasets import _scene_plan as scene_plan
from utils.datasets import _scene_specification as scene_specification
from utils.datasets import _scene_table as scene_table
from utils.datasets import _simulated_scenes as simulated_scenes
from utils.datasets import _tabular as tabular
from utils.evaluation import _amplification as amplification
from utils.evaluation import _association as association
from utils.evaluation import _audit as audit
from utils.evaluation import _coding as coding
from utils.evaluation import _count_metrics as count_metrics
from utils.evaluation import _counting as counting
from utils.evaluation import _curves as curves
from utils.evaluation import _disparity as disparity
from utils.evaluation import _impossibility as impossibility
from utils.evaluation import _individual as individual
from utils.evaluation import _intervals as intervals
from utils.evaluation import _leakage as leakage
from utils.evaluation import _many_tests as many_tests
from utils.evaluation import _metrics as metrics
from utils.evaluation import _null_gaps as null_gaps
from utils.evaluation import _pairs as pairs
from utils.evaluation import _pareto as pareto
from utils.evaluation import _proxies as proxies
from utils.evaluation import _registry as metric_registry
from utils.evaluation import _score_metrics as score_metrics
from utils.evaluation import _seeds as over_seeds
from utils.evaluation import criteria
from utils.kept import _keys as keys
from utils.kept import _loaded as loaded
from utils.kept import _settings as settings
from utils.kept import _store as store
from utils.mitigation import _batches as batches
from utils.mitigation import _compare as compare
from utils.mitigation import _correlation_remover as correlation_remover
from utils.mitigation import _fitted as fitted
from utils.mitigation import _keeping as keeping
from utils.mitigation import _method as method_records
from utils.mitigation import _methods as methods
from utils.mitigation import _settings as method_settings
from utils.mitigation import _tables as tables
from utils.mitigation import _tabular as tabular_methods
from utils.mitigation import _tabular_model as tabular_model
from utils.mitigation import _training as network_training
from utils.mitigation._domain_discriminative import without_prior
from utils.mitigation._domain_independent import own_logits, summed
from utils.mitigation._group_dro import new_weights
from utils.mitigation._group_thresholds import best_threshold
from utils.mitigation._learning_from_failure import generalised_cross_entropy, relative_difficulty
from utils.mitigation._random_hue import turn_hues
from utils.mitigation._reweighing import reweighing_weights
from utils.plotting import _association as association_figures
from utils.plotting import _audit as audit_figures
from utils.plotting import _before_after as before_after
from utils.plotting import _curves as curve_figures
from utils.plotting import _differences as difference_figures
from utils.plotting import _digits as digits
from utils.plotting import _distributions as distributions
from utils.plotting import _drawing as drawing
from utils.plotting import _impossibility as impossibility_figures
from utils.plotting import _pareto as pareto_figures
from utils.plotting import _pictures as picture_figures
from utils.plotting import _rows as figure_rows
from utils.plotting import _style as style
from utils.tables import columns_of, group_name, require_columns
from utils.tables import crossed as crossed_names
from utils.training import _backbones as backbones
from utils.training import _baseline as baseline
from utils.training import _features as features
from utils.training import _fit as fit
from utils.training import _loop as loop
from utils.training import _models as models
from utils.training import _pictures as picture_models
from utils.training import _predict as predict
from utils.training import _tabular as tabular_models
from utils.training import _tensors as tensors
from utils.training import _threads as threads

KEY = 64 * "0"  # of a result that is kept

# Not called, and why.
LEFT_OUT = {
    "utils.commands": "the command line: each command takes what was typed, and calls functions that are called here",
    "utils.datasets._handwritten_numbers.unpack": "takes nothing, and writes 55 MB beside the embedded data",
    "utils.datasets._registry.restore": "takes nothing, and may fetch files of this repository from git",
    "utils.evaluation._registry.criterion": "a decorator, whose function is there to be marked",
    "utils.evaluation._registry.of_counts": "a decorator, whose function is there to be marked",
    "utils.evaluation._registry.of_rows": "a decorator, whose function is there to be marked",
    "utils.evaluation._registry.rate": "a decorator, whose function is there to be marked",
    "utils.glossary.write": "takes nothing, and writes a page of this repository",
    "utils.mitigation._adversarial.Reverse.forward": "PyTorch calls it, with a context that it is to write into",
    "utils.mitigation._adversarial.Reverse.backward": "PyTorch calls it, see `forward`",
}


def public_functions() -> dict:
    """Full name → function, of every function that a module of `utils` defines, and every method of its classes."""
    found = {}
    for module in pkgutil.walk_packages(utils.__path__, "utils."):
        of_module = vars(importlib.import_module(module.name))
        for name, thing in of_module.items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.name:
                continue
            if inspect.isclass(thing):
                own = {k: getattr(v, "fget", v) for k, v in vars(thing).items() if not k.startswith("_")}
                found |= {f"{module.name}.{name}.{k}": v for k, v in own.items() if inspect.isroutine(v)}
            elif callable(thing):
                found[f"{module.name}.{name}"] = thing
    return {
        name: function
        for name, function in found.items()
        if name not in LEFT_OUT and function.__module__ not in LEFT_OUT
    }


def call(*args, **kwargs):
    return args, kwargs


def small_network():
    return nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 5, stride=4), nn.Flatten(), nn.Dropout(), nn.Linear(196, 2))


def people_table(rows, seed):
    """Made up, with gaps where gaps may be."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "sex": rng.choice(["Female", "Male"], rows),
            "race": pd.Categorical(rng.choice(["Black", "Other", "White"], rows)),
            "hours": rng.integers(10, 60, rows).astype(float),
            "job": pd.Series(rng.choice(["clerk", "cook", None], rows), dtype="str"),
            "label": rng.integers(0, 2, rows),
            "score": rng.random(rows),
        },
        index=pd.RangeIndex(100, 100 + rows),
    )
    table.attrs["source"] = ["made up"]
    return table.assign(pred1=(table["score"] + 0.2 * table["label"] > 0.6).astype(int))


def made(folder):
    """The data that the calls share, by name."""
    rng, m = np.random.default_rng(0), type("Made", (), {})()
    m.people, m.others = people_table(200, 1), people_table(200, 2)
    m.others = m.others.set_index(m.people.index).assign(label=m.people["label"])
    m.groups = ["sex", "race", ("sex", "race")]
    m.audits = [
        audit.audit(
            t,
            score="score",
            groups=m.groups,
            metrics=["accuracy", "true_positive_rate", "auc"],
            draws=100,
            problems="ignore",
        )
        for t in (m.people, m.others)
    ]
    m.rates = accuracy.accuracy_by_group(m.people, "sex")
    m.found = [disparity.disparities(a) for a in m.audits]
    m.reliability = curves.reliability_table(m.people, groups="sex")
    m.roc = curves.roc_table(m.people, groups="sex")
    m.share = pd.Series({"Female": 0.3, "Male": 0.5})
    m.rows = drawing.metric_rows(m.audits[0], "accuracy")
    m.models = pd.DataFrame({"model": ["a", "b", "c"], "accuracy": [0.7, 0.8, 0.6], "difference": [0.1, -0.2, 0.3]})
    m.seeds = pd.DataFrame({"seed": [0, 1, 2] * 2, "accuracy": rng.random(6), "way": ["old", "new"] * 3})
    m.label, m.prediction, m.score = m.people["label"], m.people["pred1"], m.people["score"]

    m.scenes = simulated_scenes.simulate(n=80, seed=1)
    m.validation = simulated_scenes.simulate(n=80, seed=2, split="validation")
    ink = rng.integers(0, 256, (120, 98)).astype(np.uint8)
    m.ink = (ink, np.arange(120) % 10, np.arange(120) % 3 == 0)
    m.digits = handwritten_numbers.color_table(*m.ink)
    m.pixels = images.stack_images(m.digits).copy()
    m.network = small_network().train()  # batch normalisation and dropout: what a prediction could change
    m.ten = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(2352), nn.Linear(2352, 10)).train()
    m.data = tables.as_tensors(m.scenes, "gender")
    m.fitted = methods.METHODS["plain"](m.scenes, m.validation, groups="true_gender_cue", epochs=1)
    m.fitted_table = tabular_methods.TABULAR_METHODS["correlation remover"](
        m.people, m.others, groups="sex", features=["hours", "job"]
    )
    m.hidden = methods.METHODS["hide person"](m.scenes, m.validation, groups="gender", epochs=1)
    m.compared = pd.DataFrame({"method": ["plain"] * 2, "seed": [0, 1], "accuracy": [0.7, 0.8], "worst_group": "a"})
    m.tree = tabular_models.tabular_pipeline(DecisionTreeClassifier(max_depth=2), m.people, ["hours", "job"])
    m.tree.fit(m.people, m.label)
    m.backbone = backbones.Backbone("small", "1", small_network, 32)

    m.recorded, m.scene = scene_plan.plan_scenes(scene_specification.PRESETS["strong"], 20, 0, "test")
    m.canvas = scene_canvas.Canvas(4, 16)
    m.canvas.images[:] = 0.5

    mirror = scene_mirror.write_mirror(folder / "mirror", n=dict.fromkeys(("train", "validation", "test"), 30), side=32)
    m.annotations, m.images = mirror / "annotations", mirror / "images"
    m.published = {
        kind: open_images_files.published(m.annotations, kind, "test") for kind in ("images", "boxes", "labels", "miap")
    }
    m.published |= {kind: open_images_files.published(m.annotations, kind) for kind in ("classes", "hierarchy")}
    m.download = {
        "classes": ["Ball", "Frying pan"],
        "splits": ["test"],
        "limit": 6,
        "side": 32,
        "annotations_url": str(m.annotations),
        "images_url": str(m.images),
        "progress": False,
    }
    open_images.download(folder / "download", **m.download)
    (folder / "list").write_text("test/0a\ntest/0b\n")
    m.csv = folder / "people.csv"
    m.people[["sex", "hours", "job"]].assign(granted=np.where(m.label == 1, "yes", "no")).to_csv(m.csv, index=False)
    m.csv_columns = {"target": "granted", "positive": "yes", "sensitive": ["sex"]}
    (folder / "release").mkdir()
    (folder / "release/a.ipynb").write_text(
        '{"cells": [{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [], '
        '"source": ["1 + 1"]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    return m


def calls(m, folder) -> dict:
    """Function → a call of it, or a list of calls."""
    return {
        **of_data(m, folder),
        **of_evaluation(m),
        **of_mitigation(m),
        **of_plotting(m),
        **of_training(m),
        **of_the_rest(m, folder),
    }


def of_data(m, folder):
    scenes = m.scenes[["img", "boxes", "x_min", "x_max", "y_min", "y_max"]]
    spec = scene_specification.PRESETS["strong"]
    numbers = np.array([0.2, 0.5]), np.array([0.3, 0.6]), np.array([0.1, 0.2]), np.array([0.1, 0.15])
    test = {"split": "test", "classes": ["Ball", "Frying pan"], "by": ["gender", "age"]}
    request = open_images_request.Request(
        folder / "requested",
        ("test",),
        32,
        open_images_request.Choice(test["classes"], limit=6),
        open_images_request.Source(m.annotations, m.images),
        open_images_request.Transfer(progress=False),
    )
    ranked, take = open_images_choice.candidates_of(request.choice, m.annotations, "test")
    candidates = open_images_choice.with_sources(ranked, m.annotations, "test")
    fetched = open_images_fetch.fetch_pictures(candidates, take, request)
    return {
        adult.load_adult: call(["White", "Black"]),
        adult.load_tutorial: call(),
        downloads.fetch: call(m.csv, folder / "copy.csv", downloads.session()),
        downloads.is_address: call("https://simulated.invalid"),
        downloads.md5_of: call(m.csv),
        downloads.place: call(folder, "a"),
        downloads.session: call(),
        downloads.written_whole: call(folder / "whole"),
        handwritten_numbers.color_table: call(*m.ink),
        handwritten_numbers.create_augmented_data_2: call(),
        handwritten_numbers.create_parity_data: call(n=100, held_out=40),
        handwritten_numbers.create_starting_data: call(),
        handwritten_numbers.evaluation_data: call(),
        handwritten_numbers.get_val2: call(m.digits),
        handwritten_numbers.image_array: call(m.digits),
        handwritten_numbers.load_mnist: call("test"),
        handwritten_numbers.training_data: call({3: 0.1}),
        images.resize_images: [call(m.scenes, 16), call(m.scenes, 32)],
        images.stack_images: [call(m.digits), call(m.digits[::2])],
        line_search.lines_with: call(m.published["boxes"], ["/m/018xm"]),
        mitigation_runs.load_adult_runs: call(),
        mitigation_runs.load_mitigation_runs: call(),
        open_images_store.credits: call(m.scenes),
        open_images_pictures.decode: call(next((m.images / "test").iterdir()), 16, 90),
        open_images_request.default_folder: call(),
        open_images.download: call(folder / "again", **m.download),
        open_images_choice.candidates_of: call(request.choice, m.annotations, "test"),
        open_images_choice.with_sources: call(ranked, m.annotations, "test"),
        open_images_fetch.fetch_annotations: call(request),
        open_images_fetch.fetch_pictures: call(candidates, take, request),
        open_images_request.check_quota: call(5, "equal"),
        open_images_request.check_strata: call(["gender"]),
        open_images_store.hide_from_git: call(folder / "hidden"),
        open_images_store.store: call(folder / "stored", "test", candidates, fetched),
        open_images_store.load_open_images: call(folder / "download", ["test"]),
        open_images_pictures.move_boxes: call(
            m.scenes[["x_min", "x_max", "y_min", "y_max"]].to_numpy(),
            np.repeat([0, 90], 40),
            np.tile([0.1, 0, 0.8, 1], (80, 1)),
        ),
        open_images_choice.quotas: [
            call(pd.Series({"a": 5, "b": 9}), n, how) for n in (6, 99) for how in ("equal", "proportional")
        ],
        open_images_choice.rank: call(m.annotations, **test),
        open_images_files.check_kind: call(m.published["miap"], "miap"),
        open_images_files.published: call(m.annotations, "boxes", "test"),
        open_images_files.settings: call(),
        open_images_files.kind_of: call(m.published["miap"]),
        open_images_files.read_boxes: call(m.published["boxes"], ["/m/018xm"], columns=["ImageID", "LabelName"]),
        open_images_files.read_classes: call(m.published["classes"]),
        open_images_files.read_hierarchy: call(m.published["hierarchy"]),
        open_images_files.read_image_labels: call(m.published["labels"], images=["0a"]),
        open_images_files.read_images: call(m.published["images"], ["0a"]),
        open_images_files.read_list: call(folder / "list"),
        open_images_files.read_miap: call(m.published["miap"], ["0a"]),
        open_images_files.write_list: call(m.scenes, folder / "written"),
        people.load_people: call({"file": m.csv, **m.csv_columns, "features": ["hours"]}),
        pictures.load_pictures: call("simulated", 16, ["validation"]),
        fallback.load_pictures_or_drawings: call("simulated", 16, ["validation"]),
        registry.data_problems: call(),
        registry.pack: call(b"content", folder / "packed.gz"),
        registry.registry: call(),
        registry.verified: call("adult/adult.test.gz"),
        scene_canvas.Canvas.images.fget: call(m.canvas),
        scene_canvas.Canvas.paint: call(m.canvas, np.array([0, 2]), scene_canvas.ellipse(*numbers), np.ones(3), 0.05),
        scene_canvas.capsule: call(*numbers, np.array([0.1, 0.1])),
        scene_drawing.draw: call(m.scene, 16, 0),
        scene_canvas.ellipse: call(*numbers),
        scene_drawing.figure_boxes: call(m.scene["figures"]),
        scene_canvas.hsv: call(*numbers[:3]),
        scene_canvas.rectangle: call(*numbers),
        scene_drawing.thing_boxes: call(m.scene["things"]),
        scene_specification.Specification.by_group: call(spec, "size"),
        scene_specification.Specification.without: call(spec, "size"),
        scene_canvas.column: call(*numbers),
        scene_plan.plan_scenes: call(spec, 20, 0, "test"),
        scene_plan.with_cues: call(m.recorded.cue, m.scene["figures"]),
        scene_specification.checked_count: call(20, "n"),
        scene_specification.checked_counts: call({"test": 20}),
        scene_specification.checked_side: call(16),
        scene_specification.named: [call("strong"), call(spec)],
        scene_table.assemble: call(
            {k: m.scenes[k].to_numpy() for k in scene_table.ORDER if k not in ("img", "boxes")},
            np.stack(m.scenes["boxes"]),
            np.stack(m.scenes["img"]),
        ),
        scene_table.pixels_inside: call(np.stack(m.scenes["boxes"]), 32, 32),
        scene_table.scene_table: call(spec, m.recorded, m.scene, np.zeros((20, 16, 16, 3), np.uint8)),
        simulated_scenes.counterfactual_pairs: call(spec, n=40, side=16),
        scene_plan.cramers_v: call(np.array([[3.0, 1], [2, 5]])),
        scene_table.hide_figures: [call(scenes), call(scenes.drop(columns="boxes"))],
        simulated_scenes.load_scenes: [call(spec, {"test": 40}, side=16)] * 2,  # drawn, then read where it was kept
        simulated_scenes.simulate: call(spec, n=40, side=16),
        scene_mirror.write_mirror: call(
            folder / "small mirror", spec, dict.fromkeys(("train", "validation", "test"), 20), side=16
        ),
        tabular.raw_table: call(m.csv),
        tabular.read_table: call(m.csv, **m.csv_columns, features=["hours", "job"]),
        tabular.typed: call(tabular.raw_table(m.csv), **m.csv_columns, features=["hours", "job"]),
    }


def of_evaluation(m):
    counts, n = np.array([3.0, 8]), np.array([10.0, 10])
    cells = {name: np.array([4, 2]) for name in ("tp", "fp", "fn", "tn")}
    keys = [coding.group_codes(m.people[c], c)[:2] for c in ("sex", "race")]
    order = np.argsort(m.score.to_numpy())
    weighted = np.ones((2, 200)), m.label.to_numpy()[order].astype(float), m.score.to_numpy()[order]
    shares = {"a": 0.9, "b": 0.7}
    right = np.random.default_rng(0).random((3, 20)) < 0.7
    p = np.array([0.04, 0.01, 0.5])
    crossed = ["sex", "race"]
    coded = coding.code(m.people, "label", "pred1", "score", ["auc", "accuracy"])
    of_both = coding.Groups(("sex", "race"), *coding.cross(200, keys))
    cells_of_both = count_metrics.count_cells(coded, of_both)
    drawn_cells = count_metrics.draw_cells(cells_of_both, 200, 100, np.random.default_rng(0), True)
    return {
        accuracy.accuracy_by_group: call(m.people, crossed),
        accuracy.compute_accuracy: call(m.people),
        accuracy.compute_confidence_bounds: call(m.people),
        accuracy.get_accuracy_by_intersection: call(m.people, "sex", "race"),
        accuracy.get_group_accuracy_by_value: call(m.people, "sex"),
        accuracy.print_accuracy_by_group: call(m.people, "sex"),
        accuracy.print_accuracy_by_intersection: call(m.people, "sex", "race"),
        amplification.bias_amplification: call(m.people, m.others, attribute="sex", draws=100),
        amplification.directional_bias_amplification: call(m.people, m.others, attribute="sex", draws=100),
        association.co_occurrence: call(m.people, "sex", "race", draws=100),
        audit.audit: [
            call(
                m.people,
                score="score",
                groups=[*m.groups, "job"],
                metrics=["auc", "accuracy"],
                interval="bca",
                draws=100,
                reference={"sex": "Male", "race": "White"},
                problems="ignore",
            ),
            call(m.people, label="race", prediction="race", groups=["sex"], metrics=["precision"], problems="ignore"),
        ],
        coding.check_table: call(m.people, "sex"),
        coding.code: call(m.people, "label", "pred1", "score", ["auc"], None, ["sex"]),
        coding.cross: [call(200, keys), call(200, keys[:1])],
        coding.group_codes: [call(m.people["job"], "job"), call(m.people["race"], "race")],
        coding.correct: call(m.people),
        group_name: call(("Female", "Black")),
        coding.listed: call(["a", "b", "c"], 2),
        coding.reference_groups: call(m.audits[0], crossed, {"sex": "Male", "race": "White"}),
        coding.sortable: call(["a", 1]),
        coding.splits_of: call(m.groups),
        coding.splits_in: call(m.audits[0]),
        coding.attributes_of: call(m.audits[0]),
        coding.Groups.column: call(of_both, "sex", [0, 1]),
        count_metrics.count_cells: call(coded, of_both),
        count_metrics.draws_needed: call(["accuracy", "f1_score"], "wilson", None),
        count_metrics.draw_cells: call(cells_of_both, 200, 100, np.random.default_rng(0), True),
        count_metrics.count_columns: call(["accuracy", "f1_score"], cells_of_both, drawn_cells, None, "bca", 0.95),
        count_metrics.standard_error: call(weighted[0]),
        score_metrics.score_columns: call(["auc"], coded, of_both, "bca", 0.95, 100, np.random.default_rng(0)),
        many_tests.benjamini_hochberg: call(p),
        null_gaps.group_against_rest: call(counts, n),
        many_tests.holm: call(p),
        null_gaps.null_gap: call(n, 0.5, 20),
        null_gaps.null_gap_test: call(m.audits[0], ["accuracy"], 100),
        null_gaps.null_p_value: call(0.1, counts),
        pairs.paired_bootstrap: call(m.people, m.others, ["accuracy", "precision"], groups=m.groups, draws=100),
        pairs.paired_comparison: call(m.people, m.others),
        pairs.paired_difference_interval: call(counts, counts, 2 * n),
        null_gaps.power_of_gap: call(counts / n, counts[::-1] / n, n, n),
        null_gaps.sample_size_for_gap: call(0.8, 0.9),
        over_seeds.seeds_and_rows_interval: call(right, np.arange(20) < 9, np.arange(20) > 12),
        counting.as_binary: [call(m.label, "label"), call(m.label.astype(bool), "label")],
        counting.check_scores: call(m.score, "score"),
        counting.checked: [call(m.label, "label"), call(m.label.to_numpy(), "label"), call(m.people["race"], "race")],
        metric_registry.divide: call(counts, n),
        counting.is_binary: call(m.label),
        counting.plain: [call(m.people["race"]), call(m.people["sex"])],
        metrics.better: call("accuracy"),
        metric_registry.metrics_of: call({"accuracy": metrics.accuracy}),
        metric_registry.criteria_of: call(
            {"equalized_odds_difference": criteria.equalized_odds_difference}, dict(metrics.METRICS)
        ),
        metric_registry.Metric.is_rate.fget: call(metrics.METRICS["accuracy"]),
        metric_registry.Metric.counts: call(metrics.METRICS["accuracy"], **cells),
        counting.score_bins: call(m.score.to_numpy()),
        **{metric.of_rows: call(*weighted) for metric in metrics.METRICS.values() if metric.of_rows},
        **{criterion.function: call(m.people, crossed) for criterion in criteria.CRITERIA.values()},
        curves.reliability_table: call(m.people, groups=crossed),
        curves.roc_table: call(m.people, groups=crossed),
        disparity.composites: call(),
        disparity.absolute_disparity: call(0.7, 0.9),
        disparity.disparities: call(m.audits[0], {"sex": "Male"}),
        disparity.disparity_table: call(shares),
        disparity.error_ratio: call(0.7, 0.9),
        workshop_disparity.print_absolute_vs_ratio_error: call(shares),
        workshop_disparity.print_absolute_vs_relative_accuracy: call(shares),
        disparity.relative_disparity: call(0.7, 0.9),
        disparity.shrink: [call(counts, n), call(counts, 0 * n)],
        impossibility.required_false_positive_rate: call(counts / n, 0.8, counts / n),
        individual.consistency: call(m.people[["hours", "score"]], m.prediction, 3),
        individual.counterfactual_flip_rate: call(m.prediction, m.others["pred1"]),
        individual.entropy_between_groups: call(m.people, crossed),
        individual.generalised_entropy: call(m.label, m.prediction),
        individual.theil_index: call(m.label.to_numpy(), m.prediction.to_numpy()),
        intervals.bootstrap_interval: [
            call(np.array([[0.3, np.nan, 0.1, 0.2]]), 0.9),
            call(
                np.array([[0.3, 0.1, 0.2]]),
                0.9,
                "bca",
                np.array([0.2]),
                np.array([[0.1, 0.3, np.nan]]),
                np.ones((1, 3)),
            ),
        ],
        intervals.check_level: call(0.95),
        intervals.difference_interval: call(counts, n, counts, n),
        intervals.rate_interval: [call(counts, n, method) for method in intervals.METHODS],
        intervals.ratio_interval: call(counts, n, counts, n),
        leakage.leakage: [
            call(m.people[["hours", "race"]], m.people["sex"]),
            call(m.score.to_numpy(), m.people["sex"]),
        ],
        leakage.leakage_amplification: call(m.label, m.prediction, m.people["sex"], flips=2),
        **{
            metric.function: call(m.label, m.prediction if metric.of_counts else m.score)
            for metric in metrics.METRICS.values()
        },
        pareto.non_dominated: call(m.models, ["accuracy"], ["difference"]),
        proxies.proxy_table: call(m.people, m.others, ["hours", "job"], "sex"),
    }


def of_mitigation(m):
    both = {"groups": "true_gender_cue", "epochs": 1}
    logits, attribute = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1, 0, 1, 0])
    weight = torch.tensor([0.5, 0.5, 0.0, 0.0])
    half, rest = m.people.drop(columns="race"), m.others.drop(columns="race")
    three = {"features": ["hours", "job"], "groups": ["sex"], "grid_size": 3}
    x = m.people[["hours", "score"]].to_numpy().copy()
    pictures = [
        (method, call(m.scenes, m.validation, **both, **({"base": m.fitted} if "base" in method.needs else {})))
        for method in methods.METHODS.values()
    ]
    rows = [
        (method, call(half, rest, **{k: v for k, v in three.items() if k != "grid_size" or k in method.needs}))
        for method in tabular_methods.TABULAR_METHODS.values()
    ]
    of_methods = {getattr(method.function, "func", method.function): made for method, made in [*pictures, *rows]}
    of_methods[methods.METHODS["last-layer retraining"].function][1].update(draws=1, strengths=[1.0])
    return {
        **of_methods,
        best_threshold: call(m.label.to_numpy(), m.score.to_numpy()),
        compare.compare: call(
            m.scenes,
            m.validation,
            {"one": m.validation},
            groups=["gender"],
            methods=["plain"],
            seeds=[0],
            settings={"plain": {"shift": 1}},
            counterfactual={"one": m.validation},
            progress=False,
            epochs=1,
        ),
        compare.summary: call(m.compared),
        generalised_cross_entropy: call(logits[:, :2].contiguous(), attribute, 0.5),
        method_records.as_method: call("mine", lambda train, validation, **settings: None),
        method_records.by_name: call(*methods.METHODS.values()),
        methods.method_table: call(),
        new_weights: call(weight, torch.tensor([1.0, 2, 0, 0]), 0.1),
        own_logits: call(logits, attribute),
        relative_difficulty: call(logits[:2].abs(), torch.tensor([0, 1, 1, 0]), torch.tensor([3, 0])),
        reweighing_weights: call(m.label, m.people["sex"]),
        summed: call(logits),
        tables.Data.cell.fget: call(m.data),
        tables.Data.cell_rows.fget: call(m.data),
        tables.attribute_numbers: call(m.people["sex"], ("Female", "Male")),
        tables.attribute_values: [call(m.people, ["sex", "race"]), call(m.people, "sex")],
        tabular_model.FittedTable.predict: call(m.fitted_table, rest),
        tabular_model.counted_tree: call(0, class_weight="balanced"),
        tabular_model.encode_both: call(half, rest, ["hours", "job"], ["sex"]),
        tables.as_tensors: call(m.scenes, ["gender", "age"]),
        tables.both_as_tensors: call(m.scenes, m.validation, "gender"),
        tabular_methods.compare_tabular: call(half, rest, rest, methods=["reweighing"], progress=False, **three),
        tabular_methods.fit_tabular: [call(method, half, rest, **three) for method in tabular_methods.TABULAR_METHODS],
        tabular_methods.measure_decisions: call(lambda table: np.ones(len(table), int), m.people, ["sex"]),
        correlation_remover.without_correlation: call(
            x, m.people["sex"].to_numpy(), (x[:50], m.people["sex"].to_numpy()[:50])
        ),
        fitted.Fitted.after_last_epoch: call(m.fitted),
        fitted.Fitted.features: call(m.fitted, m.validation),
        fitted.Fitted.logits: [call(m.fitted, m.validation), call(m.hidden, m.validation)],
        fitted.Fitted.predict: call(m.fitted, m.validation),
        fitted.Fitted.score: call(m.fitted, m.validation),
        fitted.run_network: call(m.fitted.network, m.data.images),
        keeping.recalled: call(m.fitted.network, lambda: {}, (1, "epoch", False)),
        network_training.accuracies: call(m.fitted.network, m.data),
        batches.balanced: call(m.data, 8),
        method_settings.check_settings: call(epochs=1),
        batches.drawn: call(weight, 2),
        keeping.keeps: call(methods.METHODS["plain"].function),
        network_training.move: [call(m.data.images, most, torch.Generator()) for most in (0, 2)],
        network_training.start_network: call(None, 0),
        network_training.train_network: call(m.data, m.data, "gender", epochs=1, more=[nn.Parameter(torch.ones(1))]),
        turn_hues: call(m.data.images, torch.ones(80)),
        without_prior: call(torch.softmax(logits, 1), weight + 1),
    }


def of_plotting(m):
    """`ax` is left out where it may be; the test adds it."""
    a, b = m.audits
    words = [""] * len(m.rows)
    two = m.people, m.others
    of_rows = call(np.array([0.5, 1.5]), ["one", "two"], [(0.2, "heading")], 2.0)
    handles = [Line2D([], [], label="one"), Line2D([], [], label="two")]
    pairs = association.co_occurrence(m.people, "sex", "race", draws=100)
    by = {"label_col": "label", "pred_col": "pred1"}
    shares = m.share, 0.7
    observed = pd.DataFrame({"true_positive_rate": [0.7], "false_positive_rate": [0.2]}, index=["Male"])
    points = audit.audit(m.people, groups=["sex"], metrics=["true_positive_rate", "false_positive_rate"])
    pictured = m.scenes[:3]
    return {
        **dict.fromkeys(
            [association_figures.plot_co_occurrence, association_figures.describe_co_occurrence], call(pairs)
        ),
        **dict.fromkeys(
            [association_figures.plot_shares_below, association_figures.describe_shares_below],
            call(m.people, "score", "sex"),
        ),
        **dict.fromkeys(
            [difference_figures.plot_differences, difference_figures.describe_differences], call(m.found[0])
        ),
        **dict.fromkeys([audit_figures.plot_forest, audit_figures.describe_forest], call(a, "accuracy")),
        **dict.fromkeys(
            [audit_figures.plot_small_multiples, audit_figures.describe_small_multiples],
            call(a, ["accuracy", "auc"], ["sex"]),
        ),
        **dict.fromkeys(
            [before_after.plot_before_after, before_after.describe_before_after],
            [call(a, b, "accuracy", names=["old", "new"]), call(*m.found)],
        ),
        **dict.fromkeys([curve_figures.plot_reliability, curve_figures.describe_reliability], call(m.reliability)),
        **dict.fromkeys([curve_figures.plot_roc, curve_figures.describe_roc], call(m.roc, points)),
        digits.describe_images: call(m.digits[:3]),
        digits.plot_five: call(m.digits),
        digits.plot_images: call(m.digits[:3], ["a", "b", "c"]),
        digits.plot_one_each: call(m.digits),
        **dict.fromkeys([distributions.plot_null, distributions.describe_null], call(np.array([0.1, 0.2]), 0.3)),
        **dict.fromkeys(
            [distributions.plot_over_seeds, distributions.describe_over_seeds], call(m.seeds, "accuracy", "way")
        ),
        figure_rows.draw_rows: call(np.arange(len(m.rows)), m.rows, words, ("here", 0.5)),
        figure_rows.print_n: call(np.arange(len(m.rows)), m.rows),
        figure_rows.row_handles: call(m.rows, ("here", 0.5), "95 % interval"),
        figure_rows.missing_words: call(m.rows),
        figure_rows.number_words: call(0.5),
        figure_rows.value_words: call(m.rows.iloc[0]),
        figure_rows.extremes_in_words: call(m.rows),
        drawing.by_split: [call(m.rows, "value"), call(m.rows)],
        drawing.capitalised: call("one"),
        drawing.comparison_words: call(m.found[0].iloc[0], "−", True),
        drawing.dress_rows: of_rows,
        drawing.full_name: call(m.rows.iloc[0], m.rows),
        drawing.in_words: call("auc"),
        drawing.legend_below: call(handles=handles),
        drawing.legend_of_figure: call(handles=handles),
        drawing.line_count: call("a\nb"),
        drawing.metric_rows: call(a, "accuracy"),
        drawing.name_points: call(np.array([0.1, 0.2]), [0.3, 0.4], ["one", "two"]),
        drawing.noun_for: call(m.rows),
        drawing.of_class: call(a, "accuracy"),
        drawing.panel_grid: call(3, 2, (4, 4), "row"),
        drawing.reach_to: call(m.models["accuracy"], np.array([0.1, np.nan])),
        drawing.row_label: call(next(m.rows.itertuples()), 20),
        drawing.row_places: call(m.rows["split"], [1] * len(m.rows)),
        drawing.rows_on_axes: call(m.rows, words),
        drawing.wrapped_text: call("some text", 5),
        drawing.write_at: call(0.5, "word"),
        drawing.write_beside: call(0.5, "text"),
        impossibility_figures.plot_impossibility: call(*shares, observed),
        impossibility_figures.describe_impossibility: call(*shares),
        **dict.fromkeys([pareto_figures.plot_pareto, pareto_figures.describe_pareto], call(m.models)),
        picture_figures.describe_contact_sheet: call(pictured),
        picture_figures.plot_contact_sheet: call(pictured),
        picture_figures.short_licence: call("https://creativecommons.org/licenses/by/2.0/"),
        rates.describe_accuracy: call(m.rates, ["sex"]),
        rates.plot_accuracy: call({"old": m.rates, "new": m.rates}, ["sex"], markers=["o", "s"], sort=True),
        rates.plot_confidence_intervals_from_df: call(m.people, **by, dataset_name="d", group_name="sex"),
        rates.plot_confidence_intervals_from_two_dfs: call(
            *two, **by, dataset_name_1="d", dataset_name_2="e", group_name="sex"
        ),
        rates.plot_intersectional_confidence_intervals_from_df: call(
            m.people, **by, dataset_name="d", group_1="sex", group_2="race"
        ),
        style.new_axes: call(),
        style.show: call(alt="a figure"),
    }


def of_training(m):
    generator, layer = torch.Generator().manual_seed(0), nn.Linear(1, 1)
    return {
        backbones.efficientnet_lite0: call(),
        features.extract_features: [
            call(m.scenes, m.backbone, progress=False),
            call(m.pixels, m.backbone, side=32, progress=False),
        ],
        backbones.mobilenet_v2_deep_sort: call(),
        backbones.of_torchvision: call("resnet18", "ResNet18_Weights.IMAGENET1K_V1", "fc"),
        baseline.factor_colors: [call(m.pixels), call(255 - m.pixels)],
        fit.fit: call(models.scene_convnet(), m.scenes, epochs=1, progress=False),
        tensors.floats: call(torch.from_numpy(m.pixels)),
        tensors.image_tensor: call(m.pixels),
        tensors.label_array: call(m.digits),
        loop.shuffled: call(8, 2),
        loop.train_epochs: call(
            layer,
            loop.shuffled(8, 2),
            lambda rows, generator: layer(rows[:, None].float()).mean(),
            epochs=2,
            learning_rate=0.1,
            seed=0,
        ),
        models.load_weights: call(small_network(), models.weights(m.network)),
        models.weights: call(m.network),
        threads.one_thread: call(),
        threads.thread_pool: call(2),
        threads.workers: call(2),
        baseline.train_baseline_model: call(m.digits, progress=False),
        baseline.train_baseline_models: call(m.digits, [0, 1], progress=False),
        models.baseline_mlp: call(generator),
        models.new_layers: call(),
        models.scene_convnet: call(),
        models.small_convnet: call(),
        picture_models.run_picture_model: call(m.network, m.scenes),
        picture_models.train_picture_model: call(m.scenes, progress=False),
        picture_models.train_picture_models: call(m.scenes, [0, 1], progress=False),
        predict.predict: call(m.network, m.scenes),
        predict.predict_many: call([m.ten, m.ten], m.digits),
        predict.predict_probabilities: call(m.network, m.scenes),
        predict.run_baseline_model: call(m.ten, m.digits),
        tabular_models.Counted.fit: call(
            tabular_models.Counted(tabular_models.small_tree(), tqdm(disable=True)),
            m.people[["hours"]],
            m.label,
            sample_weight=np.ones(200),
        ),
        tabular_models.Counted.predict: call(
            tabular_models.Counted(tabular_models.small_tree(), tqdm(disable=True)).fit(m.people[["hours"]], m.label),
            m.people[["hours"]],
        ),
        crossed_names: [call(m.people, ["sex", "race"]), call(m.people, "sex")],
        columns_of: [call("sex"), call(["sex", "race"])],
        tabular_models.column_transformer: call(m.people, ["hours", "job"]),
        tabular_models.run_tabular_model: call(m.tree, m.people),
        tabular_models.small_tree: call(),
        tabular_models.split_rows: call(m.people, ["sex", "race"], [0.5, 0.25, 0.25]),
        tabular_models.tabular_pipeline: call(tabular_models.small_tree(), m.people, ["hours", "job"]),
    }


def of_the_rest(m, folder):
    header = store.Header("a", KEY, 0.1, ["c"], {"c": ""}, {})
    return {
        checks.ask: call(len, m.people),
        checks.ask_keeping: call(len, m.people),
        checks.close: call(m.people, m.people.copy()),
        checks.copied: call(m.people),
        checks.same: call({"a": m.people}, {"a": m.people.copy()}),
        glossary.entry: call(metrics.accuracy),
        glossary.metric_functions: call(),
        glossary.page: call(f"{glossary.BEGIN}\n{glossary.END}\n"),
        sentences.tell: call("a sentence"),
        headless.execute: call(folder / "release/a.ipynb", folder / "build"),
        work_copies.hand_out: call(folder / "release", folder / "work"),
        kept.cache_folder: call(),
        kept.clear: call(),
        kept.cpu_seconds: call(),
        kept.entries: call(),
        kept.fingerprint: call([m.people, m.pixels, m.data.images, models.baseline_mlp(), {"a": [1]}]),
        kept.folder: call(),
        kept.look: call("a", {"b": [1]}),
        kept.recall: call("a", {"b": [1]}, lambda: {"c": 1}),
        kept.recalled: call(),
        kept.show_kept: call(1, "img", False),
        keys.key_of: call("a", {"b": [1]}),
        loaded.build: call("numpy"),
        loaded.changed: call(loaded.files("training")),
        loaded.files: call("training", "files.py"),
        loaded.installed: call(("numpy", "torch")),
        loaded.upgraded: call({"numpy": np.__version__}),
        settings.mode: call(),
        settings.most_bytes: call(),
        store.alone: call(KEY),
        store.as_kept: call("a", {"c": m.pixels, "d": [1]}),
        store.check_of: call(header, {"c": m.pixels}),
        store.header_of: call(b"no entry"),
        store.read: call(KEY, 1e9),
        store.write: call(KEY, "a", {"c": m.pixels, "d": [1]}, 0.1, 1e9),
        files.write_whole: call(folder / "bytes", b"content"),
        files.written_whole: call(folder / "whole file"),
        require_columns: call(m.people, "sex", "label"),
    }
