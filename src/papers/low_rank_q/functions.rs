//! Functions for comparing other implementations with the reference.

use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, overflow,
    skeleton::{Anchors, Skeleton, waves},
};
use crate::papers::leaf::{Failure, Function, Paper};

/// Adds all functions to the leaf.
pub fn add_to(paper: Paper) -> Paper {
    let small = || vec![vec![2.0, 1.0, 0.0], vec![4.0, 3.0, 1.0], vec![0.0, 1.0, 1.0]];
    paper
        .function(
            Function::new(
                "greedy-anchors",
                "Anchor rows and columns of a matrix by full pivoting.",
                &GreedyInput { matrix: small(), rank: 2 },
                greedy_anchors,
            )
            .also(&GreedyInput { matrix: rows(&waves()), rank: 2 }),
        )
        .function(
            Function::with_faults(
                "low-rank-estimate",
                "Estimate of a matrix from its anchor rows and columns, Q(·, J) Q(I, J)⁺ Q(I, ·).",
                &SkeletonInput { matrix: small(), anchors: pair([0, 2], [0, 1]) },
                &[Fault::RankTooSmall],
                low_rank_estimate,
            )
            .also(&SkeletonInput { matrix: rows(&waves()), anchors: pair([11, 3], [0, 3]) })
            .also(&SkeletonInput {
                matrix: vec![vec![1.0, 2.0], vec![2.0, 4.0]],
                anchors: pair([0, 1], [0, 1]),
            }),
        )
        .function(
            Function::with_faults(
                "noise-constant",
                "How far bounded noise of the entries can move the estimate, in units of its bound.",
                &SkeletonInput { matrix: small(), anchors: pair([0, 2], [0, 1]) },
                &[Fault::NoBlockTerm],
                noise_constant,
            )
            .also(&SkeletonInput { matrix: rows(&waves()), anchors: pair([0, 1], [0, 1]) }),
        )
}

fn pair(rows: [usize; 2], columns: [usize; 2]) -> Anchors {
    Anchors { rows: rows.to_vec(), columns: columns.to_vec() }
}

/// A matrix and a rank.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GreedyInput {
    /// By rows.
    matrix: Vec<Vec<f64>>,
    /// r ≥ 1.
    #[schemars(range(min = 1))]
    rank: usize,
}

fn greedy_anchors(input: &GreedyInput) -> Result<Anchors, Failure> {
    let matrix = matrix(&input.matrix)?;
    if input.rank == 0 || input.rank > matrix.nrows().min(matrix.ncols()) {
        return Err(Failure::invalid("`rank` must lie between 1 and the smaller side of the matrix"));
    }
    Ok(Anchors::greedy(&matrix, input.rank))
}

/// A matrix and its anchors.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SkeletonInput {
    /// By rows; only anchor rows and columns are read.
    matrix: Vec<Vec<f64>>,
    /// The anchors.
    anchors: Anchors,
}

impl SkeletonInput {
    fn skeleton(&self, fault: Option<Fault>) -> Result<Skeleton, Failure> {
        let matrix = matrix(&self.matrix)?;
        let mut anchors = self.anchors.clone();
        if !anchors.fit(matrix.shape()) {
            return Err(Failure::invalid(
                "`anchors` must be distinct rows, and as many distinct columns, of the matrix; at least one",
            ));
        }
        if fault == Some(Fault::RankTooSmall) && anchors.rows.len() > 1 {
            anchors.rows.pop();
            anchors.columns.pop();
        }
        Ok(Skeleton::of(&matrix, &anchors))
    }
}

/// An estimate.
#[derive(Serialize, JsonSchema)]
struct EstimateOutput {
    /// By rows.
    estimate: Vec<Vec<f64>>,
}

fn low_rank_estimate(input: &SkeletonInput, fault: Option<Fault>) -> Result<EstimateOutput, Failure> {
    let estimate = input.skeleton(fault)?.estimate().ok_or_else(overflow)?;
    finite(&estimate)?;
    Ok(EstimateOutput { estimate: rows(&estimate) })
}

/// How noise spreads.
#[derive(Serialize, JsonSchema)]
struct ConstantOutput {
    /// c.
    constant: f64,
    /// x_a = Q(I, J)⁺ Q(I, a) in the columns (r × A), by rows.
    x: Vec<Vec<f64>>,
    /// y_s = Q(s, J) Q(I, J)⁺ in the rows (S × r), by rows.
    y: Vec<Vec<f64>>,
}

fn noise_constant(input: &SkeletonInput, fault: Option<Fault>) -> Result<ConstantOutput, Failure> {
    let sensitivity = input.skeleton(None)?.sensitivity().ok_or_else(overflow)?;
    let constant = sensitivity.constant(fault);
    finite(&sensitivity.x)?;
    finite(&sensitivity.y)?;
    finite(&DMatrix::from_element(1, 1, constant))?;
    Ok(ConstantOutput { constant, x: rows(&sensitivity.x), y: rows(&sensitivity.y) })
}

fn matrix(rows: &[Vec<f64>]) -> Result<DMatrix<f64>, Failure> {
    let columns = rows.first().map_or(0, Vec::len);
    if columns == 0 || rows.iter().any(|row| row.len() != columns) {
        return Err(Failure::invalid("`matrix` needs rows of equal lengths, at least one entry"));
    }
    let matrix = DMatrix::from_fn(rows.len(), columns, |i, j| rows[i][j]);
    finite(&matrix)?;
    Ok(matrix)
}

fn rows(matrix: &DMatrix<f64>) -> Vec<Vec<f64>> {
    matrix.row_iter().map(|row| row.iter().copied().collect()).collect()
}

/// Refuses what JSON cannot hold.
fn finite(matrix: &DMatrix<f64>) -> Result<(), Failure> {
    if matrix.iter().all(|q| q.is_finite()) {
        Ok(())
    } else {
        Err(Failure::invalid("an entry overflows, or is no finite number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_input_is_refused() {
        let input = |matrix, anchors| SkeletonInput { matrix, anchors };
        let ragged = input(vec![vec![1.0], vec![1.0, 2.0]], pair([0, 1], [0, 1]));
        assert!(matches!(low_rank_estimate(&ragged, None), Err(Failure::Invalid(_))));
        let twice = input(vec![vec![1.0, 2.0], vec![3.0, 4.0]], pair([0, 0], [0, 1]));
        assert!(matches!(low_rank_estimate(&twice, None), Err(Failure::Invalid(_))));
        let deep = GreedyInput { matrix: vec![vec![1.0, 2.0]], rank: 2 };
        assert!(matches!(greedy_anchors(&deep), Err(Failure::Invalid(_))));
    }
}
