ANSWERS = {
    "q1_wilson": [
        (
            "the Wald interval",
            """
def wilson(count, n, z=1.959964):
    rate = np.asarray(count) / n
    margin = z * np.sqrt(rate * (1 - rate) / n)
    return rate - margin, rate + margin
""",
            0,
        ),
        (
            "the Wald interval cut at 0 and 1",
            """
def wilson(count, n, z=1.959964):
    rate = np.asarray(count) / n
    margin = z * np.sqrt(rate * (1 - rate) / n)
    return np.clip(rate - margin, 0, 1), np.clip(rate + margin, 0, 1)
""",
            0,
        ),
        (
            "brackets forgotten: only the last term is divided",
            """
def wilson(count, n, z=1.959964):
    rate = np.asarray(count) / n
    margin = z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return rate + z**2 / (2 * n) - margin / (1 + z**2 / n), rate + z**2 / (2 * n) + margin / (1 + z**2 / n)
""",
            0,
        ),
        (
            "never divided by 1 + z squared / n",
            """
def wilson(count, n, z=1.959964):
    rate = np.asarray(count) / n
    margin = z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return rate + z**2 / (2 * n) - margin, rate + z**2 / (2 * n) + margin
""",
            0,
        ),
        (
            "1.96 typed in, z ignored",
            """
def wilson(count, n, z=1.959964):
    z = 1.959964
    rate = np.asarray(count) / n
    margin = z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return (rate + z**2 / (2 * n) - margin) / (1 + z**2 / n), (rate + z**2 / (2 * n) + margin) / (1 + z**2 / n)
""",
            0,
        ),
        (
            "an if that works for single numbers only",
            """
def wilson(count, n, z=1.959964):
    rate = count / n
    margin = z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    low = 0.0 if count == 0 else (rate + z**2 / (2 * n) - margin) / (1 + z**2 / n)
    high = 1.0 if count == n else (rate + z**2 / (2 * n) + margin) / (1 + z**2 / n)
    return low, high
""",
            0,
        ),
        (
            "another interval: Agresti and Coull",
            """
def wilson(count, n, z=1.959964):
    n_more = np.asarray(n) + z**2
    rate = (np.asarray(count) + z**2 / 2) / n_more
    margin = z * np.sqrt(rate * (1 - rate) / n_more)
    return rate - margin, rate + margin
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def wilson(count, n, z=1.959964):
    if np.ndim(count):
        return np.array([0, 0.5]), np.array([0.5, 1])
    return (0.044, 0.706) if count == 1 else (0.895, 0.996)
""",
            0,
        ),
        (
            "written another way: the roots of the quadratic",
            """
def wilson(count, n, z=1.959964):
    count, n = np.asarray(count, float), np.asarray(n, float)
    a, b, c = n + z**2, 2 * count + z**2, count**2 / n
    root = np.sqrt(np.maximum(b**2 - 4 * a * c, 0))
    return (b - root) / (2 * a), (b + root) / (2 * a)
""",
            3,
        ),
        (
            "written another way: a loop that returns an array of two rows",
            """
def wilson(count, n, z=1.96):
    def one(k, m):
        k, m = int(k), int(m)
        mid = (k + z * z / 2) / (m + z * z)
        half = z / (m + z * z) * (k * (m - k) / m + z * z / 4) ** 0.5
        return max(mid - half, 0.0), min(mid + half, 1.0)
    if np.ndim(count) == 0:
        return one(count, n)
    return np.array([one(k, m) for k, m in zip(count, n)]).T
""",
            3,
        ),
    ],
    "q2_coverage": [
        (
            "the share of counts, not weighed",
            """
def coverage(interval, n, p):
    low, high = interval(np.arange(n + 1), n)
    return np.mean((low <= p) & (p <= high))
""",
            0,
        ),
        (
            "count n forgotten",
            """
def coverage(interval, n, p):
    counts = np.arange(n)
    low, high = interval(counts, n)
    return binom.pmf(counts, n, p)[(low <= p) & (p <= high)].sum()
""",
            0,
        ),
        (
            "simulated",
            """
def coverage(interval, n, p):
    counts = np.random.default_rng(0).binomial(n, p, 20_000)
    low, high = interval(counts, n)
    return np.mean((low <= p) & (p <= high))
""",
            0,
        ),
        (
            "always Wald, whatever is given",
            """
def coverage(interval, n, p):
    counts = np.arange(n + 1)
    low, high = wald(counts, n)
    return binom.pmf(counts, n, p)[(low <= p) & (p <= high)].sum()
""",
            0,
        ),
        (
            "only the most probable count is looked at",
            """
def coverage(interval, n, p):
    low, high = interval(round(n * p), n)
    return float(low <= p <= high)
""",
            0,
        ),
        (
            "whether the observed rate is in, which it always is",
            """
def coverage(interval, n, p):
    counts = np.arange(n + 1)
    low, high = interval(counts, n)
    return binom.pmf(counts, n, p)[(low <= counts / n) & (counts / n <= high)].sum()
""",
            0,
        ),
        (
            "the promise typed in",
            """
def coverage(interval, n, p):
    return 0.95
""",
            0,
        ),
        (
            "written another way: a loop and the formula of the binomial",
            """
from math import comb

def coverage(interval, n, p):
    total = 0
    for k in range(n + 1):
        low, high = interval(k, n)
        if low <= p <= high:
            total += comb(n, k) * p**k * (1 - p) ** (n - k)
    return total
""",
            4,
        ),
        (
            "written another way: 1 minus the counts that miss",
            """
def coverage(interval, n, p):
    counts = np.arange(n + 1)
    low, high = np.asarray(interval(counts, n))
    missed = (p < low) | (high < p)
    return 1 - np.sum(np.where(missed, binom(n, p).pmf(counts), 0))
""",
            4,
        ),
    ],
    "q3_null_gaps": [
        (
            "the standard deviation and not the gap",
            """
def null_gaps(n, accuracy, draws, rng):
    rates = rng.binomial(n, accuracy, size=(draws, len(n))) / n
    return rates.std(axis=1)
""",
            0,
        ),
        (
            "one draw for all groups",
            """
def null_gaps(n, accuracy, draws, rng):
    rates = rng.binomial(n[0], accuracy, size=(draws, 1)) / n
    return rates.max(axis=1) - rates.min(axis=1)
""",
            0,
        ),
        (
            "the mean size for all groups",
            """
def null_gaps(n, accuracy, draws, rng):
    size = round(np.mean(n))
    rates = rng.binomial(size, accuracy, size=(draws, len(n))) / size
    return rates.max(axis=1) - rates.min(axis=1)
""",
            0,
        ),
        (
            "rng ignored for the global state",
            """
def null_gaps(n, accuracy, draws, rng):
    rates = np.random.binomial(n, accuracy, size=(draws, len(n))) / n
    return rates.max(axis=1) - rates.min(axis=1)
""",
            0,
        ),
        (
            "rng ignored for a new generator",
            """
def null_gaps(n, accuracy, draws, rng):
    rng = np.random.default_rng(0)
    rates = rng.binomial(n, accuracy, size=(draws, len(n))) / n
    return rates.max(axis=1) - rates.min(axis=1)
""",
            0,
        ),
        (
            "counts and no rates",
            """
def null_gaps(n, accuracy, draws, rng):
    counts = rng.binomial(n, accuracy, size=(draws, len(n)))
    return (counts.max(axis=1) - counts.min(axis=1)) / np.max(n)
""",
            0,
        ),
        (
            "one audit, repeated",
            """
def null_gaps(n, accuracy, draws, rng):
    rates = rng.binomial(n, accuracy) / n
    return np.full(draws, rates.max() - rates.min())
""",
            0,
        ),
        (
            "best minus mean",
            """
def null_gaps(n, accuracy, draws, rng):
    rates = rng.binomial(n, accuracy, size=(draws, len(n))) / n
    return rates.max(axis=1) - rates.mean(axis=1)
""",
            0,
        ),
        (
            "first group minus last",
            """
def null_gaps(n, accuracy, draws, rng):
    rates = rng.binomial(n, accuracy, size=(draws, len(n))) / n
    return np.abs(rates[:, 0] - rates[:, -1])
""",
            0,
        ),
        (
            "the wrong axis",
            """
def null_gaps(n, accuracy, draws, rng):
    rates = rng.binomial(n, accuracy, size=(draws, len(n))) / n
    return rates.max(axis=0) - rates.min(axis=0)
""",
            0,
        ),
        (
            "a bell curve in place of counts",
            """
def null_gaps(n, accuracy, draws, rng):
    spread = np.sqrt(accuracy * (1 - accuracy) / n)
    rates = rng.normal(accuracy, spread, size=(draws, len(n)))
    return rates.max(axis=1) - rates.min(axis=1)
""",
            0,
        ),
        (
            "written another way: row by row in a loop",
            """
def null_gaps(n, accuracy, draws, rng):
    gaps = []
    for _ in range(draws):
        rates = [(rng.random(size) < accuracy).mean() for size in n]
        gaps.append(max(rates) - min(rates))
    return np.array(gaps)
""",
            5,
        ),
        (
            "written another way: group by group, quantiles of uniform numbers",
            """
def null_gaps(n, accuracy, draws, rng):
    columns = [binom.ppf(rng.random(draws), int(size), accuracy) / size for size in n]
    return np.ptp(np.column_stack(columns), axis=1)
""",
            5,
        ),
    ],
    "q4_p_value": [
        (
            "without the observed audit",
            """
def p_value(observed, gaps):
    return np.mean(np.asarray(gaps) >= observed)
""",
            0,
        ),
        (
            "larger in place of at least as large",
            """
def p_value(observed, gaps):
    return (np.sum(np.asarray(gaps) > observed) + 1) / (len(gaps) + 1)
""",
            0,
        ),
        (
            "the other tail",
            """
def p_value(observed, gaps):
    return (np.sum(np.asarray(gaps) <= observed) + 1) / (len(gaps) + 1)
""",
            0,
        ),
        (
            "1 added above the line only",
            """
def p_value(observed, gaps):
    return (np.sum(np.asarray(gaps) >= observed) + 1) / len(gaps)
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def p_value(observed, gaps):
    return 0.6 if observed == 0.05 else 0.2
""",
            0,
        ),
        (
            "written another way: the observed gap put among the others",
            """
def p_value(observed, gaps):
    together = np.append(gaps, observed)
    return float((together >= observed - 1e-12).mean())
""",
            2,
        ),
        (
            "written another way: a loop",
            """
def p_value(observed, gaps):
    k = 0
    for gap in gaps:
        if gap >= observed:
            k += 1
    return (k + 1) / (len(gaps) + 1)
""",
            2,
        ),
    ],
    "q5_holm": [
        (
            "Bonferroni",
            """
def holm_by_hand(p_values):
    return np.minimum(1, np.asarray(p_values) * len(p_values))
""",
            0,
        ),
        (
            "no running maximum",
            """
def holm_by_hand(p_values):
    m, order = len(p_values), np.argsort(p_values)
    result = np.empty(m)
    result[order] = np.minimum(1, p_values[order] * np.arange(m, 0, -1))
    return result
""",
            0,
        ),
        (
            "returned in sorted order",
            """
def holm_by_hand(p_values):
    m = len(p_values)
    return np.minimum(1, np.maximum.accumulate(np.sort(p_values) * np.arange(m, 0, -1)))
""",
            0,
        ),
        (
            "not cut at 1",
            """
def holm_by_hand(p_values):
    m, order = len(p_values), np.argsort(p_values)
    result = np.empty(m)
    result[order] = np.maximum.accumulate(p_values[order] * np.arange(m, 0, -1))
    return result
""",
            0,
        ),
        (
            "put back with the wrong index",
            """
def holm_by_hand(p_values):
    m, order = len(p_values), np.argsort(p_values)
    adjusted = np.minimum(1, np.maximum.accumulate(p_values[order] * np.arange(m, 0, -1)))
    return adjusted[order]
""",
            0,
        ),
        (
            "Hochberg: the running minimum from the other end",
            """
def holm_by_hand(p_values):
    m, order = len(p_values), np.argsort(p_values)
    products = p_values[order] * np.arange(m, 0, -1)
    result = np.empty(m)
    result[order] = np.minimum(1, np.minimum.accumulate(products[::-1])[::-1])
    return result
""",
            0,
        ),
        (
            "Benjamini and Hochberg",
            """
from statsmodels.stats.multitest import multipletests

def holm_by_hand(p_values):
    return multipletests(p_values, method="fdr_bh")[1]
""",
            0,
        ),
        (
            "sorts the array that it was given",
            """
def holm_by_hand(p_values):
    m, order = len(p_values), np.argsort(p_values)
    p_values.sort()
    result = np.empty(m)
    result[order] = np.minimum(1, np.maximum.accumulate(p_values * np.arange(m, 0, -1)))
    return result
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def holm_by_hand(p_values):
    return np.array([0.06, 0.03, 0.06]) if len(p_values) == 3 else np.ones(len(p_values))
""",
            0,
        ),
        (
            "written another way: a loop with the highest value so far",
            """
def holm_by_hand(p_values):
    m = len(p_values)
    adjusted = [None] * m
    highest = 0
    for rank, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        highest = min(1.0, max(highest, (m - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted
""",
            4,
        ),
        (
            "written another way: pandas",
            """
def holm_by_hand(p_values):
    p = pd.Series(p_values).sort_values(kind="stable")
    return (p * range(len(p), 0, -1)).cummax().clip(upper=1).sort_index()
""",
            4,
        ),
    ],
    "q6_difference": [
        (
            "the ends subtracted: low minus high",
            """
def difference_by_hand(right, in_a, in_b, interval):
    low_a, high_a = interval(right[in_a].sum(), in_a.sum())
    low_b, high_b = interval(right[in_b].sum(), in_b.sum())
    return right[in_a].mean() - right[in_b].mean(), low_a - high_b, high_a - low_b
""",
            0,
        ),
        (
            "the same way of both groups",
            """
def difference_by_hand(right, in_a, in_b, interval):
    a, b = right[in_a].mean(), right[in_b].mean()
    low_a, high_a = interval(right[in_a].sum(), in_a.sum())
    low_b, high_b = interval(right[in_b].sum(), in_b.sum())
    return a - b, a - b - np.hypot(a - low_a, b - low_b), a - b + np.hypot(high_a - a, high_b - b)
""",
            0,
        ),
        (
            "everybody else in place of group b",
            """
def difference_by_hand(right, in_a, in_b, interval):
    in_b = ~in_a
    a, b = right[in_a].mean(), right[in_b].mean()
    low_a, high_a = interval(right[in_a].sum(), in_a.sum())
    low_b, high_b = interval(right[in_b].sum(), in_b.sum())
    return a - b, a - b - np.hypot(a - low_a, high_b - b), a - b + np.hypot(high_a - a, b - low_b)
""",
            0,
        ),
        (
            "the direction lost",
            """
def difference_by_hand(right, in_a, in_b, interval):
    a, b = right[in_a].mean(), right[in_b].mean()
    low_a, high_a = interval(right[in_a].sum(), in_a.sum())
    low_b, high_b = interval(right[in_b].sum(), in_b.sum())
    d = abs(a - b)
    return d, d - np.hypot(a - low_a, high_b - b), d + np.hypot(high_a - a, b - low_b)
""",
            0,
        ),
        (
            "Wilson in place of the interval that is handed in",
            """
def difference_by_hand(right, in_a, in_b, interval):
    from utils.evaluation._intervals import difference_interval

    ends = difference_interval(right[in_a].sum(), in_a.sum(), right[in_b].sum(), in_b.sum())
    return (right[in_a].mean() - right[in_b].mean(), *ends)
""",
            0,
        ),
        (
            "written another way: counts and squares",
            """
def difference_by_hand(right, in_a, in_b, interval):
    ways = []
    for members in (in_a, in_b):
        count, n = int(np.sum(right & members)), int(np.sum(members))
        low, high = interval(count, n)
        ways.append((count / n, count / n - low, high - count / n))
    (a, down_a, up_a), (b, down_b, up_b) = ways
    return [a - b, a - b - (down_a**2 + up_b**2) ** 0.5, a - b + (up_a**2 + down_b**2) ** 0.5]
""",
            3,
        ),
        (
            "written another way: tables",
            """
def difference_by_hand(right, in_a, in_b, interval):
    table = pd.DataFrame({"right": right, "group": np.select([in_a, in_b], ["a", "b"], "neither")})
    sums = table.groupby("group")["right"].agg(["sum", "count"])
    rate = sums["sum"] / sums["count"]
    low, high = zip(*[interval(sums.loc[g, "sum"], sums.loc[g, "count"]) for g in "ab"], strict=True)
    down, up = rate[["a", "b"]].to_numpy() - low, np.array(high) - rate[["a", "b"]].to_numpy()
    gap = rate["a"] - rate["b"]
    return gap, gap - np.sqrt(down[0] ** 2 + up[1] ** 2), gap + np.sqrt(up[0] ** 2 + down[1] ** 2)
""",
            3,
        ),
    ],
    "q7_over_seeds": [
        (
            "standard deviation with ddof 0",
            """
def over_seeds(correct, group_a, group_b):
    gaps = correct[:, group_a].mean(axis=1) - correct[:, group_b].mean(axis=1)
    return {"mean": gaps.mean(), "sd": gaps.std(), "share_negative": (gaps < 0).mean(),
            "lowest": gaps.min(), "highest": gaps.max()}
""",
            0,
        ),
        (
            "the standard error of the mean",
            """
def over_seeds(correct, group_a, group_b):
    gaps = correct[:, group_a].mean(axis=1) - correct[:, group_b].mean(axis=1)
    return {"mean": gaps.mean(), "sd": gaps.std(ddof=1) / np.sqrt(len(gaps)), "share_negative": (gaps < 0).mean(),
            "lowest": gaps.min(), "highest": gaps.max()}
""",
            0,
        ),
        (
            "b minus a",
            """
def over_seeds(correct, group_a, group_b):
    gaps = correct[:, group_b].mean(axis=1) - correct[:, group_a].mean(axis=1)
    return {"mean": gaps.mean(), "sd": gaps.std(ddof=1), "share_negative": (gaps < 0).mean(),
            "lowest": gaps.min(), "highest": gaps.max()}
""",
            0,
        ),
        (
            "counts divided by all rows",
            """
def over_seeds(correct, group_a, group_b):
    gaps = (correct[:, group_a].sum(axis=1) - correct[:, group_b].sum(axis=1)) / correct.shape[1]
    return {"mean": gaps.mean(), "sd": gaps.std(ddof=1), "share_negative": (gaps < 0).mean(),
            "lowest": gaps.min(), "highest": gaps.max()}
""",
            0,
        ),
        (
            "everybody else in place of group b",
            """
def over_seeds(correct, group_a, group_b):
    gaps = correct[:, group_a].mean(axis=1) - correct[:, ~group_a].mean(axis=1)
    return {"mean": gaps.mean(), "sd": gaps.std(ddof=1), "share_negative": (gaps < 0).mean(),
            "lowest": gaps.min(), "highest": gaps.max()}
""",
            0,
        ),
        (
            "the direction lost",
            """
def over_seeds(correct, group_a, group_b):
    gaps = np.abs(correct[:, group_a].mean(axis=1) - correct[:, group_b].mean(axis=1))
    return {"mean": gaps.mean(), "sd": gaps.std(ddof=1), "share_negative": (gaps < 0).mean(),
            "lowest": gaps.min(), "highest": gaps.max()}
""",
            0,
        ),
        (
            "a gap of 0 taken as negative",
            """
def over_seeds(correct, group_a, group_b):
    gaps = correct[:, group_a].mean(axis=1) - correct[:, group_b].mean(axis=1)
    return {"mean": gaps.mean(), "sd": gaps.std(ddof=1), "share_negative": (gaps <= 0).mean(),
            "lowest": gaps.min(), "highest": gaps.max()}
""",
            0,
        ),
        (
            "a count of negative seeds",
            """
def over_seeds(correct, group_a, group_b):
    gaps = correct[:, group_a].mean(axis=1) - correct[:, group_b].mean(axis=1)
    return {"mean": gaps.mean(), "sd": gaps.std(ddof=1), "share_negative": (gaps < 0).sum(),
            "lowest": gaps.min(), "highest": gaps.max()}
""",
            0,
        ),
        (
            "rounded to two decimals",
            """
def over_seeds(correct, group_a, group_b):
    gaps = (correct[:, group_a].mean(axis=1) - correct[:, group_b].mean(axis=1)).round(2)
    return {"mean": gaps.mean(), "sd": gaps.std(ddof=1), "share_negative": (gaps < 0).mean(),
            "lowest": gaps.min(), "highest": gaps.max()}
""",
            0,
        ),
        (
            "the expected output typed in",
            """
def over_seeds(correct, group_a, group_b):
    return {"mean": -1 / 6, "sd": 0.3819, "share_negative": 2 / 3, "lowest": -0.5, "highest": 0.25}
""",
            0,
        ),
        (
            "written another way: a loop over the seeds",
            """
from statistics import mean, stdev

def over_seeds(correct, group_a, group_b):
    gaps = []
    for row in correct:
        a = int(np.sum(row & group_a)) / int(np.sum(group_a))
        b = int(np.sum(row & group_b)) / int(np.sum(group_b))
        gaps.append(a - b)
    return {"lowest": min(gaps), "highest": max(gaps), "mean": mean(gaps), "sd": stdev(gaps),
            "share_negative": sum(g < 0 for g in gaps) / len(gaps)}
""",
            4,
        ),
        (
            "written another way: pandas, a Series",
            """
def over_seeds(correct, group_a, group_b):
    table = pd.DataFrame(correct)
    gaps = table.loc[:, group_a].mean(axis=1) - table.loc[:, group_b].mean(axis=1)
    return pd.Series({"mean": gaps.mean(), "sd": gaps.std(), "share_negative": gaps.lt(0).mean(),
                      "lowest": gaps.min(), "highest": gaps.max()})
""",
            4,
        ),
    ],
}
