"""The planner: legal foldings, exact cycles, cost laws, and the folding that meets a goal on a board."""
