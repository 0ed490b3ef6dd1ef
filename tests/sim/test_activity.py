"""Changes of nets: counted by hand on a core of one layer, and read from SAIF texts."""

from types import SimpleNamespace

import numpy as np
import pytest

from bnn_hw.errors import ConfigError, MismatchError
from bnn_hw.pipeline.activity import Activity, UnitActivity, from_json, to_json
from bnn_hw.sim.activity import count_activity, read_saif
from tests.sim.toy import INTERVAL, toy_plan, write_toy

# In the toy core nothing lies in instances; these pass on what its stages' wires do.
PROBES = """
  probe #(.W(18)) u_fc__mvtu (.clk, .rst_n, .data(fc__mvtu_data));
  probe #(.W(32)) u_scores (.clk, .rst_n, .data(scores_data));
"""
PROBE = "module probe #(parameter int W = 1) (input logic clk, rst_n, input logic [W-1:0] data); endmodule"


def probed(folder):
    core = write_toy(folder, extra=PROBES)
    path = folder / "bnn_core.sv"
    path.write_text(f"{path.read_text()}\n{PROBE}\n")
    return core


def test_changes_are_those_counted_by_hand(tmp_path, cache):
    """Pixels 0, 255, 0, 255, ...: each frame all 16 data bits of the two sums change, less what -x shares.

    The sums are x and -x in 9 bits: 0 and 0, then 255 = 0_1111_1111 and -255 = 1_0000_0001. So a
    frame changes 8 bits of the first and 2 of the second: 10 changes every INTERVAL cycles.
    """
    core = probed(tmp_path / "core")
    frames = 6
    images = np.array([0, 255]).reshape(2, 1, 1, 1)
    activity = count_activity(core, toy_plan(), images, frames=frames, cache=cache, words="two pixels")
    unit = activity.units["fc__mvtu"]
    assert unit.nets == 18
    whole = activity.cycles // INTERVAL
    assert whole >= frames - 1
    # Counting may begin and end within a frame; a net that is 1 at first counts as one change.
    assert 10 * whole <= unit.toggles <= 10 * (whole + 2)
    # Scores: words x, -x, class. 0, 0, 0 then 255, -255, 0: 8 bits, 31 - 7 bits, 25 bits change.
    assert activity.units["scores"].nets == 32
    assert activity.rate("fc__mvtu") == unit.toggles / (18 * activity.cycles)
    assert activity.pictures == "two pixels"


def test_still_pictures_change_nothing(tmp_path, cache):
    core = probed(tmp_path / "core")
    activity = count_activity(core, toy_plan(), np.zeros((1, 1, 1, 1), int), frames=6, cache=cache)
    assert activity.units["fc__mvtu"].toggles == 0
    assert activity.units["scores"].toggles == 0


def test_a_core_that_stops_is_an_error(tmp_path, monkeypatch):
    stuck = SimpleNamespace(finished=False)
    monkeypatch.setattr("bnn_hw.sim.activity.build", lambda core, cache, activity: None)
    monkeypatch.setattr("bnn_hw.sim.activity.simulate", lambda *args, **named: stuck)
    with pytest.raises(MismatchError, match="activity: the core stopped"):
        count_activity(write_toy(tmp_path), toy_plan(), np.zeros((1, 1, 1, 1), int))


SAIF = r"""
(SAIFILE
(DURATION 13)
 (INSTANCE TOP
  (NET
   (clk (T0 13) (T1 0) (TZ 0) (TX 0) (TB 0) (TC 26))
  )
  (INSTANCE bnn_core
   (NET
    (fc__mvtu_data\[0\] (T0 1) (T1 12) (TZ 0) (TX 0) (TB 0) (TC 100))
   )
   (INSTANCE u_fc__mvtu
    (NET
     (clk (T0 1) (T1 12) (TZ 0) (TX 0) (TB 0) (TC 26))
     (rst_n (T0 1) (T1 12) (TZ 0) (TX 0) (TB 0) (TC 1))
     (data\[0\] (T0 1) (T1 12) (TZ 0) (TX 0) (TB 0) (TC 3))
     (data\[1\] (T0 1) (T1 12) (TZ 0) (TX 0) (TB 0) (TC 0))
    )
    (INSTANCE "mvtu_sum" u_sum
     (NET
      (count\[0\] (T0 1) (T1 12) (TZ 0) (TX 0) (TB 0) (TC 5))
     )
    )
    (INSTANCE u_last
     (NET
      (clk_enable (T0 1) (T1 12) (TZ 0) (TX 0) (TB 0) (TC 2))
     )
    )
   )
   (INSTANCE u_scores
    (NET
     (data (T0 1) (T1 12) (TZ 0) (TX 0) (TB 0) (TC 7))
    )
   )
  )
 )
)
"""


def test_nets_below_a_unit_belong_to_it(tmp_path):
    core = write_toy(tmp_path)
    units = read_saif(SAIF.splitlines(), core)
    assert units == {"fc__mvtu": UnitActivity(4, 10), "scores": UnitActivity(1, 7)}


def test_rates_and_their_mean():
    units = {"a": UnitActivity(10, 200), "b": UnitActivity(4, 0), "c": UnitActivity(0, 0)}
    activity = Activity("toy", 100, units, "pictures")
    assert [activity.rate(name) for name in units] == [0.2, 0.0, 0.0]
    assert activity.mean({"a": 3, "b": 1, "c": 0}) == pytest.approx(0.15)
    assert activity.mean({"a": 0, "b": 0, "c": 0}) == 0
    assert from_json(to_json(activity)) == activity


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format": "bnn_hw.activity/0"}', '{"format": "bnn_hw.activity/1"}']
)
def test_a_file_that_is_none(text):
    with pytest.raises(ConfigError, match=r"activity.json: is no activity of this version"):
        from_json(text)
