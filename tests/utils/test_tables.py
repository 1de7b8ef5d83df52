"""What every room asks of a table."""

import pandas as pd
import pytest

from utils.tables import require_columns

TABLE = pd.DataFrame({"label": [1], 3: [2]})


def test_columns_that_are_there_pass():
    require_columns(TABLE)
    require_columns(TABLE, "label", 3)


def test_all_that_are_missing_are_named_in_the_order_asked_for():
    with pytest.raises(KeyError) as problem:
        require_columns(TABLE, "group", "label", "age")
    assert problem.value.args == ("The table has no column 'group', 'age'; it has label, 3.",)


def test_an_empty_table_has_its_columns():
    require_columns(TABLE.head(0), "label")
