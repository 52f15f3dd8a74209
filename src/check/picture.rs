//! The numbers of the pictures that a claim asks for.

use super::evidence::{Curve, PanelData, PlotData};
use crate::{
    claim::{Plot, PlotContent, PlotCurve},
    kernel::math::mean,
    papers::leaf::Measurement,
    run::{Request, Results, Sample},
    stats::sample::quantile,
};

/// Ends of the band over replicates.
const BAND: (f64, f64) = (0.1, 0.9);

/// What has to be measured for a plot.
pub(super) fn requests(paper: &str, plot: &Plot) -> Vec<Request> {
    let series = matches!(plot.content, PlotContent::Series(_));
    plot.panels
        .iter()
        .flat_map(|panel| &panel.curves)
        .flat_map(|curve| samples(paper, plot, curve))
        .map(|(_, sample)| Request::Replicates { sample, replicates: plot.replicates, series })
        .collect()
}

/// The numbers of a plot, once measured.
///
/// # Errors
/// A message if a replicate broke down or a series is missing.
pub(super) fn draw(paper: &str, plot: &Plot, results: &Results) -> Result<PlotData, String> {
    let curve = |wanted: &PlotCurve| -> Result<Curve, String> {
        let label = wanted.label.clone();
        let mut curve = Curve { label, x: vec![], mean: vec![], low: vec![], high: vec![] };
        for (size, sample) in samples(paper, plot, wanted) {
            let replicates =
                results.replicates(&sample, plot.replicates).ok_or("not measured")?.map_err(str::to_owned)?;
            for (x, values) in points(&plot.content, size, &replicates)? {
                curve.x.push(x);
                curve.mean.push(mean(&values));
                curve.low.push(quantile(&values, BAND.0));
                curve.high.push(quantile(&values, BAND.1));
            }
        }
        Ok(curve)
    };
    let panels = plot
        .panels
        .iter()
        .map(|panel| {
            let curves = panel.curves.iter().map(curve).collect::<Result<_, String>>()?;
            Ok(PanelData { title: panel.title.clone(), curves })
        })
        .collect::<Result<_, String>>()?;
    Ok(PlotData {
        title: plot.title.clone(),
        content: plot.content.clone(),
        x: plot.x.clone(),
        y: plot.y.clone(),
        replicates: plot.replicates,
        panels,
    })
}

fn samples(paper: &str, plot: &Plot, curve: &PlotCurve) -> Vec<(f64, Sample)> {
    let sample = |settings: &serde_json::Value| Sample {
        paper: paper.to_owned(),
        experiment: plot.experiment.clone(),
        settings: settings.clone(),
        fault: curve.fault.clone(),
    };
    curve.arms.iter().map(|(size, arm)| (*size, sample(&arm.settings))).collect()
}

/// Points of a curve: abscissa, and the values of all replicates there.
fn points(
    content: &PlotContent,
    size: f64,
    replicates: &[&Measurement],
) -> Result<Vec<(f64, Vec<f64>)>, String> {
    match content {
        PlotContent::Sweep(metric) | PlotContent::Bars(metric) => {
            let values = super::question::values(replicates, metric)?;
            Ok(vec![(size, values)])
        }
        PlotContent::Series(name) => {
            let series = replicates
                .iter()
                .map(|m| m.series.iter().find(|s| s.name == *name))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| format!("there is no series `{name}`"))?;
            let x = &series.first().ok_or("no replicates")?.x;
            if series.iter().any(|s| s.x != *x) {
                return Err(format!("replicates of series `{name}` differ in their abscissae"));
            }
            Ok(x.iter().enumerate().map(|(i, x)| (*x, series.iter().map(|s| s.y[i]).collect())).collect())
        }
    }
}
