//! Mixtures of Gaussians.

use nalgebra::{DMatrix, DVector};

use super::{Gaussian, GaussianError, LinearForm};
use crate::kernel::{
    math::{exp, ln, log_sum_exp, normal_cdf, softmax, sum},
    stream::Stream,
};

/// Σ wₖ N(mₖ, Sₖ): the law that most resembles real data and still has an exact score at every
/// noise level.
#[derive(Clone, Debug)]
pub struct Mixture {
    log_weights: Vec<f64>,
    components: Vec<Gaussian>,
}

impl Mixture {
    /// The mixture with these weights, which need not sum to one, of components of one dimension.
    ///
    /// # Errors
    /// [`GaussianError::Weights`] and [`GaussianError::Shape`].
    pub fn new(weights: &[f64], components: Vec<Gaussian>) -> Result<Self, GaussianError> {
        let total = sum(weights.iter().copied());
        let valid = weights.iter().all(|w| w.is_finite() && *w >= 0.0) && total > 0.0;
        if !valid || weights.len() != components.len() {
            return Err(GaussianError::Weights);
        }
        Self::from_logs(weights.iter().map(|w| ln(w / total)).collect(), components)
    }

    /// Normalises logarithmic weights.
    fn from_logs(mut log_weights: Vec<f64>, components: Vec<Gaussian>) -> Result<Self, GaussianError> {
        let expected = components.first().map_or(0, Gaussian::dimension);
        if let Some(other) = components.iter().find(|c| c.dimension() != expected) {
            return Err(GaussianError::Shape { expected, found: other.dimension() });
        }
        let total = log_sum_exp(&log_weights);
        if !total.is_finite() {
            return Err(GaussianError::Weights);
        }
        for w in &mut log_weights {
            *w -= total;
        }
        Ok(Self { log_weights, components })
    }

