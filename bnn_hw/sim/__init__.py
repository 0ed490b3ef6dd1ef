"""The proof: the generated core, compiled by Verilator, against the integer graph and the plan."""
