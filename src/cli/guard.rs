//! A limit on the memory of the process.
//!
//! Nothing safe can stop a single thread that allocates, so a thread beside the work looks at what is in
//! use, many times a second, and ends the process before the machine does: with a message that says what
//! was being measured, instead of a kill or a machine that swaps. Whatever the end interrupts, records that
//! were kept are whole, and a run that is started again goes on from them. No verdict depends on the limit.
//!
//! Only Linux says how much is in use; elsewhere nothing is watched. A single allocation beyond what the
//! system grants is not seen either: the run-time library ends the process with its own message.

use std::{fs, thread, time::Duration};

use super::{Exit, terminal};
use crate::run::Running;

/// How long between two looks.
const INTERVAL: Duration = Duration::from_millis(20);

/// Watches this process from now on, and ends it when it uses more than `limit` MiB, by default three
/// quarters of what the machine has.
pub(super) fn watch(limit: Option<u64>, running: Running) {
    let Some(limit) = limit.or_else(default_limit) else { return };
    watch_with(limit, running, |message| {
        terminal::tell(&format!("error: {message}\n"));
        Exit::Usage.now()
    });
}

/// Looks at the memory of this process from now on, for the first time at once, and calls `act` if it is
/// more than `limit` MiB.
pub fn watch_with(limit: u64, running: Running, act: impl FnOnce(String) + Send + 'static) {
    match in_use() {
        None => return,
        Some(used) if used > limit => return act(message(limit, used, &running.described())),
        Some(_) => {}
    }
    let watched = thread::Builder::new().name("memory".into()).spawn(move || {
        while let Some(used) = in_use() {
            if used > limit {
                return act(message(limit, used, &running.described()));
            }
            thread::sleep(INTERVAL);
        }
    });
    if watched.is_err() {
        terminal::warn("no thread can be started to watch the memory that is used");
    }
}

fn message(limit: u64, used: u64, running: &[String]) -> String {
    let what = if running.is_empty() {
        String::new()
    } else {
        format!("\nbeing measured:\n  {}", running.join("\n  "))
    };
    format!(
        "{used} MiB of memory are in use, more than the limit of {limit} MiB{what}\n\
         what was finished is kept; ask for less (smaller settings, `--jobs 1`), or allow more with `--memory MIB`"
    )
}

/// Resident memory of this process in MiB; none where the system does not say.
fn in_use() -> Option<u64> {
    field(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

fn default_limit() -> Option<u64> {
    let machine = field(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")?;
    // A container may have less; the file says `max` where it has not.
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse::<u64>().ok()).map(|bytes| bytes >> 20);
    Some(group.map_or(machine, |group| group.min(machine)) * 3 / 4)
}

/// A field of a file of the kernel that is given in kB, in MiB.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? >> 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_kernel_are_read_in_mebibytes() {
        let text = "Name:\tx\nVmRSS:\t  204800 kB\nVmSwap:\t 0 kB\n";
        assert_eq!(field(text, "VmRSS:"), Some(200));
        assert_eq!(field(text, "VmPeak:"), None);
        assert_eq!(field("VmRSS: many kB", "VmRSS:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_first_look_is_before_anything_else() {
        let (sender, receiver) = std::sync::mpsc::channel();
        watch_with(0, Running::default(), move |told| drop(sender.send(told)));
        assert!(receiver.try_recv().is_ok_and(|told| told.contains("limit of 0 MiB")));
    }

    #[test]
    fn what_is_being_measured_is_named_with_the_limit_and_how_to_raise_it() {
        let told = message(100, 130, &["toy/coin {}, replicates 0 to 4".into()]);
        for part in ["130 MiB", "100 MiB", "toy/coin {}, replicates 0 to 4", "--memory MIB"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
