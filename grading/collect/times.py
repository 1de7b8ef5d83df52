"""When something was handed in, as far as a text or a file tells."""

import os
import re
from datetime import UTC, datetime

from nbgrader.utils import parse_utc

TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?: (?:[A-Z]{1,5}|[+-]\d{4}))?")


def time_in(text: str) -> datetime | None:
    """A time as nbgrader writes it. Other texts are not tried: a zone can be the name of a file for the parser."""
    if not TIME.fullmatch(text.strip()):
        return None
    try:
        return parse_utc(text.strip()).replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError):
        return None


def time_in_name(value: str | datetime | None) -> datetime | None:
    """A time as platforms write it into names, such as 2016-01-30-15-00-00."""
    if isinstance(value, datetime):
        return parse_utc(value).replace(tzinfo=UTC)
    text = value or ""
    digits = re.findall(r"\d+", text)
    if len(digits) >= 6 and len(digits[0]) == 4:
        text = "{}-{:0>2}-{:0>2} {:0>2}:{:0>2}:{:0>2}".format(*digits[:6])
    return time_in(text)


def modified(status: os.stat_result) -> datetime:
    """When a file was changed last, as far as there is such a day: whoever owns it sets this, and 9999 is no limit."""
    return datetime.fromtimestamp(min(max(status.st_mtime, 0), datetime.now(UTC).timestamp()), UTC)
