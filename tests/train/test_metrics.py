import numpy as np
import pytest

from bnn_hw.train.metrics import evaluate, wilson_interval


def test_figures_of_a_hand_counted_case() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 0, 1, 1, 2, 2])
    result = evaluate(labels, predicted, ["a", "b", "c", "d"], persons=5)
    assert result.accuracy == pytest.approx(5 / 7)
    assert result.recall == {"a": 0.75, "b": 0.5, "c": 1.0, "d": None}
    assert result.macro_recall == pytest.approx(0.75)
    assert result.confusion == ((3, 1, 0, 0), (0, 1, 1, 0), (0, 0, 1, 0), (0, 0, 0, 0))
    assert "on 7 pictures of 5 persons" in str(result)
    assert "d: no picture" in str(result)
    assert result.to_json()["pictures"] == 7


def test_interval_is_wilsons() -> None:
    # 81 of 263 is the example of R. G. Newcombe, Statistics in Medicine 17, 1998, Table I.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(10, 10)[1] == pytest.approx(1.0)
    assert wilson_interval(0, 10)[0] == pytest.approx(0.0)


def test_nothing_to_evaluate_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 labels"):
        evaluate(np.array([], int), np.array([], int), ["a"], persons=0)
