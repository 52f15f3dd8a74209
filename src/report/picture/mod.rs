//! Pictures as SVG in one house style: opaque white ground, a colour-blind-safe palette in which
//! colour is never the only difference, bands over replicates, at most some forty kilobytes.
//!
//! Axes are always linear for the plotting library: logarithms are taken here, with the portable
//! functions of the kernel, so that the bytes do not depend on the platform.

mod axis;
mod bars;
mod curves;
mod frame;
mod heat;
mod style;

pub use frame::labels;
pub use heat::{draw as draw_map, value as map_value};

use crate::{check::evidence::PlotData, claim::PlotContent};

/// Draws a picture.
///
/// # Errors
/// A message if the plotting library refuses.
pub fn draw(plot: &PlotData) -> Result<String, String> {
    match plot.content {
        PlotContent::Series(_) => curves::draw(plot, curves::Marks::Sparse),
        PlotContent::Sweep(_) => curves::draw(plot, curves::Marks::EveryPoint),
        PlotContent::Bars(_) => bars::draw(plot),
    }
}
