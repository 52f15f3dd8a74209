//! Faults: named, realistic, deliberate mistakes, off by default, used as negative controls.

use serde::Serialize;

/// The deliberate mistakes of one leaf, as an enum made by [`faults!`].
pub trait Fault: Copy + Eq + std::fmt::Debug + Send + Sync + 'static {
    /// All of them, in the order of declaration.
    const ALL: &'static [Self];
    /// Name used in claims files and on the command line, `kebab-case`.
    fn name(self) -> &'static str;
    /// What is wrong, in one sentence.
    fn summary(self) -> &'static str;
    /// The fault of this name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.name() == name)
    }
}

/// A fault as the spine sees it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FaultInfo {
    /// Name, `kebab-case`.
    pub name: &'static str,
    /// What is wrong, in one sentence.
    pub summary: &'static str,
}

impl FaultInfo {
    pub(super) fn of<F: Fault>(fault: F) -> Self {
        Self { name: fault.name(), summary: fault.summary().trim() }
    }
}

/// Declares the enum of a leaf's faults: the doc comment of each becomes its summary.
///
/// ```
/// corroborate::papers::leaf::faults! {
///     /// Mistakes of an example.
///     pub enum Fault {
///         /// The update is added instead of subtracted.
///         WrongSign = "wrong-sign",
///     }
/// }
/// use corroborate::papers::leaf::Fault as _;
/// assert_eq!(Fault::named("wrong-sign"), Some(Fault::WrongSign));
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __faults {
    ($(#[$outer:meta])* pub enum $enum:ident { $($(#[doc = $summary:literal])+ $variant:ident = $name:literal,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $enum { $($(#[doc = $summary])+ $variant,)* }

        impl $crate::papers::leaf::Fault for $enum {
            const ALL: &'static [Self] = &[$(Self::$variant),*];
            fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
            fn summary(self) -> &'static str {
                match self { $(Self::$variant => concat!($($summary),+)),* }
            }
        }
    };
}

pub use crate::__faults as faults;
