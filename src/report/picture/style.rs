//! Colours, fonts, lengths and marks.

use plotters::{
    prelude::*,
    style::{
        RGBColor,
        text_anchor::{HPos, Pos, VPos},
    },
};

/// Drawing units a pixel: the library rounds coordinates to whole units.
const UNITS: f64 = 4.0;
/// Width of a picture, in pixels.
pub const WIDTH: f64 = 720.0;
/// Size of ordinary text, in pixels.
pub const TEXT: f64 = 12.0;
/// Size of the title, in pixels.
pub const TITLE: f64 = 14.0;
/// The library divides font sizes by this before it writes them.
const FONT_DIVISOR: f64 = 1.24;

/// Text and axes.
pub const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);

/// Okabe and Ito's colours that stand out from white, the most different first.
const PALETTE: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

/// The canvas, or a part of it.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// The colour of the curve of this number.
pub fn colour(number: usize) -> RGBColor {
    PALETTE[number % PALETTE.len()]
}

/// A length in drawing units.
pub fn units(pixels: f64) -> i32 {
    (pixels * UNITS).round() as i32
}

/// A text style.
pub fn font(pixels: f64, bold: bool) -> TextStyle<'static> {
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    let size = f64::from(units(pixels)) * FONT_DIVISOR;
    TextStyle::from(("sans-serif", size, style).into_font()).color(&INK)
}

/// A text style that puts the text at a point: its left end, its middle or its right end, at half
/// its height.
pub fn font_at(pixels: f64, bold: bool, horizontal: HPos) -> TextStyle<'static> {
    font(pixels, bold).pos(Pos::new(horizontal, VPos::Center))
}

/// The width that a text takes at most, in pixels, whatever sans-serif font is used.
pub fn text_width(text: &str, pixels: f64) -> f64 {
    text.chars().count() as f64 * pixels * 0.6
}

/// A mark: with its colour, what tells curves apart.
pub fn mark(number: usize, pixels: f64) -> Vec<(i32, i32)> {
    let corner = |x: f64, y: f64| (units(x * pixels), units(y * pixels));
    match number % 5 {
        // A disc, nearly.
        0 => [
            (1.0, 0.4),
            (0.4, 1.0),
            (-0.4, 1.0),
            (-1.0, 0.4),
            (-1.0, -0.4),
            (-0.4, -1.0),
            (0.4, -1.0),
            (1.0, -0.4),
        ]
        .map(|(x, y)| corner(x, y))
        .to_vec(),
        // A square.
        1 => vec![corner(-0.85, -0.85), corner(0.85, -0.85), corner(0.85, 0.85), corner(-0.85, 0.85)],
        // A triangle.
        2 => vec![corner(0.0, -1.15), corner(1.05, 0.75), corner(-1.05, 0.75)],
        // A rhomb.
        3 => vec![corner(0.0, -1.25), corner(1.0, 0.0), corner(0.0, 1.25), corner(-1.0, 0.0)],
        // A triangle upside down.
        _ => vec![corner(0.0, 1.15), corner(1.05, -0.75), corner(-1.05, -0.75)],
    }
}

/// Draws on a white canvas of a size in pixels.
///
/// # Errors
/// A message if the library refuses.
pub fn canvas(
    width: f64,
    height: f64,
    draw: impl FnOnce(&Area<'_>) -> Result<(), String>,
) -> Result<String, String> {
    let mut svg = String::new();
    let size = [units(width), units(height)].map(i32::unsigned_abs);
    {
        let root = SVGBackend::with_string(&mut svg, (size[0], size[1])).into_drawing_area();
        root.fill(&WHITE).map_err(|e| e.to_string())?;
        draw(&root)?;
        root.present().map_err(|e| e.to_string())?;
    }
    // The view box keeps the drawing units; the picture itself is measured in pixels.
    let in_units = format!(r#"width="{}" height="{}""#, size[0], size[1]);
    let in_pixels = format!(r#"width="{width}" height="{height}""#);
    Ok(svg.replacen(&in_units, &in_pixels, 1).replace(r#" opacity="1""#, ""))
}
