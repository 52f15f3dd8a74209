//! Bars, from left to right, with the interval over replicates and the mean in figures. On a
//! logarithmic axis, where bars have no foot, points.

use plotters::{prelude::*, style::text_anchor::HPos};

use super::{
    axis::Scale,
    frame::{EDGE, Grid, LINE, fitted, key, labels, refused, title},
    style::{Area, GRID, INK, TEXT, WIDTH, canvas, colour, font, font_at, text_width, units},
};
use crate::{
    check::evidence::{PanelData, PlotData},
    report::number::number,
};

/// Height of the title.
const HEAD: f64 = 26.0;
/// Height of a bar with the space around it.
const ROW: f64 = 26.0;
/// Half the height of a bar, in rows.
const HALF: f64 = 0.32;
/// Height of what stands below a panel.
const FOOT: f64 = 40.0;
/// Space between panels.
const GUTTER: f64 = 14.0;
/// Widest label of a bar.
const WIDEST_LABEL: f64 = 230.0;
/// Width of the column of figures, at least.
const FIGURES: f64 = 54.0;
/// Narrowest frame of a panel.
const NARROWEST: f64 = 110.0;

/// Draws bars.
///
/// # Errors
/// A message if the library refuses.
pub fn draw(plot: &PlotData) -> Result<String, String> {
    let labels = labels(plot);
    let widest = labels.iter().map(|l| text_width(l, TEXT)).fold(0.0, f64::max).min(WIDEST_LABEL);
    let side = widest + 12.0;
    let means = plot.panels.iter().flat_map(|p| &p.curves).filter_map(|c| c.mean.first());
    let figures = means.map(|mean| text_width(&number(*mean), TEXT) + 8.0).fold(FIGURES, f64::max);
    let most = ((WIDTH - 2.0 * EDGE - side + GUTTER) / (NARROWEST + figures + GUTTER)).floor() as usize;
    let grid = Grid::of(plot.panels.len(), most.clamp(1, 3));
    let columns = grid.columns as f64;
    let width = (WIDTH - 2.0 * EDGE - side - (columns - 1.0) * GUTTER) / columns - figures;
    let head = if plot.panels.iter().all(|p| p.title.is_empty()) { 0.0 } else { LINE };
    let panel_height = head + ROW * labels.len() as f64 + FOOT;
    let height = HEAD + panel_height * grid.rows as f64 + EDGE;
    let values = |panel: &PanelData| -> Vec<f64> {
        panel.curves.iter().flat_map(|c| c.mean.iter().chain(&c.low).chain(&c.high)).copied().collect()
    };
    let foot = if plot.y.log { None } else { Some(0.0) };
    let all = plot.panels.iter().flat_map(values).chain(foot);
    let scale = Scale::fit(all, plot.y.log, 2).with_labels_in(width, TEXT);
    canvas(WIDTH, height, |area| {
        title(area, &plot.title)?;
        for (number, panel) in plot.panels.iter().enumerate() {
            let (column, row) = grid.place(number);
            let desc = if column == 0 { side } else { 0.0 };
            let left = EDGE + side - desc + column as f64 * (width + figures + GUTTER);
            let part = area.clone().shrink(
                (units(left), units(HEAD + row as f64 * panel_height)),
                (units(desc + width + figures), units(panel_height)),
            );
            Panel { plot, data: panel, labels: &labels, scale: &scale, head, side: desc, width, figures }
                .draw(&part)?;
        }
        Ok(())
    })
}

/// A panel about to be drawn.
struct Panel<'a> {
    plot: &'a PlotData,
    data: &'a PanelData,
    labels: &'a [&'a str],
    scale: &'a Scale,
    /// Pixels above the frame.
    head: f64,
    /// Pixels left of the frame.
    side: f64,
    /// Width of the frame in pixels.
    width: f64,
    /// Width of the column of figures in pixels.
    figures: f64,
}

impl Panel<'_> {
    fn draw(&self, area: &Area<'_>) -> Result<(), String> {
        let heading = fitted(&self.data.title, TEXT, self.width + self.figures);
        let middle = units(self.side + 0.5 * self.width);
        area.draw_text(&heading, &font_at(TEXT, true, HPos::Center), (middle, units(0.5 * LINE)))
            .map_err(refused)?;
        let scale = self.scale;
        let rows = self.labels.len() as f64;
        let mut chart = ChartBuilder::on(area)
            .margin_top(units(self.head))
            .margin_right(units(self.figures))
            .x_label_area_size(units(FOOT))
            .y_label_area_size(units(self.side))
            .build_cartesian_2d(scale.clone(), Scale::rows(self.labels.len()))
            .map_err(refused)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .bold_line_style(GRID.stroke_width(units(1.0).unsigned_abs()))
            .light_line_style(TRANSPARENT)
            .axis_style(INK.stroke_width(units(1.0).unsigned_abs()))
            .set_all_tick_mark_size(units(3.0))
            .label_style(font(TEXT, false))
            .x_desc(fitted(&self.plot.y.label, TEXT, self.width + self.figures))
            .draw()
            .map_err(refused)?;
        let foot = (!scale.log).then_some(0.0);
        for curve in &self.data.curves {
            let Some(index) = self.labels.iter().position(|l| *l == curve.label) else { continue };
            let (Some(mean), Some(low), Some(high)) =
                (curve.mean.first(), curve.low.first(), curve.high.first())
            else {
                continue;
            };
            // The first bar stands on top.
            let y = rows - index as f64 - 0.5;
            let thin = INK.stroke_width(units(1.25).unsigned_abs());
            if let Some(foot) = foot {
                let corners = [(foot, y - HALF), (*mean, y + HALF)];
                chart.draw_series([Rectangle::new(corners, colour(index).filled())]).map_err(refused)?;
            }
            if self.plot.replicates > 1 {
                let path = |points: [(f64, f64); 2]| PathElement::new(points.to_vec(), thin);
                let ends = [*low, *high].map(|v| path([(v, y - 0.15), (v, y + 0.15)]));
                chart.draw_series([path([(*low, y), (*high, y)])]).map_err(refused)?;
                chart.draw_series(ends).map_err(refused)?;
            }
            if foot.is_none() && scale.position(*mean).is_some() {
                chart.draw_series([EmptyElement::at((*mean, y)) + key(index)]).map_err(refused)?;
            }
            let height = units(self.head + ROW * (index as f64 + 0.5));
            let place = (units(self.side + self.width + 6.0), height);
            area.draw_text(&number(*mean), &font_at(TEXT, false, HPos::Left), place).map_err(refused)?;
            if self.side > 0.0 {
                let text = fitted(&curve.label, TEXT, WIDEST_LABEL);
                let place = (units(self.side - 8.0), height);
                area.draw_text(&text, &font_at(TEXT, false, HPos::Right), place).map_err(refused)?;
            }
        }
        if let Some(foot) = foot {
            let line = PathElement::new(
                vec![(foot, 0.0), (foot, rows)],
                INK.stroke_width(units(1.0).unsigned_abs()),
            );
            chart.draw_series([line]).map_err(refused)?;
        }
        Ok(())
    }
}
