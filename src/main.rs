//! Command-line entry point.

use std::process::ExitCode;

/// Replicates ask for many small pieces of memory and a few large ones, over and over.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    corroborate::cli::main()
}
