"""The folded pipeline as data: hardware stages and the plan record that planner, back ends and report share."""
