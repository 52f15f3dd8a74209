//! Series and sweeps: curves with bands, one or several panels.

use plotters::{prelude::*, style::text_anchor::HPos};

use super::{
    axis::Scale,
    frame::{EDGE, Grid, LINE, Legend, STROKE, fitted, key, labels, refused, title},
    style::{Area, GRID, INK, TEXT, WIDTH, canvas, colour, font, font_at, text_width, units},
};
use crate::check::evidence::{Curve, PanelData, PlotData};

/// Where curves have marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// At a few points, so that curves differ by more than colour.
    Sparse,
    /// At every point.
    EveryPoint,
}

/// Panels in a row at most.
const COLUMNS: usize = 3;
/// Height of a panel, in pixels, by the number of columns.
const HEIGHTS: [f64; COLUMNS] = [330.0, 280.0, 250.0];
/// Height of what stands below a panel: labels of ticks, and of the axis.
const FOOT: f64 = 40.0;
/// Width of the label of the ordinate.
const SIDE: f64 = 20.0;
/// Space between panels.
const GUTTER: f64 = 14.0;
/// Marks on a curve, where they are sparse.
const SPARSE: usize = 5;
/// Opacity of bands.
const BAND: f64 = 0.18;
/// Points of a curve at most.
const MOST_POINTS: usize = 150;
/// Points of all curves together at most: some ten bytes each, and a band takes two.
const MOST_POINTS_TOGETHER: usize = 780;
/// If each panel's values span at least this share of what all panels span, they share an axis.
const COMPARABLE: f64 = 0.3;

/// Draws curves.
///
/// # Errors
/// A message if the library refuses.
pub fn draw(plot: &PlotData, marks: Marks) -> Result<String, String> {
    let labels = labels(plot);
    let legend = Legend::of(&labels);
    let grid = Grid::of(plot.panels.len(), COLUMNS);
    let head = if plot.panels.iter().all(|p| p.title.is_empty()) { 0.5 * LINE } else { LINE };
    let panel_height = head + HEIGHTS[grid.columns - 1] + FOOT;
    let height = legend.bottom() + grid.rows as f64 * panel_height + EDGE;
    let ordinates = ordinates(plot);
    let labels_of_ticks = ordinates.iter().flat_map(Scale::labels);
    let side = labels_of_ticks.map(|label| text_width(&label, TEXT)).fold(0.0, f64::max) + 12.0;
    // Half the label of the last tick stands beyond the frame.
    let frames = WIDTH - 3.0 * EDGE - SIDE - (grid.columns - 1) as f64 * GUTTER;
    let width = frames / grid.columns as f64 - side;
    let curves: usize = plot.panels.iter().map(|panel| panel.curves.len()).sum();
    let points = (MOST_POINTS_TOGETHER / curves.max(1)).clamp(20, MOST_POINTS);
    canvas(WIDTH, height, |area| {
        title(area, &plot.title)?;
        legend.draw(area)?;
        for (number, (panel, ordinate)) in plot.panels.iter().zip(&ordinates).enumerate() {
            let (column, row) = grid.place(number);
            let desc = if column == 0 { SIDE } else { 0.0 };
            let left = EDGE + column as f64 * (side + width + GUTTER) + (SIDE - desc);
            let top = legend.bottom() + row as f64 * panel_height;
            let part = area.clone().shrink(
                (units(left), units(top)),
                (units(desc + side + width + 0.5 * GUTTER), units(panel_height)),
            );
            let number_of = |curve: &Curve| labels.iter().position(|l| *l == curve.label).unwrap_or(0);
            let drawing =
                Panel { plot, data: panel, ordinate, head, side: desc + side, width, marks, points };
            drawing.draw(&part, column == 0, &number_of)?;
        }
        Ok(())
    })
}

/// The ordinate of each panel: the same for all if no panel would be squashed by that.
fn ordinates(plot: &PlotData) -> Vec<Scale> {
    const TICKS: usize = 6;
    let log = plot.y.log;
    let of = |panels: &[PanelData]| Scale::fit(panels.iter().flat_map(|p| heights(p, log)), log, TICKS);
    let own: Vec<Scale> = plot.panels.iter().map(|panel| of(std::slice::from_ref(panel))).collect();
    let shared = of(&plot.panels);
    let is_comparable = |scale: &Scale| scale.high - scale.low >= COMPARABLE * (shared.high - shared.low);
    if own.iter().all(is_comparable) { vec![shared; own.len()] } else { own }
}

/// The values that must fit on the ordinate. A band may reach down to zero, which has no
/// logarithm, so a logarithmic axis goes a decade below the smallest mean at most.
fn heights(panel: &PanelData, log: bool) -> Vec<f64> {
    let means = || panel.curves.iter().flat_map(|c| &c.mean).copied();
    let bands = || panel.curves.iter().flat_map(|c| c.low.iter().chain(&c.high)).copied();
    if !log {
        return means().chain(bands()).collect();
    }
    let least = means().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    means().chain(bands().filter(|v| *v >= 0.1 * least)).collect()
}

/// A panel about to be drawn.
struct Panel<'a> {
    plot: &'a PlotData,
    data: &'a PanelData,
    ordinate: &'a Scale,
    /// Pixels above the frame.
    head: f64,
    /// Pixels left of the frame.
    side: f64,
    /// Width of the frame in pixels.
    width: f64,
    marks: Marks,
    /// Points of a curve at most.
    points: usize,
}

