//! The one integration-test binary.

// Rules about the sources themselves.
mod tidy;

// A small leaf with every kind of good and bad behaviour.
mod toy;

// Mistakes in YAML files.
mod mistakes;

// What is written in YAML files is what is judged.
mod meaning;

// Well-formed, and without sense.
mod contradictions;

// The program as people run it.
mod cli;

// Pages, terminal and JUnit output.
mod report;

// Each kind of check on a toy: corroborated, refuted, vacuous; maps, powers, benchmarks.
mod kinds;

// Numbers, words and commands of evidence, on measurements that are known beforehand.
mod figures;

// The checks on trial: error rates under peeking, power, bad metrics, and a broken test.
mod trials;

// Cases of a property, and the pieces in which everything is measured.
mod cases;

// Verdicts, controls, breakdowns, and what they may not depend on.
mod verdicts;

// Every screen that people read.
mod screens;

// The documents do what they say.
mod walkthrough;

// The reference part of FORMAT.md.
mod formats;

// What was measured is kept: resumed, damaged, unwritable, shared.
mod store;

// Runs that are killed.
mod kills;

// Samples that a fault does not reach.
mod reach;

// One run on several machines.
mod shards;

// Looking after a store.
mod upkeep;

// What output may never contain.
mod harmless;

// Limits on time, memory, sizes and places of files.
mod guards;

// Inputs that no computation can be made of.
mod refusals;

// Seeds of the fuzz targets.
mod seeds;

// Laws of everything that reads text of others, on the seeds and near to them.
mod mutations;

// The reader of profiles, which a benchmark uses.
mod profiles;
