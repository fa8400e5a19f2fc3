"""What is made of measured numbers."""

import pytest

from tests.benchmarks.samples import Ratio, percentile, ratio


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([7.0], 0.5, 7.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([float(number) for number in range(1, 101)], 0.95, 95.0),
        ([float(number) for number in range(1, 101)], 0.99, 99.0),
        ([float(number) for number in range(1, 101)], 1.0, 100.0),
        ([1.0, 2.0], 0.0, 1.0),
    ],
)
def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed(
    values: list[float], share: float, found: float
) -> None:
    assert percentile(values, share) == found


def test_a_ratio_is_the_median_of_the_pairs_ratios() -> None:
    assert ratio([2.0, 4.0, 60.0], [1.0, 2.0, 3.0]).value == 2.0


def test_a_ratio_that_never_differs_has_no_spread() -> None:
    assert ratio([3.0] * 5, [2.0] * 5) == Ratio(1.5, 1.5, 1.5)


def test_the_spread_of_a_ratio_is_the_same_each_time_and_around_it() -> None:
    measured = [1.0 + number / 10 for number in range(20)]
    one, same = ratio(measured, [1.0] * 20), ratio(measured, [1.0] * 20)
    assert one == same
    assert 1.0 < one.low < one.value < one.high < 3.0
    assert str(Ratio(1.234, 1.1, 1.5)) == "1.23 (95 %: 1.10 to 1.50)"


def test_what_is_not_paired_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio([1.0, 2.0], [1.0])
