//! Known answers of another tool, and what the formulas promise beside them.
