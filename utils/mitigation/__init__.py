"""Mitigation methods, one file each, behind one call: `method(train, validation, groups=…, seed=…)`.

`methods.py` has the table of them, `compare.py` runs several over seeds.
"""
