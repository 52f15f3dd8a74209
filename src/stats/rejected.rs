//! The end of an interval of hypotheses, by interpolation instead of bisection.

/// The largest of the shares 0, 2⁻ʰ, 2 · 2⁻ʰ, … below 1 at which a falling function is at least 0; 0 if there
/// is none. It is what h halvings of \[0, 1\] find, where the function falls up to rounding, which is left to the
/// function: it is evaluated at those shares only, never at 0, and at both neighbours of the place where it turns.
///
/// Each step interpolates between the ends, halving the value at an end that stays a second time (the Illinois
/// variant of regula falsi), and halves the interval instead where that was not better in two steps. `guesses`
/// come first. Source: Dowell and Jarratt, BIT 11 (1971).
pub(super) fn last_rejected(halvings: u32, guesses: [f64; 2], mut excess: impl FnMut(f64) -> f64) -> f64 {
    let steps = 1_u64 << halvings;
    let share = |step: u64| step as f64 / steps as f64;
    // The function is at least 0 at the first end, as far as is known, and below 0 at the second.
    let (mut rejected, mut kept) = (End { step: 0, value: None }, End { step: steps, value: None });
    let mut guesses = guesses.into_iter();
    let (mut width, mut slow, mut before) = (steps, 0, None);
    while kept.step - rejected.step > 1 {
        let guess = guesses.next().map(|guess| guess * steps as f64);
        let middle = rejected.step as f64 + 0.5 * (kept.step - rejected.step) as f64;
        let step = match (guess, rejected.value.zip(kept.value)) {
            (Some(guess), _) if !guess.is_nan() => guess,
            (None, Some((above, below))) if slow < 2 => {
                let part = above / (above - below);
                if part.is_nan() {
                    middle
                } else {
                    rejected.step as f64 + part * (kept.step - rejected.step) as f64
                }
            }
            _ => middle,
        };
        let step = (step as u64).clamp(rejected.step + 1, kept.step - 1);
        let value = excess(share(step));
        let (moved, stays) =
            if value >= 0.0 { (&mut rejected, &mut kept) } else { (&mut kept, &mut rejected) };
        *moved = End { step, value: Some(value) };
        if before == Some(value >= 0.0) {
            stays.value = stays.value.map(|value| 0.5 * value);
        }
        before = Some(value >= 0.0);
        let left = kept.step - rejected.step;
        slow = if slow < 2 && left > width / 2 { slow + 1 } else { 0 };
        width = left;
    }
    share(rejected.step)
}

/// An end of the interval in which the function turns negative.
struct End {
    step: u64,
    /// The value there, halved each time that the other end has moved; none if it was not evaluated.
    value: Option<f64>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::math::ln;

    /// The same by halving, and how often the function was evaluated.
    fn halved(halvings: u32, excess: &dyn Fn(f64) -> f64) -> f64 {
        let (mut inside, mut outside) = (1.0, 0.0);
        for _ in 0..halvings {
            let middle = 0.5 * (inside + outside);
            if excess(middle) >= 0.0 { outside = middle } else { inside = middle }
        }
        outside
    }

    proptest! {
        #[test]
        fn it_is_what_halving_finds(
            root in prop_oneof![0.0..1.0_f64, Just(0.0), Just(1.0), Just(0.5), 0.0..1e-9_f64],
            shape in 0_u8..4,
            guesses in (-0.5..1.5_f64, prop_oneof![-0.5..1.5_f64, Just(f64::NAN)]),
        ) {
            let excess = |share: f64| match shape {
                0 => root - share,
                1 => 1e3 * (root / share - 1.0),
                2 => ln(root / share),
                _ => if share <= root { f64::INFINITY } else { -1.0 },
            };
            let mut times = 0;
            let found = last_rejected(33, guesses.into(), |share| { times += 1; excess(share) });
            prop_assert_eq!(found, halved(33, &excess));
            prop_assert!(times <= 70, "{} evaluations", times);
        }
    }

    #[test]
    fn a_smooth_function_takes_a_third_of_the_evaluations() {
        let mut times = 0;
        let excess = |share: f64| 1e4 * ln(0.3 / share) - 7.0;
        let found = last_rejected(33, [0.3, 0.29], |share| {
            times += 1;
            excess(share)
        });
        assert_eq!(found, halved(33, &excess));
        assert!(times <= 11, "{times}");
    }
}
