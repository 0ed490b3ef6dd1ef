"""The folded pipeline as data: hardware stages and the plan that planner, back ends and report share."""
