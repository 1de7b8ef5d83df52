"""Models: train one or many seeds at once, and predict. Everything here runs on one torch thread.

Digits (`train_baseline_model`, `run_baseline_model`), pictures (`train_picture_model`, `run_picture_model`), any
network (`fit`, `predict`), tables (`tabular_pipeline`, `run_tabular_model`), and features of a trained network
(`extract_features`). What was trained with a seed is kept, and found the next time.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_backbones": ["Backbone", "efficientnet_lite0", "mobilenet_v2_deep_sort", "of_torchvision"],
        "_baseline": ["train_baseline_model", "train_baseline_models"],
        "_features": ["extract_features"],
        "_fit": ["fit"],
        "_models": ["baseline_mlp", "load_weights", "new_layers", "scene_convnet", "small_convnet", "weights"],
        "_pictures": ["run_picture_model", "train_picture_model", "train_picture_models"],
        "_predict": ["predict", "predict_many", "predict_probabilities", "run_baseline_model"],
        "_tabular": [
            "Counted",
            "column_transformer",
            "crossed",
            "run_tabular_model",
            "small_tree",
            "split_rows",
            "tabular_pipeline",
        ],
        "_tensors": ["image_tensor", "label_array"],
        "_threads": ["one_thread"],
    },
)
