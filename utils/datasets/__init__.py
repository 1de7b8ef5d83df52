"""The data: each loader gives a pandas table, one row an example, its pictures in the column `img`.

Digits (`create_starting_data`), pictures of people with labels and boxes (`load_pictures`, `load_open_images`, and the
drawn scenes of `simulate`), people with incomes (`load_adult`), or a table of one's own (`read_table`, `load_people`).
A file that is missing or wrong is a `DataError`, which says what to do.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_adult": ["load_adult", "load_tutorial"],
        "_fallback": ["load_pictures_or_drawings"],
        "_handwritten_numbers": [
            "color_table",
            "create_augmented_data_2",
            "create_parity_data",
            "create_starting_data",
            "evaluation_data",
            "get_val2",
            "image_array",
            "load_mnist",
            "training_data",
        ],
        "_images": ["resize_images", "stack_images"],
        "_mitigation_runs": ["load_adult_runs", "load_mitigation_runs"],
        "_open_images": ["download"],
        "_open_images_store": ["credits", "load_open_images"],
        "_people": ["load_people"],
        "_pictures": ["load_pictures"],
        "_registry": ["DataError", "data_problems", "restore"],
        "_scene_mirror": ["write_mirror"],
        "_scene_plan": ["cramers_v"],
        "_scene_specification": ["Specification"],
        "_scene_table": ["hide_figures"],
        "_simulated_scenes": ["counterfactual_pairs", "load_scenes", "simulate"],
        "_tabular": ["read_table"],
    },
)
