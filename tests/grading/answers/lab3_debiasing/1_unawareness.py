ANSWERS = {
    "q1_grey": [
        (
            "the mean of the channels",
            """
def to_grey(images):
    return np.rint(images.mean(-1, keepdims=True)).repeat(3, -1).astype(np.uint8)
""",
            0,
        ),
        (
            "cuts off instead of rounding",
            """
def to_grey(images):
    shade = 0.299 * images[..., 0] + 0.587 * images[..., 1] + 0.114 * images[..., 2]
    return np.repeat(shade.astype(np.uint8)[..., None], 3, axis=-1)
""",
            0,
        ),
        (
            "weights for blue, green, red",
            """
def to_grey(images):
    shade = np.rint(images @ np.array([0.114, 0.587, 0.299])).astype(np.uint8)
    return np.repeat(shade[..., None], 3, axis=-1)
""",
            0,
        ),
        (
            "writes into the pictures",
            """
def to_grey(images):
    images[...] = np.rint(images @ np.array([0.299, 0.587, 0.114]))[..., None]
    return images
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def to_grey(images):
    return np.array([[[[76] * 3, [18] * 3]]], dtype=np.uint8)
""",
            0,
        ),
        (
            "written another way: channel by channel",
            """
def to_grey(images):
    red, green, blue = (images[..., i].astype(float) for i in range(3))
    shade = np.round(0.299 * red + 0.587 * green + 0.114 * blue)
    result = np.empty(images.shape, np.uint8)
    for channel in range(3):
        result[..., channel] = shade
    return result
""",
            5,
        ),
    ],
    "q2_hide_boxes": [
        (
            "x and y swapped",
            """
def hide_boxes(images, boxes, fill):
    done = images.copy()
    height, width = images.shape[1:3]
    for image, (x0, x1, y0, y1) in zip(done, boxes):
        if not np.isnan(x0):
            columns = slice(int(np.floor(y0 * height)), int(np.ceil(y1 * height)))
            image[int(np.floor(x0 * width)):int(np.ceil(x1 * width)), columns] = fill
    return done
""",
            0,
        ),
        (
            "rounds to the nearest pixel",
            """
def hide_boxes(images, boxes, fill):
    done = images.copy()
    height, width = images.shape[1:3]
    for image, (x0, x1, y0, y1) in zip(done, boxes):
        if not np.isnan(x0):
            image[round(y0 * height):round(y1 * height), round(x0 * width):round(x1 * width)] = fill
    return done
""",
            0,
        ),
        (
            "the width for both",
            """
def hide_boxes(images, boxes, fill):
    done = images.copy()
    side = images.shape[2]
    for image, (x0, x1, y0, y1) in zip(done, boxes):
        if not np.isnan(x0):
            rows = slice(int(np.floor(y0 * side)), int(np.ceil(y1 * side)))
            image[rows, int(np.floor(x0 * side)):int(np.ceil(x1 * side))] = fill
    return done
""",
            0,
        ),
        (
            "paints over the originals",
            """
def hide_boxes(images, boxes, fill):
    height, width = images.shape[1:3]
    for image, (x0, x1, y0, y1) in zip(images, boxes):
        if not np.isnan(x0):
            rows = slice(int(np.floor(y0 * height)), int(np.ceil(y1 * height)))
            image[rows, int(np.floor(x0 * width)):int(np.ceil(x1 * width))] = fill
    return images
""",
            0,
        ),
        (
            "hides everything where there is no box",
            """
def hide_boxes(images, boxes, fill):
    boxes = np.where(np.isnan(boxes), [0.0, 1.0, 0.0, 1.0], boxes)
    done = images.copy()
    height, width = images.shape[1:3]
    for image, (x0, x1, y0, y1) in zip(done, boxes):
        rows = slice(int(np.floor(y0 * height)), int(np.ceil(y1 * height)))
        image[rows, int(np.floor(x0 * width)):int(np.ceil(x1 * width))] = fill
    return done
""",
            0,
        ),
        (
            "written another way: a loop with slices",
            """
def hide_boxes(images, boxes, fill):
    done = images.copy()
    height, width = images.shape[1:3]
    for image, (x0, x1, y0, y1) in zip(done, boxes):
        if not np.isnan([x0, x1, y0, y1]).any():
            rows = slice(int(np.floor(y0 * height)), int(np.ceil(y1 * height)))
            image[rows, int(np.floor(x0 * width)):int(np.ceil(x1 * width))] = fill
    return done
""",
            6,
        ),
    ],
    "q3_probe": [
        (
            "judged on the rows it learned from",
            """
def probe(features, attribute, seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from sklearn.metrics import balanced_accuracy_score
    known = pd.notna(pd.Series(attribute, dtype=object)).to_numpy()
    x = StandardScaler().fit_transform(np.asarray(features)[known])
    y = np.asarray(attribute, dtype=object)[known].astype(str)
    model = LogisticRegression(class_weight="balanced", max_iter=1000).fit(x, y)
    return float(balanced_accuracy_score(y, model.predict(x)))
""",
            0,
        ),
        (
            "plain accuracy",
            """
def probe(features, attribute, seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    known = pd.notna(pd.Series(attribute, dtype=object)).to_numpy()
    y = np.asarray(attribute, dtype=object)[known].astype(str)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    parts = StratifiedKFold(5, shuffle=True, random_state=seed)
    told = cross_val_predict(model, np.asarray(features)[known], y, cv=parts)
    return float((told == y).mean())
""",
            0,
        ),
        (
            "never names the rare value",
            """
def probe(features, attribute, seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    known = pd.notna(pd.Series(attribute, dtype=object)).to_numpy()
    y = np.asarray(attribute, dtype=object)[known].astype(str)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    parts = StratifiedKFold(5, shuffle=True, random_state=seed)
    told = cross_val_predict(model, np.asarray(features)[known], y, cv=parts)
    return float(balanced_accuracy_score(y, told))
""",
            0,
        ),
        (
            "not standardised",
            """
def probe(features, attribute, seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    known = pd.notna(pd.Series(attribute, dtype=object)).to_numpy()
    y = np.asarray(attribute, dtype=object)[known].astype(str)
    model = LogisticRegression(class_weight="balanced", max_iter=200)
    parts = StratifiedKFold(5, shuffle=True, random_state=seed)
    told = cross_val_predict(model, np.asarray(features)[known], y, cv=parts)
    return float(balanced_accuracy_score(y, told))
""",
            0,
        ),
        (
            "a missing attribute is a value",
            """
def probe(features, attribute, seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    y = np.asarray(attribute, dtype=object).astype(str)
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    told = cross_val_predict(model, np.asarray(features), y, cv=StratifiedKFold(5, shuffle=True, random_state=seed))
    return float(balanced_accuracy_score(y, told))
""",
            0,
        ),
        (
            "written another way: the parts by hand",
            """
def probe(features, attribute, seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    known = np.array([not (a is None or a != a) for a in attribute])
    x, y = np.asarray(features, float)[known], np.array([str(a) for a in attribute], dtype=object)[known]
    right = np.zeros(len(y), bool)
    for learn, judge in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
        mean, spread = x[learn].mean(0), x[learn].std(0)
        spread[spread == 0] = 1
        model = LogisticRegression(class_weight="balanced", max_iter=2000).fit((x[learn] - mean) / spread, y[learn])
        right[judge] = model.predict((x[judge] - mean) / spread) == y[judge]
    return float(np.mean([right[y == value].mean() for value in np.unique(y)]))
""",
            9,
        ),
    ],
}
