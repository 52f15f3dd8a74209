//! The optimiser Adam: Kingma and Ba, ICLR 2015, algorithm 1.

/// Running means of a gradient and of its square, with decay 0.9 and 0.999. A step divides the first
/// by the root of the second, both corrected for their start at zero, so that a parameter moves by
/// about the learning rate whatever the scale of its gradient.
#[derive(Clone, Debug)]
pub struct Adam {
    rate: f64,
    first: Vec<f64>,
    second: Vec<f64>,
    /// 0.9ⁿ and 0.999ⁿ after n steps.
    powers: [f64; 2],
}

impl Adam {
    const DECAYS: [f64; 2] = [0.9, 0.999];
    /// Keeps the division finite where the gradient has always been zero.
    const EPSILON: f64 = 1e-8;

    /// No step taken yet, for this many parameters.
    #[must_use]
    pub fn new(rate: f64, parameters: usize) -> Self {
        Self { rate, first: vec![0.0; parameters], second: vec![0.0; parameters], powers: [1.0; 2] }
    }

    /// Moves the parameters uphill along a gradient of their number; for descent, give it negated.
    pub fn ascend(&mut self, parameters: &mut [f64], gradient: &[f64]) {
        let [slow, fast] = Self::DECAYS;
        self.powers[0] *= slow;
        self.powers[1] *= fast;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((parameter, g), (first, second)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *first = slow * *first + (1.0 - slow) * g;
            *second = fast * *second + (1.0 - fast) * g * g;
            let mean = *first / (1.0 - self.powers[0]);
            let square = *second / (1.0 - self.powers[1]);
            *parameter += self.rate * mean / (square.sqrt() + Self::EPSILON);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn steps_are_of_the_learning_rate_whatever_the_scale() {
        let (mut adam, mut x) = (Adam::new(0.1, 3), [0.0; 3]);
        for _ in 0..2 {
            adam.ascend(&mut x, &[1e-3, -50.0, 0.0]);
        }
        assert_relative_eq!(x[0], 0.2, max_relative = 1e-4);
        assert_relative_eq!(x[1], -0.2, max_relative = 1e-8);
        assert_eq!(x[2], 0.0);
    }

    /// By hand: after gradients 1 and −1 the means are (0.09 − 0.1)/0.19 and 1.
    #[test]
    fn the_second_step_by_hand() {
        let (mut adam, mut x) = (Adam::new(1.0, 1), [0.0]);
        adam.ascend(&mut x, &[1.0]);
        adam.ascend(&mut x, &[-1.0]);
        assert_relative_eq!(x[0], 1.0 - 0.01 / 0.19, epsilon = 1e-7);
    }
}
