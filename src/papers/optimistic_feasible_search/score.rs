//! The score: ridge logistic regression on standardised features.

use nalgebra::{DMatrix, DVector};

use crate::{
    kernel::math::{mean, sigmoid, variance},
    papers::leaf::Failure,
};

/// Newton stops when no weight moves by more than this.
const PRECISION: f64 = 1e-10;
/// Newton steps at most.
const STEPS: usize = 50;

/// A fitted score s(x) = sigmoid(w_0 + w · (x − mean)/deviation).
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreModel {
    /// Mean of each feature over the training rows.
    pub mean: Vec<f64>,
    /// Population standard deviation of each feature over the training rows; 1 for a constant one.
    pub deviation: Vec<f64>,
    /// Intercept w_0, then one weight a feature.
    pub weights: Vec<f64>,
    /// Newton steps taken.
    pub steps: usize,
}

impl ScoreModel {
    /// Fits by Newton's method from w = 0, with full steps:
    /// minimise Σ_i \[ln(1 + e^{z_i}) − y_i z_i\] + (λ/2) Σ_{j ≥ 1} w_j² with z_i = w_0 + w · x_i.
    ///
    /// `rows`: n rows of d features; `labels`: n values 0 or 1; `lambda` ≥ 0.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if shapes or labels do not fit; [`Failure::Numerical`] if the Hessian is
    /// singular or 50 steps do not suffice (possible only without a penalty).
    pub fn fit(rows: &[Vec<f64>], labels: &[f64], lambda: f64) -> Result<Self, Failure> {
        let features = rows.first().map_or(0, Vec::len);
        if rows.is_empty() || rows.len() != labels.len() || rows.iter().any(|row| row.len() != features) {
            return Err(Failure::invalid("rows must be equally long, at least one, one label each"));
        }
        if labels.iter().any(|y| *y != 0.0 && *y != 1.0) {
            return Err(Failure::invalid("labels must be 0 or 1"));
        }
        let columns = (0..features).map(|j| rows.iter().map(|row| row[j]).collect::<Vec<f64>>());
        let (means, deviations): (Vec<f64>, Vec<f64>) = columns
            .map(|column| {
                // A constant column says nothing; dividing by its deviation 0 would give NaN.
                let deviation = variance(&column, 0).sqrt();
                (mean(&column), if deviation > 0.0 { deviation } else { 1.0 })
            })
            .unzip();
        let mut model =
            Self { mean: means, deviation: deviations, weights: vec![0.0; features + 1], steps: 0 };
        let design: Vec<DVector<f64>> = rows.iter().map(|row| model.standardised(row)).collect();
        while model.steps < STEPS {
            let step = model.newton_step(&design, labels, lambda)?;
            model.steps += 1;
            for (w, move_by) in model.weights.iter_mut().zip(step.iter()) {
                *w -= move_by;
            }
            if step.amax() < PRECISION {
                return Ok(model);
            }
        }
        Err(Failure::numerical(format!("Newton's method has not converged in {STEPS} steps")))
    }

    /// Score of a row of features, in (0, 1).
    #[must_use]
    pub fn score(&self, row: &[f64]) -> f64 {
        self.score_of(&self.standardised(row))
    }

    fn score_of(&self, standardised: &DVector<f64>) -> f64 {
        sigmoid(self.weights.iter().zip(standardised.iter()).map(|(w, x)| w * x).sum())
    }

    /// (1, (x − mean)/deviation).
    fn standardised(&self, row: &[f64]) -> DVector<f64> {
        let scaled = row.iter().zip(&self.mean).zip(&self.deviation).map(|((x, m), d)| (x - m) / d);
        DVector::from_iterator(row.len() + 1, std::iter::once(1.0).chain(scaled))
    }