impl Panel<'_> {
    fn draw(&self, area: &Area<'_>, first: bool, number_of: &dyn Fn(&Curve) -> usize) -> Result<(), String> {
        let (x, y) = (self.abscissa(), self.ordinate);
        let heading = fitted(&self.data.title, TEXT, self.width);
        let middle = units(self.side + 0.5 * self.width);
        area.draw_text(&heading, &font_at(TEXT, true, HPos::Center), (middle, units(0.5 * LINE)))
            .map_err(refused)?;
        let mut chart = ChartBuilder::on(area)
            .margin_top(units(self.head))
            .margin_right(area.dim_in_pixel().0.cast_signed() - units(self.side + self.width))
            .x_label_area_size(units(FOOT))
            .y_label_area_size(units(self.side))
            .build_cartesian_2d(x.clone(), y.clone())
            .map_err(refused)?;
        let mut mesh = chart.configure_mesh();
        mesh.bold_line_style(GRID.stroke_width(units(1.0).unsigned_abs()))
            .light_line_style(TRANSPARENT)
            .axis_style(INK.stroke_width(units(1.0).unsigned_abs()))
            .set_all_tick_mark_size(units(3.0))
            .label_style(font(TEXT, false))
            .axis_desc_style(font(TEXT, false));
        mesh.x_desc(fitted(&self.plot.x.label, TEXT, self.width + 0.5 * self.side));
        if first {
            mesh.y_desc(fitted(&self.plot.y.label, TEXT, HEIGHTS[COLUMNS - 1]));
        }
        mesh.draw().map_err(refused)?;
        let curves: Vec<(usize, Points)> =
            self.data.curves.iter().map(|c| (number_of(c), self.points_of(c, &x))).collect();
        if self.plot.replicates > 1 {
            for (number, points) in &curves {
                let band = Polygon::new(points.band(), colour(*number).mix(BAND));
                chart.draw_series([band]).map_err(refused)?;
            }
        }
        for (number, points) in &curves {
            let stroke = colour(*number).stroke_width(units(STROKE).unsigned_abs());
            chart.draw_series([PathElement::new(points.line.clone(), stroke)]).map_err(refused)?;
            let marked = self.marked(points.line.len(), *number);
            let marks = marked.into_iter().map(|i| EmptyElement::at(points.line[i]) + key(*number));
            chart.draw_series(marks).map_err(refused)?;
        }
        Ok(())
    }

    /// A series fills the frame from end to end; around the points of a sweep there is some space.
    fn abscissa(&self) -> Scale {
        let values = self.data.curves.iter().flat_map(|c| &c.x).copied();
        let log = self.plot.x.log;
        let scale = match self.marks {
            Marks::Sparse => Scale::exactly(values, log, 2),
            Marks::EveryPoint => Scale::fit(values, log, 2),
        };
        scale.with_labels_in(self.width, TEXT)
    }

    /// The points of a curve that are drawn: all that have a place on the axes or, of a long
    /// series, some that are spread evenly.
    fn points_of(&self, curve: &Curve, x: &Scale) -> Points {
        let placed = |value: f64, axis: &Scale| axis.position(value).is_some();
        let drawable = |i: &usize| placed(curve.x[*i], x) && placed(curve.mean[*i], self.ordinate);
        let all: Vec<usize> = (0..curve.x.len()).filter(drawable).collect();
        let position = |i: usize| x.position(curve.x[i]).unwrap_or_default();
        let kept = match self.marks {
            Marks::EveryPoint => all,
            Marks::Sparse => thinned(&all, &position, self.points),
        };
        let points = |values: &[f64]| kept.iter().map(|&i| (curve.x[i], values[i])).collect();
        Points { line: points(&curve.mean), low: points(&curve.low), high: points(&curve.high) }
    }

    /// Indices of the points that get a mark; curves are marked at different places.
    fn marked(&self, points: usize, number: usize) -> Vec<usize> {
        match self.marks {
            Marks::EveryPoint => (0..points).collect(),
            Marks::Sparse => {
                let offset = (number % SPARSE) as f64 / SPARSE as f64;
                let place = |k: usize| (k as f64 + 0.2 + 0.6 * offset) / SPARSE as f64;
                (0..SPARSE.min(points)).map(|k| (place(k) * points as f64).floor() as usize).collect()
            }
        }
    }
}

/// Points of a curve, and of the ends of its band.
struct Points {
    line: Vec<(f64, f64)>,
    low: Vec<(f64, f64)>,
    high: Vec<(f64, f64)>,
}

impl Points {
    /// The band as a polygon.
    fn band(&self) -> Vec<(f64, f64)> {
        self.low.iter().chain(self.high.iter().rev()).copied().collect()
    }
}

/// At most so many of the points, evenly spread over their positions, which ascend.
fn thinned(points: &[usize], position: &dyn Fn(usize) -> f64, most: usize) -> Vec<usize> {
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return Vec::new() };
    if points.len() <= most {
        return points.to_vec();
    }
    let (start, length) = (position(first), position(last) - position(first));
    let mut kept = vec![first];
    for &point in points {
        // The next point is the first that has come far enough.
        if position(point) >= start + length * kept.len() as f64 / (most - 1) as f64 {
            kept.push(point);
        }
    }
    if kept.last() != Some(&last) {
        kept.push(last);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends_and_spreads_the_rest() {
        let all: Vec<usize> = (0..1000).collect();
        let kept = thinned(&all, &|i| i as f64, 11);
        assert_eq!((kept.first(), kept.last(), kept.len()), (Some(&0), Some(&999), 11));
        assert_eq!(kept[5], 500);
        assert_eq!(thinned(&all[..5], &|i| i as f64, 11), [0, 1, 2, 3, 4]);
    }
}
