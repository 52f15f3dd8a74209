//! Statistics without reinforcement learning: estimators, e-processes, exact tests, intervals.