    /// H⁻¹ ∇ with ∇ = Σ (s_i − y_i) x_i + λ (0, w) and H = Σ s_i (1 − s_i) x_i x_iᵀ + diag(0, λ, …).
    fn newton_step(
        &self,
        design: &[DVector<f64>],
        labels: &[f64],
        lambda: f64,
    ) -> Result<DVector<f64>, Failure> {
        let size = self.weights.len();
        let mut gradient = DVector::zeros(size);
        let mut hessian = DMatrix::zeros(size, size);
        for j in 1..size {
            gradient[j] = lambda * self.weights[j];
            hessian[(j, j)] = lambda;
        }
        for (x, y) in design.iter().zip(labels) {
            let s = self.score_of(x);
            gradient.axpy(s - y, x, 1.0);
            hessian.syger(s * (1.0 - s), x, x, 1.0);
        }
        let singular = || Failure::numerical("the Hessian is singular; use a larger penalty lambda");
        Ok(hessian.cholesky().ok_or_else(singular)?.solve(&gradient))
    }
}

/// Area under the receiver operating characteristic: P(score of a positive > score of a negative),
/// ties counting half, by mid-ranks. 1/2 if a class is empty.
#[must_use]
pub fn area_under_curve(scores: &[f64], labels: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&i, &j| scores[i].total_cmp(&scores[j]));
    let mut rank_sum = 0.0;
    let mut first = 0;
    for tied in order.chunk_by(|&i, &j| scores[i] == scores[j]) {
        let mid_rank = first as f64 + 0.5 * (tied.len() as f64 + 1.0);
        rank_sum += mid_rank * tied.iter().map(|&i| labels[i]).sum::<f64>();
        first += tied.len();
    }
    let positives: f64 = labels.iter().sum();
    let negatives = labels.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return 0.5;
    }
    (rank_sum - 0.5 * positives * (positives + 1.0)) / (positives * negatives)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn a_binary_feature_is_fitted_by_the_log_odds_of_its_cells() {
        // Without a penalty, the score of each cell is its share of ones: 1/4 and 3/4.
        let rows: Vec<Vec<f64>> = (0..8).map(|i| vec![f64::from(i / 4)]).collect();
        let labels = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        let model = ScoreModel::fit(&rows, &labels, 0.0).unwrap();
        assert_abs_diff_eq!(model.score(&[0.0]), 0.25, epsilon = 1e-12);
        assert_abs_diff_eq!(model.score(&[1.0]), 0.75, epsilon = 1e-12);
        // A penalty draws both towards one half, symmetrically.
        let model = ScoreModel::fit(&rows, &labels, 1.0).unwrap();
        assert!(model.score(&[0.0]) > 0.25);
        assert_abs_diff_eq!(model.score(&[0.0]) + model.score(&[1.0]), 1.0, epsilon = 1e-12);
    }

    #[test]
    fn a_constant_feature_has_no_weight() {
        let rows = [vec![7.0], vec![7.0], vec![7.0], vec![7.0]];
        let model = ScoreModel::fit(&rows, &[1.0, 0.0, 1.0, 1.0], 1.0).unwrap();
        assert_abs_diff_eq!(model.weights[1], 0.0);
        assert_abs_diff_eq!(model.score(&[7.0]), 0.75, epsilon = 1e-12);
    }

    #[test]
    fn bad_input_is_refused() {
        let invalid = |r: Result<ScoreModel, Failure>| matches!(r, Err(Failure::Invalid(_)));
        assert!(invalid(ScoreModel::fit(&[], &[], 1.0)));
        assert!(invalid(ScoreModel::fit(&[vec![1.0], vec![]], &[0.0, 1.0], 1.0)));
        assert!(invalid(ScoreModel::fit(&[vec![1.0]], &[0.5], 1.0)));
        // Separable without a penalty: the weights run away.
        let separable = ScoreModel::fit(&[vec![-1.0], vec![1.0]], &[0.0, 1.0], 0.0);
        assert!(matches!(separable, Err(Failure::Numerical(_))));
    }

    #[test]
    fn ties_count_half() {
        assert_abs_diff_eq!(area_under_curve(&[0.1, 0.4, 0.35, 0.8], &[0.0, 0.0, 1.0, 1.0]), 0.75);
        assert_abs_diff_eq!(area_under_curve(&[0.5; 4], &[0.0, 0.0, 1.0, 1.0]), 0.5);
        assert_abs_diff_eq!(area_under_curve(&[0.1, 0.5, 0.5], &[0.0, 0.0, 1.0]), 0.75);
        assert_abs_diff_eq!(area_under_curve(&[0.1], &[1.0]), 0.5);
    }
}
