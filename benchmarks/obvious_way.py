"""The obvious way: Lab 1's pipeline as a competent newcomer to pandas and torch would write it.

The steps are those of the tutorials: torchvision's MNIST through a DataLoader, one table row an image, `apply` over
rows, a Dataset over the rows, PyTorch's own training loop. Nothing is slow on purpose. Where two ways are equally
obvious the faster one is taken: MNIST is read once for both training tables; the Dataset takes its columns out of the
table once (`table.iloc[i]` for every image would double the training time); evaluation keeps no gradients and takes
large batches. It imports nothing of `utils`. `lab1_pipeline.py` measures it.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms
from torchvision.datasets import MNIST

ROOT = Path(__file__).resolve().parents[1] / "datasets" / "handwritten_numbers"  # with MNIST's files, unpacked
COLORS = {"orange": (255, 128, 0), "blue": (0, 0, 255)}


# --- data ----------------------------------------------------------------------------------------------------------
def load_digits(train, limit=None):
    """MNIST as a table with `img` (28 × 28, 0 to 1) and `label`; `limit` takes only the first images."""
    mnist = MNIST(ROOT, train=train, transform=transforms.ToTensor())
    if limit and limit < len(mnist):
        mnist = Subset(mnist, range(limit))
    rows = []
    for images, labels in DataLoader(mnist, batch_size=64):
        for image, label in zip(images, labels, strict=True):
            rows.append({"img": image[0].numpy(), "label": label.item()})
    return pd.DataFrame(rows)


def parity(label):
    return "even" if label % 2 == 0 else "odd"


def magnitude(label):
    return "small" if label <= 3 else "medium" if label <= 6 else "large"


def curviness(label):
    return "curvy" if label in (0, 3, 8) else "linear" if label in (1, 4, 7) else "neutral"


def color_image(row):
    image = np.zeros((28, 28, 3), dtype=np.uint8)
    image[row["img"] > 0.5] = COLORS[row["color"]]
    return image


def add_columns(table):
    """Colour the images of a table that has `color`, and add the groups."""
    table["img"] = table.apply(color_image, axis=1)
    table["digit"] = table["label"].astype(str)
    table["parity"] = table["label"].apply(parity)
    table["magnitude"] = table["label"].apply(magnitude)
    table["curviness"] = table["label"].apply(curviness)
    return table


def training_data(digits, thin, seed=0):
    """Every digit at the count of the rarest, those in `thin` at their share of it; four in five are blue."""
    rarest = digits["label"].value_counts().min()
    parts = []
    for label, rows in digits.groupby("label"):
        parts.append(rows.sample(n=round(rarest * thin.get(label, 1)), random_state=seed))
    table = pd.concat(parts, ignore_index=True)
    table["color"] = np.random.default_rng(seed).choice(["blue", "orange"], size=len(table), p=[0.8, 0.2])
    return add_columns(table)


def evaluation_data(digits, seed=0):
    """All test digits, half of each blue and half orange."""
    table = digits.copy()
    table["color"] = "orange"
    table.loc[table.groupby("label").sample(frac=0.5, random_state=seed).index, "color"] = "blue"
    return add_columns(table)


def customer_data(evaluation, seed=0):
    """The evaluation data with salt and pepper on every 4."""
    rng = np.random.default_rng(seed)

    def add_noise(row):
        if row["label"] != 4:
            return row["img"]
        image, draw = row["img"].copy(), rng.random((28, 28))
        image[draw < 0.02] = 255
        image[draw > 0.98] = 0
        return image

    table = evaluation.copy()
    table["img"] = table.apply(add_noise, axis=1)
    return table


def prepare(limit=None):
    """Starting, augmented, evaluation and customer's data, of all images or of the first of each half of MNIST."""
    digits = load_digits(train=True, limit=limit)
    starting = training_data(digits, thin={3: 0.3, 6: 0.3})
    augmented = training_data(digits, thin={6: 0.3})
    evaluation = evaluation_data(load_digits(train=False, limit=limit))
    return starting, augmented, evaluation, customer_data(evaluation)


# --- training ------------------------------------------------------------------------------------------------------
class Digits(Dataset):
    def __init__(self, table):
        self.images = table["img"].tolist()
        self.labels = table["label"].tolist()
        self.to_tensor = transforms.ToTensor()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.to_tensor(self.images[i]), self.labels[i]


def make_model():
    return nn.Sequential(nn.Flatten(), nn.Linear(2352, 10), nn.ReLU(), nn.Linear(10, 10), nn.ReLU(), nn.Linear(10, 10))


def train(table, seed=0, sampler=None):
    """Three epochs of Adam at 0.01 in batches of 64; `sampler` sets another order than a random one."""
    torch.manual_seed(seed)
    model = make_model()
    loader = DataLoader(Digits(table), batch_size=64, shuffle=sampler is None, sampler=sampler)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss_function = nn.CrossEntropyLoss()
    model.train()
    for _ in range(3):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = loss_function(model(images), labels)
            loss.backward()
            optimizer.step()
    return model


# --- evaluation ----------------------------------------------------------------------------------------------------
def evaluate(model, table):
    """Add the predictions as `pred1`; accuracy overall and of each digit."""
    model.eval()
    predictions = []
    with torch.no_grad():
        for images, _ in DataLoader(Digits(table), batch_size=1000):
            predictions.extend(model(images).argmax(dim=1).tolist())
    table["pred1"] = predictions
    right = table["pred1"] == table["label"]
    return float(right.mean()), right.groupby(table["digit"]).mean()
