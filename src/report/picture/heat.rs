//! Validity maps: where a check passes, fails, or stays open. Colour and words say the same.

use plotters::{prelude::*, style::text_anchor::HPos};
use serde_json::Value;

use super::{
    frame::{EDGE, LINE, fitted, refused, title},
    style::{Area, INK, TEXT, TITLE, WIDTH, canvas, font_at, text_width, units},
};
use crate::{
    check::evidence::{MapCell, MapData, Outcome},
    report::{number::number, words},
};

/// Height of the title.
const HEAD: f64 = 26.0;
/// Height of a cell.
const CELL: f64 = 40.0;
/// Widest cell.
const WIDEST_CELL: f64 = 120.0;
/// Widest label of a row.
const WIDEST_LABEL: f64 = 120.0;
/// Space between cells.
const SEAM: f64 = 2.0;

/// Draws a validity map: the last axis from left to right, the first, if there are two, from top
/// to bottom.
///
/// # Errors
/// A message if the library refuses, or the map has not as many cells as its axes say.
pub fn draw(heading: &str, map: &MapData) -> Result<String, String> {
    let (rows, columns) = match map.axes.as_slice() {
        [columns] => (None, columns),
        [rows, columns] => (Some(rows), columns),
        _ => return Err("a validity map has one axis or two".into()),
    };
    let row_labels: Vec<String> =
        rows.map_or(vec![String::new()], |axis| axis.values.iter().map(value).collect());
    let column_labels: Vec<String> = columns.values.iter().map(value).collect();
    if map.cells.len() != row_labels.len() * column_labels.len() {
        return Err(format!("a validity map has {} cells, its axes say otherwise", map.cells.len()));
    }
    let widest = row_labels.iter().map(|label| text_width(label, TEXT)).fold(0.0, f64::max).min(WIDEST_LABEL);
    let side = EDGE + if rows.is_some() { LINE + widest + 8.0 } else { 0.0 };
    let width = ((WIDTH - EDGE - side) / column_labels.len().max(1) as f64).min(WIDEST_CELL);
    let bottom = HEAD + CELL * row_labels.len() as f64;
    let whole = side + width * column_labels.len() as f64 + EDGE;
    let whole = whole.max(text_width(heading, TITLE) + 2.0 * EDGE).min(WIDTH);
    canvas(whole, bottom + 2.0 * LINE + EDGE, |area| {
        title(area, heading)?;
        for (number, cell) in map.cells.iter().enumerate() {
            let (row, column) = (number / column_labels.len(), number % column_labels.len());
            let corner = (side + column as f64 * width, HEAD + row as f64 * CELL);
            draw_cell(area, cell, corner, width)?;
        }
        if let Some(number) = map.headline {
            let (row, column) = (number / column_labels.len(), number % column_labels.len());
            let [(left, top), (right, bottom)] =
                corners((side + column as f64 * width, HEAD + row as f64 * CELL), width);
            // A path, since the library draws the outline of a rectangle with a line of one unit.
            let outline = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
            for (colour, stroke) in [(WHITE, 6.0), (BLACK, 3.0)] {
                let frame = colour.stroke_width(units(stroke).unsigned_abs());
                area.draw(&PathElement::new(outline.clone(), frame)).map_err(refused)?;
            }
        }
        let write = |text: &str, place: (f64, f64), horizontal: HPos, bold: bool| {
            area.draw_text(text, &font_at(TEXT, bold, horizontal), (units(place.0), units(place.1)))
                .map_err(refused)
        };
        for (row, label) in row_labels.iter().enumerate() {
            let label = fitted(label, TEXT, WIDEST_LABEL);
            write(&label, (side - 8.0, HEAD + (row as f64 + 0.5) * CELL), HPos::Right, false)?;
        }
        for (column, label) in column_labels.iter().enumerate() {
            let label = fitted(label, TEXT, width);
            write(&label, (side + (column as f64 + 0.5) * width, bottom + 0.5 * LINE), HPos::Center, false)?;
        }
        let middle = side + 0.5 * width * column_labels.len() as f64;
        write(
            &fitted(&columns.setting, TEXT, WIDTH - side),
            (middle, bottom + 1.5 * LINE),
            HPos::Center,
            false,
        )?;
        if let Some(rows) = rows {
            let style = font_at(TEXT, false, HPos::Center).transform(FontTransform::Rotate270);
            let place = (units(EDGE + 4.0), units(HEAD + 0.5 * CELL * row_labels.len() as f64));
            let text = fitted(&rows.setting, TEXT, CELL * row_labels.len() as f64);
            area.draw_text(&text, &style, place).map_err(refused)?;
        }
        Ok(())
    })
}

/// A value of an axis, as a label.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), number),
        other => other.to_string(),
    }
}

fn corners((left, top): (f64, f64), width: f64) -> [(i32, i32); 2] {
    [
        (units(left + SEAM / 2.0), units(top + SEAM / 2.0)),
        (units(left + width - SEAM / 2.0), units(top + CELL - SEAM / 2.0)),
    ]
}

fn draw_cell(area: &Area<'_>, cell: &MapCell, (left, top): (f64, f64), width: f64) -> Result<(), String> {
    let (ground, ink) = colours(cell.outcome);
    area.draw(&Rectangle::new(corners((left, top), width), ground.filled())).map_err(refused)?;
    let estimate = cell.estimate.map(number).unwrap_or_default();
    let lines = [(words::outcome(cell.outcome).to_owned(), true, 0.3), (estimate, false, 0.7)];
    for (text, bold, height) in lines {
        let place = (units(left + 0.5 * width), units(top + height * CELL));
        let style = font_at(TEXT, bold, HPos::Center).color(&ink);
        area.draw_text(&fitted(&text, TEXT, width), &style, place).map_err(refused)?;
    }
    Ok(())
}

/// The ground of a cell, and the text on it.
fn colours(outcome: Outcome) -> (RGBColor, RGBColor) {
    match outcome {
        Outcome::Pass => (RGBColor(0x00, 0x72, 0xb2), WHITE),
        Outcome::Fail => (RGBColor(0xb2, 0x4e, 0x00), WHITE),
        Outcome::Undecided => (RGBColor(0xd9, 0xd9, 0xd9), INK),
        Outcome::Error => (INK, WHITE),
    }
}
