"""The planner: legal foldings, exact cycles, cost laws, and the folding that meets a goal on a board."""

from bnn_hw.plan.make import make_plan, plan_folding

__all__ = ["make_plan", "plan_folding"]