    /// n.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.components.first().map_or(0, Gaussian::dimension)
    }

    /// The components.
    #[must_use]
    pub fn components(&self) -> &[Gaussian] {
        &self.components
    }

    /// The weights wₖ; they sum to one.
    #[must_use]
    pub fn weights(&self) -> Vec<f64> {
        softmax(&self.log_weights)
    }

    /// ln wₖ + ln N(x; mₖ, Sₖ).
    fn log_terms(&self, x: &DVector<f64>) -> Vec<f64> {
        self.log_weights.iter().zip(&self.components).map(|(w, c)| w + c.log_density(x)).collect()
    }

    /// log Σ wₖ N(x; mₖ, Sₖ).
    #[must_use]
    pub fn log_density(&self, x: &DVector<f64>) -> f64 {
        log_sum_exp(&self.log_terms(x))
    }

    /// Responsibilities rₖ(x) ∝ wₖ N(x; mₖ, Sₖ): the probability that x came from component k.
    #[must_use]
    pub fn responsibilities(&self, x: &DVector<f64>) -> Vec<f64> {
        softmax(&self.log_terms(x))
    }

    /// ∇ log p(x) = Σ rₖ(x) Sₖ⁻¹ (mₖ − x).
    #[must_use]
    pub fn score(&self, x: &DVector<f64>) -> DVector<f64> {
        let mut score = DVector::zeros(self.dimension());
        for (r, component) in self.responsibilities(x).iter().zip(&self.components) {
            score += component.score(x) * *r;
        }
        score
    }

    /// The law of x + σε with ε ~ N(0, I): every component noised.
    ///
    /// # Errors
    /// As [`Gaussian::noised`].
    pub fn noised(&self, sigma: f64) -> Result<Self, GaussianError> {
        let components = self.components.iter().map(|c| c.noised(sigma)).collect::<Result<_, _>>()?;
        Ok(Self { log_weights: self.log_weights.clone(), components })
    }

    /// The law of (1 − t) z + t x with z ~ N(0, I): every component interpolated.
    ///
    /// # Errors
    /// As [`Gaussian::interpolated`].
    pub fn interpolated(&self, t: f64) -> Result<Self, GaussianError> {
        let components = self.components.iter().map(|c| c.interpolated(t)).collect::<Result<_, _>>()?;
        Ok(Self { log_weights: self.log_weights.clone(), components })
    }

    /// The law of the other coordinates given the values of those listed: every component
    /// conditioned, its weight multiplied by its density of the values.
    ///
    /// # Errors
    /// As [`Gaussian::conditioned`].
    pub fn conditioned(&self, coordinates: &[usize], values: &[f64]) -> Result<Self, GaussianError> {
        let point = DVector::from_column_slice(values);
        let mut log_weights = Vec::with_capacity(self.components.len());
        let mut components = Vec::with_capacity(self.components.len());
        for (w, component) in self.log_weights.iter().zip(&self.components) {
            components.push(component.conditioned(coordinates, values)?);
            log_weights.push(w + component.marginal(coordinates)?.log_density(&point));
        }
        Self::from_logs(log_weights, components)
    }

    /// The law proportional to p(x) exp(−½ w f(x)²/v): every component tilted, its weight multiplied
    /// by the integral of its tilt.
    ///
    /// # Errors
    /// As [`Gaussian::tilted`].
    pub fn tilted(&self, weight: f64, form: &LinearForm, variance: f64) -> Result<Self, GaussianError> {
        let mut log_weights = Vec::with_capacity(self.components.len());
        let mut components = Vec::with_capacity(self.components.len());
        for (w, component) in self.log_weights.iter().zip(&self.components) {
            let (component, log_mass) = component.tilted(weight, form, variance)?;
            components.push(component);
            log_weights.push(w + log_mass);
        }
        Self::from_logs(log_weights, components)
    }

    /// Mean Σ wₖ mₖ.
    #[must_use]
    pub fn mean(&self) -> DVector<f64> {
        let mut mean = DVector::zeros(self.dimension());
        for (w, component) in self.weights().iter().zip(&self.components) {
            mean += component.mean() * *w;
        }
        mean
    }

    /// Covariance Σ wₖ (Sₖ + (mₖ − m)(mₖ − m)ᵀ).
    #[must_use]
    pub fn covariance(&self) -> DMatrix<f64> {
        let centre = self.mean();
        let mut covariance = DMatrix::zeros(self.dimension(), self.dimension());
        for (w, component) in self.weights().iter().zip(&self.components) {
            let gap = component.mean() - &centre;
            covariance += (component.covariance() + &gap * gap.transpose()) * *w;
        }
        covariance
    }

    /// E f(x, log p(x)) under a mixture on the line, by the trapezoid rule with `nodes` ≥ 2 intervals
    /// over ten standard deviations around every component: for functions and densities this smooth
    /// the rule converges faster than any power of the step, so a step of half the smallest standard
    /// deviation is enough for full precision.
    ///
    /// # Errors
    /// [`GaussianError::Shape`] unless the mixture is one-dimensional.
    pub fn expectation(
        &self,
        nodes: usize,
        mut f: impl FnMut(&DVector<f64>, f64) -> f64,
    ) -> Result<f64, GaussianError> {
        self.on_the_line()?;
        let reach = |side: f64| {
            self.components.iter().map(move |c| c.mean()[0] + side * 10.0 * c.covariance()[(0, 0)].sqrt())
        };
        let low = reach(-1.0).fold(f64::INFINITY, f64::min);
        let high = reach(1.0).fold(f64::NEG_INFINITY, f64::max);
        let step = (high - low) / nodes as f64;
        Ok(step
            * sum((0..=nodes).map(|i| {
                let x = DVector::from_element(1, low + step * i as f64);
                let log_density = self.log_density(&x);
                exp(log_density) * f(&x, log_density)
            })))
    }

    /// KL(self ‖ other) of mixtures on the line, in nats, as an [`expectation`](Self::expectation) on
    /// `nodes` intervals: there is no closed form.
    ///
    /// # Errors
    /// [`GaussianError::Shape`] unless both are one-dimensional.
    pub fn divergence(&self, other: &Self, nodes: usize) -> Result<f64, GaussianError> {
        other.on_the_line()?;
        self.expectation(nodes, |x, log_density| log_density - other.log_density(x))
    }

    /// The differential entropy −E log p of a mixture on the line, in nats, on `nodes` intervals.
    ///
    /// # Errors
    /// [`GaussianError::Shape`] unless the mixture is one-dimensional.
    pub fn entropy(&self, nodes: usize) -> Result<f64, GaussianError> {
        self.expectation(nodes, |_, log_density| -log_density)
    }

    /// P(x ≤ `bound`) under a mixture on the line.
    ///
    /// # Errors
    /// [`GaussianError::Shape`] unless the mixture is one-dimensional.
    pub fn cumulative(&self, bound: f64) -> Result<f64, GaussianError> {
        self.on_the_line()?;
        let below = |c: &Gaussian| normal_cdf((bound - c.mean()[0]) / c.covariance()[(0, 0)].sqrt());
        Ok(sum(self.weights().iter().zip(&self.components).map(|(w, c)| w * below(c))))
    }

    fn on_the_line(&self) -> Result<(), GaussianError> {
        match self.dimension() {
            1 => Ok(()),
            found => Err(GaussianError::Shape { expected: 1, found }),
        }
    }

    /// A draw: a component by its weight, then a point of it.
    pub fn sample(&self, stream: &mut Stream) -> DVector<f64> {
        let component = stream.categorical(&self.weights());
        self.components[component].sample(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::stream::Streams;
    use approx::assert_relative_eq;

    fn on_line(parts: &[(f64, f64, f64)]) -> Mixture {
        let weights: Vec<f64> = parts.iter().map(|p| p.0).collect();
        let components =
            parts.iter().map(|p| Gaussian::isotropic(DVector::from_element(1, p.1), p.2).unwrap()).collect();
        Mixture::new(&weights, components).unwrap()
    }

    fn in_plane() -> Mixture {
        let component = |mean: [f64; 2], covariance: [f64; 4]| {
            Gaussian::new(DVector::from_row_slice(&mean), DMatrix::from_row_slice(2, 2, &covariance)).unwrap()
        };
        let components =
            vec![component([1.0, 0.0], [1.0, 0.4, 0.4, 0.5]), component([-1.0, 2.0], [0.3, -0.1, -0.1, 0.8])];
        Mixture::new(&[1.0, 3.0], components).unwrap()
    }

    fn integral(f: impl Fn(f64) -> f64) -> f64 {
        let step = 0.02;
        step * sum((-1000..=1000).map(|i| f(f64::from(i) * step)))
    }

    fn at(x: f64) -> DVector<f64> {
        DVector::from_element(1, x)
    }

    #[test]
    fn density_integrates_to_one_and_has_its_moments() {
        let law = on_line(&[(1.0, -2.0, 0.3), (2.0, 1.0, 1.5)]);
        let density = |x: f64| exp(law.log_density(&at(x)));
        assert_relative_eq!(integral(density), 1.0, epsilon = 1e-13);
        assert_relative_eq!(integral(|x| x * density(x)), law.mean()[0], epsilon = 1e-13);
        let second = law.covariance()[(0, 0)] + law.mean()[0] * law.mean()[0];
        assert_relative_eq!(integral(|x| x * x * density(x)), second, epsilon = 1e-13);
    }

    #[test]
    fn noise_is_a_convolution() {
        let law = on_line(&[(1.0, -2.0, 0.3), (2.0, 1.0, 1.5)]);
        let (noised, sigma, x) = (law.noised(0.7).unwrap(), 0.7, 0.4);
        let kernel =
            |e: f64| exp(-0.5 * e * e / (sigma * sigma)) / (2.0 * std::f64::consts::PI).sqrt() / sigma;
        let convolved = integral(|y| exp(law.log_density(&at(y))) * kernel(x - y));
        assert_relative_eq!(exp(noised.log_density(&at(x))), convolved, epsilon = 1e-13);
    }

    #[test]
    fn the_score_is_the_slope_of_the_log_density() {
        let (law, x) = (in_plane(), DVector::from_vec(vec![0.1, 1.2]));
        for i in 0..2 {
            let step = DVector::from_fn(2, |j, _| if i == j { 1e-5 } else { 0.0 });
            let slope = (law.log_density(&(&x + &step)) - law.log_density(&(&x - &step))) / 2e-5;
            assert_relative_eq!(law.score(&x)[i], slope, epsilon = 1e-8);
        }
    }

    #[test]
    fn conditioning_divides_the_joint_density_by_the_marginal() {
        let law = in_plane();
        let given = law.conditioned(&[0], &[0.3]).unwrap();
        let joint = |y: f64| exp(law.log_density(&DVector::from_vec(vec![0.3, y])));
        let marginal = integral(joint);
        assert_relative_eq!(exp(given.log_density(&at(1.1))), joint(1.1) / marginal, epsilon = 1e-13);
    }

    #[test]
    fn tilting_multiplies_the_density() {
        let law = on_line(&[(1.0, -2.0, 0.3), (2.0, 1.0, 1.5)]);
        let tilted = law.tilted(0.8, &LinearForm::new([(0, 2.0)], 1.0), 0.5).unwrap();
        let product = |x: f64| {
            let f = 2.0 * x - 1.0;
            exp(law.log_density(&at(x)) - 0.5 * 0.8 * f * f / 0.5)
        };
        let expected = product(0.2) / integral(product);
        assert_relative_eq!(exp(tilted.log_density(&at(0.2))), expected, epsilon = 1e-13);
    }

    #[test]
    fn divergence_agrees_with_the_closed_form_of_one_component() {
        let (p, q) = (on_line(&[(1.0, 0.3, 0.7)]), on_line(&[(1.0, -1.0, 2.0)]));
        let exact = p.components()[0].divergence(&q.components()[0]);
        assert_relative_eq!(p.divergence(&q, 64).unwrap(), exact, epsilon = 1e-13);
        assert!(p.divergence(&in_plane(), 64).is_err());
    }

    #[test]
    fn entropy_and_distribution_function_of_one_component() {
        let law = on_line(&[(1.0, 0.3, 0.7)]);
        let exact = 0.5 * ln(2.0 * std::f64::consts::PI * std::f64::consts::E * 0.7);
        assert_relative_eq!(law.entropy(64).unwrap(), exact, epsilon = 1e-13);
        assert_relative_eq!(law.cumulative(0.3).unwrap(), 0.5);
        assert!(in_plane().entropy(64).is_err() && in_plane().cumulative(0.0).is_err());
        let law = on_line(&[(1.0, -2.0, 0.3), (2.0, 1.0, 1.5)]);
        let slope = (law.cumulative(0.401).unwrap() - law.cumulative(0.399).unwrap()) / 0.002;
        assert_relative_eq!(slope, exp(law.log_density(&at(0.4))), epsilon = 1e-6);
    }

    #[test]
    fn samples_have_the_moments() {
        let (law, n) = (in_plane(), 20_000);
        let mut stream = Streams::from_seed(5).stream("mixture");
        let mut mean = DVector::zeros(2);
        for _ in 0..n {
            mean += law.sample(&mut stream) / f64::from(n);
        }
        assert_relative_eq!(mean, law.mean(), epsilon = 0.03);
    }

    #[test]
    fn bad_weights_are_refused() {
        let part = || Gaussian::isotropic(at(0.0), 1.0).unwrap();
        for weights in [vec![0.0], vec![-1.0], vec![f64::NAN], vec![1.0, 1.0]] {
            assert_eq!(Mixture::new(&weights, vec![part()]).unwrap_err(), GaussianError::Weights);
        }
    }
}
