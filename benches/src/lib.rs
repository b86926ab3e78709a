//! Benchmarks of ZoClone, as ratios against a limit measured in the same run.
