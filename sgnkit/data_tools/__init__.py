"""What `sgnkit data` does: check, convert, count and show clips of any format."""

from sgnkit.data_tools.check import CheckReport, check
from sgnkit.data_tools.convert import convert
from sgnkit.data_tools.show import show
from sgnkit.data_tools.stats import stats

__all__ = ["CheckReport", "check", "convert", "show", "stats"]
