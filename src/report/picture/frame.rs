//! What all pictures share: title, legend, and the places of panels.

use std::fmt::Display;

use plotters::{prelude::*, style::text_anchor::HPos};

use super::style::{Area, TEXT, TITLE, WIDTH, colour, font_at, mark, text_width, units};
use crate::{check::evidence::PlotData, report::markdown::abridged};

/// Free space at the edges of a picture, in pixels.
pub const EDGE: f64 = 10.0;
/// Height of a line of text with its leading, in pixels.
pub const LINE: f64 = 20.0;
/// Height of the title, in pixels.
const HEAD: f64 = 26.0;
/// Width of a key of the legend, with the space after it, in pixels.
const KEY: f64 = 30.0;
/// Space between entries of the legend, in pixels.
const GAP: f64 = 16.0;

/// The message of an error of the plotting library.
pub fn refused(error: impl Display) -> String {
    format!("a picture cannot be drawn: {error}")
}

/// The labels of a plot's curves, each once, in the order in which they appear.
pub fn labels(plot: &PlotData) -> Vec<&str> {
    let mut labels: Vec<&str> = Vec::new();
    for curve in plot.panels.iter().flat_map(|panel| &panel.curves) {
        if !labels.contains(&curve.label.as_str()) {
            labels.push(&curve.label);
        }
    }
    labels
}

/// A text that takes at most this width, in pixels.
pub fn fitted(text: &str, size: f64, width: f64) -> String {
    abridged(text, (width / text_width("m", size)).floor().max(2.0) as usize)
}

/// The title of a picture, and how many pixels it takes.
///
/// # Errors
/// A message if the library refuses.
pub fn title(area: &Area<'_>, text: &str) -> Result<(), String> {
    let text = fitted(text, TITLE, WIDTH - 2.0 * EDGE);
    area.draw_text(&text, &font_at(TITLE, true, HPos::Left), (units(EDGE), units(HEAD / 2.0 + 2.0)))
        .map_err(refused)
}

/// A legend under the title: entries from left to right, on as many lines as they need.
pub struct Legend {
    /// Text, left end in pixels, line.
    entries: Vec<(String, f64, usize)>,
}

impl Legend {
    /// The legend of curves with these labels.
    pub fn of(labels: &[&str]) -> Self {
        let (mut x, mut line) = (EDGE, 0);
        let entries = labels.iter().map(|label| {
            let text = fitted(label, TEXT, WIDTH - 2.0 * EDGE - KEY);
            let width = KEY + text_width(&text, TEXT);
            if x > EDGE && x + width > WIDTH - EDGE {
                (x, line) = (EDGE, line + 1);
            }
            let left = x;
            x += width + GAP;
            (text, left, line)
        });
        Self { entries: entries.collect() }
    }

    /// Pixels from the top of the picture to below the legend.
    pub fn bottom(&self) -> f64 {
        HEAD + self.entries.last().map_or(0.0, |(.., line)| LINE * (line + 1) as f64)
    }

    /// Draws the legend; the entry of number i has the colour and the mark of that number.
    ///
    /// # Errors
    /// A message if the library refuses.
    pub fn draw(&self, area: &Area<'_>) -> Result<(), String> {
        for (number, (text, left, line)) in self.entries.iter().enumerate() {
            let y = units(HEAD + LINE * (*line as f64 + 0.5));
            let (from, to) = (units(*left), units(left + KEY - 6.0));
            let stroke = colour(number).stroke_width(units(STROKE).unsigned_abs());
            area.draw(&PathElement::new(vec![(from, y), (to, y)], stroke)).map_err(refused)?;
            let centre = (i32::midpoint(from, to), y);
            area.draw(&(EmptyElement::at(centre) + key(number))).map_err(refused)?;
            area.draw_text(text, &font_at(TEXT, false, HPos::Left), (units(left + KEY), y))
                .map_err(refused)?;
        }
        Ok(())
    }
}

/// Width of a curve, in pixels.
pub const STROKE: f64 = 1.75;
/// Size of a mark, in pixels.
const MARK: f64 = 3.5;

/// The mark of a number in its colour, around the origin.
pub fn key(number: usize) -> Polygon<(i32, i32)> {
    Polygon::new(mark(number, MARK), colour(number).filled())
}

/// Places of panels: as many rows as needed, of at most `most` panels.
pub struct Grid {
    /// Panels in a full row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Grid {
    /// A grid for so many panels; rows are filled as evenly as possible.
    pub fn of(panels: usize, most: usize) -> Self {
        let rows = panels.max(1).div_ceil(most.max(1));
        Self { columns: panels.max(1).div_ceil(rows), rows }
    }

    /// Column and row of a panel.
    pub fn place(&self, panel: usize) -> (usize, usize) {
        (panel % self.columns, panel / self.columns)
    }
}
